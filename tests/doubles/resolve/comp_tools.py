"""Tools, inputs and outputs of a live Fusion composition."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

from typing import Any

from tests.doubles.resolve import comp_text, mask_paint, model
from tests.doubles.resolve.comp_text import Table
from tests.doubles.resolve.dispatch import Handle, Refused

#: Inputs a tool has beyond those its text names: id -> name in the Inspector.
_MASK = {
    "Level": "Level",
    "SoftEdge": "Soft Edge",
    "BorderWidth": "Border Width",
    "Invert": "Invert",
    "Solid": "Solid",
    "PaintMode": "Paint Mode",
    "Center": "Center",
    "MaskWidth": "Mask Width",
    "MaskHeight": "Mask Height",
    "EffectMask": "Effect Mask",
}
INPUTS: dict[str, dict[str, str]] = {
    "Saver": {
        "Input": "Input",
        "Clip": "Filename",
        "OutputFormat": "Output Format",
        "SaveAlphaToColor": "Save Alpha To Color",
    },
    "PolylineMask": _MASK | {"Polyline": "Polyline", "Size": "Size", "ZRotation": "Z Rotation"},
    "BSplineMask": _MASK | {"Polyline": "Polyline", "Size": "Size", "ZRotation": "Z Rotation"},
    "EllipseMask": _MASK | {"Width": "Width", "Height": "Height", "Angle": "Angle"},
    "RectangleMask": _MASK
    | {"Width": "Width", "Height": "Height", "Angle": "Angle", "CornerRadius": "Corner Radius"},
    "Background": {"TopLeftRed": "Red", "TopLeftGreen": "Green", "EffectMask": "Effect Mask"},
    "MediaOut": {"Input": "Input", "Index": "Index"},
    "MediaIn": {"Layer": "Layer"},
}


class Operator(Handle):
    """A tool; the target is the comp, the first context its name."""

    owner = "Operator"
    hidden_in_dir = frozenset({"GetAttrs", "SetAttrs"})
    target: model.Comp

    @property
    def name(self) -> str:
        return str(self.context[0])

    @property
    def table(self) -> Table:
        found = self.target.document.tool(self.name)
        if found is None:
            raise Refused
        return found

    @property
    def kind(self) -> str:
        return self.table.head

    @property
    def inputs(self) -> Table:
        found = self.table.get("Inputs")
        if not isinstance(found, Table):
            found = Table("", [])
            self.table.set("Inputs", found)
        return found

    def identity(self) -> str:
        return self.name

    def alive(self) -> bool:
        return self.target.document.tool(self.name) is not None

    def known_inputs(self) -> dict[str, str]:
        named = {str(key): str(key) for key, _ in self.inputs.entries if key}
        return named | INPUTS.get(self.kind, {})

    def value(self, name: str) -> tuple[bool, Any]:
        if not self.alive():
            return False, None
        if name == "ID":
            return True, self.kind
        if name == "Name":
            return True, self.name
        if name in ("Output", "Mask"):
            return True, Output(self.double, self.target, *self.context, name)
        if name in self.known_inputs():
            return True, Input(self.double, self.target, *self.context, name)
        return False, None

    def assign(self, name: str, value: Any) -> None:
        """``tool.Input = other`` connects; ``tool.Level = 0.5`` sets."""
        self.SetInput(name, value)

    # Methods ----
    def GetAttrs(self, name: str = "") -> Any:
        region = self.table.get("EnabledRegion")
        values = region.values() if isinstance(region, Table) else []
        first, last = self.target.document.span()
        attrs = {
            "TOOLS_Name": self.name,
            "TOOLS_RegID": self.kind,
            "TOOLB_PassThrough": bool(self.table.get("PassThrough")),
            "TOOLNT_EnabledRegion_Start": float(values[0] if values else first),
            "TOOLNT_EnabledRegion_End": float(values[1] if len(values) > 1 else last),
        }
        return attrs if not name else attrs.get(name)

    def SetAttrs(self, attrs: dict) -> bool:
        if "TOOLB_PassThrough" in attrs:
            self.table.set("PassThrough", bool(attrs["TOOLB_PassThrough"]))
        return "TOOLS_Name" not in attrs

    def GetInputList(self, kind: str = "") -> dict:
        names = self.known_inputs()
        return {
            index: Input(self.double, self.target, *self.context, name)
            for index, name in enumerate(names, 1)
        }

    def GetOutputList(self, kind: str = "") -> dict:
        name = "Mask" if self.kind.endswith("Mask") else "Output"
        return {1: Output(self.double, self.target, *self.context, name)}

    def FindMainInput(self, index: int = 1) -> Any:
        return Input(self.double, self.target, *self.context, "Input")

    def FindMainOutput(self, index: int = 1) -> Any:
        return next(iter(self.GetOutputList().values()))

    def GetInput(self, name: str, time: float | None = None) -> Any:
        if name not in self.known_inputs():
            raise Refused
        if name == "Clip":
            return self.inputs.get("Clip", "Value", "Filename") or ""
        value = mask_paint.value_at(self.target, self.name, name, time or 0)
        if isinstance(value, Table):
            parts = {k: v for k, v in value.entries if k is not None}
            return parts or dict(enumerate(value.values(), 1))
        return value

    def SetInput(self, name: str, value: Any = None, time: float | None = None) -> None:
        """Set or connect; an unknown name is ignored, and the answer is always None."""
        if name not in self.known_inputs():
            return
        if isinstance(value, (Operator, Output)):
            source = value.name
            port = (
                value.port
                if isinstance(value, Output)
                else next(iter(value.GetOutputList().values())).port
            )
            link = [("SourceOp", source), ("Source", port)]
            self.inputs.set(name, Table("Input", link))
            return
        if isinstance(value, dict):
            value = Table("", [(None, item) for item in value.values()])
        if isinstance(value, list):
            value = Table("", [(None, item) for item in value])
        self._note_write(name)
        if name == "Clip":
            clip = self.inputs.get("Clip", "Value")
            if not isinstance(clip, Table):
                clip = Table("Clip", [("Filename", ""), ("FormatID", "")])
                self.inputs.set("Clip", Table("Input", [("Value", clip)]))
            clip.set("Filename", str(value))
            return
        if name == "OutputFormat":
            value = Table("FuID", [(None, value)])
        self.inputs.set(name, Table("Input", [("Value", value)]))

    def _note_write(self, name: str) -> None:
        """A first value under a lock, on a comp built under locks, reads back but never renders."""
        key = (self.name, name)
        if self.target.locked and self.target.built_locked:
            self.target.unrendered.add(key)
        else:
            self.target.unrendered.discard(key)

    def ConnectInput(self, name: str, tool: Operator | Output) -> bool:
        self.SetInput(name, tool)
        return True

    def SaveSettings(self, path: str = "") -> Any:
        """Give the tool's settings as a table, or write them to a file."""
        if path:
            text = comp_text.write(
                Table("", [("Tools", Table("ordered()", [(self.name, self.table)]))])
            )
            return self.double.files.write_text(path, text + "\n")
        clip = self.inputs.get("Clip", "Value")
        named = {k: v for k, v in clip.entries if k} if isinstance(clip, Table) else {}
        form = self.inputs.get("OutputFormat", "Value")
        form = form.values()[0] if isinstance(form, Table) else form
        inputs = {"Clip": {"Value": {"Filename": "", "FormatID": ""} | named}}
        inputs["OutputFormat"] = {"Value": form or ""}
        return {"Tools": {self.name: {"Inputs": inputs}}}

    def LoadSettings(self, settings: Any = None) -> bool:
        """Take such a table back; from Python this fails."""
        if self.double.via != "lua" or not isinstance(settings, dict):
            return False
        tools = settings.get("Tools", {})
        inputs = tools.get(self.name, {}).get("Inputs", {})
        value = inputs.get("Clip", {}).get("Value", {})
        if isinstance(value, dict) and self.kind == "Saver":
            fields = [(str(k), v) for k, v in value.items()]
            self.inputs.set("Clip", Table("Input", [("Value", Table("Clip", fields))]))
            self._note_write("Clip")
        form = inputs.get("OutputFormat", {}).get("Value")
        form = form[0] if isinstance(form, list) and form else form
        if form:
            self.inputs.set(
                "OutputFormat", Table("Input", [("Value", Table("FuID", [(None, form)]))])
            )
        return bool(inputs)

    def GetKeyFrames(self) -> dict:
        keys = self.table.get("KeyFrames")
        times = [key for key, _ in keys.entries] if isinstance(keys, Table) else []
        return {index: float(time) for index, time in enumerate(times, 1)}

    def GetBezierPolyline(self, time: float = 0, which: str = "inner") -> Any:
        value = mask_paint.value_at(self.target, self.name, "Polyline", time)
        if not isinstance(value, Table):
            raise Refused
        points = value.get("Points")
        shown = [dict(p.entries) for p in points.values()] if isinstance(points, Table) else []
        return {"Closed": bool(value.get("Closed")), "Points": shown}

    def Delete(self) -> bool:
        self.target.document.tools.drop(self.name)
        return True


