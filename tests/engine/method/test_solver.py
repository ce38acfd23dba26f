"""Euler and UniPC on dV: order of convergence, parity with the published scheduler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from flowanchor_engine.method import schedule, solver
from flowanchor_engine.request import MethodSettings


def field(z: Tensor, sigma: float) -> Tensor:
    return torch.sin(2 * z + sigma) - 0.5 * z


def integrate(
    name: str, steps: int, skip_share: float, rule: Callable[[Tensor, float], Tensor] = field
) -> Tensor:
    settings = MethodSettings(steps=steps, skip_share=skip_share, shift=3.0)
    move = solver.make(name)  # type: ignore[arg-type]
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)
    for step in schedule.build(settings).steps:
        z = move.step(z, rule(z, step.sigma), step)
    return z


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("unipc_on_delta", 2)])
def test_order_of_convergence(name: str, order: int) -> None:
    # 0.2 of 20, 40, 80 steps starts each run at the same level
    exact = integrate("unipc_on_delta", 200, 0.2)
    finest = integrate("euler", 200, 0.2)
    assert (exact - finest).abs().max() < 0.02  # both go to the same place
    coarse, fine = (float((integrate(name, steps, 0.2) - exact).abs().max()) for steps in (20, 40))
    assert coarse / fine > 2**order * 0.75
    if name == "unipc_on_delta":
        assert fine < 0.2 * float((integrate("euler", 40, 0.2) - exact).abs().max())


def test_euler_is_eq_13() -> None:
    step = schedule.build(MethodSettings()).steps[5]
    z, delta = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -4.0])
    expected = z + (step.next_sigma - step.sigma) * delta
    torch.testing.assert_close(solver.Euler().step(z, delta, step), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("skip_share", [0.0, 0.08, 0.36])
def test_no_direction_is_exact_rest_for_euler_and_rounding_for_unipc(skip_share: float) -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    rest = integrate("euler", 25, skip_share, lambda z, _: torch.zeros_like(z))
    assert torch.equal(rest, start)
    rest = integrate("unipc_on_delta", 25, skip_share, lambda z, _: torch.zeros_like(z))
    torch.testing.assert_close(rest, start, rtol=0, atol=1e-13)


@pytest.mark.parametrize("steps", [1, 2, 3, 12, 25])
@pytest.mark.parametrize("skip", [0, 2])
def test_unipc_equals_the_published_scheduler(steps: int, skip: int) -> None:
    """diffusers' UniPC (order 2, bh2, flow prediction) on the engine's grid."""
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    if skip >= steps:
        skip = 0
    settings = MethodSettings(steps=steps, skip_share=skip / steps)
    plan = schedule.build(settings)
    other = UniPCMultistepScheduler(
        solver_order=2, prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.0
    )
    other.set_timesteps(steps)
    # an exact 1 makes the published corrector undefined: compare just below it
    sigmas = plan.sigmas[skip:].clamp(max=1 - 1e-6)
    other.sigmas, other.timesteps = sigmas, 1000 * sigmas[:-1]
    other.num_inference_steps = len(plan.steps)
    other.set_begin_index(0)
    move = solver.make("unipc_on_delta")
    z = theirs = torch.linspace(-2, 2, 9, dtype=torch.float64)[None, :, None]
    levels = sigmas.tolist()
    for index, planned in enumerate(plan.steps):
        step = replace(planned, sigma=levels[index], next_sigma=levels[index + 1])
        delta, their_delta = field(z, step.sigma), field(theirs, step.sigma)
        z = move.step(z, delta, step)
        timestep = other.timesteps[index]
        theirs = other.step(their_delta, timestep, theirs, return_dict=False)[0]
        torch.testing.assert_close(z, theirs.double(), rtol=0, atol=1e-9)


def test_runs_do_not_share_memory() -> None:
    assert torch.equal(integrate("unipc_on_delta", 12, 0.1), integrate("unipc_on_delta", 12, 0.1))
    with pytest.raises(ValueError, match="solver"):
        solver.make("heun")  # type: ignore[arg-type]
