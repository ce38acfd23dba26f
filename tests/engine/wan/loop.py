"""A small edit through the loop: its latent, its velocity, and a cache that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from flowanchor_engine.method import schedule, trajectory
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.method.trajectory import Branch, Query
from flowanchor_engine.method.windows import Window
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan import velocity as velocity_module
from flowanchor_engine.wan.load import WanModel
from flowanchor_engine.wan.velocity import WanVelocity
from tests.engine.wan.conftest import make_bundle

SHAPE = (16, 2, 4, 4)  # 2 latent frames of 2x2 tokens
ROWS = torch.tensor([0, 1, 0, 0, 0, 1, 1, 0], dtype=torch.bool)


class Spy:
    """Notes how each forward of a transformer ran; changes nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[Any] = []
        original = velocity_module.SarContext.using
        spy = self

        def using(context: Any, plans: Any) -> Any:
            spy.plans.append(tuple(plans))
            return original(context, plans)

        monkeypatch.setattr(velocity_module.SarContext, "using", using)


class DictCache:
    """The simplest cache that keeps the contract."""

    def __init__(self) -> None:
        self.values: dict[Any, Tensor] = {}

    def get(self, step: Any, average: int, window: Window, branch: Branch) -> Tensor | None:
        return self.values.get((step.index, average, window.start, window.stop, branch))

    def put(
        self, step: Any, average: int, window: Window, branch: Branch, velocity: Tensor
    ) -> None:
        assert branch in (Branch.SOURCE_COND, Branch.SOURCE_UNCOND)
        self.values[(step.index, average, window.start, window.stop, branch)] = velocity


def clip_latent(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_velocity(model: WanModel, settings: MethodSettings, **more: Any) -> WanVelocity:
    fields: dict[str, Any] = {
        "source": make_bundle(9, 1),
        "target": make_bundle(12, 2),
        "negative": make_bundle(5, 3),
        "rows": ROWS,
        "columns": (2, 4),
    }
    return WanVelocity(model, settings=settings, **{**fields, **more})


def run(
    velocity: Callable[[Sequence[Query]], Sequence[Tensor]],
    settings: MethodSettings,
    x: Tensor | None = None,
    windows: Sequence[Window] | None = None,
) -> Tensor:
    x = clip_latent() if x is None else x
    channels, frames, height, width = x.shape
    noise = NoiseField((channels, frames, height, width), 7, "fresh", 0.5)
    return trajectory.edit(x, velocity, schedule.build(settings), noise, settings, windows=windows)
