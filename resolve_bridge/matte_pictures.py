"""A mask's pictures in a folder that is named by what they are: an equal mask has the same one.

Who compares requests by their paths then sees that nothing changed, and what was computed from the
pictures is found again. So a folder is never written over: one that is whole stays as it is, with
its times, and one that lost pictures gets those back.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.render import DiskError

if TYPE_CHECKING:
    from resolve_bridge.extract import Report

__all__ = ["Kept", "Picture", "keep"]

Picture = NDArray[np.uint16]
"""One frame of a mask, shape (height, width), 0 to 65535."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the pictures lie.

    Parameters
    ----------
    folder : Path
    frames : int
    width, height : int
        Of the first picture, pixels; all are of one size.
    """

    folder: Path
    frames: int
    width: int
    height: int

    @property
    def label(self) -> str:
        """``.../matte_[0000-0080].png``."""
        return str(self.folder / f"matte_[0000-{self.frames - 1:04d}].png")


def keep(
    pictures: Iterator[Picture],
    count: int,
    parent: Path,
    *,
    report: Report,
    check: Callable[[], None] = lambda: None,
) -> Kept:
    """Write pictures into a folder below `parent`, or find the one that has them already.

    Until it is whole the folder has another name, which begins with a dot; several may write the
    same one at the same time.

    Parameters
    ----------
    pictures : iterator of array, shape (height, width), uint16
        `count` of them.
    check : callable
        Called before each picture; may raise to cancel, and nothing is left then.

    Raises
    ------
    DiskError
    """
    temporary = parent / f".matte-{secrets.token_hex(8)}.tmp"
    try:
        temporary.mkdir(parents=True)
        names: dict[str, str] = {}
        shape = (0, 0)
        for index, picture in enumerate(pictures):
            check()
            shape = picture.shape if not names else shape
            name = f"matte_{index:04d}.png"
            names[name] = _write(temporary / name, picture)
            report("matte", index + 1, count)
        folder = parent / f"matte-{_key(names)}"
        _settle(temporary, folder, names)
    except BridgeError:  # some are an OSError as well
        raise
    except OSError as error:
        raise DiskError(
            reason=error.strerror or "Nothing can be written",
            folder=str(parent),
            detail=repr(error),
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Kept(folder, len(names), shape[1], shape[0])


def _write(path: Path, picture: Picture) -> str:
    """Write a picture for good and return its SHA-256."""
    _good, encoded = cv2.imencode(".png", picture)
    data = encoded.tobytes()
    with path.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return hashlib.sha256(data).hexdigest()


def _key(names: dict[str, str]) -> str:
    """Return what stands for the number of the pictures, their order and every byte of them."""
    text = "".join(f"{name} {content}\n" for name, content in names.items())
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _settle(temporary: Path, folder: Path, names: dict[str, str]) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        # The same pictures lie there: of an earlier time, or of who was quicker.
        for name, content in names.items():
            if _content(folder / name) != content:
                (temporary / name).replace(folder / name)
        for other in folder.glob("matte_*.png"):
            if other.name not in names:  # it would be read as one more frame
                other.unlink(missing_ok=True)


def _content(path: Path) -> str:
    try:
        with path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
