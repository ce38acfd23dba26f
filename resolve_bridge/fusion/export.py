"""Mattes and pictures as files, never half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from resolve_bridge.fusion.raster import frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resolve_bridge.fusion.mask import Mask

__all__ = ["write_mattes", "write_png"]

_FULL = 65535.0


def write_mattes(mask: Mask, folder: Path, *, stem: str = "matte") -> list[Path]:
    """Write a mask as a sequence of 16-bit grey PNG files, one per frame.

    Parameters
    ----------
    mask : Mask
    folder : Path
        Must exist.
    stem : str
        Files are called ``<stem>_00000.png`` and so on, counted from the mask's first frame.

    Returns
    -------
    list of Path
        The files, in order.

    Raises
    ------
    OSError
        The folder is missing or full. Files that were finished before stay, whole.
    """
    written: list[Path] = []
    for index, matte in enumerate(frames(mask)):
        path = folder / f"{stem}_{index:05d}.png"
        write_png((matte.clip(0.0, 1.0) * _FULL + 0.5).astype(np.uint16), path)
        written.append(path)
    return written


def write_png(picture: NDArray[np.uint8] | NDArray[np.uint16], path: Path) -> None:
    """Write a picture under a temporary name, flush it, and give it its own name.

    Parameters
    ----------
    picture : uint8 or uint16, grey or BGR
    path : Path
        In a folder that exists.

    Raises
    ------
    OSError
        The folder is missing or full; nothing half written stays.
    """
    _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.tobytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
