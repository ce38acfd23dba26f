"""Behaviours 24-31: importing, appending, timelines, takes, labels, properties."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.doubles.resolve import clips


@pytest.fixture
def result(scene, tmp_path):
    """Give an imported result clip of 24 frames."""
    path = clips.write_counted(tmp_path / "result.mov", 24, codec="ProRes4444", alpha=True)
    return scene.pool.ImportMedia([str(path)])[0]


def info(media, **fields):
    whole = {"startFrame": 0, "endFrame": 24, "mediaType": 1, "trackIndex": 2}
    return {"mediaPoolItem": media, "recordFrame": 86410} | whole | fields


def names(scene, kind, track):
    return [item.GetName() for item in scene.timeline.GetItemListInTrack(kind, track)]


# 24 -----------------------------------------------------------------------------------------------
def test_24_import_goes_into_the_current_folder_and_takes_what_decodes(scene, tmp_path):
    good = clips.write_counted(tmp_path / "good.mov", 5)
    broken = tmp_path / "broken.mov"
    broken.write_bytes(good.read_bytes()[:200])
    assert scene.pool.ImportMedia([str(tmp_path / "missing.mov")]) == []
    assert scene.pool.ImportMedia([str(broken)]) == []
    folder = scene.pool.AddSubFolder(scene.pool.GetRootFolder(), "FlowAnchor")
    scene.pool.SetCurrentFolder(folder)
    assert [m.GetName() for m in scene.pool.ImportMedia([str(good)])] == ["good.mov"]
    assert [m.GetName() for m in folder.GetClipList()] == ["good.mov"]


def test_24_numbered_stills_become_one_item_with_a_label_for_a_path(scene, tmp_path):
    for number in range(1, 5):
        clips.write_still(tmp_path / f"f_{number:04d}.png", clips.counted(number, (64, 36)))
    pattern = {"FilePath": str(tmp_path / "f_%04d.png"), "StartIndex": 1, "EndIndex": 4}
    media = scene.pool.ImportMedia([pattern])[0]
    assert media.GetName() == "f_[0001-0004].png"
    assert media.GetClipProperty("Type") == "Video"
    assert media.GetClipProperty("Frames") == "4"
    assert media.GetClipProperty("File Path") == str(tmp_path / "f_[0001-0004].png")
    assert scene.pool.ImportMedia([pattern | {"EndIndex": 5}]) == []
    still = scene.pool.ImportMedia([str(tmp_path / "f_0002.png")])[0]
    assert still.GetClipProperty("Type") == "Still"
    assert still.GetClipProperty("Frames") == "1"


def _pictures(folder, count, first=1, ext="png", alpha=False):
    for number in range(first, first + count):
        picture = clips.counted(number, (64, 36), alpha=alpha)
        clips.write_still(folder / f"f_{number:04d}.{ext}", picture)
    return {
        "FilePath": str(folder / f"f_%04d.{ext}"),
        "StartIndex": first,
        "EndIndex": first + count - 1,
    }


def test_24_a_gap_ends_a_sequence_and_a_dict_means_numbered_files_alone(scene, tmp_path):
    pattern = _pictures(tmp_path, 5, first=98)
    (tmp_path / "f_0100.png").unlink()
    assert scene.pool.ImportMedia([pattern]) == []
    paths = [str(path) for path in sorted(tmp_path.glob("f_*.png"))]
    names = [media.GetName() for media in scene.pool.ImportMedia(paths)]
    assert names == ["f_[0098-0099].png", "f_[0101-0102].png"]
    assert scene.pool.ImportMedia([{"FilePath": paths[0]}]) == []
    assert scene.pool.ImportMedia([{"FilePath": "100 %.png", "StartIndex": 0}]) == []


def test_24_some_take_paths_alone_and_some_split_what_they_take(scene, tmp_path):
    pattern = _pictures(tmp_path, 3)
    paths = [str(path) for path in sorted(tmp_path.glob("f_*.png"))]
    scene.faults.import_dicts = False
    assert scene.pool.ImportMedia([pattern]) == []
    scene.faults.import_dicts, scene.faults.individual_frames = True, True
    for items in ([pattern], paths):
        scene.faults.reimport = "new"
        types = [media.GetClipProperty("Type") for media in scene.pool.ImportMedia(items)]
        assert types == ["Still"] * 3


def test_24_a_sequence_plays_at_the_projects_rate_until_another_is_set(scene, tmp_path):
    media = scene.pool.ImportMedia([_pictures(tmp_path, 6, first=1001)])[0]
    assert media.GetClipProperty("FPS") == "24"
    assert media.GetClipProperty("Start") == "1001"
    assert not media.SetClipProperty("FPS", "31")
    assert not media.SetClipProperty("FPS", 25)
    assert media.SetClipProperty("FPS", "25")
    assert media.GetClipProperty("FPS") == "25"
    scene.faults.fps_number = True
    assert media.GetClipProperty("FPS") == 25.0
    scene.faults.fps_number = False
    scene.faults.fps = "ignored"
    assert media.SetClipProperty("FPS", "24")
    assert media.GetClipProperty("FPS") == "25"
    scene.faults.fps = "works"
    clip = {"startFrame": 0, "endFrame": 6, "mediaType": 1, "trackIndex": 2, "recordFrame": 86500}
    item = scene.pool.AppendToTimeline([clip | {"mediaPoolItem": media}])[0]
    assert item.GetDuration() == 5, "25 frames a second on a timeline of 24"
    assert not media.SetClipProperty("FPS", "24"), "it is in use"
    assert item.GetLeftOffset() == 0
    scene.faults.left_offset = "absolute"
    assert item.GetLeftOffset() == 1001


def test_24_pictures_in_openexr_are_taken_for_premultiplied(scene, tmp_path):
    pattern = _pictures(tmp_path, 2, alpha=True)
    assert scene.pool.ImportMedia([pattern])[0].GetClipProperty("Alpha mode") == "Straight"
    scene.double.project.all_media()[-1].path = "f.exr"
    scene.double.project.all_media()[-1].alpha = True
    media = scene.double.proxy(scene.double.project.all_media()[-1])
    assert media.GetClipProperty("Alpha mode") == "Premultiplied"


@pytest.mark.parametrize(("mode", "count"), [("empty", 0), ("same", 1), ("new", 1)])
def test_24_a_known_path_again(scene, mode, count):
    scene.faults.reimport = mode
    path = scene.double.proxy(scene.media).GetClipProperty("File Path")
    again = scene.pool.ImportMedia([path])
    assert len(again) == count
    total = len(scene.pool.GetRootFolder().GetClipList())
    assert total == (3 if mode == "new" else 2)  # the clip, the timeline, perhaps the twin


def test_25_a_folder_of_a_taken_name_is_none(scene):
    root = scene.pool.GetRootFolder()
    made = scene.pool.AddSubFolder(root, "FlowAnchor")
    assert made.GetName() == "FlowAnchor"
    assert scene.pool.AddSubFolder(root, "FlowAnchor") is None
    assert scene.pool.GetCurrentFolder().GetName() == "FlowAnchor"


def test_25_a_timeline_of_clips_wants_their_folder_and_ignores_tracks(scene):
    media = scene.double.proxy(scene.media)
    scene.pool.AddSubFolder(scene.pool.GetRootFolder(), "Elsewhere")
    assert scene.pool.CreateTimelineFromClips("New", [info(media)]) is None
    scene.pool.SetCurrentFolder(scene.pool.GetRootFolder())
    made = scene.pool.CreateTimelineFromClips("New", [info(media, trackIndex=3)])
    assert made.GetTrackCount("video") == 1
    assert len(made.GetItemListInTrack("video", 1)) == 1


# 26 -----------------------------------------------------------------------------------------------
def test_26_the_end_frame_is_exclusive_and_places_are_absolute(scene, result):
    placed = scene.pool.AppendToTimeline([info(result, startFrame=4, endFrame=20)])[0]
    assert placed.GetDuration() == 16
    assert placed.GetStart() == 86410
    assert placed.GetLeftOffset() == 4
    assert placed.GetTrackTypeAndIndex() == ["video", 2]


@pytest.mark.parametrize("mode", ["drop", "slide", "phantom"])
def test_26_an_overlap_never_overwrites(scene, result, mode):
    scene.faults.append = mode
    before = names(scene, "video", 1)
    answer = scene.pool.AppendToTimeline([info(result, trackIndex=1, recordFrame=86420)])
    assert names(scene, "video", 1)[: len(before)] == before
    if mode == "drop":
        assert answer == []
    if mode == "slide":
        assert answer[0].GetStart() == 86434
    if mode == "phantom":
        assert answer[0].GetStart() is None
        assert answer[0].GetUniqueId() is None
    assert len(names(scene, "video", 1)) == (2 if mode == "slide" else 1)


@pytest.mark.parametrize(
    ("mode", "length"),
    [("empty", 0), ("none_item", 1), ("empty_ids", 2), ("fewer", 1), ("more", 3)],
)
def test_26_the_answer_is_no_proof(scene, result, mode, length):
    scene.faults.append_result = mode
    answer = scene.pool.AppendToTimeline([info(result), info(result, recordFrame=86500)])
    assert len(answer) == length
    assert names(scene, "video", 2) == ["result.mov", "result.mov"]
    if mode == "none_item":
        assert answer == [None]
    if mode == "empty_ids":
        assert {item.GetUniqueId() for item in answer} == {""}


def test_26_without_a_media_type_a_track_index_is_reported_and_dropped(scene, result):
    entry = info(result)
    del entry["mediaType"]
    answer = scene.pool.AppendToTimeline([entry])
    assert len(answer) == 1
    assert answer[0].GetStart() is None
    assert names(scene, "video", 2) == []


def test_26_the_next_track_is_made_and_one_beyond_vanishes(scene, result):
    scene.pool.AppendToTimeline([info(result, trackIndex=3)])
    assert names(scene, "video", 3) == ["result.mov"]
    answer = scene.pool.AppendToTimeline([info(result, trackIndex=7)])
    assert answer[0].GetStart() is None
    assert scene.timeline.GetTrackCount("video") == 3


def test_26_a_fresh_still_ignores_its_end_until_out_was_written(scene, tmp_path):
    clips.write_still(tmp_path / "s.png", clips.counted(1, (64, 36)))
    still = scene.pool.ImportMedia([str(tmp_path / "s.png")])[0]
    first = scene.pool.AppendToTimeline([info(still, endFrame=10)])[0]
    assert first.GetDuration() == 120
    assert still.SetMarkInOut(0, 9) is True
    second = scene.pool.AppendToTimeline([info(still, endFrame=10, recordFrame=87000)])[0]
    assert second.GetDuration() == 10


def test_26_sound_comes_one_item_per_channel_and_orphans(scene, tmp_path):
    path = clips.write_counted(tmp_path / "av.mov", 24, channels=2)
    media = scene.pool.ImportMedia([str(path)])[0]
    scene.pool.AppendToTimeline([info(media, mediaType=2, trackIndex=1, recordFrame=88000)])
    assert (names(scene, "audio", 1), names(scene, "audio", 2)) == (["av.mov"], ["av.mov"])
    scene.pool.AppendToTimeline([media])
    video = scene.timeline.GetItemListInTrack("video", 1)[-1]
    assert len(names(scene, "audio", 1)) == 2
    assert video.GetLinkedItems() == []


def test_26_an_append_that_lost_something_loses_the_rest_at_the_next_save(scene, result):
    scene.faults.append_vanishes = True
    placed = scene.pool.AppendToTimeline([info(result), info(result)])
    assert len(placed) == 1
    assert names(scene, "video", 2) == ["result.mov"]
    assert scene.resolve.GetProjectManager().SaveProject() is True
    assert names(scene, "video", 2) == []


def test_26_a_locked_track_takes_nothing_and_says_nothing(scene, result):
    scene.cut.lock_track(2)
    assert scene.pool.AppendToTimeline([info(result)]) == []
    assert names(scene, "video", 2) == []


def test_26_at_mixed_rates_lengths_are_floored(scene, tmp_path):
    path = clips.write_counted(tmp_path / "r.mov", 24, rate=Fraction(30000, 1001))
    media = scene.pool.ImportMedia([str(path)])[0]
    assert scene.pool.AppendToTimeline([info(media)])[0].GetDuration() == 19  # 24 * 24 / 29.97
    scene.faults.append_short = False
    exact = scene.pool.AppendToTimeline([info(media, recordFrame=87000, endFrame=23)])[0]
    assert exact.GetDuration() == 18


@pytest.mark.parametrize(("counts", "placed"), [("offset", 1), ("absolute", 0)])
def test_26_what_start_frame_counts_is_unknown_where_start_is_not_zero(scene, counts, placed):
    scene.faults.append_start = counts
    media = scene.double.proxy(scene.film.video("S.mov", start=1001))
    assert media.GetClipProperty("Start") == "1001"
    assert len(scene.pool.AppendToTimeline([info(media)])) == placed


# 27-31 --------------------------------------------------------------------------------------------
def test_27_the_current_timeline_cannot_be_deleted(scene, tmp_path):
    copy = scene.timeline.DuplicateTimeline("Copy")
    assert copy.GetName() == "Copy"
    assert scene.project.GetCurrentTimeline().GetName() == "Copy"
    assert scene.timeline.DuplicateTimeline("Copy") is None
    assert scene.pool.DeleteTimelines([copy]) is False
    scene.project.SetCurrentTimeline(scene.timeline)
    assert scene.pool.DeleteTimelines([copy]) is True
    file = tmp_path / "Cut.fcpxml"
    file.write_text("<fcpxml/>")
    assert scene.pool.ImportTimelineFromFile(str(file), {"timelineName": "Cut"}) is None


def test_28_replacing_a_clip_renames_every_instance(scene, tmp_path):
    twin = scene.double.proxy(scene.cut.put(scene.media, at=200))
    new = clips.write_counted(tmp_path / "new.mov", 48)
    assert scene.double.proxy(scene.media).ReplaceClip(str(new)) is True
    assert (scene.clip.GetName(), twin.GetName()) == ("new.mov", "new.mov")


def test_29_the_placed_clip_is_take_one_and_ranges_are_half_open(scene, result):
    assert scene.clip.GetTakesCount() == 0
    assert scene.clip.AddTake(result, 0, 24) is True
    assert scene.clip.GetTakesCount() == 2
    first = scene.clip.GetTakeByIndex(1)
    assert (first["startFrame"], first["endFrame"]) == (5, 29)
    assert first["mediaPoolItem"].GetUniqueId() == scene.media.id
    assert scene.clip.GetDuration() == 24
    assert scene.clip.AddTake(result, 0, 25) is False


@pytest.mark.parametrize(("mode", "index"), [("new", 2), ("old", 1)])
def test_29_which_take_is_selected_afterwards_is_unspecified(scene, result, mode, index):
    scene.faults.take_selection = mode
    scene.clip.AddTake(result, 0, 24)
    assert scene.clip.GetSelectedTakeIndex() == index
    shown = scene.clip.GetMediaPoolItem().GetName()
    assert shown == ("result.mov" if index == 2 else "A001.mov")


def test_29_a_take_may_be_true_and_not_there(scene, result):
    scene.faults.take_not_applied = True
    assert scene.clip.AddTake(result, 0, 24) is True
    assert scene.clip.GetTakesCount() == 0


def test_29_a_take_of_another_length_ripples(scene, result):
    after = scene.double.proxy(scene.cut.put(scene.media, at=34, frames_count=10))
    scene.clip.AddTake(result, 0, 20)
    assert scene.clip.GetDuration() == 20
    assert after.GetStart() == 86430


def test_29_undoing_a_take_restores_the_item_and_finalizing_destroys(scene, result):
    before = scene.double.state()
    scene.clip.AddTake(result, 0, 24)
    assert scene.clip.SelectTakeByIndex(1) is True
    assert scene.clip.DeleteTakeByIndex(2) is True
    assert scene.double.state() == before
    scene.clip.AddTake(result, 0, 24)
    assert scene.clip.FinalizeTake() is True
    assert scene.clip.GetTakesCount() == 0
    assert scene.clip.GetName() == "result.mov"


def test_30_labels(scene):
    assert scene.clip.SetClipColor("Orange") is True
    assert scene.clip.GetClipColor() == "Orange"
    assert scene.clip.SetClipColor("Red") is False  # a marker colour
    title = scene.double.proxy(scene.cut.title("T", at=100))
    assert title.SetClipColor("Orange") is True
    assert title.GetClipColor() == ""
    assert scene.clip.AddMarker(2, "Blue", "", "", 1, "") is True
    assert scene.clip.AddMarker(2, "Red", "", "", 1, "") is False
    assert scene.clip.AddMarker(3, "Orange", "", "", 1, "") is False  # a clip colour


def test_30_colour_properties_know_their_own_spelling_and_reel_names_are_dropped(scene):
    media = scene.double.proxy(scene.media)
    assert media.SetClipProperty("Input Color Space", "Rec709") is False
    assert media.SetClipProperty("Input Color Space", "Rec.709 Gamma 2.4") is True
    assert media.GetClipProperty("Input Color Space") == "Rec.709 Gamma 2.4"
    assert media.SetClipProperty("Reel Name", "A001") is True
    assert media.GetClipProperty("Reel Name") == ""
    assert media.SetClipProperty("No Such", "x") is False


@pytest.mark.parametrize(("version", "keys"), [("21.0.4", 26), ("21.1", 32)])
def test_31_properties_clip_and_unknown_keys_are_false(make, version, keys):
    scene = make("studio", version)
    assert len(scene.clip.GetProperty()) == keys
    assert scene.clip.SetProperty("ZoomX", 250.0) is True
    assert scene.clip.GetProperty("ZoomX") == 100.0
    assert scene.clip.GetProperty("ZoomY") == 100.0
    assert scene.clip.SetProperty("NoSuch", 1) is False
    assert scene.clip.SetProperty("Speed", 50.0) is (version == "21.1")
    assert scene.clip.SetProperty("Opacity", "50") is False
