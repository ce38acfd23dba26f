"""Edits that are stopped or cannot be: one coded sentence, and nothing half written."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from flowanchor_engine import pipeline, protocol
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import Cancelled, FlowAnchorError
from flowanchor_engine.progress import Phase
from flowanchor_engine.request import EditRequest
from flowanchor_engine.worker.channel import Channel
from flowanchor_engine.worker.estimate import Memory
from flowanchor_engine.worker.job import Job
from flowanchor_engine.worker.jobs import Runner
from tests.engine.conftest import FilmedShot
from tests.engine.listener import Listener


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
    assert caught.value.code == "output"


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
