"""The edit itself: Algorithm 1 of the paper over any velocity.

FlowEdit integrates the difference of two velocities from the clip to its edit; SAR acts
inside the target's velocity (the queries say where), AMM scales the difference. The
velocity is a callable, so the loop runs against closed-form oracles as against Wan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import torch

from flowanchor_engine.errors import LatentsNonFiniteError
from flowanchor_engine.method import solver
from flowanchor_engine.method.amm import magnitude_gain
from flowanchor_engine.method.windows import Window

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.method.noise import NoiseField
    from flowanchor_engine.method.schedule import Schedule, Step
    from flowanchor_engine.request import MethodSettings

__all__ = ["Branch", "Query", "StepReport", "Velocity", "edit", "source_queries"]


class Branch(StrEnum):
    """The four transformer forwards of a step."""

    SOURCE_COND = "source_cond"
    SOURCE_UNCOND = "source_uncond"
    TARGET_COND = "target_cond"
    TARGET_UNCOND = "target_uncond"


@dataclass(frozen=True, eq=False)
class Query:
    """One velocity that the loop asks for.

    Attributes
    ----------
    z : Tensor
        Noised latent of the window, (C, F_w, H, W). In the first executed step source and
        target queries carry the *same object*, so an unconditional forward can serve both.
    step : Step
        Level and timestep.
    average : int
        Which of the averaged noise draws.
    branch : Branch
        Which text, and conditional or not.
    anchored : bool
        Whether SAR acts in this forward.
    window : Window
        Where the latent lies in the clip.
    """

    z: Tensor
    step: Step
    average: int
    branch: Branch
    anchored: bool
    window: Window


class Velocity(Protocol):
    """The model's side of the loop."""

    def __call__(self, queries: Sequence[Query]) -> Sequence[Tensor]:
        """Answer all queries of one (step, average, window), each like its `z`."""


@dataclass(frozen=True, eq=False)
class StepReport:
    """What a finished step tells.

    Attributes
    ----------
    step : Step
        The step just executed.
    done, total : int
        Executed steps so far and in all.
    z_edit : Tensor
        The edit so far, (C, F, H, W), free of noise; never changed afterwards.
    delta_rms : float
        Root mean square of dV before AMM.
    gain_mean, gain_max : float
        AMM's gain over the clip; 1 where AMM is off.
    """

    step: Step
    done: int
    total: int
    z_edit: Tensor
    delta_rms: float
    gain_mean: float
    gain_max: float


_ANCHORED: dict[str, frozenset[Branch]] = {
    "target_cond": frozenset({Branch.TARGET_COND}),
    "+source_cond": frozenset({Branch.TARGET_COND, Branch.SOURCE_COND}),
    "+uncond": frozenset({Branch.TARGET_COND, Branch.TARGET_UNCOND}),
}


