"""The clip's mask: from the text, from Fusion, or a plain question; the comp stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from resolve_bridge.errors.masks import (
    CompAlteredError,
    CompExportError,
    MaskRequestError,
    NoMaskError,
    SaverError,
)
from resolve_bridge.kinds import sequence_files
from resolve_bridge.matte import Matte, MatteQuestion, MatteRefusal, read_matte, saver_matte
from tests.bridge.host.links import SPEED, agent_link, direct_link, roads, studio_link
from tests.doubles.resolve import Double, Faults, difference

KEY = """
        [%d] = { 0, Flags = { Linear = true, LockedY = true }, Value = Polyline {
            Closed = true, Points = {
                { Linear = true, X = %s, Y = 0.25 },
                { Linear = true, X = %s, Y = 0.25 },
                { Linear = true, X = %s, Y = -0.25 },
        } } },"""
POLYGON = f"""
    Polygon1 = PolylineMask {{ Inputs = {{
        MaskWidth = Input {{ Value = 256 }}, MaskHeight = Input {{ Value = 144 }},
        PixelAspect = Input {{ Value = {{ 1, 1 }} }},
        UseFrameFormatSettings = Input {{ Value = 1 }},
        ClippingMode = Input {{ Value = FuID {{ "None" }} }},
        Polyline = Input {{ SourceOp = "Polygon1Polyline", Source = "Value" }},
        Polyline2 = Input {{ Value = Polyline {{}}, Disabled = true }},
    }} }},
    Polygon1Polyline = BezierSpline {{ KeyFrames = {{
        {KEY % (0, -0.25, 0.25, 0.0)}
        {KEY % (5, -0.05, 0.45, 0.2)}
    }} }},
"""
TRACKED = """
    Polygon1 = PolylineMask { Inputs = {
        Center = Input { SourceOp = "Tracker1", Source = "Path1" },
        Polyline = Input { Value = Polyline { Closed = true, Points = {
            { Linear = true, X = -0.25, Y = 0.25 }, { Linear = true, X = 0.25, Y = 0.25 },
            { Linear = true, X = 0.0, Y = -0.25 } } } },
    } },
    Tracker1 = Tracker { Inputs = {} },
