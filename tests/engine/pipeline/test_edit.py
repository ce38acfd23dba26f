"""One edit from file to file on the embedded model: what it guarantees."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from flowanchor_engine import models, pipeline, record
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.reader import open_clip
from flowanchor_engine.editor import Editor
from flowanchor_engine.progress import Phase
from flowanchor_engine.request import EditRequest, MatteShape, MatteSpec
from flowanchor_engine.wan import latents, residency
from tests.engine.conftest import FilmedShot
from tests.engine.listener import Listener


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
