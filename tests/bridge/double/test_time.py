"""Behaviours 10-16: markers, settings, starts, rates, source frames."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.resolve import Double, frames


def test_10_marker_keys_are_floats_and_marks_omit_what_is_unset(scene):
    assert scene.clip.AddMarker(3, "Blue", "n", "t", 1, "data") is True
    assert scene.clip.GetMarkers() == {
        3.0: {"color": "Blue", "duration": 1.0, "note": "t", "name": "n", "customData": "data"}
    }
    assert isinstance(next(iter(scene.clip.GetMarkers())), float)
    assert scene.timeline.GetMarkInOut() == {}
    scene.cut.marks(0, 10, "video")
    assert scene.timeline.GetMarkInOut() == {"video": {"in": 86400, "out": 86410}}


def test_11_settings_are_strings_and_inert_without_own_settings(scene):
    assert scene.timeline.GetSetting("timelineResolutionWidth") == "128"
    assert scene.timeline.SetSetting("timelineResolutionWidth", 256) is False
    assert scene.timeline.SetSetting("timelineResolutionWidth", "256") is True
    assert scene.timeline.GetSetting("timelineResolutionWidth") == "128"
    assert scene.timeline.SetSetting("useCustomSettings", "1") is True
    assert scene.timeline.SetSetting("timelineResolutionWidth", "256") is True
    assert scene.timeline.GetSetting("timelineResolutionWidth") == "256"
    assert scene.cut.timeline.size == (256, 72)
    assert scene.timeline.SetSetting("noSuchSetting", "1") is False


def test_11_own_settings_leave_drop_frame_alone(make):
    scene = make(rate="29.97 DF")
    assert scene.timeline.SetSetting("useCustomSettings", "1") is True
    assert scene.timeline.GetStartTimecode() == "01:00:00;00"
    empty = scene.double.proxy(scene.film.timeline("Empty").timeline)
    assert empty.SetSetting("useCustomSettings", "1") is True
    assert empty.SetSetting("timelineFrameRate", "25") is True
    assert empty.GetSetting("timelineFrameRate") == "25"
    assert scene.timeline.SetSetting("timelineFrameRate", "25") is False  # not empty


@pytest.mark.parametrize(("rate", "start"), [("24", 86400), ("25", 90000), ("30", 108000)])
def test_12_timelines_start_at_one_hour_and_frames_are_absolute(make, rate, start):
    scene = make(rate=rate)
    assert scene.timeline.GetStartFrame() == start
    assert scene.clip.GetStart() == start + 10
    assert scene.clip.GetEnd() == start + 34
    assert scene.clip.GetDuration() == 24


@pytest.mark.parametrize("rate", ["23.976", "29.97", "59.94", "29.97 DF", "59.94 DF"])
def test_13_rates_are_strings_and_drop_frame_writes_semicolons(tmp_path, rate):
    double = Double("studio", "21.1", home=tmp_path)
    double.build(rate=rate).timeline()
    project = double.resolve.GetProjectManager().GetCurrentProject()
    assert project.GetSetting("timelineFrameRate") == rate.removesuffix(" DF")
    drop = rate.endswith("DF")
    timecode = project.GetCurrentTimeline().GetStartTimecode()
    assert timecode == ("01:00:00;00" if drop else "01:00:00:00")
    assert project.GetSetting("timelineDropFrameTimecode") == ("1" if drop else "0")


@given(st.integers(0, 2_000_000), st.sampled_from(["23.976", "24", "25", "29.97 DF", "59.94 DF"]))
def test_13_timecode_and_frame_are_each_others_inverse(frame, rate):
    assert frames.parse(frames.timecode(frame, rate), rate) == frame


def test_13_drop_frame_skips_the_labels_that_do_not_exist():
    assert frames.timecode(1799, "29.97 DF") == "00:00:59;29"
    assert frames.timecode(1800, "29.97 DF") == "00:01:00;02"
    assert frames.timecode(17982, "29.97 DF") == "00:10:00;00"
    assert frames.parse("01:00:00;00", "29.97 DF") == 107892
    assert frames.exact("23.976") == Fraction(24000, 1001)


def test_14_left_offset_is_exact_and_source_start_slips_at_23_976(make):
    scene = make(rate="23.976")
    slips = set()
    for left in range(20):
        item = scene.cut.put(scene.media, at=100 + 10 * left, left=left, frames_count=5)
        proxy = scene.double.proxy(item)
        assert proxy.GetLeftOffset() == left
        slips.add(proxy.GetSourceStartFrame() - left)
    assert slips == {0, -1}


def test_14_source_end_is_exclusive_at_equal_rates_and_inclusive_at_others(make):
    scene = make()
    assert scene.clip.GetSourceEndFrame() == 29
    other = scene.film.video("B.mov", frames_count=60, rate="30")
    proxy = scene.double.proxy(scene.cut.put(other, at=100, left=0, frames_count=24))
    assert proxy.GetSourceEndFrame() == 29  # 30 source frames, 0 .. 29


def test_14_source_times_are_in_the_medias_own_timecode(make):
    scene = make(clip={"frames_count": 48, "timecode": "10:00:00:00"})
    start, end = scene.clip.GetSourceStartTime(), scene.clip.GetSourceEndTime()
    assert start == pytest.approx(36000 + 5 / 24)
    assert end - start == pytest.approx(1.0)


def test_15_reversed_runs_backwards_and_unknown_sources_read_zero(scene):
    back = scene.double.proxy(
        scene.cut.put(scene.media, at=100, left=40, frames_count=20, speed=-1)
    )
    assert back.GetSourceStartFrame() > back.GetSourceEndFrame()
    blind = scene.double.proxy(
        scene.cut.put(scene.media, at=200, left=4, frames_count=9, source_unknown=True)
    )
    assert (blind.GetSourceStartFrame(), blind.GetSourceEndFrame()) == (0, 0)


def test_15_the_left_offset_of_a_retimed_clip_is_something_else(scene):
    fast = scene.double.proxy(scene.cut.put(scene.media, at=100, left=10, frames_count=9, speed=2))
    assert fast.GetLeftOffset() == 5
    assert fast.GetSourceStartFrame() == 10
    ramp = scene.cut.put(scene.media, at=200, left=10, frames_count=9, ramp=True, speed=2)
    proxy = scene.double.proxy(ramp)
    assert abs(proxy.GetLeftOffset() - proxy.GetSourceStartFrame()) > 1


def test_16_subframes_are_floats_only_when_asked_and_from_19_0(make):
    scene = make()
    item = scene.cut.put(scene.media, at=Fraction(201, 2), frames_count=Fraction(41, 4), left=0)
    proxy = scene.double.proxy(item)
    assert (proxy.GetStart(), proxy.GetDuration()) == (86500, 10)
    assert (proxy.GetStart(True), proxy.GetDuration(True)) == (86500.5, 10.25)
    old = make("studio", "18.5")
    item = old.cut.put(old.media, at=Fraction(201, 2), frames_count=9)
    assert old.double.proxy(item).GetStart(True) == 86500
    assert old.clip.GetSourceStartFrame is None
