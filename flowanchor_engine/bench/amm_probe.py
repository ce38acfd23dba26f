"""Read where AMM's gain falls: inside the matte, or everywhere.

AMM multiplies the edit direction by 1 + gamma_F G, where G is the direction's own normalised
map and no mask enters. It can only strengthen the edited object if G is larger there. This
probe runs edits without AMM and lays all three maps over every step's direction.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch

from flowanchor_engine.bench.quality import unit_pictures
from flowanchor_engine.bench.stats import Interval, bootstrap_mean
from flowanchor_engine.method import maskgrid, schedule
from flowanchor_engine.method.amm import REFERENCE_FRAMES, magnitude_gain

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.bench.cases import Case
    from flowanchor_engine.editor import Editor
    from flowanchor_engine.request import MethodSettings

__all__ = ["MAPS", "MapReading", "markdown", "probe", "reading_of"]

AmmMap = Literal["signed", "abs", "rms"]
MAPS: Final[tuple[AmmMap, ...]] = ("signed", "abs", "rms")


@dataclass(frozen=True)
class MapReading:
    """What a map looks like over many edits.

    Attributes
    ----------
    inside, outside : Interval
        Mean of G (0..1) over latent positions inside and outside the object.
    correlation : Interval
        Pearson correlation of G with the magnitude of the edit direction.
    """

    map: str
    inside: Interval
    outside: Interval
    correlation: Interval


def probe(editor: Editor, cases: Sequence[Case], settings: MethodSettings) -> list[MapReading]:
    """Edit the cases without AMM and read the three maps at every step.

    Parameters
    ----------
    editor : Editor
    cases : sequence of Case
        With exact mattes.
    settings : MethodSettings
        Everything but gamma, which is set to 0 so that the maps change nothing.
    """
    settings = settings.model_copy(update={"gamma": 0.0, "solver": "euler"})
    sigmas = [(step.sigma, step.next_sigma) for step in schedule.build(settings).steps]
    found: dict[AmmMap, list[tuple[float, float, float]]] = {name: [] for name in MAPS}
    for case in cases:
        shot = case.shot()
        with torch.no_grad():
            x_src = editor.encode(unit_pictures(shot.frames))
        states: list[Tensor] = [x_src]

        def keep(done: int, latent: Tensor, states: list[Tensor] = states) -> None:
            states.append(latent.clone())

        matte = shot.mask.astype(np.float32)
        editor.edit(x_src, matte, shot.prompts, settings, seed=case.seed, on_state=keep)
        inside = _latent_mask(editor, matte, x_src)
        steps = []
        moves = itertools.pairwise(states)
        for (before, after), (sigma, following) in zip(moves, sigmas, strict=True):
            delta = (after - before) / (following - sigma)
            steps.append({name: reading_of(delta, inside, name) for name in MAPS})
        for name in MAPS:
            found[name].append(_mean([step[name] for step in steps]))
    return [
        MapReading(name, *(bootstrap_mean(column) for column in zip(*values, strict=True)))
        for name, values in found.items()
    ]


def reading_of(delta: Tensor, inside: Tensor, name: AmmMap) -> tuple[float, float, float]:
    """Return G's mean inside, outside, and its correlation with the direction's magnitude.

    Parameters
    ----------
    delta : Tensor, shape (C, F, H, W)
        Edit direction of one step.
    inside : Tensor, bool (F, H, W)
    name : {'signed', 'abs', 'rms'}
    """
    # At the reference length with gamma 1 the gain is exactly 1 + G.
    weight = magnitude_gain(delta, gamma=1.0, window_frames=REFERENCE_FRAMES, map=name)[0] - 1
    size = delta.square().mean(0).sqrt()
    stacked = torch.stack([weight.flatten(), size.flatten()]).double()
    correlation = float(torch.corrcoef(stacked)[0, 1])
    return _at(weight, inside), _at(weight, ~inside), correlation


def markdown(readings: Sequence[MapReading], cases: int) -> str:
    """Return the readings as a section of the report."""
    lines = [
        "## Where AMM's gain falls",
        "",
        f"The map G of every step of {cases} edits without AMM, at the latent positions of the "
        "edited object and elsewhere, and its correlation with the magnitude of the edit "
        "direction. AMM strengthens the object alone only as far as the first number exceeds the "
        "second; what both share is a gain on the whole picture, which raises strength and "
        "damage outside together.",
        "",
        "| map | G inside | G outside | correlation with the direction's magnitude |",
        "|-|-|-|-|",
    ]
    for item in readings:
        cells = (
            f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
            for found in (item.inside, item.outside, item.correlation)
        )
        lines.append(f"| {item.map} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _at(values: Tensor, where: Tensor) -> float:
    return float(values[where].mean()) if bool(where.any()) else math.nan


def _mean(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    inside, outside, correlation = np.nanmean(np.asarray(rows), axis=0).tolist()
    return inside, outside, correlation


def _latent_mask(editor: Editor, matte: Any, x_src: Tensor) -> Tensor:
    """Latent positions, (F, H, W), at least half covered by the matte."""
    facts = editor.model.facts
    rows = maskgrid.token_rows(
        torch.from_numpy(matte),
        temporal=facts.temporal_stride,
        spatial=facts.spatial_stride,
        patch=1,
        theta=0.5,
    )
    return rows.reshape(x_src.shape[1:])
