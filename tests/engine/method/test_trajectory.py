"""Algorithm 1: exact rest, closed-form oracle, counts, sharing, windows, stops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import Tensor

from flowanchor_engine.errors import Cancelled, LatentsNonFiniteError
from flowanchor_engine.method import noise, schedule
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.method.trajectory import (
    Branch,
    Query,
    StepReport,
    Velocity,
    edit,
    source_queries,
)
from flowanchor_engine.method.windows import Window, plan_windows
from flowanchor_engine.request import MethodSettings
from tests.engine.method.references import Gaussian, Spy, algorithm_one, gaussian_slope, wavy

if TYPE_CHECKING:
    from flowanchor_engine.method.schedule import Schedule

SHAPE = (3, 5, 2, 3)


def latent(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def run(velocity: Velocity, x: Tensor | None = None, *, seed: int = 1, **options: Any) -> Tensor:
    """Edit with the request's switches; keyword arguments of `edit` pass through."""
    extra = {name: options.pop(name) for name in ("on_step", "check", "windows") if name in options}
    settings = MethodSettings.model_validate(options)
    x = latent() if x is None else x
    plan = schedule.build(settings)
    shape = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    return edit(x, velocity, plan, noise.build(settings, plan, shape, seed), settings, **extra)


# ---- exact laws -------------------------------------------------------------------------


def same_text(branch: Branch, z: Tensor, t: float) -> Tensor:
    """Source and target prompts are the same text."""
    return wavy(Branch(str(branch).replace("target", "source")), z, t)


@examples(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    steps=st.integers(1, 30),
    skip_share=st.sampled_from([0.0, 0.08, 0.4]),
    guidance=st.sampled_from([0.0, 1.0, 3.5, 10.0]),
    policy=st.sampled_from(["fresh", "shared", "annealed"]),
    level=st.sampled_from(["current", "previous"]),
    averages=st.integers(1, 3),
    single=st.booleans(),
    windowed=st.booleans(),
)
def test_equal_prompts_stay_exactly_at_rest(
    seed: int,
    steps: int,
    skip_share: float,
    guidance: float,
    policy: str,
    level: str,
    averages: int,
    single: bool,
    windowed: bool,
) -> None:
    x = latent(seed % 1000)
    x = x.float() if single else x
    result = run(
        Spy(same_text),
        x,
        seed=seed,
        steps=steps,
        skip_share=skip_share,
        guidance_source=guidance,
        guidance_target=guidance,
        noise=policy,
        source_level=level,
        noise_averages=averages,
        sar=False,
        windows=plan_windows(5, size=3, overlap=1) if windowed else None,
    )
    assert torch.equal(result, x)
    assert result.dtype == x.dtype


def gaussian_run(skip_share: float, seed: int = 1, **options: Any) -> tuple[Tensor, Tensor]:
    """Return the missing fraction of the closed-form edit, and the executed levels."""
    source, target = latent(5), latent(6)
    x = latent()
    settings = {
        "guidance_source": 1.0, "guidance_target": 1.0, "gamma": 0.0, "skip_share": skip_share,
        **options,
    }  # fmt: skip
    result = run(Gaussian(source, target), x, seed=seed, **settings)
    full = target - source
    sigmas = schedule.build(MethodSettings.model_validate(settings)).steps
    levels = [step.sigma for step in sigmas] + [0.0]
    return (x + full - result) / full, torch.tensor(levels, dtype=torch.float64)


@pytest.mark.parametrize("steps", [1, 2, 7, 25, 50])
@pytest.mark.parametrize("shift", [1.0, 3.0, 5.0, 12.0])
def test_oracle_from_pure_noise_is_exact_on_any_grid(steps: int, shift: float) -> None:
    for policy in ("fresh", "shared", "annealed"):
        missing, _ = gaussian_run(0.0, steps=steps, shift=shift, noise=policy, seed=steps)
        assert float(missing.abs().max()) < 1e-12


@pytest.mark.parametrize(("skip_share", "expected"), [(0.08, 0.01063), (0.36, 0.06860)])
def test_oracle_started_lower_misses_the_known_fraction(skip_share: float, expected: float) -> None:
    missing, levels = gaussian_run(skip_share)
    fraction = 1 - float(levels[0])
    for level, following in zip(levels.tolist(), levels.tolist()[1:], strict=False):
        fraction *= 1 + (following - level) * gaussian_slope(level, 0.7)
    assert fraction == pytest.approx(expected, abs=5e-6)
    assert float((missing - fraction).abs().max()) < 1e-12


def test_the_level_of_the_source_is_harmless_in_the_oracle() -> None:
    current, _ = gaussian_run(0.08)
    previous, _ = gaussian_run(0.08, source_level="previous")
    torch.testing.assert_close(previous, current, rtol=0, atol=1e-12)


