"""One edit from file to file on the embedded model: what it guarantees, and how it fails."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from flowanchor_engine import models, pipeline, protocol, record
from flowanchor_engine.cache import Store
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.reader import open_clip
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import Cancelled, FlowAnchorError
from flowanchor_engine.progress import Phase, Rough, Silent
from flowanchor_engine.recall import Texts
from flowanchor_engine.request import EditRequest, MatteShape, MatteSpec
from flowanchor_engine.wan import latents, residency
from flowanchor_engine.wan.text import TextStage
from flowanchor_engine.worker.channel import Channel
from flowanchor_engine.worker.estimate import Memory
from flowanchor_engine.worker.job import Job
from flowanchor_engine.worker.jobs import Runner
from tests.engine.conftest import FilmedShot


class Listener(Silent):
    """Keeps what it hears; stops at a chosen phase and unit."""

    def __init__(self, stop_at: tuple[Phase, int] | None = None) -> None:
        self.heard: list[tuple[Phase, int, int]] = []
        self.notes: list[str] = []
        self.previews = 0
        self._stop_at = stop_at
        self._stopped = False

    def phase(self, phase: Phase, done: int, total: int) -> None:
        self.heard.append((phase, done, total))
        self._stopped = self._stopped or (phase, done) == self._stop_at

    def preview(self, rough: Rough) -> None:
        self.previews += 1

    def note(self, code: str, sentence: str) -> None:
        self.notes.append(code)

    def check(self) -> None:
        if self._stopped:
            raise Cancelled


def pictures(path: Path) -> np.ndarray:
    with open_clip(path) as clip:
        size = (clip.facts.width, clip.facts.height)
        numbers = range(clip.facts.frames)
        return np.stack([to_rgb8(clip.read(n), clip.facts.colour, size) for n in numbers])


def test_the_result_is_the_clip_edited(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> None:
    listener = Listener()
    before = filmed.clip.read_bytes()
    result = pipeline.edit(filmed.request(), tmp_path / "out.mp4", report=listener, editor=editor)
    assert (result.frames, result.width, result.height) == (9, 96, 96)
    assert result.rate == Fraction(24000, 1001)
    assert result.words == (filmed.shot.changed_words.split()[0],)
    with open_clip(result.video) as clip:
        assert (clip.facts.frames, clip.facts.rate) == (9, Fraction(24000, 1001))
    changed = np.abs(pictures(result.video).astype(int) - pictures(filmed.clip).astype(int))
    far = ~np.pad(filmed.shot.mask, ((0, 0), (12, 12), (12, 12)))[:, 12:-12, 12:-12]
    for _ in range(10):  # well outside the grown, feathered matte
        far &= np.roll(far, 1, 1) & np.roll(far, -1, 1) & np.roll(far, 1, 2) & np.roll(far, -1, 2)
    assert changed[filmed.shot.mask].mean() > 8
    assert changed[far].mean() < 2  # the codec alone
    assert filmed.clip.read_bytes() == before
    assert result.sheet.read_bytes()[:4] == b"\x89PNG"
    order = [phase for phase, *_ in listener.heard]
    assert order.index(Phase.ENCODE) < order.index(Phase.EDIT) < order.index(Phase.WRITE)
    assert listener.previews >= 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "out.mp4",
        "out.recipe.json",
        "out.sheet.png",
    ]


def test_the_recipe_repeats_the_edit_bit_for_bit(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    first = pipeline.edit(filmed.request(), tmp_path / "a.mp4", editor=editor)
    recipe = json.loads(first.recipe.read_text(encoding="utf-8"))
    assert recipe["schema"] == record.RECIPE_SCHEMA
    again = pipeline.edit(EditRequest.load(recipe["request"]), tmp_path / "b.mp4", editor=editor)
    assert first.video.read_bytes() == again.video.read_bytes()


def test_another_seed_is_another_edit(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> None:
    request = filmed.request()
    one = pipeline.edit(request, tmp_path / "a.mp4", editor=editor)
    other = request.model_copy(update={"seed": 8})
    two = pipeline.edit(other, tmp_path / "b.mp4", editor=editor)
    assert one.video.read_bytes() != two.video.read_bytes()


def test_a_re_edit_finds_the_source_side_and_is_the_same(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    request = filmed.request(guidance_source=5.0, guidance_target=10.0)
    store = Store(tmp_path / "store")
    cold = pipeline.edit(request, tmp_path / "cold.mp4", editor=editor)
    first = pipeline.edit(request, tmp_path / "first.mp4", editor=editor, store=store)
    warm = pipeline.edit(
        request, tmp_path / "warm.mp4", editor=editor, store=Store(tmp_path / "store")
    )
    steps = 4
    assert cold.forwards == first.forwards == 4 * steps - 1  # U is shared in the first step
    assert warm.forwards == 2 * steps - 1
    assert cold.video.read_bytes() == first.video.read_bytes() == warm.video.read_bytes()


@pytest.mark.parametrize(
    "change",
    [{"guidance_target": 4.0}, {"beta1": 0.1}, {"tau": 0.9}, {"gamma": 0.4}, {"sar": False}],
)
def test_tweaks_of_the_target_never_miss(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, change: dict[str, object]
) -> None:
    store = Store(tmp_path / "store")
    pipeline.precompute(filmed.request(), store=store, editor=editor)
    tweaked = filmed.request(**change)
    warm = pipeline.edit(tweaked, tmp_path / "warm.mp4", editor=editor, store=store)
    cold = pipeline.edit(tweaked, tmp_path / "cold.mp4", editor=editor)
    assert warm.forwards == cold.forwards - 4  # one source forward per step at guidance 1
    assert warm.video.read_bytes() == cold.video.read_bytes()


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_cache_only_costs_time(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, damage: str
) -> None:
    store = Store(tmp_path / "store")
    cold = pipeline.edit(filmed.request(), tmp_path / "a.mp4", editor=editor, store=store)
    for path in (tmp_path / "store").rglob("*.safetensors"):
        data = bytearray(path.read_bytes())
        if damage == "truncate":
            path.write_bytes(data[: len(data) // 2])
        else:
            data[-9] ^= 4
            path.write_bytes(data)
    again = pipeline.edit(filmed.request(), tmp_path / "b.mp4", editor=editor, store=store)
    assert again.forwards == cold.forwards
    assert again.video.read_bytes() == cold.video.read_bytes()


@pytest.mark.parametrize(
    "stop_at",
    [(Phase.READ, 3), (Phase.ENCODE, 1), (Phase.TEXT, 0), (Phase.EDIT, 0), (Phase.EDIT, 2)],
)
def test_a_stop_never_decodes_and_leaves_nothing(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, stop_at: tuple[Phase, int]
) -> None:
    listener = Listener(stop_at)
    request = filmed.request()
    if stop_at[0] is Phase.TEXT:  # texts are read once: this one is new
        texts = {"wanted": request.prompts.wanted + " and a green cube"}
        prompts = request.prompts.model_copy(update=texts)
        request = request.model_copy(update={"prompts": prompts})
    with pytest.raises(Cancelled):
        pipeline.edit(request, tmp_path / "out.mp4", report=listener, editor=editor)
    assert Phase.DECODE not in {phase for phase, *_ in listener.heard}
    assert list(tmp_path.iterdir()) == []
    after = pipeline.edit(filmed.request(), tmp_path / "after.mp4", editor=editor)
    assert after.forwards == 4 * 3  # hooks and processors are clean


def test_a_stop_while_writing_leaves_nothing(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    with pytest.raises(Cancelled):
        pipeline.edit(
            filmed.request(), tmp_path / "o.mp4", report=Listener((Phase.WRITE, 2)), editor=editor
        )
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_goes_on_bit_for_bit(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    out = tmp_path / "out"
    whole = pipeline.edit(filmed.request(), out / "whole.mp4", editor=editor)
    with pytest.raises(Cancelled):
        pipeline.edit(
            filmed.request(),
            out / "resumed.mp4",
            report=Listener((Phase.EDIT, 2)),
            editor=editor,
            store=store,
        )
    resumed = pipeline.edit(
        filmed.request(), out / "resumed.mp4", editor=editor, store=store, resume=True
    )
    assert resumed.forwards == whole.forwards // 2  # two of four steps were left
    assert resumed.video.read_bytes() == whole.video.read_bytes()


def test_equal_texts_with_equal_guidance_change_nothing(editor: Editor, filmed: FilmedShot) -> None:
    settings = filmed.request(guidance_source=3.0, guidance_target=3.0, sar=False).method
    x_src = editor.encode(filmed.shot.frames.astype(np.float32) / 127.5 - 1)
    prompts = filmed.request().prompts.model_copy(
        update={"wanted": filmed.shot.now.replace("a ", "[a] ", 1)}
    )
    for seed in (0, 5):
        outcome = editor.edit(x_src, None, prompts, settings, seed=seed)
        assert torch.equal(outcome.latent, x_src)


def test_without_a_matte_the_edit_runs_unanchored_and_says_so(
    editor: Editor, filmed: FilmedShot
) -> None:
    x_src = editor.encode(filmed.shot.frames.astype(np.float32) / 127.5 - 1)
    request = filmed.request()
    plain = editor.edit(x_src, None, request.prompts, filmed.request(sar=False).method, seed=1)
    for matte, code in ((None, "matte_none"), (np.zeros((9, 96, 96), np.float32), "matte_empty")):
        listener = Listener()
        outcome = editor.edit(
            x_src, matte, request.prompts, request.method, seed=1, report=listener
        )
        assert outcome.anchored_steps == 0
        assert code in listener.notes
        assert torch.equal(outcome.latent, plain.latent)


def test_rows_group_by_group_are_the_rows_at_once(editor: Editor, filmed: FilmedShot) -> None:
    from flowanchor_engine.method.maskgrid import token_rows

    for frames in (5, 6, 7, 8, 9):
        matte = torch.from_numpy(filmed.shot.mask[:frames].astype(np.float32))
        short = latents.padded_frames(frames) - frames
        padded = torch.cat([matte, matte[-1:].expand(short, -1, -1)])
        for theta in (0.0, 0.4):
            assert torch.equal(editor._token_rows(matte, theta), token_rows(padded, theta=theta))


def change(request: EditRequest, **fields: object) -> EditRequest:
    return EditRequest.load({**request.dump(), **fields})


def bad_requests(filmed: FilmedShot, folder: Path) -> dict[str, tuple[EditRequest, str]]:
    """One request per way of being wrong, with the code that it must end in."""
    good = filmed.request()
    data = good.dump()
    text = folder / "text.mp4"
    text.write_text("no video")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "torn.mp4").write_bytes(filmed.clip.read_bytes()[:300])
    unlike = folder / "tall.png"
    from PIL import Image

    Image.new("L", (40, 96), 255).save(unlike)
    black = folder / "black.png"
    Image.new("L", (96, 96), 0).save(black)
    words = {"now": filmed.shot.now, "wanted": filmed.shot.now}
    pickled = folder / "pickled"
    pickled.mkdir()

    def source(**fields: object) -> EditRequest:
        return change(good, source={**data["source"], **fields})

    def matte(path: Path) -> EditRequest:
        return change(good, matte={**data["matte"], "path": str(path)})

    return {
        "missing clip": (source(path=str(folder / "none.mp4")), "clip_missing"),
        "text instead of video": (source(path=str(text)), "clip_unreadable"),
        "zero bytes": (source(path=str(folder / "empty.mp4")), "clip_unreadable"),
        "torn file": (source(path=str(folder / "torn.mp4")), "clip_unreadable"),
        "range outside": (source(start=5, frames=9), "clip_range"),
        "too few frames": (source(frames=3), "clip_short"),
        "missing matte": (matte(folder / "none.png"), "matte_missing"),
        "matte of another shape": (matte(unlike), "matte_mismatch"),
        "empty matte": (matte(black), "matte_empty"),
        "equal texts": (change(good, prompts=words), "words_unchanged"),
        "empty wanted": (change(good, prompts={**words, "wanted": " "}), "words"),
        "open bracket": (change(good, prompts={**words, "wanted": "a [red ball"}), "words"),
        "span outside": (
            change(good, prompts={**words, "drive": [{"start": 900, "stop": 903}]}),
            "words",
        ),
        "unknown model": (change(good, model={"id": "wam"}), "model_missing"),
        "empty model folder": (
            change(good, model={"id": "x", "folder": str(pickled)}),
            "model_incomplete",
        ),
        "everything skipped": (
            change(good, method={**data["method"], "skip_share": 0.99}),
            "range",
        ),
    }


def test_every_wrong_input_is_one_coded_sentence(filmed: FilmedShot, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name, (request, code) in bad_requests(filmed, tmp_path).items():
        with pytest.raises(FlowAnchorError) as caught:
            pipeline.edit(request, out / "result.mp4")
        assert caught.value.code == code, name
        assert caught.value.user_message.rstrip().endswith((".", "?")), name
        assert not out.exists() or list(out.iterdir()) == [], name


def test_numbers_out_of_range_in_the_weights_are_found(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    bias = editor.model.transformer.proj_out.bias
    kept = bias.clone()
    try:
        bias.data[0] = float("nan")
        with pytest.raises(FlowAnchorError) as caught:
            pipeline.edit(filmed.request(), tmp_path / "o.mp4", editor=editor)
    finally:
        bias.data.copy_(kept)
    assert caught.value.code == "latents_nonfinite"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(FlowAnchorError) as caught:
        pipeline.edit(filmed.request(), blocked / "o.mp4", editor=editor)
    assert caught.value.code in {"output", "disk"}


def test_a_drawn_box_works_like_a_file(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> None:
    ys, xs = np.where(filmed.shot.mask.any(0))
    box = ((xs.min() / 96, ys.min() / 96), ((xs.max() + 1) / 96, (ys.max() + 1) / 96))
    shape = MatteShape(kind="box", points=tuple((float(x), float(y)) for x, y in box))
    request = filmed.request().model_copy(update={"matte": MatteSpec(shapes=(shape,))})
    result = pipeline.edit(request, tmp_path / "o.mp4", editor=editor)
    assert result.frames == 9
    assert any("stands still" in note for note in result.notes)


def test_the_shipped_weights_hold_no_pickle(editor: Editor) -> None:
    folder = editor.model.facts.folder
    names = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert names <= {".json", ".safetensors", ".md"}
    for path in folder.rglob("*.safetensors"):
        assert all(torch.isfinite(t.float()).all() for t in load_file(path).values())


def test_asking_for_little_memory_reaches_the_choice_of_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    choose = residency.choose

    def hear(*arguments: Any, frugal: bool, **options: Any) -> residency.Plan:
        asked.append(frugal)
        return choose(*arguments, frugal=frugal, **options)

    monkeypatch.setattr(residency, "choose", hear)
    for frugal in (True, False):
        pipeline.open_editor(models.spec("demo"), frugal=frugal)
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "output"),
        ("a\0b.mp4", "output"),
        ("a" * 250 + ".mp4", "output"),
        ("file/below/a.mp4", "output"),
        ("shot.mp4", "output"),
        ("full", "output"),
        ("a.exr", "disk"),
    ],
)
def test_a_place_that_cannot_take_the_result_is_told_before_the_work(
    filmed: FilmedShot,
    editor: Editor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: str,
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "shot.mp4").symlink_to(filmed.clip)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_bytes(b"")
    if name == "shot.mp4":
        (tmp_path / name).unlink()
        out = filmed.clip
    else:
        out = tmp_path / name if name else Path()
    request = filmed.request()
    if name == "full":
        delivery = request.delivery.model_copy(update={"codec": "png16"})
        request = request.model_copy(update={"delivery": delivery})
    if code == "disk":
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    listener = Listener()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FlowAnchorError) as caught:
        pipeline.edit(request, out, report=listener, editor=editor)
    assert caught.value.code == code
    assert Phase.ENCODE not in {phase for phase, *_ in listener.heard}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("beside", ["a.recipe.json", "a.sheet.png"])
def test_a_result_whose_recipe_cannot_be_written_is_taken_back(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, beside: str
) -> None:
    (tmp_path / beside).mkdir()
    with pytest.raises(FlowAnchorError) as caught:
        pipeline.edit(filmed.request(), tmp_path / "a.mp4", editor=editor)
    assert caught.value.code == "output"
    assert [path.name for path in tmp_path.iterdir()] == [beside]


def test_known_texts_need_no_text_encoder(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, store = filmed.request(), Store(tmp_path / "store")
    fresh = Editor(editor.model, editor.plan)
    cold = pipeline.edit(request, tmp_path / "cold.mp4", editor=fresh, store=store)
    texts = list((tmp_path / "store" / "text").rglob("*.safetensors"))
    assert len(texts) == 3  # now, wanted, negative

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(TextStage, "encode", refuse)
        later = Editor(editor.model, editor.plan)  # as after a restart
        warm = pipeline.edit(request, tmp_path / "warm.mp4", editor=later, store=store)
    assert warm.forwards < cold.forwards
    assert warm.video.read_bytes() == cold.video.read_bytes()
    for kept, known in later._bundles.items():
        made = fresh._bundles[kept]
        assert torch.equal(made.embeds, known.embeds)
        assert replace(made, embeds=known.embeds) == known

    texts[0].write_bytes(texts[0].read_bytes()[:-3])  # damaged: read once more, nothing else
    again = Editor(editor.model, editor.plan)
    mended = pipeline.edit(request, tmp_path / "mended.mp4", editor=again, store=store)
    assert mended.video.read_bytes() == cold.video.read_bytes()
    assert mended.forwards == warm.forwards


def test_another_tokenizer_reads_texts_anew(editor: Editor, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "tokenizer" / "tokenizer.json").write_text("one")
    model = replace(editor.model, facts=replace(editor.model.facts, folder=folder))
    store = Store(tmp_path / "store")
    (bundle,) = editor.texts("a red ball")
    Texts(store, model).put("a red ball", "cpu", bundle)
    assert Texts(store, model).get("a red ball", "cpu") is not None
    assert Texts(store, model).get("a red ball", "cuda:0") is None
    (folder / "tokenizer" / "tokenizer.json").write_text("another")
    assert Texts(store, model).get("a red ball", "cpu") is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"prompts": {"now": "a ball", "wanted": ""}}, "words"),
        ({"source": {"path": "/nowhere.mp4"}}, "clip_missing"),
        ({"source": {"start": 20}}, "clip_range"),
        ({"source": {"frames": 4}}, "clip_short"),
        ({"delivery": {"kind": "patch", "codec": "h264"}}, "request"),
    ],
)
def test_no_model_is_loaded_for_a_request_that_cannot_be_met(
    filmed: FilmedShot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, dict[str, object]],
    code: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pipeline, "open_editor", refuse)
    data = filmed.request().dump()
    for part, fields in change.items():
        data[part] = {**data[part], **fields}
    with pytest.raises(FlowAnchorError) as caught:
        pipeline.edit(EditRequest.load(data), tmp_path / "a.mp4")
    assert caught.value.code == code

    out = io.BytesIO()
    command = protocol.Run(id=1, job="a", request=data, out=str(tmp_path / "a.mp4"))
    Runner(Memory(tmp_path / "timings.json")).run(Job(Channel(out), command, tmp_path))
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["type"] for event in told] == ["phase", "error"]
    assert told[1]["code"] == code
    assert list(tmp_path.iterdir()) == []
