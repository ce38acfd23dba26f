"""The whole observable state of a double as plain nested data.

``double.state()`` before and after a transaction differ by exactly what the transaction left
behind; :func:`difference` says where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.doubles.resolve.double import Double

_HIDDEN = {"painters", "undo", "inner"}


def dump(double: Double) -> dict[str, Any]:
    """Give everything a person or a script could notice."""
    return {
        "page": double.page,
        "modal": double.modal,
        "project": double.current,
        "projects": {project.name: plain(project) for project in double.projects},
        "prefs": plain(double.prefs),
        "data": plain(double.data),
        "hidden comps": len(double.hidden_comps),
        "rendering": double.engine.busy,
    }


def plain(value: Any) -> Any:
    """Turn model objects into dicts, lists, strings and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        out = {}
        for field in fields(value):
            if field.name in _HIDDEN:
                continue
            item = getattr(value, field.name)
            if field.name == "document":
                out["text"] = item.text()
            elif field.name == "folder" or (field.name == "media" and hasattr(item, "media_id")):
                out[field.name] = item.id
            else:
                out[field.name] = plain(item)
        inner = getattr(value, "inner", None)
        if inner is not None and getattr(value, "kind", "") != "timeline":
            out["inner"] = plain(inner)
        return out
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


def difference(before: Any, after: Any, path: str = "") -> list[str]:
    """List every place where two states differ, as ``path: old -> new``."""
    return list(_differences(before, after, path))


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            where = f"{path}.{key}" if path else str(key)
            if key not in after:
                yield f"{where}: gone"
            elif key not in before:
                yield f"{where}: new {_short(after[key])}"
            else:
                yield from _differences(before[key], after[key], where)
    elif isinstance(before, list) and isinstance(after, list):
        keyed = [_by_id(before), _by_id(after)]
        if all(keyed) or (any(keyed) and not (before and after)):
            yield from _differences(keyed[0] or {}, keyed[1] or {}, path)
            if [e["id"] for e in after if e["id"] in (keyed[0] or {})] != [
                e["id"] for e in before if e["id"] in (keyed[1] or {})
            ]:
                yield f"{path}: order changed"
        elif len(before) == len(after):
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                yield from _differences(old, new, f"{path}[{index}]")
        else:
            common = min(len(before), len(after))
            for index in range(common):
                yield from _differences(before[index], after[index], f"{path}[{index}]")
            for index in range(common, len(after)):
                yield f"{path}[{index}]: new {_short(after[index])}"
            for index in range(common, len(before)):
                yield f"{path}[{index}]: gone"
    elif before != after:
        yield f"{path}: {_short(before)} -> {_short(after)}"


def _by_id(items: list[Any]) -> dict[str, Any] | None:
    if items and all(isinstance(item, dict) and "id" in item for item in items):
        return {item["id"]: item for item in items}
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
