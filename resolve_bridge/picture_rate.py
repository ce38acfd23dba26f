"""The frame rate of numbered pictures: from the recipe beside them, or from OpenEXR's own word.

PNG, TIFF and DPX pictures of an edit carry none. Their edit's recipe does; it lies beside their
folder.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from resolve_bridge import saved

__all__ = ["picture_rate"]

_RECIPE = ".recipe.json"  # the engine's own, which names its result
_EXR = b"framesPerSecond\x00rational\x00"
_HEAD_BYTES = 65_536
_MOST = 1000  # frames per second; what is more was never meant as a rate


def picture_rate(pictures: Sequence[Path]) -> Fraction | None:
    """Return the rate that pictures were made with, None where nothing tells.

    Parameters
    ----------
    pictures : sequence of Path
        All of one folder.
    """
    folder = pictures[0].parent
    told = (_of_engine(folder), _of_saved(folder), _of_exr(pictures[0]))
    return next((rate for rate in told if rate is not None), None)


def _of_engine(folder: Path) -> Fraction | None:
    """Read the recipe that the engine left beside its result, if it is of this very one."""
    for name in dict.fromkeys((folder.name, folder.stem)):
        result = _json(folder.with_name(name + _RECIPE)).get("result")
        if isinstance(result, dict) and result.get("video") == folder.name:
            return _rate(result.get("rate"))
    return None


def _of_saved(folder: Path) -> Fraction | None:
    """Read the request beside a result that was saved: its shot's rate, where it gives one."""
    found = saved.recipe_beside(folder)
    source = None if found is None else _object(found.recipe).get("source")
    return _rate(source.get("rate")) if isinstance(source, dict) else None


def _of_exr(picture: Path) -> Fraction | None:
    if picture.suffix.lower() != ".exr":
        return None
    try:
        with picture.open("rb") as data:
            head = data.read(_HEAD_BYTES)
    except OSError:
        return None
    at = head.find(_EXR)
    if at < 0 or len(head) < at + len(_EXR) + 12:
        return None
    _size, numerator, denominator = struct.unpack_from("<IiI", head, at + len(_EXR))
    return _rate(f"{numerator}/{denominator}")


def _json(path: Path) -> dict[str, Any]:
    try:
        return _object(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _rate(told: object) -> Fraction | None:
    """Read a rate as it is written down, ``24000/1001``."""
    try:
        rate = Fraction(str(told))
    except (ValueError, ZeroDivisionError):
        return None
    return rate if 1 <= rate <= _MOST else None