"""


def scene(
    edition: str, version: str, tmp: Path, mask: str = POLYGON, **options: Any
) -> tuple[Double, Any, Any]:
    painters = options.pop("painters", None)
    double = Double(edition, version, home=tmp / "home", speed=SPEED, **options)
    film = double.build("Film", rate="24", size=(256, 144))
    cut = film.timeline("Cut", start="01:00:00:00", video=1)
    item = cut.put(film.video("A.mov", frames_count=40), at=4, left=6, frames_count=6)
    if mask:
        cut.mask(item, mask, painters=painters)
    cut.playhead(6)
    return double, cut, item


def pictures(matte: Matte) -> list[Any]:
    files = sequence_files(matte.label)
    assert files is not None
    assert len(files) == matte.frames
    found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in files]
    assert {(each.dtype.str, each.shape) for each in found} == {("<u2", (144, 256))}
    return [each.astype(np.float64) / 65535 for each in found]


def changed(before: dict[str, Any], double: Double) -> list[str]:
    lines = difference(before, double.state())
    return [line for line in lines if not line.startswith(("prefs", "data"))]


@pytest.mark.parametrize(("road", "edition", "version"), roads())
def test_text_and_fusion_agree_and_the_comp_is_untouched(
    road: str, edition: str, version: str, tmp_path: Path
) -> None:
    double, _cut, _item = scene(edition, version, tmp_path)
    double.page = "fusion"
    before = double.state()
    with (agent_link if road == "agent" else studio_link)(double, tmp_path) as link:
        shot = link.host.shot()
        drawn = read_matte(link.host, shot, tmp_path / "mattes")
        assert isinstance(drawn, Matte)
        assert (drawn.tool, drawn.comp, drawn.via, drawn.frames) == ("Polygon1", 1, "text", 6)
        comp = link.host.comps(shot)[0]
        assert comp.render_start is not None
        assert comp.render_stop is not None
        frames = (comp.render_start, comp.render_stop)
        refusal = MatteRefusal("", "", (), "Polygon1", 1, frames)
        rendered = saver_matte(link.host, shot, refusal, tmp_path / "mattes")
    for ours, theirs in zip(pictures(drawn), pictures(rendered), strict=True):
        both, either = np.minimum(ours, theirs).sum(), np.maximum(ours, theirs).sum()
        assert both / either > 0.99
    assert np.abs(pictures(drawn)[0] - pictures(drawn)[5]).mean() > 0.05, "it moves"
    assert changed(before, double) == []
    assert double.calls.unknown() == []


def test_a_tracked_mask_is_named_and_fusion_renders_it(tmp_path: Path) -> None:
    def painter(frame: int, width: int, height: int) -> Any:
        grid = np.zeros((height, width))
        grid[:, : 10 * (frame + 1)] = 1.0
        return grid

    double, _cut, _item = scene("free", "20.3", tmp_path, TRACKED, painters={"Polygon1": painter})
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        refusal = read_matte(link.host, shot, tmp_path / "mattes")
        assert isinstance(refusal, MatteRefusal)
        assert "Polygon1" in refusal.sentence
        assert refusal.ways_out[0] == "saver_render"
        matte = saver_matte(link.host, shot, refusal, tmp_path / "mattes")
    assert [round(each[0].sum() / 10) for each in pictures(matte)] == list(range(1, 7))
    assert changed(before, double) == []


def test_a_failed_saver_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    double, _cut, _item = scene("free", "20.3", tmp_path, faults=Faults(comp_render_fails=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        with pytest.raises(SaverError, match="Polygon1"):
            link.host.saver_matte(shot, 1, "Polygon1", (0, 6), (256, 144))
        with pytest.raises(SaverError, match="Polygon9"):
            link.host.saver_matte(shot, 1, "Polygon9", (0, 6), (256, 144))
    assert changed(before, double) == []


def test_a_composition_that_reads_otherwise_afterwards_is_said(tmp_path: Path) -> None:
    double, _cut, item = scene("free", "20.3", tmp_path)
    comp = double.proxy(item).GetFusionCompByIndex(1)
    double.on("FusionComp.EndUndo", lambda _d: comp.AddTool("Blur", 1, 1), after=True)
    with direct_link(double, tmp_path) as link, pytest.raises(CompAlteredError):
        link.host.saver_matte(link.host.shot(), 1, "Polygon1", (0, 6), (256, 144))


def test_without_scripted_comps_the_text_is_refused_for_its_clock(tmp_path: Path) -> None:
    double, _cut, _item = scene("free", "21.1", tmp_path, faults=Faults(scripted_comps=False))
    with direct_link(double, tmp_path) as link:
        refusal = read_matte(link.host, link.host.shot(), tmp_path / "mattes")
    assert isinstance(refusal, MatteRefusal)
    assert refusal.reason == "timing"
    assert "saver_render" not in refusal.ways_out, "what cannot work is not offered"
    assert "choose_matte" in refusal.ways_out


def test_two_masks_ask(tmp_path: Path) -> None:
    double, cut, item = scene("free", "21.1", tmp_path)
    cut.mask(item, POLYGON)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        question = read_matte(link.host, shot, tmp_path / "mattes")
        assert isinstance(question, MatteQuestion)
        assert question.tools == ((1, "Polygon1"), (2, "Polygon1"))
        answer = read_matte(link.host, shot, tmp_path / "mattes", tool="Polygon1", comp=2)
        assert isinstance(answer, Matte)
        assert answer.comp == 2


def test_no_mask_no_export_no_such_tool(tmp_path: Path) -> None:
    double, _cut, _item = scene("free", "21.1", tmp_path, "")
    with direct_link(double, tmp_path) as link, pytest.raises(NoMaskError):
        read_matte(link.host, link.host.shot(), tmp_path / "mattes")
    double, _cut, _item = scene("free", "21.1", tmp_path / "b")
    with direct_link(double, tmp_path) as link:
        with pytest.raises(MaskRequestError, match="Polygon7"):
            read_matte(link.host, link.host.shot(), tmp_path / "mattes", tool="Polygon7")
        double.faults.export_comp_fails = True
        with pytest.raises(CompExportError):
            read_matte(link.host, link.host.shot(), tmp_path / "mattes")


@pytest.mark.parametrize(("rate", "count"), [("48", 24), ("12", 6)])
def test_another_rate_gets_a_picture_for_each_of_its_frames(
    rate: str, count: int, tmp_path: Path
) -> None:
    double, cut, _item = scene("free", "21.1", tmp_path)
    film = double.build("Mixed", rate="24", size=(256, 144))
    cut = film.timeline("Cut", video=1)
    item = cut.put(film.video("B.mov", frames_count=60, rate=rate), at=0, frames_count=12)
    cut.mask(item, POLYGON)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=item.id)
        matte = read_matte(link.host, shot, tmp_path / "mattes")
    assert isinstance(matte, Matte)
    assert matte.frames == shot.frame_count == count
