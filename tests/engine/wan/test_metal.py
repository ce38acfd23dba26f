"""What Apple's graphics cannot do is refused before the first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flowanchor_engine import pipeline
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import GuardError
from flowanchor_engine.wan import guards
from tests.engine.conftest import FilmedShot

METAL = torch.device("mps")


def test_numbers_of_64_bits_are_refused_on_metal_alone() -> None:
    for device in ("cpu", "cuda"):
        guards.refuse_wide_numbers(torch.device(device), "fp64")
    for logits in ("fp32", "dense512"):
        guards.refuse_wide_numbers(METAL, logits)
    with pytest.raises(GuardError, match="64-bit"):
        guards.refuse_wide_numbers(METAL, "fp64")


def test_an_edit_asks(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def hear(device: torch.device, logits: str) -> None:
        asked.append((device.type, logits))

    monkeypatch.setattr(guards, "refuse_wide_numbers", hear)
    own = replace(editor)
    pipeline.edit(filmed.request(sar_logits="fp64"), tmp_path / "a.mp4", editor=own)
    assert asked == [("cpu", "fp64")]
