"""Paths of the machine that submitted a job, as they are called on this one.

Managers hand a task the rules as a file (OpenJD's ``pathmapping-1.0``). They are applied as
OpenJD does it: rules with more path components first, whole components only, Windows paths and
the host of a URI without regard to the case of ASCII letters. No package is needed for it, so
that render nodes need none.
"""

from __future__ import annotations

import json
import os
import re
import string
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["PathRules", "Rule", "read_rules"]

VERSION: Final = "pathmapping-1.0"
_FIELDS: Final = ("source_path_format", "source_path", "destination_path")
_KINDS: Final[dict[str, type[PurePath]]] = {"POSIX": PurePosixPath, "WINDOWS": PureWindowsPath}
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://[^/]*)(.*)", re.DOTALL)
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True)
class Rule:
    """One rule: what lies under `source` there lies under `destination` here.

    Parameters
    ----------
    kind : {'POSIX', 'WINDOWS', 'URI'}
        How paths are written where the job was submitted.
    """

    kind: str
    source: str
    destination: str

    @property
    def depth(self) -> int:
        """Components of the source; deeper rules come first."""
        if (match := _URI.match(self.source)) and self.kind == "URI":
            return 1 + len([part for part in match[2].split("/") if part])
        return len(_KINDS[self.kind](self.source).parts)

    def apply(self, path: str) -> str | None:
        """Return the path as it is called here, None if the rule does not speak of it."""
        rest = self._beneath_uri(path) if self.kind == "URI" else self._beneath(path)
        if rest is None:
            return None
        mapped = str(PurePath(self.destination, *rest))
        ends = ("/",) if self.kind != "WINDOWS" else ("/", "\\")
        return mapped + os.sep if path.endswith(ends) and not mapped.endswith(os.sep) else mapped

    def _beneath(self, path: str) -> tuple[str, ...] | None:
        source, parts = _KINDS[self.kind](self.source).parts, _KINDS[self.kind](path).parts

        def same(a: str, b: str) -> bool:
            folded = a.translate(_LOWER) == b.translate(_LOWER)
            return folded if self.kind == "WINDOWS" else a == b

        head = parts[: len(source)]
        if len(head) < len(source) or not all(map(same, source, head)):
            return None
        return parts[len(source) :]

    def _beneath_uri(self, path: str) -> tuple[str, ...] | None:
        ours, theirs = _URI.match(self.source), _URI.match(path)
        if not ours or not theirs or ours[1].translate(_LOWER) != theirs[1].translate(_LOWER):
            return None
        rest = theirs[2].removeprefix(ours[2])
        if not theirs[2].startswith(ours[2]) or (rest and rest[0] != "/"):
            return None
        return tuple(part for part in rest.split("/") if part)


@dataclass(frozen=True)
class PathRules:
    """The rules of one session, in the order in which they are tried."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> PathRules:
        """Put rules in order: deeper sources first, otherwise as given."""
        return cls(tuple(sorted(rules, key=lambda rule: -rule.depth)))

    def apply(self, path: str) -> str:
        """Return the path as it is called here; unchanged where no rule speaks of it."""
        for rule in self.rules:
            mapped = rule.apply(path)
            if mapped is not None:
                return mapped
        return path


def read_rules(path: Path) -> PathRules:
    """Read a file of rules; an empty object, as managers without rules write it, is none.

    Raises
    ------
    RequestError
        The file cannot be read, or is no such file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(
            f"{path.name} is not a readable file of path mapping rules.", detail=str(error)
        ) from error
    if data == {}:
        return PathRules()
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise RequestError(f"{path.name} holds no path mapping rules ({VERSION}).")
    items = data.get("path_mapping_rules", [])
    if not isinstance(items, list):
        raise RequestError(f"{path.name} holds no list of path mapping rules.")
    return PathRules.of([_rule(item, path.name) for item in items])


def _rule(item: Any, name: str) -> Rule:
    if not isinstance(item, dict) or not all(isinstance(item.get(f), str) for f in _FIELDS):
        raise RequestError(
            f"A path mapping rule in {name} lacks one of {', '.join(_FIELDS)}.", detail=str(item)
        )
    kind, source, destination = (item[field] for field in _FIELDS)
    kind = kind.upper()
    good = bool(_URI.match(source)) if kind == "URI" else kind in _KINDS
    if not good or not source or not destination:
        raise RequestError(
            f"A path mapping rule in {name} is not valid: {kind} “{source}”.", detail=str(item)
        )
    return Rule(kind, source, destination)
