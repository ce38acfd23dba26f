"""Adaptive magnitude modulation against loops, its table and its laws."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowanchor_engine.errors import RangeError
from flowanchor_engine.method.amm import length_gain, magnitude_gain
from tests.engine.method.references import amm_loops

MAPS = st.sampled_from(["signed", "abs", "rms"])
EXTENTS = st.sampled_from(["sample", "frame"])


def direction(seed: int, frames: int = 3, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(4, frames, 3, 5, generator=generator, dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    frames=st.integers(1, 5),
    gamma=st.floats(0, 10),
    map_=MAPS,
    extent=EXTENTS,
    window=st.one_of(st.none(), st.integers(1, 41)),
)
def test_gain_equals_loops(
    seed: int, frames: int, gamma: float, map_: str, extent: str, window: int | None
) -> None:
    delta = direction(seed, frames)
    gain = magnitude_gain(
        delta,
        gamma=gamma,
        window_frames=window,
        map=map_,  # type: ignore[arg-type]
        extent=extent,  # type: ignore[arg-type]
    )
    assert gain.shape == (1, frames, 3, 5)
    expected = amm_loops(delta, gamma, window or frames, map_, extent)
    torch.testing.assert_close(gain, expected, rtol=0, atol=1e-12 * (1 + gamma))


@pytest.mark.parametrize(
    ("pixel_frames", "latent_frames", "expected"),
    [
        (1, 1, 0),
        (17, 5, 0.529),
        (33, 9, 0.722),
        (41, 11, 0.788),
        (49, 13, 0.842),
        (81, 21, 1),
        (121, 31, 1.128),
        (161, 41, 1.220),
    ],
)
def test_gamma_grows_with_length(pixel_frames: int, latent_frames: int, expected: float) -> None:
    assert (pixel_frames - 1) // 4 + 1 == latent_frames
    assert float(length_gain(1.0, latent_frames)) == pytest.approx(expected, abs=5e-4)


def test_reference_length_has_gamma_itself() -> None:
    for gamma in (0.2, 1.0, 1.5):
        assert length_gain(gamma, 21) == gamma
        assert length_gain(gamma, 7, reference_frames=7) == gamma


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    frames=st.integers(1, 7),
    gamma=st.floats(0, 10),
    scale=st.sampled_from([0.0, 1e-9, 1.0, 1e4]),
    map_=MAPS,
    extent=EXTENTS,
)
def test_gain_lies_between_one_and_gamma(
    seed: int, frames: int, gamma: float, scale: float, map_: str, extent: str
) -> None:
    delta = direction(seed, frames, scale).float()
    gain = magnitude_gain(delta, gamma=gamma, map=map_, extent=extent)  # type: ignore[arg-type]
    strength = gamma * math.log(frames) / math.log(21)
    assert bool((gain >= 1).all())
    assert bool((gain <= 1 + strength + 1e-6 * (1 + strength)).all())
    if frames == 1:
        assert bool((gain == 1).all())
    if scale == 1.0 and frames > 1 and extent == "sample":
        assert float(gain.min()) == 1
        assert float(gain.max()) == pytest.approx(1 + strength, rel=1e-5)


def test_no_direction_stays_no_direction() -> None:
    delta = torch.zeros(4, 5, 3, 3)
    for map_ in ("signed", "abs", "rms"):
        gain = magnitude_gain(delta, gamma=1.0, map=map_)
        assert torch.equal(gain, torch.ones(1, 5, 3, 3))
        assert torch.equal(gain * delta, delta)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), extent=EXTENTS)
def test_negating_the_direction(seed: int, extent: str) -> None:
    delta = direction(seed, 21)
    there, back = (
        {
            map_: magnitude_gain(sign * delta, gamma=1.0, map=map_, extent=extent) - 1  # type: ignore[arg-type]
            for map_ in ("signed", "abs", "rms")
        }
        for sign in (1, -1)
    )
    torch.testing.assert_close(back["signed"], 1 - there["signed"], rtol=0, atol=1e-5)
    assert torch.equal(back["abs"], there["abs"])
    assert torch.equal(back["rms"], there["rms"])


def test_unsigned_maps_find_the_object_and_the_signed_one_does_not() -> None:
    """Over random edit directions, the mean gain inside the object against outside."""
    inside = torch.zeros(1, 21, 6, 6, dtype=torch.bool)
    inside[..., 2:4, 2:4] = True
    ratio = {"signed": 0.0, "abs": 0.0, "rms": 0.0}
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        delta = 0.1 * torch.randn(16, 21, 6, 6, generator=generator)
        sign = torch.randn(16, 1, 1, 1, generator=generator)
        delta = delta + torch.where(inside, sign, 0.0)
        for map_ in ratio:
            gain = magnitude_gain(delta, gamma=1.0, map=map_)  # type: ignore[arg-type]
            ratio[map_] += float(gain[inside].mean() - gain[~inside].mean()) / 60
    assert abs(ratio["signed"]) < 0.2
    assert ratio["abs"] > 0.5
    assert ratio["rms"] > 0.5


def test_gamma_may_be_a_tensor() -> None:
    delta = direction(1)
    given = magnitude_gain(delta, gamma=torch.tensor(0.5, dtype=torch.float64))
    torch.testing.assert_close(given, magnitude_gain(delta, gamma=0.5), rtol=0, atol=1e-15)


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(RangeError):
        length_gain(1.0, 0)
    with pytest.raises(RangeError):
        length_gain(1.0, 5, reference_frames=1)
    with pytest.raises(ValueError, match="map"):
        magnitude_gain(direction(0), gamma=1.0, map="max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="extent"):
        magnitude_gain(direction(0), gamma=1.0, extent="row")  # type: ignore[arg-type]
