"""Grid, timesteps, executed slice, tau rule, source level."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.errors import RangeError
from flowanchor_engine.method import schedule
from flowanchor_engine.request import MethodSettings

GRID_25 = (
    "1 .9917 .9829 .9735 .9633 .9524 .9406 .9278 .9140 .8989 .8824 .8642 .8442 .8219 .7971 "
    ".7692 .7377 .7018 .6604 .6122 .5556 .4878 .4054 .3030 .1724 0"
)
GRID_12 = "1 .9821 .9615 .9375 .9091 .8750 .8333 .7812 .7143 .6250 .5000 .3125 0"


def numbers(text: str) -> torch.Tensor:
    return torch.tensor([float(word) for word in text.split()], dtype=torch.float64)


@pytest.mark.parametrize(("steps", "golden"), [(25, GRID_25), (12, GRID_12)])
def test_grid_has_the_published_values(steps: int, golden: str) -> None:
    grid = schedule.sigma_grid(steps, 5.0)
    assert grid.dtype == torch.float64
    torch.testing.assert_close(grid, numbers(golden), rtol=0, atol=6e-5)


def test_grid_of_fifty_steps() -> None:
    grid = schedule.sigma_grid(50, 5.0)
    torch.testing.assert_close(grid[:4], numbers("1 .9959 .9917 .9874"), rtol=0, atol=6e-5)
    torch.testing.assert_close(grid[-5:], numbers(".3030 .2419 .1724 .0926 0"), rtol=0, atol=6e-5)


def test_grid_is_not_the_twice_shifted_one() -> None:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    other = FlowMatchEulerDiscreteScheduler(shift=5.0)
    other.set_timesteps(25)
    assert other.sigmas[-2] == pytest.approx(0.0244, abs=1e-4)  # the fault is still there
    assert (schedule.sigma_grid(25, 5.0)[:-1] - other.sigmas[:-1].double()).abs().max() > 0.1


@given(steps=st.integers(1, 200), shift=st.floats(0.05, 50))
def test_grid_falls_from_one_to_zero(steps: int, shift: float) -> None:
    grid = schedule.sigma_grid(steps, shift)
    assert grid.shape == (steps + 1,)
    assert grid[0] == 1
    assert grid[-1] == 0
    assert bool((grid.diff() < 0).all())


@given(steps=st.integers(1, 100))
def test_shift_of_one_is_the_even_grid(steps: int) -> None:
    even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    torch.testing.assert_close(schedule.sigma_grid(steps, 1.0), even, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("steps", "shift"), [(0, 5), (3, 0), (3, -1), (3, float("nan"))])
def test_impossible_grids_are_refused(steps: int, shift: float) -> None:
    with pytest.raises(RangeError) as caught:
        schedule.sigma_grid(steps, shift)
    assert caught.value.code == "range"


def test_timesteps_are_fp32_thousandths() -> None:
    grid = schedule.sigma_grid(25, 5.0)
    told = schedule.timesteps(grid, integer=False)
    assert told.dtype == torch.float32
    torch.testing.assert_close(told, (1000 * grid).float(), rtol=0, atol=0)


def test_whole_timesteps_truncate_and_stay_below_a_thousand() -> None:
    told = schedule.timesteps(schedule.sigma_grid(25, 5.0), integer=True).tolist()
    assert told[:4] == [999, 991, 982, 973]
    assert told[-3:] == [303, 172, 0]
    # sigma 1/2 comes out as 1/2 - 6e-17 on this grid and is still 500
    halfway = 1000 * schedule.sigma_grid(12, 2.0)[8:9]
    assert halfway < 500
    assert schedule.timesteps(halfway / 1000, integer=True) == 500


@pytest.mark.parametrize(
    ("steps", "share", "skipped"),
    [(25, 0.08, 2), (12, 0.08, 1), (50, 0.08, 4), (25, 0.1, 3), (25, 0.58, 15), (25, 0.0, 0)],
)
def test_skipped_steps_round_half_up(steps: int, share: float, skipped: int) -> None:
    assert schedule.skipped_steps(steps, share) == skipped


def test_faithful_run_has_23_steps_of_which_18_are_anchored() -> None:
    plan = schedule.build(MethodSettings())
    assert [step.index for step in plan.steps] == list(range(2, 25))
    assert sum(step.anchored for step in plan.steps) == 18
    assert [step.anchored for step in plan.steps] == [True] * 18 + [False] * 5
    levels = plan.sigmas.tolist()
    for step in plan.steps:
        assert (step.sigma, step.next_sigma) == (levels[step.index], levels[step.index + 1])
        assert step.source_sigma == step.sigma
        assert step.timestep == pytest.approx(1000 * step.sigma, rel=1e-6)


def test_draft_anchors_9_of_11() -> None:
    plan = schedule.build(MethodSettings(steps=12))
    assert (len(plan.steps), sum(step.anchored for step in plan.steps)) == (11, 9)


def test_tau_as_index_anchors_9_steps_down_to_sigma_088() -> None:
    plan = schedule.build(MethodSettings(tau_unit="index"))
    anchored = [step for step in plan.steps if step.anchored]
    assert len(anchored) == 9
    assert anchored[-1].sigma == pytest.approx(0.8824, abs=1e-4)


def test_tau_on_a_level_includes_it() -> None:
    # shift 5, 12 steps visit sigma 0.5 up to rounding
    plan = schedule.build(MethodSettings(steps=12, tau=0.5))
    assert [step.anchored for step in plan.steps][-3:] == [True, True, False]


@given(low=st.floats(0, 1), high=st.floats(0, 1), unit=st.sampled_from(["sigma", "index"]))
def test_a_higher_tau_never_anchors_more(low: float, high: float, unit: str) -> None:
    low, high = sorted((low, high))
    count = [
        sum(
            step.anchored
            for step in schedule.build(
                MethodSettings.model_validate({"tau": tau, "tau_unit": unit})
            ).steps
        )
        for tau in (low, high)
    ]
    assert count[0] >= count[1]


def test_previous_source_level_is_one_grid_step_noisier() -> None:
    plan = schedule.build(MethodSettings(source_level="previous", skip_share=0))
    levels = plan.sigmas.tolist()
    assert plan.steps[0].source_sigma == 1
    assert [step.source_sigma for step in plan.steps[1:]] == levels[:24]
    assert [step.sigma for step in plan.steps] == levels[:25]


def test_whole_timesteps_reach_the_steps() -> None:
    plan = schedule.build(MethodSettings(int_timesteps=True))
    assert [step.timestep for step in plan.steps][:2] == [982, 973]


def test_skipping_everything_is_refused() -> None:
    with pytest.raises(RangeError, match="none to run"):
        schedule.build(MethodSettings(steps=2, skip_share=0.9))
