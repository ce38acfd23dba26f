"""Pixel matte to token rows: causal groups, one pixel one token, thresholds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowanchor_engine.errors import RangeError
from flowanchor_engine.method.maskgrid import token_rows

FRAMES, HEIGHT, WIDTH = 9, 32, 48  # 3 latent frames, 2 x 3 tokens


def latent_of(frame: int) -> int:
    """Latent 0 <- frame 0; latent j <- frames 4j-3..4j."""
    for latent in range(100):
        if frame in ([0] if latent == 0 else range(4 * latent - 3, 4 * latent + 1)):
            return latent
    raise AssertionError


@settings(max_examples=60, deadline=None)
@given(
    frame=st.integers(0, FRAMES - 1),
    y=st.integers(0, HEIGHT - 1),
    x=st.integers(0, WIDTH - 1),
    value=st.sampled_from([1e-30, 0.01, 1.0]),
)
def test_one_pixel_lights_exactly_its_token(frame: int, y: int, x: int, value: float) -> None:
    matte = torch.zeros(FRAMES, HEIGHT, WIDTH)
    matte[frame, y, x] = value
    rows = token_rows(matte)
    assert rows.dtype == torch.bool
    assert rows.shape == (3 * 2 * 3,)
    expected = (latent_of(frame) * 2 + y // 16) * 3 + x // 16
    assert rows.nonzero().flatten().tolist() == [expected]


def test_frames_fall_into_causal_groups() -> None:
    groups = []
    for frame in range(13):
        matte = torch.zeros(13, 16, 16)
        matte[frame] = 1
        groups += token_rows(matte).nonzero().flatten().tolist()
    assert groups == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def random_matte(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    matte = torch.rand(FRAMES, HEIGHT, WIDTH, generator=generator)
    # whole tiles empty or full beside soft ones
    tiles = torch.rand(FRAMES, 2, 3, generator=generator)
    grown = tiles.repeat_interleave(16, 1).repeat_interleave(16, 2)
    matte = torch.where(grown < 0.4, torch.zeros(()), matte)
    return torch.where(grown > 0.8, torch.ones(()), matte)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), theta=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]))
def test_threshold_equals_a_loop_over_tokens(seed: int, theta: float) -> None:
    matte = random_matte(seed)
    expected = []
    for frames in ([0], [1, 2, 3, 4], [5, 6, 7, 8]):
        for top in (0, 16):
            for left in (0, 16, 32):
                block = matte[frames, top : top + 16, left : left + 16].double()
                share = float(block.sum()) / block.numel()
                expected.append(share > theta or share == 1)
    assert token_rows(matte, theta=theta).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    theta=st.floats(0, 1),
    less=st.floats(0, 1),
)
def test_more_matte_and_a_lower_threshold_never_lose_tokens(
    seed: int, theta: float, less: float
) -> None:
    matte = random_matte(seed)
    rows = token_rows(matte, theta=theta)
    grown = torch.maximum(matte, random_matte(seed + 1))
    assert bool((token_rows(grown, theta=theta) | ~rows).all())
    assert bool((token_rows(matte, theta=theta * less) | ~rows).all())


def test_empty_and_full_mattes() -> None:
    matte = torch.zeros(FRAMES, HEIGHT, WIDTH)
    for theta in (0.0, 0.5, 1.0):
        assert not token_rows(matte, theta=theta).any()
        assert token_rows(matte + 1, theta=theta).all()
    assert token_rows(torch.ones(1, 16, 16)).tolist() == [True]
    assert token_rows(torch.ones(1, 16, 16), theta=0.5).tolist() == [True]


def test_other_strides() -> None:
    matte = torch.zeros(5, 64, 64)
    matte[3, 40, 10] = 1
    rows = token_rows(matte, spatial=16)  # the VAE of TI2V-5B: one token is 32 x 32
    assert rows.nonzero().flatten().tolist() == [4 + 2 * 1 + 0]
    rows = token_rows(torch.ones(3, 16, 16), temporal=2)
    assert rows.shape == (2,)


@pytest.mark.parametrize(
    ("matte", "options"),
    [
        (torch.zeros(8, 32, 32), {}),
        (torch.zeros(9, 40, 32), {}),
        (torch.zeros(9, 32, 40), {}),
        (torch.zeros(9, 0, 32), {}),
        (torch.full((9, 32, 32), 1.1), {}),
        (torch.full((9, 32, 32), -0.1), {}),
        (torch.full((9, 32, 32), float("nan")), {}),
        (torch.zeros(9, 32, 32), {"theta": 1.1}),
        (torch.zeros(9, 32, 32), {"theta": -0.1}),
    ],
)
def test_misfits_are_refused(matte: Tensor, options: dict[str, float]) -> None:
    with pytest.raises(RangeError):
        token_rows(matte, **options)  # type: ignore[arg-type]
