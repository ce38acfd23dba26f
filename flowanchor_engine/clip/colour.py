"""Code values and light: from planes to the display-referred RGB that the model sees, and back.

YCbCr and RGB are affine images of each other, so conversion commutes with linear
resampling: planes are resized first, each at its own resolution, and converted at the
model's size. Transfer functions are touched only where code values are not display
referred (scene-linear EXR, PQ, HLG); their view is invertible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowanchor_engine.clip.planes import Array, PixelFormat
    from flowanchor_engine.clip.records import Tags

__all__ = ["Colour", "Float", "settle"]

Float = NDArray[np.float32]

# Kr, Kb by H.273 matrix code point.
_WEIGHTS: Final = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_NAMES: Final = {
    1: "BT.709",
    5: "BT.601",
    6: "BT.601",
    7: "SMPTE 240M",
    9: "BT.2020",
    4: "FCC",
    0: "RGB",
    10: "BT.2020",
}
_OVERRIDE: Final = {"bt709": 1, "bt601": 6, "bt2020": 9}
View = Literal["as_is", "linear", "pq", "hlg"]


@dataclass(frozen=True)
class Colour:
    """How code values of a clip are to be read.

    Parameters
    ----------
    matrix : int
        H.273 matrix code point; 0 for RGB.
    full_range : bool
        Whether codes use the whole range.
    view : {'as_is', 'linear', 'pq', 'hlg'}
        How codes become display-referred; 'as_is' where they are already.
    tags : Tags
        What the file itself says, and what a result must say again.
    assumed : tuple of str
        Which of it the file does not say; each is a plain phrase for the person.
    """

    matrix: int
    full_range: bool
    view: View
    tags: Tags
    assumed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Plain words, such as 'BT.709, video levels'."""
        return f"{_NAMES[self.matrix]}, {'full' if self.full_range else 'video'} levels"

    # ---- codes <-> unit values ----------------------------------------------------------

    def scale(self, pixels: PixelFormat, plane: int) -> tuple[float, float]:
        """Return (zero, span): unit value = (code - zero) / span.

        Luma, RGB and grey become 0..1, chroma -0.5..0.5, alpha 0..1.
        """
        if pixels.is_float:
            return 0.0, 1.0
        is_alpha = pixels.alpha and plane == pixels.planes - 1
        step = float(1 << (pixels.depth - 8)) if pixels.depth >= 8 else 1.0
        if pixels.is_chroma(plane):
            zero = float(1 << (pixels.depth - 1))
            return zero, float(pixels.peak) if self.full_range else 224.0 * step
        if self.full_range or is_alpha or pixels.family == "rgb":
            return 0.0, float(pixels.peak)
        return 16.0 * step, 219.0 * step

    def unit(self, samples: Array, pixels: PixelFormat, plane: int) -> Float:
        """Turn code values (any float or integer array) into unit values."""
        zero, span = self.scale(pixels, plane)
        result = samples.astype(np.float32)
        result -= zero
        result /= span
        return result

    def codes(self, unit: Float, pixels: PixelFormat, plane: int) -> Float:
        """Turn unit values into unrounded code values, clipped to the format."""
        zero, span = self.scale(pixels, plane)
        result = unit * np.float32(span)
        result += np.float32(zero)
        return result if pixels.is_float else np.clip(result, 0, pixels.peak, out=result)

    # ---- unit planes <-> RGB ------------------------------------------------------------

    def rgb_from_planes(self, planes: Sequence[Float], pixels: PixelFormat) -> Float:
        """Join unit planes of equal size to code RGB (h, w, 3), not clipped."""
        if pixels.family == "gray":
            return np.repeat(planes[0][..., None], 3, axis=2)
        if pixels.family == "rgb":
            green, blue, red = planes[:3]
            return np.stack([red, green, blue], axis=2)
        luma, cb, cr = planes[:3]
        kr, kb = _WEIGHTS[self.matrix]
        kg = 1 - kr - kb
        result = np.empty((*luma.shape, 3), np.float32)
        result[..., 0] = luma + (2 * (1 - kr)) * cr
        result[..., 2] = luma + (2 * (1 - kb)) * cb
        result[..., 1] = luma - (2 * (1 - kb) * kb / kg) * cb - (2 * (1 - kr) * kr / kg) * cr
        return result

    def planes_from_rgb(self, rgb: Float, pixels: PixelFormat) -> list[Float]:
        """Split code RGB (h, w, 3) into unit planes of equal size; no alpha."""
        red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
        if pixels.family == "rgb":
            return [np.ascontiguousarray(plane) for plane in (green, blue, red)]
        kr, kb = _WEIGHTS.get(self.matrix, _WEIGHTS[1])
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        if pixels.family == "gray":
            return [luma.astype(np.float32)]
        cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
        return [plane.astype(np.float32) for plane in (luma, cb, cr)]

    # ---- code RGB <-> display-referred RGB ----------------------------------------------

    def to_display(self, rgb: Float) -> Float:
        """Turn code RGB into display-referred RGB in 0..1, the model's range."""
        if self.view == "as_is":
            return np.clip(rgb, 0, 1)
        return _encode_srgb(_shoulder(_linear_from(np.maximum(rgb, 0), self.view)))

    def from_display(self, rgb: Float) -> Float:
        """Inverse of `to_display` for values in 0..1."""
        if self.view == "as_is":
            return rgb
        return _linear_to(_unshoulder(_decode_srgb(np.clip(rgb, 0, 1))), self.view)