class Port(Handle):
    """An input or output of a tool."""

    hidden_in_dir = frozenset({"GetAttrs", "SetAttrs"})
    target: model.Comp

    @property
    def name(self) -> str:
        return str(self.context[0])

    @property
    def port(self) -> str:
        return str(self.context[-1])

    def identity(self) -> str:
        return f"{self.name}.{self.port}"

    @property
    def tool(self) -> Operator:
        return Operator(self.double, self.target, *self.context[:-1])

    def GetTool(self) -> Operator:
        return self.tool


class Output(Port):
    owner = "Output"

    def GetAttrs(self, name: str = "") -> Any:
        attrs = {"OUTS_ID": self.port, "OUTS_Name": self.port, "OUTS_DataType": "Image"}
        return attrs if not name else attrs.get(name)

    def GetConnectedInputs(self) -> dict:
        found = []
        for tool_name, table in self.target.document.tools.entries:
            inputs = table.get("Inputs") if isinstance(table, Table) else None
            for key, value in inputs.entries if isinstance(inputs, Table) else []:
                if isinstance(value, Table) and value.get("SourceOp") == self.name:
                    context = (tool_name, *self.context[1:-1], key)
                    found.append(Input(self.double, self.target, *context))
        return dict(enumerate(found, 1))


class Input(Port):
    owner = "Input"

    def GetAttrs(self, name: str = "") -> Any:
        """INPS_ID is what scripts use; INPS_Name is what people read."""
        attrs = {
            "INPS_ID": self.port,
            "INPS_Name": self.tool.known_inputs().get(self.port, self.port),
            "INPB_Connected": self._source() is not None,
        }
        return attrs if not name else attrs.get(name)

    def _source(self) -> str | None:
        found = self.tool.inputs.get(self.port, "SourceOp")
        return str(found) if found is not None else None

    def GetConnectedOutput(self) -> Output:
        source = self._source()
        if source is None:
            raise Refused
        port = str(self.tool.inputs.get(self.port, "Source") or "Output")
        return Output(self.double, self.target, source, *self.context[1:-1], port)

    def ConnectTo(self, output: Output | None = None) -> bool:
        if output is None:
            self.tool.inputs.drop(self.port)
        else:
            self.tool.SetInput(self.port, output)
        return True

    def GetExpression(self) -> str:
        found = self.tool.inputs.get(self.port, "Expression")
        if found is None:
            raise Refused
        return str(found)

    def GetKeyFrames(self) -> dict:
        source = self._source()
        if source is None or self.target.document.tool(source) is None:
            return {}
        return Operator(self.double, self.target, source, *self.context[1:-1]).GetKeyFrames()

    def get_item(self, key: Any) -> Any:
        return self.tool.GetInput(self.port, float(key))

    def set_item(self, key: Any, value: Any) -> None:
        self.tool.SetInput(self.port, value, float(key))
