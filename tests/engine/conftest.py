"""Shots and warm models that the engine's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from flowanchor_engine import models, pipeline
from flowanchor_engine.clip import sequence
from flowanchor_engine.clip.plain import write_rgb
from flowanchor_engine.clip.planes import Picture, PixelFormat
from flowanchor_engine.demo.scene_clip import DemoShot, demo_shot
from flowanchor_engine.editor import Editor
from flowanchor_engine.request import EditRequest, MatteSpec, MethodSettings, Prompts, SourceSpec


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small pictures gain nothing from threads, and busy machines lose."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class FilmedShot:
    """A generated shot as files, and what it shows."""

    clip: Path
    matte: Path
    shot: DemoShot

    def request(self, **method: object) -> EditRequest:
        """Ask for the shot's edit in few steps."""
        numbers = {"steps": 4, "skip_share": 0.0, **method}
        settings = models.recommended("demo").model_copy(update=numbers)
        return EditRequest(
            source=SourceSpec(path=str(self.clip)),
            matte=MatteSpec(path=str(self.matte), grow_px=8, feather_px=8),
            prompts=Prompts(now=self.shot.now, wanted=self.shot.wanted),
            method=MethodSettings.model_validate(settings.model_dump()),
            seed=7,
        )


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> FilmedShot:
    """A two-object shot of 9 frames as mp4, with the edited object's matte as pictures."""
    folder = tmp_path_factory.mktemp("shot")
    shot = demo_shot(3, size=(96, 96))
    clip = write_rgb(shot.frames, folder / "shot.mp4", size=(96, 96), rate=Fraction(24000, 1001))
    matte = folder / "matte"
    matte.mkdir()
    for number, mask in enumerate(shot.mask):
        grey = Picture((mask.astype(np.uint8) * 255,), PixelFormat.of("gray"))
        sequence.write_image(matte / f"m_{number:04d}.png", grey)
    return FilmedShot(clip, matte, shot)


@pytest.fixture(scope="session")
def editor() -> Editor:
    """The embedded model, loaded once."""
    return pipeline.open_editor(models.spec("demo"))


@pytest.fixture
def own() -> Editor:
    """The embedded model, for a test that changes it."""
    return pipeline.open_editor(models.spec("demo"))