def edit(
    x_src: Tensor,
    velocity: Velocity,
    schedule: Schedule,
    noise: NoiseField,
    settings: MethodSettings,
    *,
    on_step: Callable[[StepReport], None] | None = None,
    check: Callable[[], None] | None = None,
    windows: Sequence[Window] | None = None,
    begin: tuple[int, Tensor] | None = None,
) -> Tensor:
    """Run Algorithm 1 from the source latent to the edited one.

    Per step: ``Z_src = (1 - t) X + t n``, ``Z_tar = Z_src + (Z_edit - X)`` in this order
    (which keeps equal prompts exactly at rest), ``dV = V_tar - V_src`` with guided
    velocities ``V = U + w (C - U)``, AMM on the merged dV, then the solver.

    Parameters
    ----------
    x_src : Tensor
        X, normalised latent of the whole clip, (C, F, H, W); float64 is kept for oracles,
        everything else computes in float32. Its device is the loop's.
    velocity : Velocity
        Answers the queries; a guidance of exactly 1 or 0 asks for one branch only.
    schedule : Schedule
        Executed steps.
    noise : NoiseField
        Noise of the whole clip, of X's shape.
    settings : MethodSettings
        Guidance, solver, averages, SAR and AMM switches; the schedule's part is read from
        `schedule`.
    on_step : callable, optional
        Called with a `StepReport` after every step.
    check : callable, optional
        Called before every velocity call and once at the end; may raise `Cancelled`.
    windows : sequence of Window, optional
        Blend of a long clip; by default one window covers the clip.
    begin : (int, Tensor), optional
        Continue a stopped run: executed steps so far and Z_edit after them. Noise is drawn
        by counters, so the rest is bit for bit that of an uninterrupted run. Only for the
        solver that remembers nothing, `euler`.

    Returns
    -------
    Tensor
        Z_edit, (C, F, H, W), float32 (float64 for float64 input).

    Raises
    ------
    LatentsNonFiniteError
        When X, an edit direction or the edit holds NaN or infinity.
    """
    dtype = torch.float64 if x_src.dtype == torch.float64 else torch.float32
    x = x_src.to(dtype)
    plan = _plan(x, windows)
    if tuple(noise.shape) != tuple(x.shape):
        msg = f"noise of shape {tuple(noise.shape)} does not fit a latent {tuple(x.shape)}"
        raise ValueError(msg)
    _require_finite(x, "The clip's latent", "before the first step")

    loop = _Loop(x, velocity, noise, settings, plan, check or _go_on)
    move = solver.make(settings.solver)
    total = len(schedule.steps)
    first, z_edit = (0, x) if begin is None else _checked_begin(begin, x, settings, total)
    for done, step in enumerate(schedule.steps[first:], first + 1):
        where = f"in step {done} of {total} (sigma {step.sigma:.4f})"
        delta = loop.delta(z_edit, step)
        _require_finite(delta, "The model's answer", where)
        gain = _gain(delta, settings, plan)
        z_edit = move.step(z_edit, delta if gain is None else gain * delta, step)
        _require_finite(z_edit, "The edit", where)
        if on_step is not None:
            on_step(
                StepReport(
                    step=step,
                    done=done,
                    total=total,
                    z_edit=z_edit,
                    delta_rms=float(delta.square().mean().sqrt()),
                    gain_mean=1.0 if gain is None else float(gain.mean()),
                    gain_max=1.0 if gain is None else float(gain.max()),
                )
            )
    loop.check()
    return z_edit


def source_queries(
    x_src: Tensor,
    step: Step,
    noise: NoiseField,
    settings: MethodSettings,
    windows: Sequence[Window],
) -> Iterator[list[Query]]:
    """Yield the source queries of one step, as `edit` asks them, per average and window.

    They depend on nothing that the target decides, so they can be answered before it is
    known.
    """
    x = x_src.to(torch.float64 if x_src.dtype == torch.float64 else torch.float32)
    branches = _needed(settings.guidance_source, Branch.SOURCE_COND, Branch.SOURCE_UNCOND)
    for average in range(settings.noise_averages):
        z_src = _noised(x, noise, step, average)
        for window in windows:
            part = z_src if len(windows) == 1 else z_src[:, window.start : window.stop]
            yield [Query(part, step, average, branch, False, window) for branch in branches]


def _noised(x: Tensor, noise: NoiseField, step: Step, average: int) -> Tensor:
    """Z_src = (1 - t) X + t n."""
    draw = noise.at(step.index, average).to(x)
    return torch.add((1 - step.source_sigma) * x, draw, alpha=step.source_sigma)


