"""Names and parameter counts of the vendor's API, read from the typed stub with ``ast``.

The Fusion objects (application, composition, tools, inputs) have no stub. Their names come from
the vendor's Fusion scripting guide and are listed here.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from importlib.metadata import distribution

#: Fusion's own objects: name -> most arguments.
FUSION: dict[str, dict[str, int]] = {
    "Fusion": {
        "GetPrefs": 2,
        "SetPrefs": 2,
        "SavePrefs": 2,
        "LoadPrefs": 3,
        "GetData": 1,
        "SetData": 2,
        "GetAttrs": 1,
        "SetAttrs": 1,
        "NewComp": 3,
        "GetCurrentComp": 0,
        "GetRegList": 1,
        "GetResolve": 0,
        "GetVersion": 0,
        "MapPath": 1,
        "Execute": 1,
        "Comp": 0,
    },
    "FusionComp": {
        "GetToolList": 2,
        "FindTool": 1,
        "FindToolByID": 2,
        "AddTool": 4,
        "GetAttrs": 1,
        "SetAttrs": 1,
        "GetPrefs": 2,
        "SetPrefs": 2,
        "GetData": 1,
        "SetData": 2,
        "StartUndo": 1,
        "EndUndo": 1,
        "Lock": 0,
        "Unlock": 0,
        "Render": 1,
        "Save": 1,
        "Close": 0,
        "Copy": 1,
        "Paste": 1,
        "SetActiveTool": 1,
    },
    "Operator": {
        "GetAttrs": 1,
        "SetAttrs": 1,
        "GetInput": 2,
        "SetInput": 3,
        "GetInputList": 1,
        "GetOutputList": 1,
        "FindMainInput": 1,
        "FindMainOutput": 1,
        "ConnectInput": 2,
        "SaveSettings": 1,
        "LoadSettings": 1,
        "GetBezierPolyline": 2,
        "GetKeyFrames": 0,
        "GetData": 1,
        "SetData": 2,
        "Delete": 0,
    },
    "Input": {
        "GetAttrs": 1,
        "GetConnectedOutput": 0,
        "ConnectTo": 1,
        "GetKeyFrames": 0,
        "GetTool": 0,
        "GetExpression": 0,
        "SetExpression": 1,
    },
    "Output": {"GetAttrs": 1, "GetTool": 0, "GetConnectedInputs": 0},
}


@dataclass(frozen=True)
class Signature:
    """What the stub says of one method, all overloads together."""

    least: int
    most: int | None
    """None: any number of further arguments."""
    returns: str


@functools.cache
def table() -> dict[str, dict[str, Signature]]:
    """Class -> method -> signature, parsed from the installed stub."""
    files = distribution("fusionscript-stubs").files or []
    path = next(file for file in files if file.name == "fusionscript.pyi").locate()
    found: dict[str, dict[str, Signature]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        methods = found.setdefault(node.name, {})
        for member in node.body:
            if isinstance(member, ast.FunctionDef):
                methods[member.name] = _merge(methods.get(member.name), _read(member))
    for owner, names in FUSION.items():
        found[owner] = {name: Signature(0, most, "") for name, most in names.items()}
    return found


def _read(node: ast.FunctionDef) -> Signature:
    names = node.args.posonlyargs + node.args.args
    count = len(names) - 1
    optional = 0
    for argument in reversed(names[1:]):
        text = ast.unparse(argument.annotation) if argument.annotation else ""
        if text.startswith("Optional") or optional < len(node.args.defaults):
            optional += 1
        else:
            break
    returns = ast.unparse(node.returns) if node.returns else ""
    return Signature(count - optional, None if node.args.vararg else count, returns)


def _merge(old: Signature | None, new: Signature) -> Signature:
    if old is None:
        return new
    open_ended = old.most is None or new.most is None
    most = None if open_ended else max(old.most or 0, new.most or 0)
    return Signature(min(old.least, new.least), most, old.returns)


def known(owner: str, method: str) -> bool:
    return method in table().get(owner, {})


def methods(owner: str) -> list[str]:
    return sorted(table().get(owner, {}))


def check(owner: str, method: str, arguments: int) -> str | None:
    """Say what is wrong with a call by name and count, or give None."""
    signature = table().get(owner, {}).get(method)
    if signature is None:
        return f"{owner} has no method {method}"
    if signature.most is not None and arguments > signature.most:
        return f"{owner}.{method} takes at most {signature.most} arguments, not {arguments}"
    return None
