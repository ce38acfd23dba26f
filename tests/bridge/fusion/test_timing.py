"""Comp frames and clip frames, for both ways of counting, trims and handles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.timing import CompClock, comp_clock
from resolve_bridge.fusion.verdict import NotAnalytic, Reason, WayOut


def clock(start: float, end: float, duration: int, **more: object) -> CompClock:
    found = comp_clock(render_start=start, render_end=end, duration=duration, **more)  # type: ignore[arg-type]
    assert isinstance(found, CompClock), found
    return found


@given(st.integers(-500, 5000), st.integers(1, 500), st.integers(0, 300))
def test_modern_and_legacy_clips_both_begin_at_the_render_start(
    default: int, duration: int, left_offset: int
) -> None:
    for start in (default, left_offset):
        found = clock(start, start + duration - 1, duration)
        times = found.times()
        assert len(times) == duration
        assert times[0] == start
        assert times[-1] == start + duration - 1


def test_a_trimmed_legacy_clip_starts_inside_its_source() -> None:
    # A source of 240 frames, cut to 100..147: legacy comps call its first frame 100.
    found = clock(100.0, 147.0, 48, global_range=(0, 239))
    assert found.times(0, 2) == (100.0, 101.0)


def test_handles_are_reached_by_frames_before_and_after_the_clip() -> None:
    found = clock(1001, 1048, 48, global_range=(993, 1056))
    assert found.times(-8, 0)[0] == 993
    assert found.times(48, 56)[-1] == 1056


@pytest.mark.parametrize(
    ("start", "end", "duration", "span"),
    [(None, 10, 11, None), (0, None, 11, None), (0, 10, 10, None), (0, 9, 11, None),
     (0.5, 10.5, 11, None), (0, 10, 11, (5, 99)), (0, 10, 11, (0, 9))],
)  # fmt: skip
def test_a_clock_that_does_not_fit_is_refused_with_ways_out(
    start: float | None, end: float | None, duration: int, span: tuple[float, float] | None
) -> None:
    found = comp_clock(render_start=start, render_end=end, duration=duration, global_range=span)
    assert isinstance(found, NotAnalytic)
    assert found.reason is Reason.TIMING
    assert found.ways_out == (WayOut.SAVER, WayOut.MATTE_FILE)
    assert found.sentence.startswith("The Fusion composition cannot be matched to the clip")


def test_a_clip_without_frames_is_a_coded_error() -> None:
    with pytest.raises(MaskRequestError):
        comp_clock(render_start=0, render_end=0, duration=0)
