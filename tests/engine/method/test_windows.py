"""Windows: even starts, weights that sum to one, no weight on a later window's first latent."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.errors import RangeError
from flowanchor_engine.method.windows import plan_windows


def test_161_frames_take_three_windows() -> None:
    plan = plan_windows(41)
    assert [(window.start, window.stop) for window in plan] == [(0, 21), (10, 31), (20, 41)]


@pytest.mark.parametrize("frames", [1, 5, 20, 21])
def test_a_clip_that_fits_is_one_window(frames: int) -> None:
    (window,) = plan_windows(frames)
    assert (window.start, window.stop, window.frames) == (0, frames, frames)
    assert torch.equal(window.weights, torch.ones(frames, dtype=torch.float64))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), size=st.integers(2, 30), frames=st.integers(1, 300))
def test_plan_covers_the_clip(data: st.DataObject, size: int, frames: int) -> None:
    overlap = data.draw(st.integers(1, size - 1))
    plan = plan_windows(frames, size=size, overlap=overlap)
    if frames > size:
        assert len(plan) == math.ceil((frames - overlap) / (size - overlap))
    assert plan[0].start == 0
    assert plan[-1].stop == frames
    total = torch.zeros(frames, dtype=torch.float64)
    for window in plan:
        assert window.frames == min(size, frames)
        assert window.weights.shape == (window.frames,)
        assert bool((window.weights >= 0).all())
        total[window.start : window.stop] += window.weights
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)
    for earlier, later in itertools.pairwise(plan):
        assert earlier.stop - later.start >= overlap
        assert later.weights[0] == 0
    gaps = [later.start - earlier.start for earlier, later in itertools.pairwise(plan)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_weights_are_triangular() -> None:
    first, second = plan_windows(10, size=7, overlap=4)
    assert (first.start, second.start) == (0, 3)
    # frames 3..6 are shared: 4 3 2 1 against 0 2 3 4
    expected = torch.tensor([1, 1, 1, 1, 3 / 5, 2 / 5, 1 / 5], dtype=torch.float64)
    torch.testing.assert_close(first.weights, expected)
    expected = torch.tensor([0, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1], dtype=torch.float64)
    torch.testing.assert_close(second.weights, expected)


@pytest.mark.parametrize(("frames", "size", "overlap"), [(0, 21, 5), (40, 21, 0), (40, 21, 21)])
def test_impossible_plans_are_refused(frames: int, size: int, overlap: int) -> None:
    with pytest.raises(RangeError):
        plan_windows(frames, size=size, overlap=overlap)
