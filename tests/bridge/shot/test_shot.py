"""Which clip is meant, what it is, and what is said when it cannot be edited."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge.errors.base import BridgeError, HostError
from resolve_bridge.errors.catalogue import catalogue
from resolve_bridge.errors.link import ModalError, VersionError
from resolve_bridge.errors.shot import (
    ClipKindError,
    ClipOfflineError,
    ManyClipsError,
    NoClipError,
    NoProjectError,
    NoTimelineError,
)
from resolve_bridge.kinds import RawItem, judge
from resolve_bridge.shot import Chosen, ItemKind, Note, Retime, Route
from tests.bridge.host.links import Direct, direct_link
from tests.doubles.resolve import VERSIONS, Double, difference

NEW = ("21.0.4", "21.1")


def scene(
    tmp: Path,
    version: str = "21.1",
    *,
    rate: str = "24",
    start: str = "01:00:00:00",
    **options: Any,
) -> tuple[Double, Any, Any]:
    double = Double("studio", version, home=tmp / "home", **options)
    film = double.build("Film", rate=rate, size=(64, 36))
    return double, film, film.timeline("Cut", start=start, video=3)


def read(double: Double, tmp: Path, **options: Any) -> Any:
    with direct_link(double, tmp) as link:
        return link.host.shot(**options)


# The ladder -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_the_selection_wins_where_it_can_be_read(version: str, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, version)
    clip = film.video("A.mov", frames_count=40, channels=2)
    under = cut.put(clip, at=0, frames_count=10)
    selected = cut.put(clip, at=20, frames_count=10, linked_audio=True)
    cut.playhead(2)
    cut.select(selected)
    shot = read(double, tmp_path)
    if version in NEW:
        assert (shot.item_id, shot.chosen) == (selected.id, Chosen.SELECTED)
    else:
        assert (shot.item_id, shot.chosen) == (under.id, Chosen.PLAYHEAD)


def test_several_selected_ask_unless_one_is_under_the_playhead(tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path)
    clip = film.video("A.mov", frames_count=40)
    items = [cut.put(clip, at=20 * n, frames_count=10) for n in range(3)]
    cut.select(*items[:2])
    cut.playhead(25)
    assert read(double, tmp_path).item_id == items[1].id
    cut.playhead(45)
    with pytest.raises(ManyClipsError, match="2 clips") as caught:
        read(double, tmp_path)
    assert "use_playhead" in caught.value.hint


def test_the_topmost_under_the_playhead(tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path)
    clip = film.video("A.mov", frames_count=40)
    cut.put(clip, at=0, frames_count=10)
    top = cut.put(clip, at=0, frames_count=10, track=2)
    cut.playhead(3)
    assert read(double, tmp_path).item_id == top.id


@pytest.mark.parametrize("page", ["media", "fusion", "color", "edit", "deliver"])
def test_every_page_gives_the_shot(page: str, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, "20.3")
    item = cut.put(film.video("A.mov", frames_count=40), at=0, frames_count=10)
    cut.playhead(3)
    double.page = page
    before = double.state()
    assert read(double, tmp_path).item_id == item.id
    assert difference(before, double.state()) == []


def test_the_clip_colour_is_the_last_rung(tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, "20.3")
    clip = film.video("A.mov", frames_count=40)
    items = [cut.put(clip, at=20 * n, frames_count=10) for n in range(2)]
    items[1].color = "Lime"
    cut.playhead(15)
    assert read(double, tmp_path, colour="Lime").item_id == items[1].id
    assert read(double, tmp_path, colour="Lime").chosen is Chosen.COLOUR
    items[0].color = "Lime"
    with pytest.raises(ManyClipsError):
        read(double, tmp_path, colour="Lime")
    with pytest.raises(NoClipError):
        read(double, tmp_path, colour="Teal")


def test_nothing_open_is_said(tmp_path: Path) -> None:
    double = Double("studio", "21.1", home=tmp_path / "home")
    with pytest.raises(NoTimelineError):
        read(double, tmp_path)
    double.modal = "welcome"
    with pytest.raises((ModalError, BridgeError)):
        read(double, tmp_path)
    assert issubclass(NoProjectError, BridgeError)


def test_an_old_resolve_is_refused(tmp_path: Path) -> None:
    double = Double("studio", "18.1", home=tmp_path / "home")
    with pytest.raises(VersionError, match=r"18\.1"), direct_link(double, tmp_path):
        pass


# Kinds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "found", "route"),
    [
        ("video", ItemKind.CLIP, Route.SOURCE),
        ("sequence", ItemKind.SEQUENCE, Route.SOURCE),
        ("still", ItemKind.STILL, Route.SOURCE),
        ("compound", ItemKind.COMPOUND, Route.RENDER),
        ("multicam", ItemKind.MULTICAM, Route.RENDER),
        ("fusion_clip", ItemKind.OTHER_MEDIA, Route.RENDER),
    ],
)
def test_kinds_and_routes(
    kind: str, found: ItemKind, route: Route, version: str, tmp_path: Path
) -> None:
    double, film, cut = scene(tmp_path, version)
    base = film.video("A.mov", frames_count=40)
    media = {
        "video": lambda: base,
        "sequence": lambda: film.sequence("plate", frames_count=40),
        "still": film.still,
        "compound": lambda: film.compound("C", base),
        "multicam": lambda: film.multicam("M", base),
        "fusion_clip": lambda: film.fusion_clip("F", base),
    }[kind]()
    item = cut.put(media, at=0, left=0, frames_count=10)
    shot = read(double, tmp_path, item_id=item.id)
    assert (shot.kind, shot.route) == (found, route)
    if kind == "sequence":
        assert shot.media.path.endswith("].png") or "[" in shot.media.path
    if kind == "still":
        assert Note.STILL in shot.notes
        assert shot.frame_count == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_what_cannot_be_edited_says_why_and_what_helps(version: str, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, version)
    clip = film.video("A.mov", frames_count=40, channels=1)
    first = cut.put(clip, at=0, left=8, frames_count=10)
    cut.put(clip, at=10, left=8, frames_count=10)
    transition = cut.transition(first)
    lost = cut.put(film.offline(), at=40, frames_count=10)
    with pytest.raises(ClipKindError, match="transition"):
        read(double, tmp_path, item_id=transition.id)
    with pytest.raises(ClipOfflineError, match=r"lost\.mov") as caught:
        read(double, tmp_path, item_id=lost.id)
    assert "Relink" in caught.value.user_message
    assert caught.value.hint


def raw(**changes: Any) -> RawItem:
    facts: dict[str, Any] = {
        "name": "A", "start": 0, "stop": 10, "duration": 10, "precise_duration": 10.0,
        "left_offset": 5, "right_offset": 25, "source_start": 5, "source_end": 15,
        "properties": {"Pan": 0}, "media_id": "m",
        "clip": {"Type": "Video", "File Path": "/a.mov", "FPS": "24", "Frames": "40",
                 "Resolution": "64x36"},
    }  # fmt: skip
    return RawItem(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"track_kind": "audio"}, "An audio clip"),
        ({"item_type": "audio"}, "An audio clip"),
        ({"track_kind": "subtitle"}, "A subtitle"),
        ({"item_type": "transition"}, "A transition"),
        ({"media_id": None, "properties": {}}, "A transition"),
    ],
)
def test_refusals(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ClipKindError, match=error):
        judge(raw(**changes), Fraction(24), exists=lambda _path: True)


@pytest.mark.parametrize(
    ("changes", "route", "note"),
    [
        ({}, Route.SOURCE, None),
        ({"source_start": 4}, Route.SOURCE, None),
        ({"source_start": 15, "source_end": 5}, Route.RENDER, Note.REVERSED),
        ({"source_end": 25}, Route.RENDER, Note.RETIMED),
        ({"source_start": 0, "source_end": 0}, Route.RENDER, Note.RETIME_ASK),
        ({"source_start": 8, "source_end": 18}, Route.RENDER, Note.OFFSETS_DIFFER),
        ({"speed": -100.0}, Route.RENDER, Note.REVERSED),
        ({"speed": 50.0}, Route.RENDER, Note.RETIMED),
        ({"speed": 100.0}, Route.SOURCE, None),
        ({"source_start": None, "source_end": None}, Route.SOURCE, Note.RETIME_ASK),
        ({"source_start": None, "source_end": None, "right_offset": 5}, Route.RENDER, Note.RETIMED),
        ({"precise_duration": 10.5}, Route.RENDER, Note.SUBFRAME),
        ({"enabled": False}, Route.SOURCE, Note.DISABLED_ASK),
        ({"takes": 2}, Route.SOURCE, Note.TAKES),
        ({"comps": ("A", "B")}, Route.SOURCE, Note.SEVERAL_COMPS),
        ({"left_offset": 35, "source_start": 35, "source_end": 45}, Route.RENDER, None),
    ],
)
def test_judgements(changes: dict[str, Any], route: Route, note: Note | None) -> None:
    found = judge(raw(**changes), Fraction(24), exists=lambda _path: True)
    assert found.route is route
    assert note is None or note in found.notes
    if note is None and route is Route.SOURCE:
        assert found.notes == ()


@pytest.mark.parametrize("suffix", [".braw", ".R3D", ".ari"])
def test_camera_raw_is_rendered(suffix: str) -> None:
    clip = {**raw().clip, "File Path": f"/a{suffix}"}
    found = judge(raw(clip=clip), Fraction(24), exists=lambda _path: True)
    assert (found.route, Note.RAW in found.notes) == (Route.RENDER, True)


def test_a_rotated_phone_clip_is_noted() -> None:
    clip = {**raw().clip, "Rotation": "90°"}
    assert Note.ROTATED in judge(raw(clip=clip), Fraction(24), exists=lambda _path: True).notes


@pytest.mark.parametrize(
    ("speed", "retime"),
    [(100.0, Retime.NONE), (1.0, Retime.NONE), (0.0, Retime.NONE), (200.0, Retime.CHANGED),
     (2.0, Retime.CHANGED), (-1.0, Retime.REVERSED), (-100.0, Retime.REVERSED)],
)  # fmt: skip
def test_a_speed_is_understood_per_cent_and_as_a_factor(speed: float, retime: Retime) -> None:
    found = judge(raw(speed=speed), Fraction(24), exists=lambda _path: True)
    assert found.retime is retime
    assert (found.route is Route.SOURCE) is (retime is Retime.NONE)


# Frames through the double ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "start", "first"),
    [
        ("24", "01:00:00:00", 86400),
        ("25", "01:00:00:00", 90000),
        ("30", "01:00:00:00", 108000),
        ("29.97 DF", "01:00:00;00", 107892),
        ("23.976", "00:00:00:00", 0),
        ("59.94 DF", "10:00:00;00", 2157840),
    ],
)
def test_offset_starts_and_drop_frame(rate: str, start: str, first: int, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, rate=rate, start=start)
    item = cut.put(film.video("A.mov", frames_count=60), at=7, left=11, frames_count=13)
    shot = read(double, tmp_path, item_id=item.id)
    assert shot.timeline.start_frame == first
    assert (shot.start, shot.stop) == (first + 7, first + 20)
    assert (shot.source_start, shot.source_stop) == (11, 24)
    assert shot.timeline.drop_frame == ("DF" in rate)
    assert shot.timeline.rate.denominator in (1, 1001)


@pytest.mark.parametrize("left", range(1, 8))
def test_the_source_start_that_slips_is_not_believed(left: int, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, rate="23.976")
    item = cut.put(film.video("A.mov", frames_count=60), at=0, left=left, frames_count=13)
    shot = read(double, tmp_path, item_id=item.id)
    assert (shot.route, shot.source_start, shot.source_stop) == (Route.SOURCE, left, left + 13)


@pytest.mark.parametrize(("timeline", "clip"), [("24", "25"), ("24", "48"), ("50", "25"), ("24", "23.976")])  # fmt: skip  # noqa: E501
def test_mixed_rates_are_counted_in_source_frames(timeline: str, clip: str, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, rate=timeline)
    item = cut.put(film.video("A.mov", frames_count=60, rate=clip), at=0, left=4, frames_count=12)
    shot = read(double, tmp_path, item_id=item.id)
    assert (shot.retime, shot.route) == (Retime.NONE, Route.SOURCE)
    assert Note.MIXED_RATE in shot.notes
    ratio = shot.media.rate / shot.timeline.rate
    assert shot.source_stop - shot.source_start == -(-12 * ratio // 1)
    assert shot.frame_rate == shot.media.rate


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("speed", "ramp"), [(2, False), (Fraction(1, 2), False), (3, True)])
def test_retimes_are_rendered_on_every_version(
    speed: Fraction, ramp: bool, version: str, tmp_path: Path
) -> None:
    double, film, cut = scene(tmp_path, version)
    clip = film.video("A.mov", frames_count=200)
    item = cut.put(clip, at=0, left=10, frames_count=12, speed=speed, ramp=ramp)
    shot = read(double, tmp_path, item_id=item.id)
    assert (shot.route, shot.retime) == (Route.RENDER, Retime.CHANGED)
    assert (shot.source_start, shot.frame_count) == (None, 12)


def test_an_unknown_source_is_rendered(tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, "20.3")
    clip = film.video("A.mov", frames_count=60)
    item = cut.put(clip, at=0, left=10, frames_count=12, source_unknown=True)
    shot = read(double, tmp_path, item_id=item.id)
    assert (shot.route, shot.retime) == (Route.RENDER, Retime.UNKNOWN)


def test_disabled_clips_and_tracks_are_noted(tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path)
    clip = film.video("A.mov", frames_count=60)
    item = cut.put(clip, at=0, left=10, frames_count=12, enabled=False)
    cut.disable_track(1)
    cut.lock_track(1)
    notes = read(double, tmp_path, item_id=item.id).notes
    assert {Note.DISABLED_ASK, Note.TRACK_OFF, Note.TRACK_LOCKED} <= set(notes)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dissolve_over_the_clip_is_noted(version: str, tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path, version)
    clip = film.video("A.mov", frames_count=60)
    first = cut.put(clip, at=0, left=10, frames_count=12)
    second = cut.put(clip, at=12, left=10, frames_count=12)
    third = cut.put(clip, at=24, left=10, frames_count=12)
    cut.transition(first)
    notes = [read(double, tmp_path, item_id=item.id).notes for item in (first, second, third)]
    assert [Note.TRANSITION in each for each in notes] == [True, True, False]


def test_network_and_foreign_paths_are_kept(tmp_path: Path) -> None:
    double, film, cut = scene(tmp_path)
    clip = film.video("Ünï ☂ clip.mov", frames_count=60)
    item = cut.put(clip, at=0, left=10, frames_count=12)
    shot = read(double, tmp_path, item_id=item.id)
    assert Path(shot.media.path).name == "Ünï ☂ clip.mov"
    assert Path(shot.media.path).is_file()


# Sentences --------------------------------------------------------------------------------------

_VALUES = {
    "found": "1", "needed": "2", "what": "it", "reason": "why", "folder": "/a", "count": 2,
    "way_out": "Do that.", "name": "N", "seconds": 3, "tool": "T", "track": 1,
}  # fmt: skip


def test_every_error_is_one_sentence_with_a_way_out() -> None:
    found = [kind for kind in catalogue().values() if issubclass(kind, HostError)]
    assert len(found) > 40
    codes = set()
    for kind in found:
        error = kind(**_VALUES)
        assert error.user_message.endswith("."), kind
        assert "{" not in error.user_message
        assert len(error.user_message) < 190
        assert error.hint, kind
        codes.add(kind.code)
    assert len(codes) == len(found), "codes are unique"
    assert Direct.name == "direct"
