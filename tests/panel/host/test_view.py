"""From the bridge's facts to what the panel shows and the engine reads; and back as records."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.request import SourceSpec
from plugin import locale
from plugin.services.host_presence import is_running
from plugin.services.host_view import (
    engine_file,
    extract_of,
    needs_extract,
    placement_of,
    record_of,
    result_for,
    shot_of,
    shot_view,
)
from plugin.state.shot import ShotView
from resolve_bridge import records
from resolve_bridge.extract import Extract, Look, extract_source
from resolve_bridge.frames import frames_of
from resolve_bridge.placement import Delivery, Placement, Result
from resolve_bridge.shot import (
    Chosen,
    ItemKind,
    MediaFacts,
    Note,
    Retime,
    Route,
    Shot,
    TimelineRef,
)


def shot(**changes: Any) -> Shot:
    timeline = TimelineRef(
        project_id="p",
        project_name="Film",
        timeline_id="t",
        timeline_name="Cut",
        rate=Fraction(24),
        drop_frame=False,
        start_frame=86400,
        start_timecode="01:00:00:00",
        width=1920,
        height=1080,
    )
    media = MediaFacts(
        media_id="m",
        name="A012_C004.mov",
        type_label="Video",
        path="/rushes/A012_C004.mov",
        rate=Fraction(24),
        frames=400,
        first_frame=0,
        start_timecode="10:00:00:00",
        width=3840,
        height=2160,
        pixel_aspect="Square",
        codec="",
        bit_depth="",
        data_level="",
        colour_space="Rec.709",
        alpha_mode="",
        field_order="",
    )
    base = Shot(
        timeline=timeline,
        item_id="i",
        name="A012_C004_0812.mov",
        kind=ItemKind.CLIP,
        route=Route.SOURCE,
        chosen=Chosen.SELECTED,
        retime=Retime.NONE,
        track=1,
        start=86400 + (2 * 60 + 11) * 24 + 4,
        stop=86400 + (2 * 60 + 11) * 24 + 4 + 81,
        left_offset=7,
        source_start=7,
        source_stop=88,
        media=media,
        enabled=True,
        clip_colour="",
        comps=(),
        pick="",
        pick_comp=0,
        notes=(),
    )
    return dataclasses.replace(base, **changes)


def test_the_row_reads_as_the_editor_expects() -> None:
    view = shot_view(shot())
    assert view == ShotView(
        id="i",
        name="A012_C004_0812.mov",
        path="/rushes/A012_C004.mov",
        start=7,
        frames=81,
        rate=Fraction(24),
        width=3840,
        height=2160,
        timecode_in="01:02:11:04",
        timecode_out="01:02:14:12",
        track="V1",
        tags="Rec.709",
        how="selected",
        record=view.record,
    )
    assert shot_of(view.record) == shot()
    spec = SourceSpec(path=view.path, start=view.start, frames=view.frames)
    assert (spec.start, spec.frames) == (7, 81)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "clip"),
        ({"kind": ItemKind.SEQUENCE}, "clip"),
        ({"kind": ItemKind.GENERATED, "media": None, "route": Route.RENDER}, "generator"),
        ({"kind": ItemKind.COMPOSITION, "media": None, "route": Route.RENDER}, "title"),
        ({"kind": ItemKind.COMPOUND, "route": Route.RENDER}, "compound"),
        ({"source_stop": 8, "kind": ItemKind.STILL}, "clip"),
    ],
)
def test_what_can_be_edited(changes: dict[str, Any], kind: str) -> None:
    view = shot_view(shot(**changes))
    assert view.kind == kind


def test_how_and_warnings() -> None:
    assert shot_view(shot(chosen=Chosen.PLAYHEAD)).how == "under_playhead"
    assert shot_view(shot(chosen=Chosen.FUSION)).how == "selected"
    noted = shot_view(shot(notes=(Note.RETIMED, Note.TRACK_LOCKED), retime=Retime.CHANGED))
    assert noted.retimed
    assert noted.warnings == ("track_locked",)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_note_has_a_sentence(language: str) -> None:
    texts = locale.load(language).texts
    told_otherwise = {Note.RETIMED, Note.REVERSED}
    for note in set(Note) - told_otherwise:
        text = texts.get(f"say.note.{note}")
        assert text, note
        assert text.endswith("."), note
    assert texts.get("error.host_child")


def test_a_clip_that_only_a_render_knows_has_no_file_before_it() -> None:
    rendered = shot(route=Route.RENDER, source_start=None, source_stop=None, retime=Retime.CHANGED)
    assert needs_extract(rendered)
    assert engine_file(rendered) is None
    assert (shot_view(rendered).path, shot_view(rendered).frames) == ("", 81)
    extract = Extract(
        route=Route.RENDER,
        path="/renders/render-1/flowanchor.mov",
        first=0,
        count=81,
        rate=Fraction(24),
        width=1920,
        height=1080,
        box=(0, 0, 1920, 1080),
        grade=Look.BAKED,
        transform=Look.COPY,
        temporary="/renders/render-1",
        notes=(),
    )
    view = shot_view(rendered, extract)
    assert (view.path, view.start, view.width) == (extract.path, 0, 1920)
    assert extract_of(record_of(extract)) == extract
    assert shot_view(shot(), extract).path == "/rushes/A012_C004.mov", "its own file is better"


def test_a_sequence_is_counted_from_the_lowest_number_on_disk(tmp_path: Path) -> None:
    for number in range(95, 130):
        (tmp_path / f"shot_{number:04d}.exr").write_bytes(b"")
    (tmp_path / "shot_b_0001.exr").write_bytes(b"")
    media = shot().media
    assert media is not None
    label = str(tmp_path / "shot_[0100-0124].exr")
    found = engine_file(
        shot(
            media=dataclasses.replace(media, path=label),
            kind=ItemKind.SEQUENCE,
            source_start=3,
            source_stop=9,
        )
    )
    assert found is not None
    assert found.path == str(tmp_path / "shot_0100.exr")
    assert (found.start, found.frames, found.rate_given) == (8, 6, True)


@given(
    start=st.integers(0, 200_000),
    length=st.integers(1, 5000),
    rate=st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)]),
    offset=st.sampled_from(["01:00:00:00", "00:00:00:00", "10:00:00:00"]),
)
def test_timecodes_name_the_first_and_the_last_frame(
    start: int, length: int, rate: Fraction, offset: str
) -> None:
    first = frames_of(offset, rate)
    assert first is not None
    timeline = dataclasses.replace(
        shot().timeline, rate=rate, start_frame=1000, start_timecode=offset
    )
    view = shot_view(shot(timeline=timeline, start=1000 + start, stop=1000 + start + length))
    assert frames_of(view.timecode_in, rate) == first + start
    assert frames_of(view.timecode_out, rate) == first + start + length - 1


def test_a_result_carries_name_and_look() -> None:
    extract = dataclasses.replace(
        extract_source_without_disk(), grade=Look.BAKED, transform=Look.COPY
    )
    result = result_for(
        extract,
        path="/takes/t3.mov",
        frames=81,
        kind="take",
        key="k",
        shot_name="A012_C004.mov",
        title="red leather jacket",
        take=3,
        recipe="{}",
    )
    assert result.name == "A012_C004 - red leather jacket - t3"
    assert (result.delivery, result.grade, result.transform) == (
        Delivery.TAKE,
        Look.BAKED,
        Look.COPY,
    )
    assert records.load(Result, json.loads(record_of(result))) == result


def extract_source_without_disk() -> Extract:
    source = shot()
    assert source.media is not None
    here = dataclasses.replace(source.media, path=__file__)
    return extract_source(dataclasses.replace(source, media=here))


def test_records_of_another_kind_are_refused() -> None:
    placement = Placement(
        key="k",
        delivery=Delivery.PATCH,
        project_id="p",
        timeline_id="t",
        source_item="i",
        item_id="j",
        track=2,
        track_made=True,
        start=1,
        stop=2,
        media_id="m",
        path="/x.mov",
        notes=("grade",),
    )
    assert placement_of(record_of(placement)) == placement
    for text in (record_of(shot()), "{}", "[]", '{"schema": 3}'):
        with pytest.raises(ValueError, match=r"record|schema"):
            placement_of(text)


def test_processes_are_found_by_their_whole_name() -> None:
    own = psutil.Process().name().lower()
    assert is_running({own})
    assert not is_running({own + "-not"})
    assert not is_running({own[:-1]})
