"""Results that are folders of pictures: whole, one clip in the pool, right rate, right start."""

from __future__ import annotations

import dataclasses
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge import records
from resolve_bridge.errors.base import BridgeError, HostError
from resolve_bridge.errors.placing import (
    ImportRateError,
    ImportRefusedError,
    ImportSplitError,
    PlaceUnconfirmedError,
    ResultFileError,
    ResultPicturesError,
    UndoChangedError,
)
from resolve_bridge.extract import Look
from resolve_bridge.footage import Footage, footage_of, shows
from resolve_bridge.frames import rate_of, spelled
from resolve_bridge.kinds import sequence_files
from resolve_bridge.placement import Delivery, Placement
from resolve_bridge.shot import ItemKind
from resolve_bridge.standalone import StandaloneHost
from tests.bridge.host.links import agent_link, direct_link, roads, studio_link
from tests.bridge.journey.editing import negate_to_pictures, result_of
from tests.bridge.place.test_place import changed, scene
from tests.doubles.resolve import Double, Faults, clips, frames, picture, source

FITS = [
    ("png", Delivery.PATCH),
    ("png", Delivery.FRAME),
    ("png", Delivery.TAKE),
    ("exr", Delivery.FRAME),
    ("exr", Delivery.TAKE),
    ("dpx", Delivery.FRAME),
]
SIZE = (64, 36)


def edited(
    link: Any,
    tmp: Path,
    delivery: Delivery = Delivery.PATCH,
    *,
    ending: str = "png",
    first: int = 0,
) -> Any:
    shot = link.host.shot()
    edit = negate_to_pictures(ending, first=first)
    return shot, result_of(link.host.extract(shot), tmp / ending, delivery, edit=edit)


def write(folder: Path, numbers: Any, *, head: str = "take.", digits: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"{head}{number:0{digits}d}.png"
        clips.write_still(path, clips.counted(number, SIZE))
    return folder


# There and back ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "delivery"), FITS)
@pytest.mark.parametrize(("road", "edition", "version"), roads())
def test_pictures_are_placed_once_and_taken_back_whole(
    road: str, edition: str, version: str, ending: str, delivery: Delivery, tmp_path: Path
) -> None:
    double, _cut, item = scene(tmp_path, version, edition=edition)
    before = double.state()
    with (agent_link if road == "agent" else studio_link)(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery, ending=ending)
        placed = link.host.place(shot, result)
        added = changed(before, double)
        assert link.host.place(shot, result) == placed, "the same result twice is one"
        assert changed(before, double) == added
        media = next(m for m in double.project.all_media() if m.id == placed.media_id)
        assert media.name == f"take-1.[000000-000011].{ending}"
        assert (media.kind, media.frames, media.rate) == ("sequence", 12, "24")
        assert placed.path == result.path
        again = link.host.shot(item_id=placed.item_id)
        assert again.kind is ItemKind.SEQUENCE
        assert (again.start, again.frames) == (shot.start, 12)
        assert (again.source_start, again.source_stop) == (0, 12)
        recipe = link.host.recipe(again)
        assert recipe.placement == placed
        _shows_the_edit(double, placed, item)
        link.host.undo(records.load(Placement, records.dump(placed)))
        assert changed(before, double) == []
        link.host.undo(placed)
        assert changed(before, double) == []
    assert len(list(Path(result.path).iterdir())) == 12, "the take stays"
    assert double.calls.unknown() == []


def _shows_the_edit(double: Double, placed: Placement, shot: Any) -> None:
    """On each frame of the shot lies the picture that was made of that very frame."""
    timeline = double.timeline
    assert timeline is not None
    clip = next(i for t in timeline.tracks["video"] for i in t.items if i.id == placed.item_id)
    for frame in range(int(clip.start), int(clip.end)):
        along = source.shown(clip, timeline.rate, frame)
        if placed.delivery is Delivery.TAKE:
            assert along == frame - clip.start
            continue
        assert along == source.shown(shot, timeline.rate, frame) - shot.left
        seen = clips.number_of(picture.frame(double, timeline, frame))
        assert seen == source.shown(shot, timeline.rate, frame)


# Rates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeline", "clip", "preference"),
    [("24", "25", ""), ("25", "24", ""), ("24", "23.976", ""), ("24", "24", "30"),
     ("29.97 DF", "29.97", "24"), ("50", "25", ""), ("25", "50", ""), ("24", "24", "25")],
)  # fmt: skip
@pytest.mark.parametrize("number", [False, True])
def test_pictures_play_at_the_rate_they_were_made_for(
    timeline: str, clip: str, preference: str, number: bool, tmp_path: Path
) -> None:
    faults = Faults(sequence_rate=preference, fps_number=number)
    double, _cut, item = scene(tmp_path, rate=timeline, clip_rate=clip, faults=faults)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        media = next(m for m in double.project.all_media() if m.id == placed.media_id)
        assert frames.exact(media.rate) == frames.exact(clip)
        short = placed.stop - placed.start
        assert short == 12 or (short == 11 and "one_short" in placed.notes)
        _shows_the_edit(double, placed, item)
        link.host.undo(placed)
    assert changed(before, double) == []


