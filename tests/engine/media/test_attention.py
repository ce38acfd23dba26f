"""Where the words were read: maps beside every result, and results that do not know of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowanchor_engine import pipeline
from flowanchor_engine.clip import session
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.editor import Editor
from flowanchor_engine.method import words
from flowanchor_engine.progress import Silent
from flowanchor_engine.protocol.proxies import AttentionHeader
from flowanchor_engine.request import EditRequest
from flowanchor_engine.wan import capture
from tests.engine.conftest import FilmedShot


def read(folder: Path) -> tuple[AttentionHeader, np.ndarray]:
    header = AttentionHeader.model_validate_json((folder / "proxy.json").read_text())
    shape = (len(header.words), header.frames, header.height, header.width)
    return header, np.fromfile(folder / "frames.raw", np.uint8).reshape(shape)


def changed(request: EditRequest, **parts: Any) -> EditRequest:
    return EditRequest.load({**request.dump(), **parts})


def test_maps_lie_beside_the_result(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> None:
    request = filmed.request()
    result = pipeline.edit(request, tmp_path / "take.mp4", editor=editor, attention=True)
    assert result.attention == tmp_path / "take.attention"
    header, maps = read(result.attention)
    assert (header.frames, header.height, header.width) == (3, 6, 6)
    assert header.picture_frames == ((0, 1), (1, 5), (5, 9))
    assert header.rectangle == (0.0, 0.0, 1.0, 1.0)
    assert header.rectangles == ()
    wanted = request.prompts.wanted
    assert [word.text for word in header.words] == [
        wanted[start:stop] for start, stop in words.word_spans(wanted)
    ]
    assert [wanted[word.start : word.stop] for word in header.words if word.drives] == [
        *result.words
    ]
    assert (maps.reshape(len(maps), -1).max(axis=1) == 255).all()
    assert {word.matte_share for word in header.words} == {header.words[0].matte_share}
    assert 0 < header.words[0].matte_share < 0.6
    recipe = json.loads(result.recipe.read_text())
    assert "attention" not in recipe["result"]


def test_a_driving_word_is_read_in_the_matte(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    """SAR moves it there; without SAR it is read more evenly."""
    shares = []
    for sar in (True, False):
        request = filmed.request(sar=sar, beta1=0.6, beta2=0.6)
        result = pipeline.edit(request, tmp_path / f"{sar}.mp4", editor=editor, attention=True)
        assert result.attention is not None
        header, _ = read(result.attention)
        driving = [word for word in header.words if word.drives]
        shares.append(np.mean([word.share / word.matte_share for word in driving]))
    assert shares[0] > 1.2
    assert shares[0] > 1.1 * shares[1]


@pytest.mark.parametrize("method", [{}, {"sar": False}, {"sar_heads": "averaged"}], ids=str)
def test_listening_changes_no_bit(
    filmed: FilmedShot, editor: Editor, method: dict[str, Any]
) -> None:
    request = filmed.request(**method)
    with session.prepare(request, Silent(), ModelFrame(96, 96, 16)) as working:
        with torch.no_grad():
            x_src = editor.encode(working.frames)
        outcomes = [
            editor.edit(
                x_src, working.matte, request.prompts, request.method, seed=7, attention=listen
            )
            for listen in (False, True)
        ]
    assert torch.equal(outcomes[0].latent, outcomes[1].latent)
    assert outcomes[0].attention is None
    assert outcomes[1].attention is not None
    assert outcomes[0].forwards == outcomes[1].forwards


def test_windows_cover_the_whole_clip(filmed: FilmedShot, editor: Editor) -> None:
    request = filmed.request()
    x_src = torch.randn((16, 9, 12, 12), generator=torch.Generator().manual_seed(0))
    matte = np.zeros((33, 96, 96), np.float32)
    matte[:, 20:60, 20:60] = 1
    outcome = editor.edit(
        x_src, matte, request.prompts, request.method, seed=1, attention=True,
        window_latents=5, window_overlap=2,
    )  # fmt: skip
    assert outcome.attention is not None
    assert outcome.attention.cells.shape[1:] == (9, 6, 6)
    assert (outcome.attention.cells.amax(dim=(2, 3)) > 0).all()  # no frame is left out


def test_a_crop_is_told(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> None:
    box = {"kind": "box", "points": [[0.1, 0.1], [0.3, 0.3]]}
    request = changed(filmed.request(), matte={"shapes": [box]}, working={"crop": "zoom"})
    result = pipeline.edit(request, tmp_path / "crop.mp4", editor=editor, attention=True)
    assert result.attention is not None
    header, _ = read(result.attention)
    left, top, right, bottom = header.rectangle
    assert 0 <= left <= 0.1
    assert 0 <= top <= 0.1
    assert 0.3 <= right < 0.9
    assert 0.3 <= bottom < 0.9


def test_words_are_told_in_typed_places(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> None:
    plain = filmed.request()
    wanted = "  " + plain.prompts.wanted.replace(" ", "  ", 1)
    request = changed(plain, prompts={"now": plain.prompts.now, "wanted": wanted})
    result = pipeline.edit(request, tmp_path / "typed.mp4", editor=editor, attention=True)
    assert result.attention is not None
    for word in read(result.attention)[0].words:
        assert wanted[word.start : word.stop] == word.text


def test_a_new_result_replaces_old_maps_and_no_maps_remove_them(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = filmed.request()
    first = pipeline.edit(request, tmp_path / "t.mp4", editor=editor, attention=True)
    assert first.attention is not None
    (first.attention / "stray").touch()
    second = pipeline.edit(request, tmp_path / "t.mp4", editor=editor, attention=True)
    assert second.attention is not None
    assert not (second.attention / "stray").exists()
    monkeypatch.setattr(capture.WordAttention, "wants", lambda self, step, average: False)
    third = pipeline.edit(request, tmp_path / "t.mp4", editor=editor, attention=True)
    assert third.attention is None
    assert not (tmp_path / "t.attention").exists()
    assert not list(tmp_path.glob(".*"))


def test_it_listens_to_two_steps_only(
    filmed: FilmedShot, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = 0
    whole = capture.attention_weights

    def counted(*arguments: Any) -> torch.Tensor:
        nonlocal heard
        heard += 1
        return whole(*arguments)

    monkeypatch.setattr("flowanchor_engine.wan.attention.attention_weights", counted)
    request = filmed.request(steps=25)
    x_src = torch.randn((16, 9, 12, 12), generator=torch.Generator().manual_seed(0))
    matte = np.ones((33, 96, 96), np.float32)
    matte[:, :30] = 0
    editor.edit(x_src, matte, request.prompts, request.method, seed=1, attention=True)
    assert heard == 2 * 6  # two steps, six blocks