def test_unipc_is_exact_in_the_oracle_too() -> None:
    missing, _ = gaussian_run(0.0, solver="unipc_on_delta")
    assert float(missing.abs().max()) < 1e-12


# ---- Algorithm 1 as printed -------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reference"),
    [
        ({}, {}),
        ({"steps": 12}, {"steps": 12, "skip": 1}),
        ({"skip_share": 0.0, "shift": 3.0}, {"skip": 0, "shift": 3.0}),
        ({"guidance_source": 1.0, "guidance_target": 3.0}, {"w_src": 1.0, "w_tar": 3.0}),
        ({"guidance_source": 0.0, "guidance_target": 1.0}, {"w_src": 0.0, "w_tar": 1.0}),
        ({"gamma": 0.0}, {"gamma": 0.0}),
        ({"gamma": 0.2, "amm_map": "rms"}, {"gamma": 0.2, "map_": "rms"}),
        ({"gamma": 0.2, "amm_map": "abs", "amm_extent": "frame"},
         {"gamma": 0.2, "map_": "abs", "extent": "frame"}),
        ({"noise_averages": 3}, {"averages": 3}),
        ({"source_level": "previous"}, {"previous": True}),
    ],
)  # fmt: skip
def test_edit_equals_algorithm_1(options: dict[str, Any], reference: dict[str, Any]) -> None:
    x = latent()
    base = {"guidance_source": 1.5, "guidance_target": 2.5}  # mild: the rule is not a model
    field = NoiseField(SHAPE, 1)
    expected = algorithm_one(
        x,
        field.at,
        **{"w_src": 1.5, "w_tar": 2.5, **reference},
    )
    result = run(Spy(), x, **{**base, **options})
    assert (expected - x).abs().max() > 0.1
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-11)
    single = run(Spy(), x.float(), **{**base, **options})
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=2e-4)


def test_half_precision_latents_and_answers_compute_in_fp32() -> None:
    def half(queries: Sequence[Query]) -> list[Tensor]:
        assert all(query.z.dtype == torch.float32 for query in queries)
        return [answer.bfloat16() for answer in Spy()(queries)]

    def rounded(queries: Sequence[Query]) -> list[Tensor]:
        return [answer.float() for answer in half(queries)]

    mild: dict[str, Any] = {"guidance_source": 1.5, "guidance_target": 2.5}
    result = run(half, latent().bfloat16(), **mild)
    assert result.dtype == torch.float32
    # only the answers are rounded: guidance and difference happen in fp32
    assert torch.equal(result, run(rounded, latent().bfloat16(), **mild))


# ---- what is asked ----------------------------------------------------------------------


def test_92_forwards_and_sar_in_18_target_forwards_only() -> None:
    spy = Spy()
    run(spy)
    assert len(spy.queries) == 92
    assert [len(call) for call in spy.calls] == [4] * 23
    anchored = [query for query in spy.queries if query.anchored]
    assert {query.branch for query in anchored} == {Branch.TARGET_COND}
    assert len(anchored) == 18
    assert all(query.step.sigma >= 0.6 for query in anchored)
    for call in spy.calls:
        assert {query.branch for query in call} == set(Branch)
        assert len({query.step.index for query in call}) == 1


@pytest.mark.parametrize(
    ("options", "forwards", "anchored"),
    [
        ({"steps": 12}, 44, 9),
        ({"guidance_source": 1.0, "guidance_target": 3.0}, 69, 18),
        ({"guidance_source": 1.0, "guidance_target": 1.0}, 46, 18),
        ({"guidance_target": 0.0}, 69, 0),
        ({"tau_unit": "index"}, 92, 9),
        ({"sar": False}, 92, 0),
        ({"noise_averages": 2}, 184, 36),
        ({"sar_branches": "+source_cond"}, 92, 36),
        ({"sar_branches": "+uncond"}, 92, 36),
    ],
)
def test_forwards_by_switch(options: dict[str, Any], forwards: int, anchored: int) -> None:
    spy = Spy()
    run(spy, **options)
    assert len(spy.queries) == forwards
    assert sum(query.anchored for query in spy.queries) == anchored


def test_anchored_branches_by_switch() -> None:
    for name, extra in (("+source_cond", Branch.SOURCE_COND), ("+uncond", Branch.TARGET_UNCOND)):
        spy = Spy()
        run(spy, sar_branches=name)
        found = {query.branch for query in spy.queries if query.anchored}
        assert found == {Branch.TARGET_COND, extra}


def test_first_step_shares_the_very_same_latent() -> None:
    for windows in (None, plan_windows(5, size=3, overlap=1)):
        spy = Spy()
        run(spy, windows=windows, noise_averages=2, guidance_target=3.0)
        first = spy.queries[0].step.index
        for call in spy.calls:
            objects = {id(query.z) for query in call}
            assert len(objects) == (1 if call[0].step.index == first else 2)
            source = {id(query.z) for query in call if query.branch.startswith("source")}
            assert len(source) == 1


