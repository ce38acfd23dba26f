"""The counter rule: a value depends on seed, step, average and frame alone."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.method import noise, schedule
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.request import MethodSettings

SHAPE = (4, 5, 6, 7)
PINNED = [-2.075805, 1.019557, 0.174443, 2.303754, -1.485277, -0.16672, 2.312289, -1.475032]
GRID = schedule.sigma_grid(25, 5.0)


def test_values_are_pinned() -> None:
    # A change here makes every stored recipe and cached velocity meet other noise.
    field = NoiseField((2, 2, 1, 2), 7).at(3, 1)
    assert field.flatten().tolist() == pytest.approx(PINNED, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    index=st.integers(0, 200),
    average=st.integers(0, 15),
    frames=st.integers(1, 9),
    more=st.integers(0, 9),
)
def test_a_longer_clip_begins_with_the_same_noise(
    seed: int, index: int, average: int, frames: int, more: int
) -> None:
    short = NoiseField((3, frames, 2, 4), seed).at(index, average)
    long = NoiseField((3, frames + more, 2, 4), seed).at(index, average)
    assert short.dtype == torch.float32
    assert short.device.type == "cpu"
    assert torch.equal(short, long[:, :frames])


def test_order_of_calls_does_not_matter() -> None:
    one, two = NoiseField(SHAPE, 5), NoiseField(SHAPE, 5)
    forwards = [one.at(i, 0) for i in range(4)]
    backwards = [two.at(i, 0) for i in reversed(range(4))]
    for left, right in zip(forwards, reversed(backwards), strict=True):
        assert torch.equal(left, right)


def test_every_counter_gives_other_noise() -> None:
    fields = [
        NoiseField((4, 1, 6, 7), seed).at(index, average)
        for seed in (0, 1, 2**32, 2**63)
        for index in (0, 1, 2)
        for average in (0, 1)
    ]
    fields += [frame.unsqueeze(1) for frame in NoiseField(SHAPE, 0).at(9).unbind(1)]
    for left, right in itertools.combinations(fields, 2):
        assert not torch.equal(left, right)
        assert abs(float((left * right).mean())) < 0.35  # 168 values: 4.5 standard errors


def test_noise_is_standard_normal() -> None:
    values = NoiseField((16, 8, 40, 40), 1).at(4).double().flatten()
    assert abs(float(values.mean())) < 0.01
    assert float(values.var()) == pytest.approx(1, abs=0.02)
    assert float((values**3).mean()) == pytest.approx(0, abs=0.05)
    assert float((values**4).mean()) == pytest.approx(3, abs=0.15)


def test_shared_is_one_field() -> None:
    field = NoiseField(SHAPE, 3, "shared")
    assert torch.equal(field.at(2), field.at(17))
    assert not torch.equal(field.at(2, 0), field.at(2, 1))
    assert torch.equal(field.at(2), NoiseField(SHAPE, 3).at(0))


def test_annealed_runs_from_fresh_to_shared() -> None:
    fresh, shared = NoiseField(SHAPE, 3), NoiseField(SHAPE, 3, "shared")
    none = NoiseField(SHAPE, 3, "annealed", 0.0, sigmas=GRID)
    full = NoiseField(SHAPE, 3, "annealed", 1.0, sigmas=GRID)
    for index in range(25):
        assert torch.equal(none.at(index), fresh.at(index))
        assert torch.equal(full.at(index), shared.at(index))


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("index", [2, 12, 24])
def test_annealed_has_unit_variance_and_its_correlation(rho: float, index: int) -> None:
    shape = (16, 4, 40, 40)
    field = NoiseField(shape, 11, "annealed", rho, sigmas=GRID)
    values = field.at(index).double()
    base = NoiseField(shape, 11).at(0).double()
    assert float(values.var()) == pytest.approx(1, abs=0.02)
    expected = rho ** float(GRID[index])
    assert field.correlation(index) == pytest.approx(expected)
    assert float((values * base).mean()) == pytest.approx(expected, abs=0.02)


def test_annealed_correlation_grows_as_noise_falls() -> None:
    field = NoiseField(SHAPE, 0, "annealed", 0.3, sigmas=GRID)
    course = [field.correlation(index) for index in range(25)]
    assert course == sorted(course)
    assert course[0] == pytest.approx(0.3)


def test_request_chooses_the_policy() -> None:
    for policy in ("fresh", "shared", "annealed"):
        asked = MethodSettings(noise=policy, noise_rho=0.4)
        field = noise.build(asked, schedule.build(asked), SHAPE, 8)
        assert (field.policy, field.rho, field.seed, field.shape) == (policy, 0.4, 8, SHAPE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoiseField((4, 5, 6), 0),  # type: ignore[arg-type]
        lambda: NoiseField((4, 0, 6, 7), 0),
        lambda: NoiseField(SHAPE, -1),
        lambda: NoiseField(SHAPE, 2**64),
        lambda: NoiseField(SHAPE, 0, "pink"),  # type: ignore[arg-type]
        lambda: NoiseField(SHAPE, 0, "annealed", 1.5, sigmas=GRID),
        lambda: NoiseField(SHAPE, 0, "annealed", 0.5),
        lambda: NoiseField(SHAPE, 0).at(-1),
        lambda: NoiseField(SHAPE, 0).at(0, -1),
    ],
)
def test_bad_fields_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()  # type: ignore[operator]
