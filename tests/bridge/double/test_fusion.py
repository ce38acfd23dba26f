"""Behaviours 38-41: live compositions, exported text, Saver renders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.bridge.double.conftest import POLYGON
from tests.doubles.resolve import clips, comp_text
from tests.doubles.resolve.comp import numbered_name

ANIMATED = """
Polygon1 = PolylineMask { Inputs = {
  Polyline = Input { SourceOp = "Polygon1Polyline", Source = "Value" } } },
Polygon1Polyline = BezierSpline { KeyFrames = {
  [0] = { 0, Flags = { Linear = true }, Value = Polyline { Closed = true, Points = {
    { X = -0.5, Y = -0.5 }, { X = 0, Y = -0.5 }, { X = 0, Y = 0.5 }, { X = -0.5, Y = 0.5 } } } },
  [20] = { 1, Value = Polyline { Closed = true, Points = {
    { X = 0, Y = -0.5 }, { X = 0.5, Y = -0.5 }, { X = 0.5, Y = 0.5 }, { X = 0, Y = 0.5 } } } } } }
"""


@pytest.fixture
def comp(scene):
    scene.cut.mask(scene.item, POLYGON)
    return scene.clip.GetFusionCompByIndex(1)


def saver(comp, tool, name, form="PNGFormat"):
    made = comp.AddTool("Saver", 3, 1)
    made.Clip = name
    made.SetInput("OutputFormat", form)
    made.Input = comp.FindTool(tool)
    return made


def alpha(path):
    return clips.picture(path)[..., 3]


# 38 -----------------------------------------------------------------------------------------------
def test_38_tools_are_listed_by_kind(comp):
    every = comp.GetToolList(False)
    assert [every[i].Name for i in sorted(every)] == [
        "MediaIn1", "Polygon1", "BrightnessContrast1", "MediaOut1",
    ]  # fmt: skip
    assert [tool.ID for tool in comp.GetToolList(False, "PolylineMask").values()] == [
        "PolylineMask"
    ]
    assert comp.GetToolList(False, "BitmapMask") == {}
    assert comp.FindTool("Nobody") is None
    attrs = comp.FindTool("Polygon1").GetAttrs()
    assert (attrs["TOOLS_Name"], attrs["TOOLS_RegID"]) == ("Polygon1", "PolylineMask")
    assert attrs["TOOLB_PassThrough"] is False


def test_38_the_id_of_an_input_is_not_its_name(comp):
    inputs = comp.FindTool("Polygon1").GetInputList().values()
    shown = {port.GetAttrs()["INPS_ID"]: port.GetAttrs()["INPS_Name"] for port in inputs}
    assert shown["MaskWidth"] == "Mask Width"


def test_38_set_input_answers_none_ignores_unknown_names_and_assignment_connects(comp):
    effect = comp.FindTool("BrightnessContrast1")
    before = comp_text_of(comp)
    assert effect.SetInput("NoSuchInput", 3) is None
    assert comp_text_of(comp) == before
    assert effect.SetInput("Gain", 0.5) is None
    assert effect.GetInput("Gain") == 0.5
    made = comp.AddTool("Saver", 1, 1)
    assert made.Input.GetConnectedOutput() is None
    made.Input = comp.FindTool("Polygon1")
    assert made.Input.GetConnectedOutput().GetTool().Name == "Polygon1"
    mask = effect.EffectMask.GetConnectedOutput()
    assert mask.GetTool().ID == "PolylineMask"


def comp_text_of(comp):
    from tests.doubles.resolve.remote import handle_of

    return handle_of(comp).target.document.text()


def test_38_a_tool_at_the_automatic_place_connects_itself(comp):
    made = comp.AddTool("Saver", -32768, -32768)
    assert made.Input.GetConnectedOutput().GetTool().Name == "MediaOut1"
    other = comp.AddTool("Saver", 5, 5)
    assert other.Input.GetConnectedOutput() is None


# 39 -----------------------------------------------------------------------------------------------
def test_39_a_first_value_written_under_a_lock_reads_back_and_does_not_render(comp, tmp_path):
    target = str(tmp_path / "m_.png")
    comp.Lock()
    made = saver(comp, "Polygon1", target)
    assert made.GetInput("Clip") == target
    comp.Unlock()
    assert comp.Render({"Start": 0, "End": 0, "Tool": made, "Wait": True}) is False
    made.SetInput("Clip", target)  # an unlocked write cures
    assert comp.Render({"Start": 0, "End": 0, "Tool": made, "Wait": True}) is True


@pytest.mark.parametrize(("mode", "status"), [("ignored", "Complete"), ("fails", "Failed")])
def test_39_a_media_out_without_a_path_is_ignored_or_fails_the_job(scene, tmp_path, mode, status):
    scene.faults.unrooted = mode
    scene.cut.comp(scene.item, comp_text.full_comp(POLYGON, (0, 23), through="Nothing1"))
    scene.project.SetCurrentRenderFormatAndCodec("mov", "ProRes422HQ")
    scene.project.SetRenderSettings({"TargetDir": str(tmp_path), "CustomName": "u"})
    job = scene.project.AddRenderJob()
    scene.project.StartRendering([job], False)
    while scene.project.IsRenderingInProgress():
        pass
    assert scene.project.GetRenderJobStatus(job)["JobStatus"] == status


# 40 -----------------------------------------------------------------------------------------------
def test_40_the_exported_text_has_every_key_as_it_was_written(scene, tmp_path):
    scene.cut.mask(scene.item, ANIMATED)
    path = tmp_path / "c.comp"
    assert scene.clip.ExportFusionComp(str(path), 1) is True
    text = path.read_text()
    assert ANIMATED.strip() in text
    assert "RenderRange = { 0, 23 }" in text


@pytest.mark.parametrize(
    ("legacy", "first", "span"),
    [("0", "0", (0, 23)), ("0", "1001", (1001, 1024)), ("1", "0", (5, 28))],
)
def test_40_the_clock_is_modern_or_the_legacy_source_offset(scene, legacy, first, span):
    scene.film.project.settings["fusionLegacyFrameCount"] = legacy
    scene.film.project.settings["fusionDefaultStartFrame"] = first
    scene.cut.mask(scene.item, POLYGON)
    attrs = scene.clip.GetFusionCompByIndex(1).GetAttrs()
    assert (attrs["COMPN_RenderStart"], attrs["COMPN_RenderEnd"]) == span


def test_40_without_a_composition_the_answer_is_none(scene, tmp_path):
    assert scene.clip.ExportFusionComp(str(tmp_path / "c.comp"), 1) is None
    scene.cut.mask(scene.item, POLYGON)
    assert scene.clip.ExportFusionComp(str(tmp_path / "c.comp"), 2) is False
    assert scene.clip.GetFusionCompByIndex(2) is None


def test_40_a_deleted_saver_leaves_no_trace(comp, tmp_path):
    before = comp_text_of(comp)
    made = saver(comp, "Polygon1", str(tmp_path / "m.png"))
    assert comp_text_of(comp) != before
    assert made.Delete() is True
    assert comp_text_of(comp) == before
    comp.StartUndo("mask")
    saver(comp, "Polygon1", str(tmp_path / "m.png"))
    comp.EndUndo(False)
    assert comp_text_of(comp) == before


def test_40_a_text_the_double_cannot_read_is_kept_as_it_is(scene, tmp_path):
    scene.cut.comp(scene.item, "Composition { Tools = <broken")
    path = tmp_path / "c.comp"
    assert scene.clip.ExportFusionComp(str(path), 1) is True
    assert path.read_text() == "Composition { Tools = <broken"
    assert scene.clip.GetFusionCompByIndex(1).GetToolList(False) == {}


# 41 -----------------------------------------------------------------------------------------------
def test_41_a_saver_renders_the_mask_over_the_asked_frames(comp, tmp_path):
    made = saver(comp, "Polygon1", str(tmp_path / "m_.png"))
    made.SetInput("SaveAlphaToColor", 1)
    assert comp.Render({"Start": 3, "End": 5, "Tool": made, "Wait": True}) is True
    assert sorted(p.name for p in tmp_path.glob("m_*")) == [f"m_{n:04d}.png" for n in (3, 4, 5)]
    found = cv2.imread(str(tmp_path / "m_0003.png"), cv2.IMREAD_UNCHANGED)
    assert found.shape[:2] == (72, 128)
    inside = np.zeros((72, 128), bool)
    inside[18:54, 32:96] = True
    assert (found[..., 0][inside] > 65000).all()
    assert (found[..., 0][~inside] < 500).all()


def test_41_an_ellipse_covers_its_area_and_both_sizes_are_of_the_width(scene, tmp_path):
    tools = "E1 = EllipseMask { Inputs = { Width = Input { Value = 0.5 } } }"
    scene.cut.mask(scene.item, tools, "E1")
    comp = scene.clip.GetFusionCompByIndex(1)
    made = saver(comp, "E1", str(tmp_path / "e_.png"))
    made.Input = comp.FindTool("E1")
    assert comp.Render({"Start": 0, "End": 0, "Tool": made}) is True
    assert alpha(tmp_path / "e_0000.png").sum() == pytest.approx(np.pi * 32 * 32, rel=0.002)


def test_41_animated_points_move_between_keys(scene, tmp_path):
    scene.cut.mask(scene.item, ANIMATED)
    comp = scene.clip.GetFusionCompByIndex(1)
    made = saver(comp, "Polygon1", str(tmp_path / "a_.png"))
    assert comp.Render({"Start": 10, "End": 10, "Tool": made, "Wait": True}) is True
    cover = alpha(tmp_path / "a_0010.png").mean(axis=0)
    assert cover[:30].max() < 0.01
    assert cover[34:94].min() > 0.99
    assert cover[98:].max() < 0.01


def test_41_false_is_the_only_error(comp, scene, tmp_path):
    good = str(tmp_path / "m_.png")
    frame = {"Start": 0, "End": 0, "Wait": True}
    made = saver(comp, "Polygon1", good, form="OpenEXRFormat")
    assert comp.Render(frame | {"Tool": made}) is False
    made.SetInput("OutputFormat", "PNGFormat")
    scene.faults.comp_render_fails = True
    assert comp.Render(frame | {"Tool": made}) is False
    scene.faults.comp_render_fails = False
    scene.faults.disk_full = True
    assert comp.Render(frame | {"Tool": made}) is False
    scene.faults.disk_full = False
    assert comp.Render(frame | {"Tool": made}) is True


@pytest.mark.parametrize(
    ("name", "file"), [("m_.png", "m_0007.png"), ("m_000.png", "m_7.png"), ("m12.png", "m7.png")]
)
def test_41_trailing_digits_become_the_frame_unpadded(name, file):
    assert numbered_name(name, 7) == file


def test_41_what_is_not_analytic_needs_a_painter(scene, tmp_path):
    tools = "Bitmap1 = BitmapMask { Inputs = { } }"
    scene.cut.mask(scene.item, tools, "Bitmap1")
    comp = scene.clip.GetFusionCompByIndex(1)
    made = saver(comp, "Bitmap1", str(tmp_path / "b_.png"))
    assert comp.Render({"Start": 0, "End": 0, "Tool": made}) is False

    def paint(number, width, height):
        return np.full((height, width), number / 10, np.float32)

    scene.item.comps[0].painters["Bitmap1"] = paint
    assert comp.Render({"Start": 5, "End": 5, "Tool": made}) is True
    assert alpha(tmp_path / "b_0005.png").mean() == pytest.approx(0.5, abs=0.01)


def test_41_scripted_comps_may_be_unusable(comp, scene):
    scene.faults.scripted_comps = False
    assert scene.clip.GetFusionCompByIndex(1) is None
    assert scene.clip.GetFusionCompCount() == 1


def test_settings_tables_work_from_lua_only(scene, tmp_path):
    scene.cut.mask(scene.item, POLYGON)
    comp = scene.clip.GetFusionCompByIndex(1)
    made = comp.AddTool("Saver", 1, 1)
    assert made.LoadSettings(made.SaveSettings()) is False
    lua = scene.double.lua_runtime()
    script = """
      local tl = resolve:GetProjectManager():GetCurrentProject():GetCurrentTimeline()
      local comp = tl:GetItemListInTrack("video", 1)[1]:GetFusionCompByIndex(1)
      local sv = comp:FindTool("Saver1")
      local settings = sv:SaveSettings()
      settings.Tools.Saver1.Inputs.Clip.Value.Filename = "x.png"
      return sv:LoadSettings(settings) and sv:GetInput("Clip")
    """
    assert lua.execute(script) == "x.png"


def test_a_masked_effect_shows_in_a_render_of_the_timeline(scene):
    plain = scene.double.engine.picture(scene.film.project, scene.cut.timeline, 86420)
    scene.cut.mask(scene.item, POLYGON)
    shown = scene.double.engine.picture(scene.film.project, scene.cut.timeline, 86420)
    changed = np.abs(shown - plain).max(axis=2) > 0.02
    assert changed[30:50, 40:60].all()
    assert not changed[60:].any()


@pytest.mark.parametrize("text", [POLYGON, ANIMATED])
def test_the_reader_and_writer_of_texts_are_each_others_inverse(text):
    document = comp_text.parse(comp_text.masked_comp(text, "Polygon1", (0, 9)))
    assert document.root is not None
    again = comp_text.parse(comp_text.write(document.root))
    assert again.root == document.root
