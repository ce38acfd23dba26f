"""Frames to 8-bit display RGB, quickly, by the same arithmetic as everywhere else.

`clip.convert.to_rgb8` computes in float planes. Where code values are display-referred the
whole way from codes to RGB is one affine map, which is read off that very code once per clip
and then applied by OpenCV to the planes as they are. The two agree but for halves that are
rounded to the other side: never more than one code value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.resample import resize_smooth

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Colour, Float
    from flowanchor_engine.clip.planes import Array, Picture, PixelFormat

__all__ = ["Array8", "Viewer", "even_size"]

Array8 = NDArray[np.uint8]


def even_size(width: int, height: int, par: float, max_height: int) -> tuple[int, int]:
    """Return the (width, height) in which a picture is shown: square pixels, both even.

    Never larger than the picture but where pixels are wide; two pixels at least.
    """
    tall = min(height, max_height)
    wide = tall * width * par / height
    if par == 1:
        wide = min(wide, width)
    return max(2, int(wide + 1e-6) // 2 * 2), max(2, tall // 2 * 2)


@dataclass(frozen=True)
class Viewer:
    """Makes 8-bit RGB pictures of one clip.

    Parameters
    ----------
    colour : Colour
    pixels : PixelFormat
        Of every picture that will come.
    matrix : ndarray (3, 4), float64, or None
        From codes to 8-bit RGB; None where the view is not affine.
    """

    colour: Colour
    pixels: PixelFormat
    matrix: NDArray[np.float64] | None

    @classmethod
    def of(cls, colour: Colour, pixels: PixelFormat) -> Viewer:
        """Read the map of a clip off the code that every edit uses."""
        if colour.view != "as_is" or pixels.is_float:
            return cls(colour, pixels, None)
        # Probes: all codes 0, then the highest code of one plane at a time.
        count = 1 if pixels.family == "gray" else 3
        probes = np.vstack([np.zeros((1, count)), np.eye(count) * pixels.peak])
        units: list[Float] = []
        for place in range(count):
            zero, span = colour.scale(pixels, place)
            units.append(((probes[None, :, place] - zero) / span).astype(np.float32))
        rgb = colour.rgb_from_planes(units, pixels)[0].astype(np.float64) * 255
        matrix = np.zeros((3, 4))
        matrix[:, :count] = (rgb[1:] - rgb[0]).T / pixels.peak
        matrix[:, 3] = rgb[0]
        if count == 1:  # one plane feeds all three colours
            matrix[:, :3] = np.diag(matrix[:, 0])
        return cls(colour, pixels, matrix)

    def rgb(self, picture: Picture, size: tuple[int, int]) -> Array8:
        """Return a picture as display RGB (h, w, 3) of the given (width, height)."""
        if self.matrix is None or picture.format != self.pixels:
            return np.asarray(to_rgb8(picture, self.colour, size), np.uint8)
        count = 1 if self.pixels.family == "gray" else 3
        planes = [_wide(resize_smooth(plane, size)) for plane in picture.planes[:count]]
        joined = cv2.merge(planes * 3 if count == 1 else planes)
        # 16-bit codes go through float and saturate at 0; 255 is the second saturation.
        codes = cv2.transform(joined, self.matrix)
        return np.asarray(cv2.convertScaleAbs(codes), np.uint8)

    def alpha(self, picture: Picture) -> Float | None:
        """Return the share of a picture that is seen, (H, W) in 0..1; None without alpha."""
        if not picture.format.alpha:
            return None
        place = picture.format.planes - 1
        return np.clip(self.colour.unit(picture.planes[place], picture.format, place), 0, 1)


def _wide(plane: Array) -> NDArray[np.uint16]:
    return plane if plane.dtype == np.uint16 else plane.astype(np.uint16)