@dataclass(frozen=True, eq=False)
class _Loop:
    """What stays the same over all steps of a run."""

    x: Tensor
    velocity: Velocity
    noise: NoiseField
    settings: MethodSettings
    windows: tuple[Window, ...]
    check: Callable[[], None]

    def delta(self, z_edit: Tensor, step: Step) -> Tensor:
        """Edit direction of one step: averaged over noise, blended over windows."""
        offset = None if z_edit is self.x else z_edit - self.x
        averages = self.settings.noise_averages
        total: Tensor | None = None
        for average in range(averages):
            z_src = _noised(self.x, self.noise, step, average)
            z_tar = z_src if offset is None else z_src + offset
            blended = self._blend(z_src, z_tar, step, average)
            total = blended if total is None else total + blended
        if total is None:
            msg = "an edit averages over at least one noise draw"
            raise ValueError(msg)
        return total if averages == 1 else total / averages

    def _blend(self, z_src: Tensor, z_tar: Tensor, step: Step, average: int) -> Tensor:
        if len(self.windows) == 1:
            return self._window_delta(z_src, z_tar, step, average, self.windows[0])
        merged = torch.zeros_like(self.x)
        for window in self.windows:
            part = z_src[:, window.start : window.stop]
            moved = part if z_tar is z_src else z_tar[:, window.start : window.stop]
            delta = self._window_delta(part, moved, step, average, window)
            weights = window.weights.to(delta)[None, :, None, None]
            merged[:, window.start : window.stop].addcmul_(weights, delta)
        return merged

    def _window_delta(
        self, z_src: Tensor, z_tar: Tensor, step: Step, average: int, window: Window
    ) -> Tensor:
        settings = self.settings
        anchored = (
            _ANCHORED[settings.sar_branches] if settings.sar and step.anchored else frozenset()
        )
        sides = (
            (z_src, settings.guidance_source, Branch.SOURCE_COND, Branch.SOURCE_UNCOND),
            (z_tar, settings.guidance_target, Branch.TARGET_COND, Branch.TARGET_UNCOND),
        )
        queries = [
            Query(z, step, average, branch, branch in anchored, window)
            for z, guidance, cond, uncond in sides
            for branch in _needed(guidance, cond, uncond)
        ]
        self.check()
        answers = self.velocity(queries)
        known: dict[Branch, Tensor] = {}
        for query, answer in zip(queries, answers, strict=True):
            if answer.shape != query.z.shape:
                msg = f"a velocity {tuple(answer.shape)} for a latent {tuple(query.z.shape)}"
                raise ValueError(msg)
            known[query.branch] = answer.to(self.x)
        v_src, v_tar = (
            _guided(known.get(cond), known.get(uncond), guidance)
            for _, guidance, cond, uncond in sides
        )
        return v_tar - v_src


def _checked_begin(
    begin: tuple[int, Tensor], x: Tensor, settings: MethodSettings, total: int
) -> tuple[int, Tensor]:
    """Refuse a state that cannot belong to this run."""
    done, z_edit = begin
    if settings.solver != "euler":
        msg = f"a run with the solver {settings.solver!r} cannot be continued in the middle"
        raise ValueError(msg)
    if not 0 <= done <= total or z_edit.shape != x.shape:
        msg = f"step {done} of {total} with a latent {tuple(z_edit.shape)} is not of this run"
        raise ValueError(msg)
    return done, z_edit.to(x) if done else x


def _needed(guidance: float, cond: Branch, uncond: Branch) -> tuple[Branch, ...]:
    """Branches that a guided velocity depends on."""
    if guidance == 1:
        return (cond,)
    return (uncond,) if guidance == 0 else (cond, uncond)


def _guided(cond: Tensor | None, uncond: Tensor | None, guidance: float) -> Tensor:
    """V = U + w (C - U); the one branch that counts where w is 1 or 0."""
    if cond is not None and uncond is not None:
        return torch.add(uncond, cond - uncond, alpha=guidance)
    only = cond if uncond is None else uncond
    if only is None:
        msg = "a velocity needs at least one branch"
        raise ValueError(msg)
    return only


def _gain(delta: Tensor, settings: MethodSettings, windows: tuple[Window, ...]) -> Tensor | None:
    """AMM over the merged direction, gamma_F from the window's length; None when off."""
    if settings.gamma == 0:
        return None
    return magnitude_gain(
        delta,
        gamma=settings.gamma,
        window_frames=windows[0].frames,
        map=settings.amm_map,
        extent=settings.amm_extent,
    )


def _plan(x: Tensor, windows: Sequence[Window] | None) -> tuple[Window, ...]:
    frames = x.shape[1]
    if not windows:
        return (Window(0, frames, torch.ones(frames, dtype=torch.float64)),)
    total = torch.zeros(frames, dtype=torch.float64)
    for window in windows:
        if not 0 <= window.start < window.stop <= frames:
            msg = f"window {window.start}..{window.stop} leaves a clip of {frames} latent frames"
            raise ValueError(msg)
        total[window.start : window.stop] += window.weights
    if not torch.allclose(total, torch.ones_like(total), rtol=0, atol=1e-6):
        msg = "window weights must sum to 1 at every latent frame"
        raise ValueError(msg)
    return tuple(windows)


def _require_finite(tensor: Tensor, what: str, where: str) -> None:
    if not bool(torch.isfinite(tensor).all()):
        bad = int((~torch.isfinite(tensor)).sum())
        raise LatentsNonFiniteError(
            f"{what} left the range of numbers {where}; nothing was written.",
            hint=["lower_guidance", "full_precision"],
            detail=f"{bad} of {tensor.numel()} values are NaN or infinite",
        )


def _go_on() -> None:
    """Never stop."""