@pytest.mark.parametrize("fps", ["refused", "ignored"])
@pytest.mark.parametrize("delivery", [Delivery.PATCH, Delivery.TAKE])
def test_a_rate_that_cannot_be_set_is_said_and_nothing_stays(
    fps: str, delivery: Delivery, tmp_path: Path
) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(fps=fps, sequence_rate="30"))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery)
        with pytest.raises(ImportRateError, match="at 30 frames per second, the shot needs 24"):
            link.host.place(shot, result)
    assert changed(before, double) == []


@given(st.sampled_from([23.976, 24, 25, 29.97, 30, 47.952, 48, 50, 59.94, 60, 119.88, 120]))
def test_what_is_spelled_is_read_back(told: float) -> None:
    found = rate_of(str(told))
    assert found is not None
    texts = spelled(found[0])
    assert {rate_of(text) for text in texts} == {found}
    assert texts[0] == f"{told:g}"


# What is not whole ------------------------------------------------------------------------------


def _gap(folder: Path) -> None:
    (folder / "take-1.000004.png").unlink()


def _short(folder: Path) -> None:
    (folder / "take-1.000011.png").unlink()


def _long(folder: Path) -> None:
    shutil.copy(folder / "take-1.000011.png", folder / "take-1.000012.png")


def _uneven(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "take-1.11.png")


def _two_names(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "other.000011.png")


def _two_kinds(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "take-1.000011.tif")


def _no_number(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "last.png")


def _hollow(folder: Path) -> None:
    (folder / "take-1.000003.png").write_bytes(b"")


def _none(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [(_gap, "holds 11 pictures of 12"), (_short, "holds 11 pictures of 12"),
     (_long, "holds 13 pictures of 13"), (_uneven, "not numbered alike"),
     (_two_names, "not numbered alike"), (_two_kinds, "not numbered alike"),
     (_no_number, "not numbered alike"), (_hollow, "1 of its pictures are empty"),
     (_none, "holds no pictures")],
)  # fmt: skip
def test_pictures_that_are_not_whole_are_not_placed(spoil: Any, what: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        spoil(Path(result.path))
        with pytest.raises(ResultPicturesError, match=what) as caught:
            link.host.place(shot, result)
        assert caught.value.code == "result_pictures"
        assert double.calls.of("MediaPool.ImportMedia") == []
    assert changed(before, double) == []


def test_a_folder_that_went_away_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        shutil.rmtree(result.path)
        with pytest.raises(ResultFileError):
            link.host.place(shot, result)


def test_one_picture_is_no_sequence(tmp_path: Path) -> None:
    with pytest.raises(ResultPicturesError, match="no sequence"):
        footage_of(str(write(tmp_path / "one", [5])), 1)


def test_what_systems_leave_in_folders_is_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "take", range(4))
    (folder / "._take.0001.png").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    assert len(footage_of(str(folder), 4).pictures) == 4


