"""The text of Fusion compositions: a small reader and writer of the double's own.

It exists so that a live composition can be changed and exported again, and so that nothing of
the product is used to judge the product. A text that was not changed is given back as it came;
a text this reader cannot read is kept as text and has no tools.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"""\s+|--\[\[.*?\]\]|--[^\n]*
    |(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[\[.*?\]\])
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>[{}()\[\]=,;])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass
class Table:
    """``Head { 1, 2, key = value }``, in order."""

    head: str = ""
    entries: list[tuple[Any, Any]] = field(default_factory=list)
    """(key, value); the key of a positional value is None."""

    def get(self, *path: Any) -> Any:
        found: Any = self
        for key in path:
            if not isinstance(found, Table):
                return None
            found = next((v for k, v in found.entries if k == key), None)
        return found

    def set(self, key: Any, value: Any) -> None:
        for index, (old, _) in enumerate(self.entries):
            if old == key:
                self.entries[index] = (key, value)
                return
        self.entries.append((key, value))

    def drop(self, key: Any) -> None:
        self.entries = [(k, v) for k, v in self.entries if k != key]

    def values(self) -> list[Any]:
        return [value for key, value in self.entries if key is None]


class Document:
    """One composition."""

    def __init__(self, original: str, root: Table | None) -> None:
        self.original = original
        self.root = root
        self._before = copy.deepcopy(root)

    def text(self) -> str:
        if self.root is None or self.root == self._before:
            return self.original
        return write(self.root) + "\n"

    @property
    def tools(self) -> Table:
        if self.root is None:
            return Table()
        found = self.root.get("Tools")
        if not isinstance(found, Table):
            found = Table("ordered()")
            self.root.set("Tools", found)
        return found

    def tool(self, name: str) -> Table | None:
        found = self.tools.get(name)
        return found if isinstance(found, Table) else None

    def span(self) -> tuple[int, int]:
        """First and last frame of the render range."""
        found = self.root.get("RenderRange") if self.root else None
        values = found.values() if isinstance(found, Table) else []
        return (int(values[0]), int(values[1])) if len(values) == 2 else (0, 0)


def parse(text: str) -> Document:
    """Read a composition; what cannot be read stays text."""
    try:
        reader = _Reader(text)
        root = reader.value()
    except (ValueError, IndexError, RecursionError):
        return Document(text, None)
    return Document(text, root if isinstance(root, Table) else None)


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"character {at}")
            if match.lastgroup is not None:
                self.tokens.append((match.lastgroup, match.group()))
            at = match.end()
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index][1] if index < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> tuple[str, str]:
        kind, text = self.tokens[self.at]
        if expected is not None and text != expected:
            raise ValueError(f"{expected} expected, not {text}")
        self.at += 1
        return kind, text

    def value(self) -> Any:
        kind, text = self.tokens[self.at]
        if text == "{":
            return self.table("")
        self.take()
        if kind == "string":
            return _unquote(text)
        if kind == "number":
            return int(text, 0) if re.fullmatch(r"[-+]?(\d+|0[xX]\w+)", text) else float(text)
        if kind != "name":
            raise ValueError(text)
        if text in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[text]
        if self.peek() == "(":
            self.take("(")
            self.take(")")
            return self.table(f"{text}()")
        if self.peek() == "{":
            return self.table(text)
        return Name(text)

    def table(self, head: str) -> Table:
        out = Table(head)
        self.take("{")
        while self.peek() != "}":
            key = None
            if self.peek() == "[" and self.tokens[self.at][0] == "mark":
                self.take("[")
                key = self.value()
                self.take("]")
                self.take("=")
            elif self.tokens[self.at][0] == "name" and self.peek(1) == "=":
                key = self.take()[1]
                self.take("=")
            out.entries.append((key, self.value()))
            if self.peek() in (",", ";"):
                self.take()
        self.take("}")
        return out


class Name(str):
    """A bare word as a value."""

    __slots__ = ()


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def _unquote(text: str) -> str:
    if text.startswith("[["):
        return text[2:-2]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)


def write(value: Any, depth: int = 0) -> str:
    """Write a value as Fusion would."""
    if isinstance(value, Name):
        return str(value)
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    inside = "\t" * (depth + 1)
    head = f"{value.head} " if value.head else ""
    short = all(not isinstance(item, Table) for _, item in value.entries)
    parts = [_key(key) + write(item, depth + 1) for key, item in value.entries]
    if short:
        return head + ("{ " + ", ".join(parts) + " }" if parts else "{ }")
    return head + "{\n" + "".join(f"{inside}{part},\n" for part in parts) + "\t" * depth + "}"


def _key(key: Any) -> str:
    if key is None:
        return ""
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z_]\w*", key):
        return f"{key} = "
    return f"[{write(key)}] = "


HEADER = """Composition {{
\tCurrentTime = {start},
\tRenderRange = {{ {start}, {end} }},
\tGlobalRange = {{ {start}, {end} }},
\tCurrentID = 3,
\tHiQ = true,
\tPlaybackUpdateMode = "Render",
\tVersion = "DaVinci Resolve {version}",
\tSavedOutputs = 0,
\tHeldTools = 0,
\tDisabledTools = 0,
\tLockedTools = 0,
\tAudioOffset = 0,
\tResumable = true,
\tOutputClips = {{
\t}},
\tTools = {{
{tools}
\t}},
}}
"""

MEDIA_IN = """\t\tMediaIn1 = MediaIn {
\t\t\tInputs = { Layer = Input { Value = "0" } },
\t\t\tViewInfo = OperatorInfo { Pos = { 0, 0 } }
\t\t},"""

MEDIA_OUT = """\t\tMediaOut1 = MediaOut {{
\t\t\tInputs = {{
\t\t\t\tIndex = Input {{ Value = "0" }},
\t\t\t\tInput = Input {{ SourceOp = "{0}", Source = "Output" }}
\t\t\t}},
\t\t\tViewInfo = OperatorInfo {{ Pos = {{ 220, 0 }} }}
\t\t}}"""


def empty_comp(span: tuple[int, int], version: str = "20.3") -> str:
    """Give a new composition: MediaIn into MediaOut."""
    return full_comp("", span, through="MediaIn1", version=version)


def full_comp(
    tools: str, span: tuple[int, int], *, through: str = "MediaIn1", version: str = "20.3"
) -> str:
    """Put tools between MediaIn1 and MediaOut1; ``through`` feeds MediaOut1."""
    parts = [MEDIA_IN]
    if tools.strip():
        parts.append(tools.strip("\n").rstrip().rstrip(",") + ",")
    parts.append(MEDIA_OUT.format(through))
    return HEADER.format(start=span[0], end=span[1], version=version, tools="\n".join(parts))


def masked_comp(mask_tools: str, mask: str, span: tuple[int, int], *, version: str = "20.3") -> str:
    """A comp whose one effect is limited by a mask, the way editors build it."""
    effect = (
        "\t\tBrightnessContrast1 = BrightnessContrast {\n\t\t\tInputs = {\n"
        f'\t\t\t\tEffectMask = Input {{ SourceOp = "{mask}", Source = "Mask" }},\n'
        "\t\t\t\tGain = Input { Value = 1.2 },\n"
        '\t\t\t\tInput = Input { SourceOp = "MediaIn1", Source = "Output" }\n'
        "\t\t\t},\n\t\t\tViewInfo = OperatorInfo { Pos = { 110, 0 } }\n\t\t}"
    )
    tools = mask_tools.strip("\n").rstrip().rstrip(",") + ",\n" + effect
    return full_comp(tools, span, through="BrightnessContrast1", version=version)
