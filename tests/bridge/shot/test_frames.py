"""Rates, timecode and records: laws rather than examples."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolve_bridge import records
from resolve_bridge.frames import frames_of, nominal, rate_of, source_frames, timecode_of, whole
from resolve_bridge.kinds import sequence_files
from resolve_bridge.placement import Delivery, Placement
from resolve_bridge.state import State
from resolve_bridge.transaction import Begun

RATES = ["23.976", "24", "25", "29.97", "29.97 DF", "30", "47.952", "48", "50", "59.94", "59.94 DF", "60"]  # fmt: skip  # noqa: E501


@given(st.sampled_from(RATES), st.integers(0, 24 * 3600 * 24 - 1))
def test_timecode_and_frames_are_inverse(text: str, frame: int) -> None:
    found = rate_of(text)
    assert found is not None
    rate, drop = found
    shown = timecode_of(frame, rate, drop=drop)
    assert (";" in shown) == drop
    assert frames_of(shown, rate) == frame


def test_known_timecodes() -> None:
    ntsc = Fraction(30000, 1001)
    assert timecode_of(86400, Fraction(24), drop=False) == "01:00:00:00"
    assert timecode_of(90000, Fraction(25), drop=False) == "01:00:00:00"
    assert timecode_of(108000, ntsc, drop=False) == "01:00:00:00"
    assert timecode_of(107892, ntsc, drop=True) == "01:00:00;00"
    assert timecode_of(1800, ntsc, drop=True) == "00:01:00;02"
    assert frames_of("00:01:00;02", ntsc) == 1800
    assert frames_of("00:10:00;00", ntsc) == 17982


@pytest.mark.parametrize(
    "text", ["", "01:00:00", "00:01:00;00", "00:00:00:30", "00:60:00:00", "aa:00:00:00", "1:2:3:-4"]
)
def test_what_is_no_timecode_is_none(text: str) -> None:
    assert frames_of(text, Fraction(30000, 1001)) is None


def test_rates_are_exact() -> None:
    assert rate_of("23.976") == (Fraction(24000, 1001), False)
    assert rate_of("29.97 DF") == (Fraction(30000, 1001), True)
    assert rate_of("25.0") == (Fraction(25), False)
    assert rate_of("59.940") == (Fraction(60000, 1001), False)
    assert rate_of("12.5") == (Fraction(25, 2), False)
    assert [rate_of(text) for text in ("", "0", "-1", "fast", "1/0", "5000")] == [None] * 6
    assert nominal(Fraction(24000, 1001)) == 24


@given(st.integers(1, 10**6), st.sampled_from(RATES), st.sampled_from(RATES))
def test_source_frames_cover_and_no_more(duration: int, timeline: str, source: str) -> None:
    (tl, _), (src, _) = rate_of(timeline) or (0, 0), rate_of(source) or (0, 0)
    count = source_frames(duration, timeline_rate=tl, source_rate=src)
    assert Fraction(count) / src >= Fraction(duration) / tl > Fraction(count - 1) / src


@given(st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9)))
def test_whole_frames(value: float) -> None:
    assert whole(value) == math.floor(value)
    assert whole(True) is None
    assert (whole("96"), whole(" -3 "), whole("9.5"), whole(None)) == (96, -3, None, None)


def test_sequence_labels() -> None:
    files = sequence_files("/a/plate_[0098-0101].exr")
    assert files is not None
    assert [path.name for path in files] == [f"plate_{n:04d}.exr" for n in range(98, 102)]
    assert sequence_files("/a/plate_0098.exr") is None


placements = st.builds(
    Placement,
    key=st.text(max_size=20), delivery=st.sampled_from(Delivery), project_id=st.text(max_size=9),
    timeline_id=st.text(max_size=9), source_item=st.text(max_size=9), item_id=st.text(max_size=9),
    track=st.integers(1, 99), track_made=st.booleans(), start=st.integers(), stop=st.integers(),
    media_id=st.text(max_size=9), path=st.text(max_size=30),
    notes=st.lists(st.text(max_size=5), max_size=3).map(tuple),
)  # fmt: skip


@given(placements)
def test_records_survive_json_and_unknown_fields(placement: Placement) -> None:
    data = json.loads(json.dumps(records.dump(placement)))
    assert data["schema"] == "flowanchor.Placement.1"
    assert records.load(Placement, {**data, "from_the_future": [1]}) == placement


@pytest.mark.parametrize(
    "data",
    [
        None, [], {}, {"schema": "flowanchor.Shot.1"}, {"schema": "flowanchor.Placement.1"},
        {**records.dump(Placement("k", Delivery.PATCH, "", "", "", "", 1, False, 0, 1, "", "")),
         "track": "one"},
        {**records.dump(Placement("k", Delivery.PATCH, "", "", "", "", 1, False, 0, 1, "", "")),
         "delivery": "carrier pigeon"},
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        records.load(Placement, data)


def test_nested_records_come_back() -> None:
    state = State("p", "t", "edit", "01:00:00:00", None, (), "f", None)
    begun = Begun(state, ("x",), (), ())
    assert records.load(Begun, json.loads(json.dumps(records.dump(begun)))) == begun
