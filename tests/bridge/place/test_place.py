"""Placing: what Resolve answers is no proof, and whatever fails leaves the timeline as it was."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolve_bridge.append import append_counts
from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.link import ModalError
from resolve_bridge.errors.placing import (
    ImportRefusedError,
    NoRecipeError,
    PlaceUnconfirmedError,
    ResultFileError,
    TakeKindError,
    TakeLengthError,
    TrackLockedError,
    UndoChangedError,
)
from resolve_bridge.errors.shot import HostChangedError, ProjectChangedError
from resolve_bridge.extract import Look
from resolve_bridge.placement import Delivery, Result
from resolve_bridge.tracks import inserted_at
from tests.bridge.host.links import direct_link
from tests.bridge.journey.editing import result_of
from tests.doubles.resolve import Double, Faults, difference, model


def scene(
    tmp: Path,
    version: str = "21.1",
    *,
    edition: str = "free",
    rate: str = "24",
    clip_rate: str = "24",
    **options: Any,
) -> tuple[Double, Any, Any]:
    double = Double(edition, version, home=tmp / "home", speed=25.0, **options)
    film = double.build("Film", rate=rate, size=(64, 36))
    clip = film.video("A001.mov", frames_count=60, rate=clip_rate)
    cut = film.timeline("Cut", start="01:00:00:00", video=2)
    item = cut.put(clip, at=10, left=5, frames_count=12)
    cut.put(clip, at=30, left=5, frames_count=12)
    cut.playhead(12)
    return double, cut, item


def changed(before: dict[str, Any], double: Double) -> list[str]:
    return [
        line
        for line in difference(before, double.state())
        if not line.startswith(("prefs", "data")) and ".saves:" not in line
    ]


def edited(link: Any, tmp: Path, delivery: Delivery = Delivery.PATCH, **options: Any) -> Any:
    shot = link.host.shot()
    return shot, result_of(link.host.extract(shot), tmp / "takes", delivery, **options)


# Parts of a shot --------------------------------------------------------------------------------


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


# Lies of AppendToTimeline -----------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["items", "empty", "none_item", "fewer", "more"])
def test_the_answer_of_append_is_no_proof(answer: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(append_result=answer))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        assert link.host.shot(item_id=placed.item_id).start == shot.start


@pytest.mark.parametrize("mode", ["drop", "slide", "phantom"])
def test_a_busy_span_gets_a_track_of_its_own(mode: str, tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path, faults=Faults(append=mode))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        first = link.host.place(shot, result)
        other = dataclasses.replace(result, key="another")
        second = link.host.place(shot, other)
        assert (first.track, second.track) == (2, 2), "each directly above the shot"
        assert second.track_made
        link.host.undo(second)
        link.host.undo(first)
    assert changed(before, double) == []
    assert cut is not None


@pytest.mark.parametrize("deliveries", [("patch", "patch"), ("frame", "take"), ("take", "patch")])
@pytest.mark.parametrize("first_out", [0, 1])
def test_whoever_is_undone_last_takes_track_and_bin_along(
    deliveries: tuple[str, str], first_out: int, tmp_path: Path
) -> None:
    """Two shots share the track and the bin that the first placing had to make."""
    double, cut, item = scene(tmp_path)
    other = next(each for each in cut.timeline.tracks["video"][0].items if each is not item)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        placed = []
        for seed, target in enumerate((item, other)):
            _, result = edited(link, tmp_path, Delivery(deliveries[seed]), seed=seed)
            placed.append(link.host.place(link.host.shot(item_id=target.id), result))
        link.host.undo(placed[first_out])
        assert changed(before, double) != []
        link.host.undo(placed[1 - first_out])
    assert changed(before, double) == []


def test_a_bin_and_a_track_of_that_name_that_were_there_stay(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    film = double.project
    film.root.folders.append(model.Folder(double.ids.new(), "FlowAnchor"))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        first = link.host.place(shot, result)
        second = link.host.place(shot, dataclasses.replace(result, key="another"))
        link.host.undo(first)
        link.host.undo(second)
    assert changed(before, double) == []


@pytest.mark.parametrize("mode", ["drop", "slide", "phantom"])
def test_something_that_gets_in_the_way_is_noticed(mode: str, tmp_path: Path) -> None:
    """A person drops a clip on the span between looking and appending."""
    double, cut, _item = scene(tmp_path, faults=Faults(append=mode))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)

        def intrude(double: Double) -> None:
            assert double.timeline is not None
            tracks = double.timeline.tracks["video"]
            number = next(n for n, track in enumerate(tracks, 1) if track.name == "FlowAnchor")
            cut.put(double.project.all_media()[0], at=14, frames_count=2, track=number)

        double.on("MediaPool.AppendToTimeline", intrude)
        with pytest.raises(PlaceUnconfirmedError):
            link.host.place(shot, result)
    assert double.timeline is not None
    ours = [i for t in double.timeline.tracks["video"] for i in t.items if "take" in i.name]
    assert ours == [], "nothing of ours stays"
    names = [folder.name for folder in double.project.root.folders]
    assert "FlowAnchor" not in names


def test_a_placement_that_vanishes_at_the_save_is_noticed(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)

    def vanish(double: Double) -> None:
        assert double.timeline is not None
        for track in double.timeline.tracks["video"]:
            track.items = [
                i for i in track.items if "red jacket" not in i.name and "take" not in i.name
            ]

    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on("ProjectManager.SaveProject", vanish, after=True)
        with pytest.raises(PlaceUnconfirmedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize(
    ("timeline", "clip"),
    [("24", "25"), ("25", "24"), ("23.976", "24"), ("24", "23.976"), ("29.97 DF", "24"),
     ("24", "30"), ("25", "50"), ("50", "25"), ("59.94 DF", "23.976"), ("24", "59.94")],
)  # fmt: skip
@pytest.mark.parametrize("short", [True, False])
def test_mixed_rates_fill_the_shot(timeline: str, clip: str, short: bool, tmp_path: Path) -> None:
    faults = Faults(append_short=short)
    double, _cut, item = scene(tmp_path, rate=timeline, clip_rate=clip, faults=faults)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        assert shot.frames == 12
        placed = link.host.place(shot, result)
        found = double.timeline.tracks["video"][1].items[0]  # type: ignore[union-attr]
        length = placed.stop - placed.start
        assert (found.start, found.duration) == (item.start, length)
        assert length == 12 or (length == 11 and "one_short" in placed.notes)
        if Fraction(shot.media.rate) >= shot.timeline.rate:
            assert length == 12


@given(
    wanted=st.integers(1, 500),
    source=st.fractions(Fraction(10), Fraction(120), max_denominator=1001),
    timeline=st.fractions(Fraction(10), Fraction(120), max_denominator=1001),
)
def test_append_counts_never_cover_the_next_clip(
    wanted: int, source: Fraction, timeline: Fraction
) -> None:
    frames = math.ceil(wanted * source / timeline)
    counts = append_counts(frames, source, timeline, wanted)
    assume(counts)
    lengths = [math.floor(count * timeline / source) for count in counts]
    assert all(length <= wanted for length in lengths)
    if source >= timeline:
        assert lengths[0] == wanted


marks = st.lists(
    st.tuples(st.sampled_from(["Video 1", "Video 2", "Titles"]), st.booleans(), st.booleans(),
              st.sampled_from([(), ("a",), ("b", "c")])),
    min_size=1, max_size=5,
)  # fmt: skip


@given(marks, st.integers(0, 5), st.integers(0, 5))
def test_an_inserted_track_is_found_or_equal(before: Any, at: int, wanted: int) -> None:
    at = min(at, len(before))
    after = [*before[:at], ("New", True, False, ()), *before[at:]]
    found = inserted_at(before, after, wanted=wanted)
    assert found is not None
    assert after[:found] + after[found + 1 :] == before


def test_a_track_with_clips_is_never_taken_for_ours() -> None:
    before = [("Video 1", True, False, ("a",))]
    assert inserted_at(before, [*before, ("Video 2", True, False, ("b",))], wanted=1) is None
    assert inserted_at(before, [*before, ("Video 2", True, False, ())], wanted=1) == 1


# The shot, the project, the person --------------------------------------------------------------


def test_a_moved_shot_is_not_placed_on(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        item.start += 3
        before = double.state()
        with pytest.raises(HostChangedError) as caught:
            link.host.place(shot, result)
        assert caught.value.hint == ("place_new_position", "keep_in_list")
        assert changed(before, double) == []
        again = link.host.shot(item_id=item.id)
        assert link.host.place(again, result).start == again.start


@pytest.mark.parametrize("when", ["before", "ImportMedia", "AppendToTimeline"])
def test_a_deleted_shot_is_said_and_nothing_stays(when: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        if when == "before":
            double.delete_item(item)
        else:
            double.on(f"MediaPool.{when}", lambda d: d.delete_item(item))
        with pytest.raises(HostChangedError):
            link.host.place(shot, result)
    assert [folder.name for folder in double.project.root.folders] == []
    assert len(double.timeline.tracks["video"]) == 2  # type: ignore[union-attr]


def test_another_project_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.switch_project("Other")
        double.project.timelines.append(double.new_timeline(double.project, "T"))
        double.project.current = double.project.timelines[0].id
        with pytest.raises(ProjectChangedError, match="Film"):
            link.host.place(shot, result)


def test_a_project_switched_in_the_middle_is_tidied_when_it_is_open_again(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()

    def switch(double: Double) -> None:
        double.switch_project("Other")
        double.project.timelines.append(double.new_timeline(double.project, "T"))
        double.project.current = double.project.timelines[0].id

    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on("MediaPool.ImportMedia", switch, after=True)
        with pytest.raises(BridgeError):
            link.host.place(shot, result)
        double.switch_project("Film")
        assert link.host.connect().recovered
    assert [line for line in changed(before, double) if "Other" not in line] == []


def test_a_dead_resolve_is_tidied_at_the_next_start(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    for method in (
        "MediaPool.AddSubFolder",
        "MediaPool.ImportMedia",
        "Timeline.AddTrack",
        "Timeline.SetTrackName",
        "MediaPool.AppendToTimeline",
        "TimelineItem.AddMarker",
    ):
        with direct_link(double, tmp_path) as link:
            shot, result = edited(link, tmp_path)
            double.on(method, lambda d: d.die(), after=True)
            with pytest.raises(BridgeError):
                link.host.place(shot, result)
        double.dead = False
        with direct_link(double, tmp_path):
            assert changed(before, double) == [], method


def test_a_dialog_while_placing_is_named_and_tidied(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on("MediaPool.AppendToTimeline", lambda d: setattr(d, "modal", "x"), after=True)
        with pytest.raises(ModalError):
            link.host.place(shot, result)
        double.dismiss()
        assert link.host.connect().recovered
    assert changed(before, double) == []


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ResultFileError):
            link.host.place(shot, dataclasses.replace(result, path=str(tmp_path / "no.mov")))
    assert changed(before, double) == []


def test_a_refused_import_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(import_nothing=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ImportRefusedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize("name", ["ünïcode dir", "with space", "日本語"])
def test_any_folder_name_comes_through(name: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / name, Delivery.PATCH)
        placed = link.host.place(shot, result)
        assert link.host.place(shot, result) == placed


@pytest.mark.parametrize("known", ["empty", "same", "new"])
def test_a_file_that_is_already_in_our_bin_is_used(known: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(reimport=known))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        first = link.host.place(shot, result)
        second = link.host.place(shot, dataclasses.replace(result, key="again"))
        assert second.media_id == first.media_id
        assert sum("take" in media.name for media in double.project.all_media()) == 1
        link.host.undo(second)
        assert link.host.shot(item_id=first.item_id).name == result.name
        link.host.undo(first)
    assert item.start == 86410
    assert all("take" not in media.name for media in double.project.all_media())


# Undo -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["edit", "color", "media", "fusion", "deliver"])
@pytest.mark.parametrize("refusals", [0, 1])
def test_undo_works_from_every_page(page: str, refusals: int, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    double.page = page
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        assert double.page == page
        double.faults.delete_clips_refusals = refusals
        link.host.undo(placed)
    assert changed(before, double) == []


def test_undo_does_not_guess(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        clip = double.timeline.tracks["video"][1].items[0]  # type: ignore[union-attr]
        clip.start += 2
        before = double.state()
        with pytest.raises(UndoChangedError):
            link.host.undo(placed)
        assert changed(before, double) == []


def test_undo_keeps_a_track_that_others_use(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        media = double.project.all_media()[0]
        mine = cut.put(media, at=80, frames_count=4, track=placed.track)
        link.host.undo(placed)
    track = double.timeline.tracks["video"][placed.track - 1]  # type: ignore[union-attr]
    assert [item.id for item in track.items] == [mine.id]


def test_undo_of_a_locked_track_is_said(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        cut.lock_track(placed.track)
        with pytest.raises(TrackLockedError):
            link.host.undo(placed)


@pytest.mark.parametrize("usage", ["counted", "late", "empty"])
def test_undo_keeps_media_that_others_use(usage: str, tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path, faults=Faults(usage=usage))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        media = next(m for m in double.project.all_media() if m.id == placed.media_id)
        other = cut.put(media, at=100, frames_count=4)
        link.host.undo(placed)
    assert media in double.project.all_media()
    assert other in double.timeline.all_items()  # type: ignore[union-attr]


# Takes ------------------------------------------------------------------------------------------


def test_a_take_of_another_length_is_refused(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        with pytest.raises(TakeLengthError, match="11 frames"):
            link.host.place(shot, dataclasses.replace(result, frames=11))
    assert changed(before, double) == []


def test_a_take_that_was_not_applied_is_noticed(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(take_not_applied=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        with pytest.raises(PlaceUnconfirmedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize("selection", ["new", "old"])
def test_the_new_take_is_the_one_shown(selection: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(take_selection=selection))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        first = link.host.place(shot, result)
        assert item.take == 2
        second = link.host.place(
            shot, dataclasses.replace(result, key="other", path=_copy(result.path))
        )
        assert (item.take, len(item.takes)) == (3, 3)
        link.host.undo(second)
        assert (item.take, len(item.takes)) == (2, 2)
        link.host.undo(first)
    assert changed(before, double) == []


def _copy(path: str) -> str:
    other = Path(path).with_name("other.mov")
    other.write_bytes(Path(path).read_bytes())
    return str(other)


def test_a_locked_track_takes_no_take(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        cut.lock_track(1)
        with pytest.raises(TrackLockedError):
            link.host.place(shot, result)


def test_a_title_has_no_takes(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    title = cut.title("Text", at=60, frames_count=12)
    with direct_link(double, tmp_path) as link:
        _shot, result = edited(link, tmp_path, Delivery.TAKE)
        with pytest.raises(TakeKindError):
            link.host.place(link.host.shot(item_id=title.id), result)


# Bookkeeping ------------------------------------------------------------------------------------


def test_occupied_marker_frames_are_stepped_over(tmp_path: Path) -> None:
    double, cut, item = scene(tmp_path)
    double.proxy(item).AddMarker(0, "Blue", "mine", "", 1, "")
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        placed = link.host.place(shot, result)
        assert placed.marker_frame == 1
        link.host.undo(placed)
    assert list(item.markers) == [0]
    assert cut is not None


def test_a_foreign_clip_carries_no_recipe(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    double.proxy(item).AddMarker(0, "Blue", "x", "", 1, '{"flowanchor": {"placement": 1}}')
    with direct_link(double, tmp_path) as link, pytest.raises(NoRecipeError):
        link.host.recipe(link.host.shot())


def test_the_playhead_sees_through_our_patch(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        link.host.place(shot, result)
        assert link.host.shot().item_id == item.id


def test_colour_interpretation_follows_the_source(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    item.media.props.update({"Data Level": "Full", "Input Color Space": "ARRI LogC3"})
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
    media = next(m for m in double.project.all_media() if m.id == placed.media_id)
    assert media.props["Data Level"] == "Full"
    assert media.props["Input Color Space"] == "ARRI LogC3"
    assert placed.notes == ()


def test_an_untitled_project_is_never_saved(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    double.project.name = double.current = "Untitled Project"
    double.projects = [double.projects[-1]]
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        link.host.place(shot, result)
    assert double.calls.of("ProjectManager.SaveProject") == []


def test_a_still_fills_its_span(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    media = double.project
    del media
    film = double.build("Stills", rate="24", size=(64, 36))
    cut = film.timeline("Cut", start="01:00:00:00", video=1)
    item = cut.put(film.still("still.png"), at=0, frames_count=20)
    cut.playhead(2)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        assert shot.item_id == item.id
        assert (shot.source_start, shot.source_stop, shot.frame_count) == (0, 1, 1)
        extract = link.host.extract(shot)
        copy = tmp_path / "take.png"
        copy.write_bytes(Path(extract.path).read_bytes())
        result = result_like(copy, shot)
        placed = link.host.place(shot, result)
        assert placed.stop - placed.start == 20
        link.host.undo(placed)
    assert changed(before, double) == []


def result_like(path: Path, shot: Any) -> Any:
    from resolve_bridge.extract import Look
    from resolve_bridge.placement import Result

    return Result(
        path=str(path),
        frames=1,
        rate=shot.timeline.rate,
        delivery=Delivery.FRAME,
        key="still",
        name="still",
        recipe="{}",
        grade=Look.COPY,
        transform=Look.COPY,
    )
