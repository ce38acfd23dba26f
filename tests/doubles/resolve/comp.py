"""The live Fusion composition: its tools, undo, data, and rendering through a Saver."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import copy
import re
from typing import Any

from tests.doubles.resolve import clips, comp_text, mask_paint, model
from tests.doubles.resolve.comp_text import Table
from tests.doubles.resolve.comp_tools import Operator
from tests.doubles.resolve.dispatch import Handle, Refused

AUTO = -32768
"""A coordinate that makes ``AddTool`` connect by itself."""


class FusionComp(Handle):
    owner = "FusionComp"
    hidden_in_dir = frozenset({"GetAttrs", "SetAttrs"})
    target: model.Comp

    @property
    def item(self) -> model.Item | None:
        return self.context[0]

    def alive(self) -> bool:
        item, timeline = self.context[0], self.context[1]
        if item is None:
            return self.target in self.double.hidden_comps
        return self.target in item.comps and timeline.place(item) is not None

    def value(self, name: str) -> tuple[bool, Any]:
        if name == "CurrentTime":
            return True, float(self.target.document.span()[0])
        if name == "ActiveTool":
            return True, self.target.data.get("_active")
        found = self.target.document.tool(name)
        return (True, self._tool(name)) if found is not None else (False, None)

    def _tool(self, name: str) -> Operator:
        return Operator(self.double, self.target, name, *self.context)

    # Tools ----
    def GetToolList(self, selected: bool = False, kind: str = "") -> dict:
        """Give tools numbered from 1; ``kind`` filters by id."""
        names = [
            name
            for name, table in self.target.document.tools.entries
            if isinstance(table, Table) and (not kind or table.head == kind)
        ]
        if selected:
            names = [name for name in names if name == self.target.data.get("_selected")]
        return {index: self._tool(name) for index, name in enumerate(names, 1)}

    def FindTool(self, name: str) -> Operator:
        if self.target.document.tool(name) is None:
            raise Refused
        return self._tool(name)

    def FindToolByID(self, kind: str, previous: Operator | None = None) -> Operator:
        tools = list(self.GetToolList(False, kind).values())
        start = 0
        if previous is not None:
            names = [tool.name for tool in tools]
            start = names.index(previous.name) + 1 if previous.name in names else 0
        if start >= len(tools):
            raise Refused
        return tools[start]

    def AddTool(self, kind: str, x: float = 0, y: float = 0, define: bool = False) -> Operator:
        """Add a tool; at the automatic coordinates it connects itself to the last one."""
        tools = self.target.document.tools
        number = 1
        while tools.get(f"{kind}{number}") is not None:
            number += 1
        name = f"{kind}{number}"
        inputs = Table("", [])
        if kind == "Saver":
            clip = Table("Clip", [("Filename", ""), ("FormatID", "")])
            inputs.set("Clip", Table("Input", [("Value", clip)]))
        last = next((n for n, t in reversed(tools.entries) if isinstance(t, Table)), None)
        if x == AUTO and y == AUTO and last is not None:
            source = [("SourceOp", last), ("Source", "Output")]
            inputs.set("Input", Table("Input", source))
        view = Table("OperatorInfo", [("Pos", Table("", [(None, x), (None, y)]))])
        tools.entries.append((name, Table(kind, [("Inputs", inputs), ("ViewInfo", view)])))
        if self.target.locked:
            self.target.built_locked = True
        return self._tool(name)

    def SetActiveTool(self, tool: Operator | None = None) -> None:
        if tool is not None:
            self.target.data["_active_name"] = tool.name

    # State ----
    def GetAttrs(self, name: str = "") -> Any:
        first, last = self.target.document.span()
        attrs = {
            "COMPN_RenderStart": float(first),
            "COMPN_RenderEnd": float(last),
            "COMPN_GlobalStart": float(first),
            "COMPN_GlobalEnd": float(last),
            "COMPN_CurrentTime": float(first),
            "COMPS_Name": self.target.name,
            "COMPB_Locked": self.target.locked,
            "COMPB_Modified": False,
        }
        return attrs if not name else attrs.get(name)

    def SetAttrs(self, attrs: dict) -> bool:
        return True

    def GetData(self, name: str = "") -> Any:
        return self.target.data.get(name)

    def SetData(self, name: str, value: Any = None) -> None:
        self.target.data[name] = value

    def GetPrefs(self, name: str = "", default: Any = None) -> Any:
        width, height = self._size()
        prefs = {"Comp.FrameFormat.Width": width, "Comp.FrameFormat.Height": height}
        return prefs.get(name)

    def Lock(self) -> None:
        self.target.locked = True

    def Unlock(self) -> None:
        self.target.locked = False

    def StartUndo(self, name: str = "") -> None:
        self.target.undo.append(copy.deepcopy(self.target.document.root))
        self.target.unrendered.clear()

    def EndUndo(self, keep: bool = True) -> None:
        """Close the undo event; False takes back everything since it began."""
        if self.target.undo:
            before = self.target.undo.pop()
            if not keep:
                self.target.document.root = before

    def Save(self, path: str = "") -> bool:
        """Write the composition with its data; a hidden one refuses."""
        if self.target.data.get("_hidden") or not path:
            return False
        root = copy.deepcopy(self.target.document.root)
        data = {k: v for k, v in self.target.data.items() if not k.startswith("_")}
        if root is not None and data:
            root.set("CustomData", Table("", list(data.items())))
        text = comp_text.write(root) if root is not None else self.target.document.original
        return self.double.files.write_text(path, text + "\n")

    def Close(self) -> None:
        if self.target in self.double.hidden_comps:
            self.double.hidden_comps.remove(self.target)

    def Copy(self, tools: Any = None) -> dict:
        return {}

    def Paste(self, settings: Any = None) -> bool:
        return self.double.via == "lua" and isinstance(settings, dict)

    # Rendering ----
    def _size(self) -> tuple[int, int]:
        item = self.item
        if item is not None and item.media is not None and item.media.size[0]:
            return item.media.size
        timeline = self.context[1]
        return timeline.size if timeline is not None else (1920, 1080)

    def Render(self, options: dict | bool = False) -> bool:
        """Render the Savers frame by frame; False is all one learns of a failure."""
        if not isinstance(options, dict):
            options = {}
        faults = self.double.faults
        if (
            faults.comp_render_fails
            or not faults.scripted_comps
            or self.target.document.root is None
        ):
            return False
        first, last = self.target.document.span()
        start, end = options.get("Start", first), options.get("End", last)
        tool = options.get("Tool")
        savers = (
            [tool]
            if isinstance(tool, Operator)
            else list(self.GetToolList(False, "Saver").values())
        )
        try:
            for saver in savers:
                for number in range(int(start), int(end) + 1):
                    self._save(saver, number)
        except (OSError, ValueError):
            return False
        return bool(savers)

    def _save(self, saver: Operator, number: int) -> None:
        if saver.kind != "Saver" or (saver.name, "Clip") in self.target.unrendered:
            raise ValueError("nothing to write to")
        name = str(saver.table.get("Inputs", "Clip", "Value", "Filename") or "")
        form = saver.table.get("Inputs", "OutputFormat", "Value")
        form = form.values()[0] if isinstance(form, Table) and form.values() else form
        form = form or saver.table.get("Inputs", "Clip", "Value", "FormatID")
        if not name or form != "PNGFormat":
            raise ValueError("no file name or no format")
        source = saver.table.get("Inputs", "Input", "SourceOp")
        if source is None:
            raise ValueError("the Saver has no input")
        wanted = mask_paint.Wanted(
            self.double, self.target, self.item, self.context[1], number, self._size()
        )
        shown = mask_paint.output(wanted, str(source))
        if saver.table.get("Inputs", "SaveAlphaToColor", "Value") in (1, True):
            shown[..., :3] = shown[..., 3:]
        path = self.double.files.check_writable(numbered_name(name, number))
        clips.write_still(path, shown)


def numbered_name(name: str, number: int) -> str:
    """Trailing digits of the name become the frame, unpadded; with none four are appended."""
    match = re.match(r"^(.*?)(\d*)(\.[A-Za-z0-9]+)$", name, re.DOTALL)
    if match is None:
        return f"{name}{number:04d}"
    return f"{match[1]}{number if match[2] else f'{number:04d}'}{match[3]}"