@settings(max_examples=60, deadline=None)
@given(
    head=st.text("ab 1.[]-_%é日", max_size=6),
    first=st.integers(0, 1200),
    count=st.integers(2, 9),
    digits=st.integers(1, 7),
)
def test_label_and_pattern_name_the_same_files(
    head: str, first: int, count: int, digits: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("named")
    head = f"x{head}."
    numbers = range(first, first + count)
    for number in numbers:
        (folder / f"{head}{number:0{digits}d}.png").write_bytes(b"x")
    even = len({len(f"{number:0{digits}d}") for number in numbers}) == 1
    if not even:
        with pytest.raises(ResultPicturesError):
            footage_of(str(folder), count)
        return
    found = footage_of(str(folder), count)
    assert found.first == first
    assert sequence_files(found.label) == found.pictures
    for ways in found.ways:
        info = ways[0]
        if isinstance(info, dict):
            span = range(info["StartIndex"], info["EndIndex"] + 1)
            meant = [info["FilePath"] % number for number in span]
        else:
            meant = list(map(str, ways))
        assert meant == [str(each) for each in found.pictures]
    assert ("%" in head) is (len(found.ways) == 1)


@pytest.mark.parametrize(
    ("shown", "meant"),
    [("/t/a.[0000-0009].png", True), ("/t/a.0004.png", True), ("/t/a.[0002-0003].png", True),
     ("/t/a.[0000-0010].png", False), ("/t/a.0010.png", False), ("/t/b.0004.png", False),
     ("/t/a.4.png", False), ("", False)],
)  # fmt: skip
def test_a_sequence_is_known_by_its_label_and_by_its_pictures(shown: str, meant: bool) -> None:
    assert shows(shown, "/t/a.[0000-0009].png") is meant


def test_windows_paths_are_compared_as_windows_does() -> None:
    label = "C:\\t\\a.[00-09].png"
    assert shows("C:/t/a.[00-09].png", label)
    assert shows("C:\\t\\a.04.png", label)
    assert not shows("C:\\u\\a.04.png", label)


# How Resolve takes them -------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", list(Delivery), ids=str)
def test_a_resolve_that_takes_paths_alone_gets_paths(delivery: Delivery, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(import_dicts=False))
    before = double.state()
    with agent_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery)
        placed = link.host.place(shot, result)
        _shows_the_edit(double, placed, item)
        link.host.undo(placed)
    assert changed(before, double) == []


def test_a_sequence_that_shows_another_path_is_still_the_one_that_was_imported(
    tmp_path: Path,
) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(sequence_path="first"))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        assert placed.media_made
        assert link.host.place(shot, result) == placed
        _shows_the_edit(double, placed, item)
        link.host.undo(placed)
        assert changed(before, double) == []
        double.faults.sequence_rate, double.faults.fps = "30", "ignored"
        with pytest.raises(ImportRateError):
            link.host.place(shot, result)
    assert changed(before, double) == []


