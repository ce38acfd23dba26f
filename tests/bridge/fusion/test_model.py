# ruff: noqa: E501 - compositions read best on one line
"""Tools and wires: scopes, groups, pipes, instances, switched-off tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.model import Comp, from_text, load

CORPUS = Path(__file__).parent / "corpus"


def comp(tools: str) -> Comp:
    return from_text(f"{{ Tools = ordered() {{ {tools} }} }}")


def test_a_wire_is_followed_through_pipes_and_out_of_groups() -> None:
    found = comp(
        'G = GroupOperator { Outputs = { Out = InstanceOutput { SourceOp = "P", Source = "Output" } },'
        '  Tools = { P = PipeRouter { Inputs = { Input = Input { SourceOp = "H", Source = "Deep" } } },'
        '    H = GroupOperator { Outputs = { Deep = InstanceOutput { SourceOp = "M", Source = "Mask" } },'
        "      Tools = { M = EllipseMask { } } } } },"
        'B = Blur { Inputs = { EffectMask = Input { SourceOp = "Q", Source = "Output" } } },'
        'Q = PipeRouter { Inputs = { Input = Input { SourceOp = "G", Source = "Out" } } }'
    )
    end = found.source(found.tool("B"), "EffectMask")
    assert end is not None
    assert (end.tool.name, end.tool.scope, end.output) == ("M", ("G", "H"), "Mask")


def test_a_name_means_the_nearest_tool() -> None:
    found = load(CORPUS / "groups_instances.setting")
    blur = found.tool("Blur1")
    end = found.source(blur, "EffectMask")
    assert end is not None
    assert end.tool.scope == ("Look",)
    assert found.tool("Ellipse1").scope == ()
    assert found.address(end.tool) == "Look/Ellipse1"
    assert found.tool("Look/Ellipse1") is end.tool


def test_an_inner_tool_sees_outwards() -> None:
    found = comp(
        "M = EllipseMask { }, G = MacroOperator { Tools = { B = Blur { Inputs = {"
        ' EffectMask = Input { SourceOp = "M", Source = "Mask" } } } } }'
    )
    end = found.source(found.tool("B"), "EffectMask")
    assert end is not None
    assert end.tool is found.tool("M")


def test_an_instance_inherits_overrides_and_deinstances() -> None:
    found = comp(
        "A = EllipseMask { Inputs = { Width = Input { Value = 1 }, Height = Input { Value = 2 },"
        ' Angle = Input { Value = 3 }, EffectMask = Input { SourceOp = "C", Source = "Mask" } } },'
        'B = EllipseMask { SourceOp = "A", Inputs = { Width = Input { Value = 9 },'
        " EffectMask = Input { } } },"
        'D = EllipseMask { SourceOp = "B", Inputs = { Height = Input { } } }, C = EllipseMask { }'
    )
    d = found.tool("D")
    assert found.input(d, "Width").value == 9
    assert found.input(d, "Height") is None
    assert found.input(d, "Angle").value == 3
    assert found.source(d, "EffectMask") is None
    assert found.source(found.tool("A"), "EffectMask").tool.name == "C"
    assert set(found.input_ids(d)) == {"Width", "Height", "Angle", "EffectMask"}


@pytest.mark.parametrize(
    "tools",
    [
        'A = EllipseMask { SourceOp = "A" }',
        'A = EllipseMask { SourceOp = "B" }, B = EllipseMask { SourceOp = "A" }',
        'A = PipeRouter { Inputs = { Input = Input { SourceOp = "A", Source = "Output" } } }',
        'A = PipeRouter { Inputs = { Input = Input { SourceOp = "B", Source = "Output" } } },'
        ' B = PipeRouter { Inputs = { Input = Input { SourceOp = "A", Source = "Output" } } }',
        'A = GroupOperator { Outputs = { O = InstanceOutput { SourceOp = "A", Source = "O" } } },'
        ' B = Blur { Inputs = { Input = Input { SourceOp = "A", Source = "O" } } }',
    ],
)
def test_circles_end(tools: str) -> None:
    found = comp(tools)
    for tool in found.tools:
        assert found.input(tool, "Nothing") is None
        assert all(end.tool is not tool for _, end in found.wires(tool))


def test_settings_kept_inside_a_tool_are_no_tools() -> None:
    found = comp("A = Blur { CustomData = { Settings = { [1] = { Tools = { B = Blur { } } } } } }")
    assert [tool.name for tool in found.tools] == ["A"]


def test_marks_of_a_tool_are_read() -> None:
    tool = comp(
        "A = EllipseMask { PassThrough = true, EnabledRegion = TimeRegion {"
        " { Start = 14, End = 112, FrameLength = 1 }, { Start = 200, End = 210 } } }"
    ).tool("A")
    assert tool.pass_through
    assert tool.is_mask
    assert tool.regions == ((14, 112), (200, 210))


def test_a_composition_tells_its_ranges() -> None:
    found = load(CORPUS / "chain.comp")
    assert found.render_range == (0, 23)
    assert found.global_range == (0, 23)
    assert found.version == "Fusion 20.3"
    assert from_text("{ Tools = { } }").render_range is None


def test_what_is_no_composition_is_one_coded_error() -> None:
    with pytest.raises(MaskRequestError, match="no Fusion composition") as caught:
        from_text("{ Width = 3 }")
    assert caught.value.code == "fusion.request"
    with pytest.raises(MaskRequestError, match="no tool called Gone"):
        from_text("{ Tools = { } }").tool("Gone")


def test_odd_entries_among_the_tools_do_no_harm() -> None:
    found = comp(
        'A = 3, B = { }, [1] = Blur { }, "x", C = Blur { Inputs = { X = 3, Y = Foo { }, [2] = Input { } } }'
    )
    assert [tool.name for tool in found.tools] == ["C"]
    assert found.tool("C").inputs == {}
