"""Laws that hold whatever is asked: no overlap, no crash, undoing gives the state back."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles.resolve import Double, clips

RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return clips.write_counted(tmp_path_factory.mktemp("laws") / "r.mov", 24, channels=2)


def build(path):
    double = Double("free", "21.1")
    film = double.build("Film")
    media = film.file(path)
    cut = film.timeline("Cut", video=2)
    cut.put(media, at=10, frames_count=12)
    project = double.resolve.GetProjectManager().GetCurrentProject()
    return double, cut, project.GetMediaPool(), double.proxy(media)


PLACES = st.lists(
    st.fixed_dictionaries(
        {
            "startFrame": st.integers(-3, 26),
            "endFrame": st.integers(-3, 30),
            "recordFrame": st.integers(86390, 86450),
            "trackIndex": st.integers(-1, 5),
        },
        optional={"mediaType": st.sampled_from([1, 2])},
    ),
    max_size=6,
)


@RELAXED
@given(places=PLACES, mode=st.sampled_from(["drop", "slide", "phantom"]))
def test_whatever_is_appended_nothing_overlaps_and_nothing_moves(result, places, mode):
    double, cut, pool, media = build(result)
    double.faults.append = mode
    old = {item.id: item.start for item in cut.timeline.all_items()}
    pool.AppendToTimeline([{"mediaPoolItem": media, **place} for place in places])
    for tracks in cut.timeline.tracks.values():
        for track in tracks:
            spans = sorted((item.start, item.end) for item in track.items)
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
            assert all(start >= cut.timeline.start < end for start, end in spans)
    now = {item.id: item.start for item in cut.timeline.all_items()}
    assert old.items() <= now.items()


@RELAXED
@given(
    takes=st.lists(st.tuples(st.integers(0, 12), st.integers(12, 24)), min_size=1, max_size=4),
    data=st.data(),
)
def test_deleting_every_added_take_gives_the_state_back(result, takes, data):
    double, cut, _, media = build(result)
    proxy = double.proxy(cut.timeline.tracks["video"][0].items[0])
    before = double.state()
    for start, _end in takes:
        assert proxy.AddTake(media, start, start + 12) is True
    assert proxy.SelectTakeByIndex(1) is True
    for left in range(len(takes), 0, -1):
        assert proxy.DeleteTakeByIndex(data.draw(st.integers(2, left + 1))) is True
    assert double.state() == before


ARGUMENTS = st.lists(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-1, 2) | st.text(max_size=3)
    | st.just([]) | st.just({}),
    max_size=4,
)  # fmt: skip

SAFE = [
    "GetTrackCount", "GetTrackName", "GetItemListInTrack", "GetMarkers", "SetCurrentTimecode",
    "AddMarker", "GetSetting", "SetSetting", "AddTrack", "SetTrackEnable", "GetIsTrackLocked",
    "GetMarkInOut", "SetMarkInOut", "DeleteMarkerAtFrame", "GetMarkerByCustomData",
]  # fmt: skip


@RELAXED
@given(name=st.sampled_from(SAFE), arguments=ARGUMENTS)
def test_no_argument_ever_raises(result, name, arguments):
    double, cut, _, _ = build(result)
    timeline = double.proxy(cut.timeline)
    getattr(timeline, name)(*arguments)


def test_the_whole_state_can_be_written_as_json(result):
    double, cut, _, _ = build(result)
    cut.title("T", at=50, fusion=True)
    assert json.loads(double.state_json())["project"] == "Film"