def test_the_source_is_noised_at_its_level() -> None:
    for level in ("current", "previous"):
        spy = Spy()
        x = latent()
        run(spy, x, source_level=level, skip_share=0.0)
        field = NoiseField(SHAPE, 1)
        levels = schedule.sigma_grid(25, 5.0).tolist()
        for index, call in enumerate(spy.calls):
            at = levels[index] if level == "current" else levels[max(index - 1, 0)]
            expected = (1 - at) * x + at * field.at(index).double()
            torch.testing.assert_close(call[0].z, expected, rtol=0, atol=1e-12)
            assert call[0].step.sigma == levels[index]


def test_noise_of_a_step_does_not_depend_on_skip_or_windows() -> None:
    def source_of(**options: Any) -> dict[int, Tensor]:
        spy = Spy()
        run(spy, **options)
        found: dict[int, Tensor] = {}
        for query in spy.queries:
            if query.branch == Branch.SOURCE_COND:
                whole = found.setdefault(query.step.index, torch.zeros(SHAPE).double())
                whole[:, query.window.start : query.window.stop] = query.z
        return found

    plain, later = source_of(skip_share=0.0), source_of(skip_share=0.4)
    windowed = source_of(skip_share=0.0, windows=plan_windows(5, size=3, overlap=1))
    other = source_of(skip_share=0.0, seed=2)
    assert sorted(later) == list(range(10, 25))
    for index, z in later.items():
        assert torch.equal(z, plain[index])
    for index, z in plain.items():
        assert torch.equal(z, windowed[index])
        assert not torch.equal(z, other[index])


@pytest.mark.parametrize("overlap", [None, 1])
def test_source_queries_are_those_that_the_edit_asks(overlap: int | None) -> None:
    windows = plan_windows(5, size=5 if overlap is None else 3, overlap=1)
    settings = MethodSettings(noise_averages=2, noise="annealed", source_level="previous", steps=4)
    plan = schedule.build(settings)
    x, field = latent(), noise.build(settings, plan, SHAPE, 1)
    spy = Spy()
    edit(x, spy, plan, field, settings, windows=windows)
    asked = [[q for q in call if q.branch.startswith("source")] for call in spy.calls]
    ahead = [
        queries
        for step in plan.steps
        for queries in source_queries(x, step, field, settings, windows)
    ]
    assert len(ahead) == len(asked)
    for left, right in zip(ahead, asked, strict=True):
        for one, other in zip(left, right, strict=True):
            assert torch.equal(one.z, other.z)
            assert (one.step, one.average, one.branch, one.window) == (
                other.step, other.average, other.branch, other.window,
            )  # fmt: skip


# ---- windows ----------------------------------------------------------------------------


def test_one_window_over_the_clip_is_the_unwindowed_edit() -> None:
    plain = run(Spy())
    assert torch.equal(run(Spy(), windows=plan_windows(5)), plain)


def test_windows_of_a_local_velocity_change_nothing() -> None:
    plain = run(Spy(), gamma=0.0, guidance_source=1.5, guidance_target=2.5)
    plan = plan_windows(5, size=3, overlap=1)
    spy = Spy()
    blended = run(spy, gamma=0.0, guidance_source=1.5, guidance_target=2.5, windows=plan)
    torch.testing.assert_close(blended, plain, rtol=0, atol=1e-11)
    assert len(spy.calls) == 23 * len(plan)
    for query in spy.queries:
        assert query.z.shape == (3, query.window.frames, 2, 3)


def test_amm_of_windows_runs_over_the_merged_direction_with_the_windows_length() -> None:
    plan = plan_windows(5, size=3, overlap=1)
    options: dict[str, Any] = {"guidance_source": 1.5, "guidance_target": 2.5}
    blended = run(Spy(), windows=plan, gamma=1.0, **options)
    gamma = math.log(3) / math.log(5)  # the same gain as one window of 5 at this gamma
    torch.testing.assert_close(blended, run(Spy(), gamma=gamma, **options), rtol=0, atol=1e-11)
    assert (blended - run(Spy(), gamma=1.0, **options)).abs().max() > 1e-3


def test_blend_weighs_the_directions() -> None:
    def by_window(queries: Sequence[Query]) -> list[Tensor]:
        return [
            torch.full_like(query.z, float(query.window.start))
            * (query.branch == Branch.TARGET_COND)
            for query in queries
        ]

    plan = plan_windows(5, size=4, overlap=2)
    assert [window.start for window in plan] == [0, 1]
    x = torch.zeros(SHAPE, dtype=torch.float64)
    result = run(
        by_window, x, windows=plan, gamma=0.0, steps=1, skip_share=0.0,
        guidance_source=1.0, guidance_target=1.0,
    )  # fmt: skip
    expected = torch.zeros(5, dtype=torch.float64)
    expected[1:] = -plan[1].weights
    torch.testing.assert_close(result, expected[None, :, None, None].expand(SHAPE))


