"""Results of a part of a shot lie over its own frames and never beside the shot."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolve_bridge.errors.placing import TakeLengthError
from resolve_bridge.extract import Look
from resolve_bridge.placement import Delivery, Result
from tests.bridge.host.links import direct_link
from tests.bridge.journey.editing import result_of
from tests.bridge.place.scenes import changed, scene


@pytest.mark.parametrize(("clip_rate", "first"), [("24", 3), ("48", 6)])
def test_a_part_of_a_shot_is_placed_over_its_own_frames(
    clip_rate: str, first: int, tmp_path: Path
) -> None:
    double, _cut, _item = scene(tmp_path, clip_rate=clip_rate)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        extract = link.host.extract(shot)
        count = extract.count // 2
        piece = dataclasses.replace(extract, first=extract.first + first, count=count)
        whole = result_of(piece, tmp_path / "takes", Delivery.PATCH)
        result = dataclasses.replace(whole, part=(first, first + count))
        placed = link.host.place(shot, result)
        assert placed.start == shot.start + 3
        assert placed.stop == placed.start + shot.frames // 2
        assert link.host.place(shot, result) == placed  # found again inside the shot
        take = dataclasses.replace(result, delivery=Delivery.TAKE, key="take")
        with pytest.raises(TakeLengthError):
            link.host.place(shot, take)
        link.host.undo(placed)
    assert changed(before, double) == []


@given(
    start=st.integers(0, 2**20),
    frames=st.integers(1, 500),
    rates=st.sampled_from([("24", "24"), ("24", "25"), ("24000/1001", "24"), ("50", "25")]),
    cut=st.tuples(st.integers(0, 499), st.integers(1, 499)),
)
def test_a_part_never_leaves_its_shot(
    start: int, frames: int, rates: tuple[str, str], cut: tuple[int, int]
) -> None:
    source, timeline = map(Fraction, rates)
    count = math.ceil(frames * source / timeline)
    first = cut[0] % count
    part = (first, min(count, first + cut[1]))
    result = _result(source, part)
    at, length = result.lies(start, frames, timeline)
    assume(math.floor(first * timeline / source) < frames)
    assert start <= at < start + frames
    assert length >= 1
    assert at + length <= start + frames
    assert _result(source, None).lies(start, frames, timeline) == (start, frames)


def _result(rate: Fraction, part: tuple[int, int] | None) -> Result:
    return Result("", 1, rate, Delivery.PATCH, "", "", "", Look.COPY, Look.COPY, part)
