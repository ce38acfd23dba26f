"""Behaviours 17-23: selection, the current timeline, pages, deleting, switching tracks."""

from __future__ import annotations

import time


def test_17_selected_clips_from_21_0_4_with_linked_audio_inside(make):
    scene = make("free", "21.0.4", clip={"channels": 2})
    assert scene.timeline.GetSelectedClips() == []
    both = scene.cut.put(scene.media, at=100, linked_audio=True)
    scene.cut.select(both)
    found = scene.timeline.GetSelectedClips()
    assert [clip.GetTrackTypeAndIndex() for clip in found] == [["video", 1], ["audio", 1]]
    assert make("free", "20.3").timeline.GetSelectedClips is None


def test_18_a_timeline_that_is_not_current_lies(scene):
    scene.clip.AddTake(scene.double.proxy(scene.media), 0, 24)
    assert scene.clip.GetTakesCount() == 2
    assert scene.timeline.GetIsTrackEnabled("video", 1) is True
    scene.film.timeline("Other")
    assert scene.clip.GetTakesCount() == 0
    assert scene.clip.GetSelectedTakeIndex() == 0
    assert scene.timeline.GetIsTrackEnabled("video", 1) is False
    assert scene.clip.GetName() == "A001.mov"


def test_19_switching_timelines_moves_the_playhead(scene):
    other = scene.double.proxy(scene.film.timeline("Other").timeline)
    assert scene.project.SetCurrentTimeline(scene.timeline) is True
    assert scene.timeline.GetCurrentTimecode() == "00:59:59:23"
    assert scene.project.SetCurrentTimeline(other) is True


def test_20_transitions_and_titles_are_in_the_list_of_a_track(scene):
    scene.cut.transition(scene.item)
    scene.cut.title("Hello", at=60)
    scene.cut.title("Plus", at=90, fusion=True)
    kinds = scene.timeline.GetItemListInTrack("video", 1)
    by_name = {item.GetName(): item for item in kinds}
    cross = by_name["Cross Dissolve"]
    assert cross.GetProperty() == {}
    assert cross.GetMediaPoolItem() is None
    assert by_name["Hello"].GetMediaPoolItem() is None
    assert by_name["Hello"].GetProperty()["ZoomX"] == 1.0
    comp = by_name["Plus"].GetFusionCompByIndex(1)
    assert comp.FindTool("Template").ID == "TextPlus"
    types = [item.GetType() for item in kinds]
    assert types == ["video", "transition", "generator", "generator"]


def test_21_the_timecode_cannot_be_read_on_media_and_fusion(scene):
    for page in ("Media", "FUSION"):
        assert scene.resolve.OpenPage(page) is True  # any case
        assert scene.timeline.GetCurrentTimecode() is None
    assert scene.resolve.OpenPage("edit") is True
    assert scene.timeline.GetCurrentTimecode() == "01:00:00:00"
    assert scene.resolve.OpenPage("nowhere") is False
    scene.faults.page_none = True
    assert scene.resolve.GetCurrentPage() is None


def test_21_opening_a_page_takes_its_time(scene):
    scene.faults.slow["OpenPage"] = 0.05
    began = time.monotonic()
    scene.resolve.OpenPage("color")
    assert time.monotonic() - began >= 0.05


def test_22_deleting_works_on_the_edit_page_only_and_leaves_linked_audio(make):
    scene = make(clip={"channels": 2})
    both = scene.cut.put(scene.media, at=100, linked_audio=True)
    proxy = scene.double.proxy(both)
    scene.resolve.OpenPage("color")
    assert scene.timeline.DeleteClips([proxy], False) is False
    scene.resolve.OpenPage("edit")
    scene.faults.delete_clips_refusals = 1
    assert scene.timeline.DeleteClips([proxy], False) is False
    assert scene.timeline.DeleteClips([proxy], False) is True
    assert len(scene.timeline.GetItemListInTrack("video", 1)) == 1
    assert len(scene.timeline.GetItemListInTrack("audio", 1)) == 1


def test_23_tracks_are_switched_on_the_current_timeline_only(scene):
    assert scene.timeline.SetTrackEnable("video", 1, False) is True
    assert scene.timeline.GetIsTrackEnabled("video", 1) is False
    scene.film.timeline("Other")
    assert scene.timeline.SetTrackEnable("video", 1, True) is False
    assert scene.cut.timeline.tracks["video"][0].enabled is False


def test_23_some_resolves_switch_tracks_on_the_edit_page_only(scene):
    scene.faults.track_enable = "edit"
    scene.resolve.OpenPage("color")
    assert scene.timeline.SetTrackEnable("video", 1, False) is False
    scene.resolve.OpenPage("edit")
    assert scene.timeline.SetTrackEnable("video", 1, False) is True


def test_a_duplicate_shares_the_media_and_leaves_no_trace_when_deleted(scene):
    scene.cut.grade(scene.item, (0.5, 1, 1))
    before = scene.double.state()
    copy = scene.timeline.DuplicateTimeline("Copy")
    twin = copy.GetItemListInTrack("video", 1)[0]
    assert twin.GetUniqueId() != scene.item.id
    assert twin.GetMediaPoolItem().GetUniqueId() == scene.media.id
    twin.GetNodeGraph().SetNodeEnabled(1, False)
    assert scene.item.nodes[0].enabled
    scene.project.SetCurrentTimeline(scene.timeline)
    scene.timeline.SetCurrentTimecode("01:00:00:00")
    assert scene.pool.DeleteTimelines([copy]) is True
    assert scene.double.state() == before
    assert twin.GetName() is None
    scene.faults.duplicate_current = False
    scene.timeline.DuplicateTimeline("Copy")
    assert scene.project.GetCurrentTimeline().GetName() == "Cut"


def test_tracks_come_with_an_index_from_19_0(make):
    scene = make("free", "19.1")
    assert scene.timeline.AddTrack("video", {"index": 2}) is True
    assert scene.timeline.GetTrackName("video", 2) == "Video 3"
    assert make("free", "18.5").timeline.AddTrack("video", {"index": 2}) is False


def test_the_topmost_item_under_the_playhead_is_the_current_one(scene):
    above = scene.cut.put(scene.media, at=10, frames_count=10, track=2, name="above")
    scene.cut.playhead(12)
    assert scene.timeline.GetCurrentVideoItem().GetName() == "above"
    scene.cut.disable_track(2)
    assert scene.timeline.GetCurrentVideoItem().GetUniqueId() == scene.item.id
    scene.cut.playhead(500)
    assert scene.timeline.GetCurrentVideoItem() is None
    assert above.enabled
