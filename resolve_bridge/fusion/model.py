"""Tools, inputs and wires of one composition.

Names are resolved as Fusion does it: first in the group of the asking tool, then outwards,
then anywhere in the file. Instances read the inputs of the tool they are an instance of
unless they carry their own; an empty `Input { }` on an instance means "own, at default".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.comp_text import parse, read
from resolve_bridge.fusion.table import Table, Value

__all__ = ["MASK_TOOLS", "Comp", "Endpoint", "Input", "Tool", "from_text", "load"]

MASK_TOOLS: Final = frozenset(
    {
        "PolylineMask", "BSplineMask", "EllipseMask", "RectangleMask", "TriangleMask",
        "MultiPoly", "BitmapMask", "WandMask", "RangesMask", "PaintMask", "MagicMask",
    }
)  # fmt: skip
"""Registry ids of tools whose output `Mask` is a matte."""

_IMAGE_INPUTS: Final = (
    "Input", "Background", "MainInput1", "Image", "SceneInput", "MaterialInput", "Source",
    "Input1", "Layer1.Foreground", "Foreground",
)  # fmt: skip
_FORWARD: Final = frozenset({"PipeRouter", "Dot"})
_MAX_HOPS: Final = 4096
_MAX_INSTANCES: Final = 64


@dataclass(frozen=True, slots=True)
class Input:
    """One input as written: a value, a wire or an expression.

    `empty` is the bare `Input { }`, by which an instance takes an input for its own.
    """

    value: Value = None
    source_op: str | None = None
    source: str = ""
    expression: str | None = None
    disabled: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One tool, modifier, spline or group, in the order of the text."""

    name: str
    reg_id: str
    inputs: dict[str, Input]
    table: Table
    scope: tuple[str, ...] = ()
    instance_of: str | None = None
    pass_through: bool = False
    regions: tuple[tuple[float, float], ...] = ()
    outputs: dict[str, tuple[str, str]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    """Entries of `Inputs`, or the enabled region, that are there but cannot be understood."""

    @property
    def is_mask(self) -> bool:
        """Whether the tool's own output is a matte."""
        return self.reg_id in MASK_TOOLS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The output a wire finally comes from."""

    tool: Tool
    output: str


class Comp:
    """A whole composition.

    Attributes
    ----------
    tools : tuple of Tool
        Every tool of every group, outer before inner, in the order of the text.
    render_range, global_range : (float, float) or None
        First and last frame, as far as the text says.
    version : str
    """

    def __init__(self, root: Table) -> None:
        tools: list[Tool] = []
        self._published: dict[tuple[str, str], str] = {}
        top = root.table("Tools")
        if top is not None:
            self._collect(top, tools)
        self.tools = tuple(tools)
        self._by_name: dict[str, list[Tool]] = {}
        for tool in tools:
            self._by_name.setdefault(tool.name, []).append(tool)
        self.render_range = _pair(root.table("RenderRange"))
        self.global_range = _pair(root.table("GlobalRange"))
        self.version = root.text("Version") or ""

    def _collect(self, top: Table, into: list[Tool]) -> None:
        """Read tools breadth last without recursion; groups carry tools of their own."""
        pending: list[tuple[Table, tuple[str, ...]]] = [(top, ())]
        while pending:
            table, scope = pending.pop()
            for name, entry in table.fields.items():
                if not isinstance(entry, Table) or not entry.ctor or not isinstance(name, str):
                    continue
                into.append(_tool(name, entry, scope))
                for key, given in (entry.table("Inputs") or Table()).fields.items():
                    if isinstance(given, Table) and given.ctor == "InstanceInput":
                        self._publish(str(key), given)
                inner = entry.table("Tools")
                if inner is not None:
                    pending.append((inner, (*scope, name)))

    def _publish(self, key: str, given: Table) -> None:
        """Note inputs that a group drives from its own face by a value or an expression."""
        owner, source = given.text("SourceOp"), given.text("Source")
        if owner and source and ("Value" in given.fields or "Expression" in given.fields):
            self._published[owner, source] = key

    # Names and wires --------------------------------------------------------------------

    def find(self, name: str, near: Tool | None = None) -> Tool | None:
        """Return the tool called `name`, the nearest to `near` where a name occurs twice."""
        found = self._by_name.get(name)
        if not found:
            return None
        if len(found) == 1 or near is None:
            return min(found, key=lambda tool: len(tool.scope))

        def nearness(tool: Tool) -> tuple[bool, int, int]:
            # A tool sees its own group and the groups around it before anything else.
            inside = (*near.scope, near.name)
            common = 0
            for mine, other in zip(tool.scope, inside, strict=False):
                if mine != other:
                    break
                common += 1
            return common == len(tool.scope), common, -len(tool.scope)

        return max(found, key=nearness)

    def address(self, tool: Tool) -> str:
        """Return what `tool()` finds this very tool by: its name, or ``Group/Name``."""
        return tool.name if self.find(tool.name) is tool else "/".join((*tool.scope, tool.name))

    def tool(self, name: str) -> Tool:
        """Return the tool called `name`, or the one at the address ``Group/Name``.

        Raises
        ------
        MaskRequestError
            Code ``fusion.request`` when there is none.
        """
        *scope, last = name.split("/")
        found = self.find(name)
        for tool in self._by_name.get(last, []) if scope else []:
            if tool.scope == tuple(scope):
                found = tool
        if found is None:
            raise MaskRequestError(
                f"The Fusion composition has no tool called {name}.",
                hint=("export_again", "choose_matte"),
                detail=", ".join(list(self._by_name)[:50]),
            )
        return found

    def original(self, tool: Tool) -> list[Tool]:
        """Return `tool` and what it is an instance of, nearest first.

        The last one is an instance of nothing, unless what it names is missing, leads in a
        circle or lies deeper than any real composition.
        """
        chain = [tool]
        while chain[-1].instance_of and len(chain) < _MAX_INSTANCES:
            upper = self.find(chain[-1].instance_of, chain[-1])
            if upper is None or upper in chain:
                break
            chain.append(upper)
        return chain

    def input_ids(self, tool: Tool) -> list[str]:
        """Return the ids of every written input, those of instances' originals included."""
        ids: dict[str, None] = {}
        for level in self.original(tool):
            ids.update(dict.fromkeys(level.inputs))
        return list(ids)

    def input(self, tool: Tool, name: str) -> Input | None:
        """Return the input that is in force, or None where it stands at its default."""
        for level in self.original(tool):
            if name in level.inputs:
                found = level.inputs[name]
                return None if found.empty else found
        return None

    def published_as(self, tool: Tool, name: str) -> str | None:
        """Return the group control that overrides this input, if one does."""
        for level in self.original(tool):
            if (level.name, name) in self._published:
                return self._published[level.name, name]
            if name in level.inputs:
                return None
        return None

    def source(self, tool: Tool, name: str) -> Endpoint | None:
        """Follow the wire of an input through groups and pipe routers to its real origin."""
        owner = tool
        for level in self.original(tool):
            if name in level.inputs:
                owner = level
                break
        given = self.input(tool, name)
        if given is None or given.source_op is None:
            return None
        return self._follow(given.source_op, given.source, owner)

    def _follow(self, name: str, output: str, near: Tool) -> Endpoint | None:
        seen: set[tuple[int, str]] = set()
        for _ in range(_MAX_HOPS):
            tool = self.find(name, near)
            if tool is None or (id(tool), output) in seen:
                return None
            seen.add((id(tool), output))
            if output in tool.outputs:
                name, output = tool.outputs[output]
                # The inner tool is looked for inside the group.
                near = Tool("", "", {}, tool.table, (*tool.scope, tool.name))
            elif tool.reg_id in _FORWARD:
                given = self.input(tool, "Input")
                if given is None or given.source_op is None:
                    return None
                name, output, near = given.source_op, given.source, tool
            else:
                return Endpoint(tool, output)
        return None

    # Walks ------------------------------------------------------------------------------

    def wires(self, tool: Tool) -> Iterator[tuple[str, Endpoint]]:
        """Yield every connected input with its real origin."""
        for name in self.input_ids(tool):
            end = self.source(tool, name)
            if end is not None:
                yield name, end

    def main_input(self, tool: Tool) -> Endpoint | None:
        """Return what a switched-off tool lets through: its main picture."""
        for name in _IMAGE_INPUTS:
            end = self.source(tool, name)
            if end is not None:
                return end
        return None


def _tool(name: str, entry: Table, scope: tuple[str, ...]) -> Tool:
    inputs: dict[str, Input] = {}
    unread: list[str] = []
    for key, given in (entry.table("Inputs") or Table()).fields.items():
        if not (isinstance(given, Table) and given.ctor == "Input" and not given.array):
            unread.append(str(key))
        elif isinstance(key, str):
            inputs[key] = Input(
                value=given.get("Value"),
                source_op=given.text("SourceOp"),
                source=given.text("Source") or "",
                expression=given.text("Expression"),
                disabled=given.flag("Disabled"),
                empty=not given.fields and not given.array,
            )
    outputs: dict[str, tuple[str, str]] = {}
    for key, given in (entry.table("Outputs") or Table()).fields.items():
        if isinstance(given, Table):
            inner, source = given.text("SourceOp"), given.text("Source")
            if inner is not None and source is not None:
                outputs[str(key)] = (inner, source)
    regions: list[tuple[float, float]] = []
    for region in (entry.table("EnabledRegion") or Table()).array:
        if isinstance(region, Table):
            first, last = region.number("Start"), region.number("End")
            if first is not None and last is not None:
                regions.append((first, last))
    if "EnabledRegion" in entry.fields and not regions:
        unread.append("EnabledRegion")
    return Tool(
        name=name,
        reg_id=entry.ctor,
        inputs=inputs,
        table=entry,
        scope=scope,
        instance_of=entry.text("SourceOp"),
        pass_through=entry.flag("PassThrough"),
        regions=tuple(regions),
        outputs=outputs,
        unread=tuple(unread),
    )


def _pair(table: Table | None) -> tuple[float, float] | None:
    if table is None:
        return None
    first, last = table.number(1), table.number(2)
    return (first, last) if first is not None and last is not None else None


def _checked(root: Table) -> Comp:
    if root.table("Tools") is None:
        raise MaskRequestError(
            "This text is no Fusion composition: it has no tools.",
            hint=("export_again", "choose_matte"),
            detail=f"{root!r}",
        )
    return Comp(root)


def from_text(text: str) -> Comp:
    """Read a composition or setting from its text.

    Raises
    ------
    CompSyntaxError
        Code ``fusion.syntax``.
    MaskRequestError
        Code ``fusion.request``: the text has no `Tools`.
    """
    return _checked(parse(text))


def load(path: Path) -> Comp:
    """Read a composition or setting from a file; errors as `from_text` and `comp_text.read`."""
    return _checked(read(path))