@pytest.mark.parametrize(
    "windows",
    [
        [Window(0, 6, torch.ones(6).double() * 5 / 6)],
        [Window(0, 4, torch.ones(4).double())],
        [Window(0, 5, torch.ones(5).double()), Window(2, 5, torch.ones(3).double())],
    ],
)
def test_windows_that_do_not_fit_are_refused(windows: list[Window]) -> None:
    with pytest.raises(ValueError, match="window"):
        run(Spy(), windows=windows)


# ---- progress, stop, broken numbers -----------------------------------------------------


def test_every_step_is_reported() -> None:
    reports: list[StepReport] = []
    result = run(Spy(), on_step=reports.append)
    assert [(report.done, report.total) for report in reports] == [(i, 23) for i in range(1, 24)]
    assert [report.step.index for report in reports] == list(range(2, 25))
    assert torch.equal(reports[-1].z_edit, result)
    strength = torch.tensor(5.0).log() / torch.tensor(21.0).log()
    for report in reports:
        assert report.delta_rms > 0
        assert 1 < report.gain_mean < report.gain_max
        assert report.gain_max == pytest.approx(1 + float(strength), rel=1e-4)
    kept = [report.z_edit.clone() for report in reports]
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(kept))
    plain: list[StepReport] = []
    run(Spy(), on_step=plain.append, gamma=0.0)
    assert {(report.gain_mean, report.gain_max) for report in plain} == {(1.0, 1.0)}
    first, step = plain[0], plain[0].step
    moved = (first.z_edit - latent()) / (step.next_sigma - step.sigma)
    assert first.delta_rms == pytest.approx(float(moved.square().mean().sqrt()), rel=1e-6)


@pytest.mark.parametrize("calls", [0, 1, 7, 23])
def test_a_stop_is_obeyed_before_the_next_forward(calls: int) -> None:
    spy = Spy()
    steps: list[int] = []

    def check() -> None:
        if len(spy.calls) >= calls:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spy, check=check, on_step=lambda report: steps.append(report.done))
    assert len(spy.calls) == calls
    assert steps == list(range(1, calls + 1))


def test_a_stop_is_asked_between_windows_and_averages() -> None:
    asked: list[int] = []
    spy = Spy()
    plan = plan_windows(5, size=3, overlap=1)
    run(
        spy, check=lambda: asked.append(len(spy.calls)), windows=plan, noise_averages=2, steps=3,
        skip_share=0.0,
    )  # fmt: skip
    assert asked == list(range(3 * 2 * len(plan) + 1))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_broken_answers_stop_the_edit_with_a_code(bad: float) -> None:
    spy = Spy()
    steps: list[int] = []

    def breaking(queries: Sequence[Query]) -> list[Tensor]:
        answers = spy(queries)
        if len(spy.calls) == 4:
            answers[2][0, 0, 0, 0] = bad
        return answers

    with pytest.raises(LatentsNonFiniteError, match=r"model's answer .* step 4 of 23") as caught:
        run(breaking, on_step=lambda report: steps.append(report.done))
    assert caught.value.code == "latents_nonfinite"
    assert caught.value.hint
    assert steps == [1, 2, 3]
    assert len(spy.calls) == 4


def test_an_overflowing_edit_is_found() -> None:
    def huge(queries: Sequence[Query]) -> list[Tensor]:
        return [
            torch.full_like(query.z, 3.0e38 if query.branch == Branch.TARGET_COND else 0.0)
            for query in queries
        ]

    with pytest.raises(LatentsNonFiniteError):
        run(huge, latent().float() * 0 - 3e38, steps=1, skip_share=0.0, guidance_target=1.0,
            guidance_source=1.0, gamma=0.0)  # fmt: skip


def test_a_broken_source_is_found_before_the_first_forward() -> None:
    x = latent()
    x[0, 0, 0, 0] = float("nan")
    spy = Spy()
    with pytest.raises(LatentsNonFiniteError, match="before the first step"):
        run(spy, x)
    assert not spy.calls


def test_misfitting_answers_and_noise_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        run(lambda queries: Spy()(queries)[:-1])
    with pytest.raises(ValueError, match="velocity"):
        run(lambda queries: [answer[:, :1] for answer in Spy()(queries)])
    settings = MethodSettings()
    plan: Schedule = schedule.build(settings)
    with pytest.raises(ValueError, match="noise"):
        edit(latent(), Spy(), plan, NoiseField((3, 4, 2, 3), 1), settings)
