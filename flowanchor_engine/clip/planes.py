"""Pictures as the file holds them: planes of code values, and what the codes mean.

Nothing here converts colour. A decoded frame stays in its own planes and bit depth so
that samples which the edit does not touch can go back unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Picture", "PixelFormat"]

Array = NDArray[Any]

# Formats that hold several samples in one plane, and the planar format with equal codes.
PLANAR_TWIN: Final = {
    **dict.fromkeys(("rgb24", "bgr24", "rgb0", "bgr0", "0rgb", "0bgr"), "gbrp"),
    **dict.fromkeys(("rgba", "bgra", "argb", "abgr", "pal8", "ya8"), "gbrap"),
    **dict.fromkeys(("rgb48le", "rgb48be", "bgr48le", "bgr48be"), "gbrp16le"),
    **dict.fromkeys(
        ("rgba64le", "rgba64be", "bgra64le", "bgra64be", "ya16le", "ya16be"), "gbrap16le"
    ),
    **dict.fromkeys(("monow", "monob"), "gray"),
    **dict.fromkeys(("rgb565le", "rgb555le", "rgb8", "bgr8", "rgb4_byte", "bgr4_byte"), "gbrp"),
    **dict.fromkeys(("nv12", "nv21"), "yuv420p"),
    **dict.fromkeys(("nv16", "yuyv422", "uyvy422", "yvyu422"), "yuv422p"),
    **dict.fromkeys(("nv24", "nv42", "vuyx"), "yuv444p"),
    **dict.fromkeys(("ayuv", "vuya", "uyva"), "yuva444p"),
    **dict.fromkeys(("p010le", "p010be"), "yuv420p10le"),
    **dict.fromkeys(("p012le", "p012be"), "yuv420p12le"),
    **dict.fromkeys(("p016le", "p016be"), "yuv420p16le"),
    **dict.fromkeys(("p210le", "nv20le", "y210le"), "yuv422p10le"),
    **dict.fromkeys(("p212le", "y212le"), "yuv422p12le"),
    **dict.fromkeys(("p410le", "xv30le", "x2rgb10le"), "yuv444p10le"),
    **dict.fromkeys(("p412le", "xv36le"), "yuv444p12le"),
    "x2bgr10le": "gbrp10le",
    "ayuv64le": "yuva444p16le",
}
PLANAR_TWIN["x2rgb10le"] = "gbrp10le"

_YUV = re.compile(r"yuv(?P<a>a?)(?P<j>j?)(?P<sub>4\d\d)p(?P<depth>\d*)(le)?$")
_YUVJ = re.compile(r"yuvj(?P<sub>4\d\d)p$")
_GBR = re.compile(r"gbr(?P<a>a?)p(?P<depth>\d*|f32|f16)(le)?$")
_GRAY = re.compile(r"gray(?P<depth>\d*|f32)(le)?$")
_SUBSAMPLING: Final = {
    "444": (0, 0),
    "422": (1, 0),
    "420": (1, 1),
    "440": (0, 1),
    "411": (2, 0),
    "410": (2, 2),
}


@dataclass(frozen=True)
class PixelFormat:
    """What the planes of a picture are.

    Parameters
    ----------
    name : str
        FFmpeg's name of the planar little-endian format.
    family : {'yuv', 'rgb', 'gray'}
        Planes are Y, Cb, Cr or G, B, R or Y, then alpha where `alpha`.
    depth : int
        Bits per sample; 32 for float.
    sub_x, sub_y : int
        Binary logarithm of the chroma subsampling.
    """

    name: str
    family: Literal["yuv", "rgb", "gray"]
    depth: int
    sub_x: int = 0
    sub_y: int = 0
    alpha: bool = False
    is_float: bool = False

    @classmethod
    def parse(cls, name: str) -> PixelFormat | None:
        """Return the format of an FFmpeg name, or None for one that is not planar here."""
        if match := _YUVJ.match(name):
            return cls(name, "yuv", 8, *_SUBSAMPLING[match["sub"]])
        if (match := _YUV.match(name)) and not match["j"]:
            depth = int(match["depth"] or 8)
            return cls(name, "yuv", depth, *_SUBSAMPLING[match["sub"]], bool(match["a"]))
        for family, pattern in (("rgb", _GBR), ("gray", _GRAY)):
            if match := pattern.match(name):
                code = match["depth"] or "8"
                alpha = bool(match["a"]) if family == "rgb" else False
                depth = {"f32": 32, "f16": 16}.get(code) or int(code)
                floats = code.startswith("f")
                kind: Literal["rgb", "gray"] = "rgb" if family == "rgb" else "gray"
                return cls(name, kind, depth, alpha=alpha, is_float=floats)
        return None

    @classmethod
    def of(cls, name: str) -> PixelFormat:
        """Return the format of an FFmpeg name that is known to be planar.

        Raises
        ------
        ValueError
            If the name is not one of the planar formats.
        """
        if (found := cls.parse(name)) is None:
            raise ValueError(name)
        return found

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one sample."""
        if self.is_float:
            return np.dtype(np.float32 if self.depth == 32 else np.float16)
        return np.dtype(np.uint8 if self.depth <= 8 else np.uint16)

    @property
    def planes(self) -> int:
        """Number of planes."""
        return (1 if self.family == "gray" else 3) + self.alpha

    @property
    def peak(self) -> int:
        """Largest code value of an integer format."""
        return (1 << self.depth) - 1

    def is_chroma(self, plane: int) -> bool:
        """Whether plane `plane` holds colour difference samples."""
        return self.family == "yuv" and plane in (1, 2)

    def plane_size(self, plane: int, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of a plane of a picture of this size; odd sizes round up."""
        if not self.is_chroma(plane):
            return width, height
        return -(-width >> self.sub_x), -(-height >> self.sub_y)


@dataclass(frozen=True)
class Picture:
    """One frame in its own planes.

    Parameters
    ----------
    planes : tuple of ndarray (h, w)
        In the order of `PixelFormat`. May be read-only views of the decoder's memory:
        copy before changing.
    format : PixelFormat
    """

    planes: tuple[Array, ...]
    format: PixelFormat

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.planes[0].shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.planes[0].shape[0])

    def writable(self) -> Picture:
        """Return a copy whose planes may be changed."""
        return replace(self, planes=tuple(np.array(plane) for plane in self.planes))

    def rotated(self, quarter_turns: int, *, mirror: bool = False) -> Picture:
        """Return the picture mirrored left-right if asked, then turned counter-clockwise.

        The format must be symmetric in x and y (4:2:0, 4:4:4, RGB, grey) for odd turns.
        """
        if not quarter_turns % 4 and not mirror:
            return self
        planes = (np.fliplr(plane) if mirror else plane for plane in self.planes)
        turned = tuple(np.ascontiguousarray(np.rot90(plane, quarter_turns)) for plane in planes)
        return replace(self, planes=turned)