def settle(
    tags: Tags,
    pixels: PixelFormat,
    *,
    format_name: str,
    width: int,
    height: int,
    matrix: str = "auto",
    signal_range: str = "auto",
    linear: bool = False,
) -> Colour:
    """Decide how code values are to be read, and say what had to be assumed.

    Parameters
    ----------
    tags : Tags
        What the file says.
    matrix, signal_range : str
        The caller's word, stronger than the file's ('auto' leaves it).
    linear : bool
        Scene-linear light (EXR).

    Notes
    -----
    Untagged YCbCr is BT.709 from 720 lines or 1280 columns on and BT.601 below, with video
    levels except in the formats that mean full range (yuvj). RGB is full range sRGB.
    """
    assumed: list[str] = []
    if pixels.family == "rgb" or (pixels.is_float and pixels.family == "gray"):
        view: View = "linear" if linear or tags.transfer == 8 else "as_is"
        return Colour(0, True, _curve(tags.transfer, view), tags)
    code = _OVERRIDE.get(matrix, tags.matrix)
    if code not in _WEIGHTS:
        code = 1 if height >= 720 or width >= 1280 else 6
        if pixels.family == "yuv":
            assumed.append(f"{_NAMES[code]} because the file does not say its colour matrix")
    if signal_range != "auto":
        full = signal_range == "full"
    elif tags.range in (1, 2):
        full = tags.range == 2
    else:
        full = pixels.family == "gray" or "j4" in format_name
        if pixels.family == "yuv" and not full:
            assumed.append("video levels because the file does not say its range")
    return Colour(code, full, _curve(tags.transfer, "as_is"), tags, tuple(assumed))


def _curve(transfer: int, otherwise: View) -> View:
    return {16: "pq", 18: "hlg"}.get(transfer, otherwise)  # type: ignore[return-value]


# Diffuse white is 1.0; what is brighter is folded into the top fifth of the range.
_KNEE: Final = 0.8
_TOP: Final = 0.9999
_PQ: Final = (2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32)
_PQ_WHITE: Final = 203.0 / 10000.0  # BT.2408 diffuse white
_HLG: Final = (0.17883277, 0.28466892, 0.55991073)
_HLG_WHITE: Final = 0.265  # scene light of BT.2408 diffuse white (75 % signal)


def _shoulder(linear: Float) -> Float:
    span = 1 - _KNEE
    return np.where(linear <= _KNEE, linear, 1 - span * np.exp(-(linear - _KNEE) / span)).astype(
        np.float32
    )


def _unshoulder(value: Float) -> Float:
    span = 1 - _KNEE
    folded = (1 - np.minimum(value, _TOP)) / span
    return np.where(value <= _KNEE, value, _KNEE - span * np.log(np.maximum(folded, 1e-6))).astype(
        np.float32
    )


def _encode_srgb(linear: Float) -> Float:
    safe = np.maximum(linear, 0.0031308)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * safe ** (1 / 2.4) - 0.055).astype(
        np.float32
    )


def _decode_srgb(value: Float) -> Float:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def _linear_from(code: Float, view: View) -> Float:
    if view == "pq":
        m1, m2, c1, c2, c3 = _PQ
        root = np.minimum(code, 1) ** (1 / m2)
        light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return (light / _PQ_WHITE).astype(np.float32)
    if view == "hlg":
        a, b, c = _HLG
        light = np.where(
            code <= 0.5, code**2 / 3, (np.exp((np.minimum(code, 1.1) - c) / a) + b) / 12
        )
        return (light / _HLG_WHITE).astype(np.float32)
    return code


def _linear_to(linear: Float, view: View) -> Float:
    if view == "pq":
        m1, m2, c1, c2, c3 = _PQ
        power = np.clip(linear * _PQ_WHITE, 0, 1) ** m1
        return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2, np.float32)
    if view == "hlg":
        a, b, c = _HLG
        light = linear * _HLG_WHITE
        code = np.where(
            light <= 1 / 12, np.sqrt(3 * light), a * np.log(np.maximum(12 * light - b, 1e-6)) + c
        )
        return np.asarray(np.minimum(code, 1), np.float32)
    return linear