def test_individual_frames_are_named_and_taken_back(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(individual_frames=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ImportSplitError, match="Show Individual Frames"):
            link.host.place(shot, result)
        assert changed(before, double) == []
        double.faults.individual_frames = False
        link.host.undo(link.host.place(shot, result))
    assert changed(before, double) == []


def test_pictures_that_resolve_does_not_take_are_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(import_nothing=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ImportRefusedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize("name", ["100% wool", "ünïcode dir", "日本語", "a [1-2] b", "shot 12"])
def test_any_name_comes_through(name: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    before = double.state()
    with agent_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        folder = Path(result.path).rename(tmp_path / name)
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace("take-1", name))
        result = dataclasses.replace(result, path=str(folder))
        placed = link.host.place(shot, result)
        _shows_the_edit(double, placed, item)
        assert link.host.place(shot, result) == placed
        link.host.undo(placed)
    assert changed(before, double) == []


@pytest.mark.parametrize("counts", ["offset", "absolute"])
@pytest.mark.parametrize("left", ["offset", "absolute"])
@pytest.mark.parametrize("delivery", list(Delivery), ids=str)
def test_pictures_numbered_from_1001_begin_with_their_first(
    counts: str, left: str, delivery: Delivery, tmp_path: Path
) -> None:
    """Whether an append counts from 0 or from the first number is not documented."""
    double, _cut, item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery, first=1001)
        double.faults.append_start, double.faults.left_offset = counts, left
        placed = link.host.place(shot, result)
        assert (placed.start, placed.stop) == (shot.start, shot.stop)
        _shows_the_edit(double, placed, item)
        link.host.undo(placed)
    assert changed(before, double) == []


def test_a_failed_append_of_pictures_leaves_nothing(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, first=1001)

        def lock(double: Double) -> None:
            assert double.timeline is not None
            for number, track in enumerate(double.timeline.tracks["video"], start=1):
                if track.name == "FlowAnchor":
                    cut.lock_track(number)

        double.on("Timeline.SetTrackName", lock, after=True)
        with pytest.raises(PlaceUnconfirmedError):
            link.host.place(shot, result)
        assert len(double.calls.of("MediaPool.AppendToTimeline")) == 2, "from 0 and from 1001"
    assert changed(before, double) == []


@pytest.mark.parametrize("method", ["MediaPool.ImportMedia", "MediaPoolItem.SetClipProperty"])
@pytest.mark.parametrize("split", [False, True])
def test_a_dead_resolve_is_tidied_of_pictures_too(method: str, split: bool, tmp_path: Path) -> None:
    faults = Faults(sequence_rate="30", individual_frames=split)
    double, _cut, _item = scene(tmp_path, faults=faults)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on(method, lambda d: d.die(), after=True)
        with pytest.raises(BridgeError):
            link.host.place(shot, result)
    double.dead = False
    with direct_link(double, tmp_path):
        assert changed(before, double) == []


# What the user has imported already ---------------------------------------------------------------


@pytest.mark.parametrize("known", ["empty", "same", "new"])
@pytest.mark.parametrize("ending", ["png", "mov"])
def test_a_clip_in_a_bin_of_the_users_is_used_and_never_removed(
    known: str, ending: str, tmp_path: Path
) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        if ending == "png":
            shot, result = edited(link, tmp_path)
            paths: list[Any] = sorted(map(str, Path(result.path).iterdir()))
        else:
            shot = link.host.shot()
            result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
            paths = [result.path]
        pool = double.resolve.GetProjectManager().GetCurrentProject().GetMediaPool()
        mine = pool.AddSubFolder(pool.GetRootFolder(), "mine")
        pool.SetCurrentFolder(mine)
        [theirs] = pool.ImportMedia(paths)
        double.faults.reimport = known
        before = double.state()
        placed = link.host.place(shot, result)
        assert placed.media_made is (known == "new")
        assert (placed.media_id == theirs.GetUniqueId()) is (known != "new")
        _shows_the_edit(double, placed, item)
        link.host.undo(placed)
        assert changed(before, double) == []
        assert [clip.GetUniqueId() for clip in mine.GetClipList()] == [theirs.GetUniqueId()]


def test_the_rate_of_a_clip_of_the_users_is_not_touched(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(sequence_rate="30"))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        pool = double.resolve.GetProjectManager().GetCurrentProject().GetMediaPool()
        pool.ImportMedia(sorted(map(str, Path(result.path).iterdir())))
        before = double.state()
        with pytest.raises(ImportRateError):
            link.host.place(shot, result)
        assert changed(before, double) == []


# Light ------------------------------------------------------------------------------------------


def _props(double: Double, placed: Placement) -> dict[str, str]:
    return next(m.props for m in double.project.all_media() if m.id == placed.media_id)


def test_linear_light_is_not_read_in_the_words_of_a_log_clip(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    item.media.props.update({"Data Level": "Full", "Input Color Space": "ARRI LogC3"})
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.FRAME, ending="exr")
        placed = link.host.place(shot, result)
        props = _props(double, placed)
        assert props["Input Color Space"] == "Linear"
        assert "Data Level" not in props, "pictures use the full range whatever the clip does"
        assert placed.notes == ("light",)
        link.host.undo(placed)
        shot, result = edited(link, tmp_path, Delivery.FRAME)
        placed = link.host.place(shot, result)
        assert _props(double, placed)["Input Color Space"] == "ARRI LogC3"
        assert placed.notes == ()


@pytest.mark.parametrize(("science", "word"), [("davinciYRGB", None),
    ("davinciYRGBColorManagedv2", "Rec.709 Gamma 2.4")])  # fmt: skip
def test_rendered_pixels_are_in_the_timelines_colour_space(
    science: str, word: str | None, tmp_path: Path
) -> None:
    double, _cut, item = scene(tmp_path)
    item.media.props.update({"Data Level": "Full", "Input Color Space": "ARRI LogC3"})
    double.project.settings["colorScienceMode"] = science
    assert double.timeline is not None
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        baked = dataclasses.replace(result, grade=Look.BAKED, transform=Look.BAKED)
        placed = link.host.place(shot, baked)
        props = _props(double, placed)
        assert props.get("Input Color Space") == word
        assert "Data Level" not in props
        assert placed.notes == ()


# Without Resolve --------------------------------------------------------------------------------


def _saved(tmp: Path) -> tuple[StandaloneHost, Any, Any]:
    clip = clips.write_counted(tmp / "clip.mov", 12, size=SIZE, rate=Fraction(25))
    host = StandaloneHost(tmp / "FlowAnchor")
    host.open(clip)
    shot = host.shot()
    edit = negate_to_pictures("png")
    return host, shot, result_of(host.extract(shot), tmp / "takes", Delivery.PATCH, edit=edit)


def test_pictures_are_saved_as_a_folder_and_taken_back(tmp_path: Path) -> None:
    host, shot, result = _saved(tmp_path)
    placed = host.place(shot, result)
    assert Path(placed.path) == tmp_path / "FlowAnchor" / result.name
    names = [each.name for each in sorted(Path(placed.path).iterdir())]
    assert names == [each.name for each in sorted(Path(result.path).iterdir())]
    assert host.place(shot, result) == placed
    assert len(list((tmp_path / "FlowAnchor").iterdir())) == 2
    assert host.recipe(host.shot(item_id=placed.path)).recipe == result.recipe
    other = dataclasses.replace(result, key="other")
    assert Path(host.place(shot, other).path).name == f"{result.name} 2"
    host.undo(host.place(shot, other))
    host.undo(placed)
    assert not (tmp_path / "FlowAnchor").exists()
    assert len(list(Path(result.path).iterdir())) == 12


def test_a_saved_picture_that_was_painted_over_is_not_deleted(tmp_path: Path) -> None:
    host, shot, result = _saved(tmp_path)
    placed = host.place(shot, result)
    touched = sorted(Path(placed.path).iterdir())[4]
    touched.write_bytes(touched.read_bytes() + b"x")
    with pytest.raises(UndoChangedError):
        host.undo(placed)
    assert touched.is_file()


def test_a_folder_that_is_not_whole_is_not_saved(tmp_path: Path) -> None:
    host, shot, result = _saved(tmp_path)
    _gap(Path(result.path))
    with pytest.raises(ResultPicturesError):
        host.place(shot, result)
    assert not (tmp_path / "FlowAnchor").exists()


def test_errors_about_pictures_are_one_sentence() -> None:
    for error in (
        ResultPicturesError(name="t3", what="it holds no pictures"),
        ImportSplitError(),
        ImportRateError(name="t3", found="24", needed="25"),
    ):
        assert isinstance(error, HostError)
        assert error.user_message.endswith(".")
    assert Footage.__slots__
