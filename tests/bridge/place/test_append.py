"""Appending: what Resolve answers is no proof, so every placement is looked for and counted."""

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
from resolve_bridge.errors.placing import PlaceUnconfirmedError
from resolve_bridge.placement import Delivery
from resolve_bridge.tracks import inserted_at
from tests.bridge.host.links import direct_link
from tests.bridge.place.scenes import changed, edited, scene
from tests.doubles.resolve import Double, Faults, model


@pytest.mark.parametrize("answer", ["items", "empty", "none_item", "fewer", "more"])
def test_the_answer_of_append_is_no_proof(answer: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(append_result=answer))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        assert link.host.shot(item_id=placed.item_id).start == shot.start


@pytest.mark.parametrize("mode", ["drop", "slide", "phantom"])
def test_a_busy_span_gets_a_track_of_its_own(mode: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(append=mode))
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
