"""Memory that runs out while a model is loaded, or its source side warmed, is told like any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan

from flowanchor_engine import models, pipeline
from flowanchor_engine.cache import Store
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import RamError
from flowanchor_engine.progress import Silent
from tests.engine.conftest import FilmedShot
from tests.engine.running_out import run_out


class Notes(Silent):
    """Keeps what it is told besides progress."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def note(self, code: str, sentence: str) -> None:
        self.told.append((code, sentence))

    def count(self, code: str) -> int:
        return [known for known, _ in self.told].count(code)


def test_warming_steps_down_says_so_and_serves_the_edit(
    filmed: FilmedShot, own: Editor, tmp_path: Path
) -> None:
    store, notes = Store(tmp_path / "store"), Notes()
    run_out(own.model.vae.encoder.conv_in, 1)
    warmed = pipeline.precompute(filmed.request(), store=store, report=notes, editor=own)
    assert warmed.forwards == 4
    assert notes.count("plan_lowered") == 1
    assert own.plan is not None
    assert own.plan.vae == "tiled"
    edited = pipeline.edit(filmed.request(), tmp_path / "a.mp4", editor=own, store=store)
    assert edited.forwards_saved >= 4


def test_warming_that_fits_nowhere_ends_with_the_numbers(
    filmed: FilmedShot, own: Editor, tmp_path: Path
) -> None:
    run_out(own.model.vae.encoder.conv_in, 2)
    with pytest.raises(RamError, match="GB are needed and") as caught:
        pipeline.precompute(filmed.request(), store=Store(tmp_path / "store"), editor=own)
    need, free = caught.value.values["need_mb"], caught.value.values["free_mb"]
    assert isinstance(need, int)
    assert isinstance(free, int)
    assert f"{need * 2**20 / 1e9:.1f} GB are needed" in caught.value.user_message
    assert free > 0


def test_a_load_that_steps_down_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Any = AutoencoderKLWan.from_pretrained
    tries, notes = [], Notes()

    def first_full(*arguments: object, **options: object) -> object:
        tries.append(arguments)
        if len(tries) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(*arguments, **options)

    monkeypatch.setattr(AutoencoderKLWan, "from_pretrained", first_full)
    opened = pipeline.open_editor(models.spec("demo"), report=notes)
    assert opened.plan is not None
    (said,) = (sentence for code, sentence in notes.told if code == "plan_lowered")
    assert said.startswith("Memory ran out")
    assert said.endswith(opened.plan.sentence)


def test_a_load_with_room_says_nothing_of_it() -> None:
    notes = Notes()
    pipeline.open_editor(models.spec("demo"), report=notes)
    assert notes.count("plan_lowered") == 0
    assert notes.count("plan") == 1
