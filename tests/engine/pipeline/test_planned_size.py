"""Memory is planned for the picture that a request works on, not only for the model's own."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from flowanchor_engine import models, pipeline, protocol
from flowanchor_engine.request import EditRequest, Working
from flowanchor_engine.wan import residency
from flowanchor_engine.worker.channel import Channel
from flowanchor_engine.worker.estimate import Memory
from flowanchor_engine.worker.job import Job
from flowanchor_engine.worker.jobs import Runner
from tests.engine.conftest import FilmedShot

OWN = (96, 96, 33)  # width, height and frames of the embedded model

Asked = tuple[int, int, int]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What every choice of a plan was asked for."""
    heard: list[Asked] = []
    choose = residency.choose

    def hear(*facts: Any, size: tuple[int, int], frames: int, **options: Any) -> residency.Plan:
        heard.append((*size, frames))
        return choose(*facts, size=size, frames=frames, **options)

    monkeypatch.setattr(residency, "choose", hear)
    return heard


@pytest.mark.parametrize(
    ("working", "planned"),
    [
        (None, OWN),
        (Working(), OWN),
        (Working(width=48, height=48, window_latents=3), OWN),  # a draft stays warm
        (Working(width=192), (192, 96, 33)),
        (Working(width=192, height=160, window_latents=12), (192, 160, 45)),
    ],
)
def test_the_larger_of_both_is_planned_for(
    asked: list[Asked], working: Working | None, planned: Asked
) -> None:
    pipeline.open_editor(models.spec("demo"), working=working)
    assert asked == [planned]


def _wide(filmed: FilmedShot, width: int | None) -> EditRequest:
    request = filmed.request()
    return request.model_copy(update={"working": Working(width=width, height=width)})


def test_an_edit_tells_its_size(filmed: FilmedShot, tmp_path: Path, asked: list[Asked]) -> None:
    pipeline.edit(_wide(filmed, 128), tmp_path / "a.mp4")
    assert asked == [(128, 128, 33)]


def test_an_engine_plans_anew_for_a_larger_picture_alone(
    filmed: FilmedShot, tmp_path: Path, asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(tmp_path / "cache"))
    runner = Runner(Memory(tmp_path / "timings.json"))
    for number, width in enumerate((None, 48, 128, 128, None)):
        out = io.BytesIO()
        request = _wide(filmed, width).dump()
        command = protocol.Precompute(id=number, job="a", request=request)
        runner.run(Job(Channel(out), command, tmp_path))
        assert json.loads(out.getvalue().splitlines()[-1])["type"] == "precomputed"
    assert asked == [OWN, (128, 128, 33)]
