"""What a clip is: everything about a file that an edit must know or keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Colour
    from flowanchor_engine.clip.planes import PixelFormat
    from flowanchor_engine.clip.records import AudioInfo, Tags

__all__ = ["MediaFacts"]


@dataclass(frozen=True)
class MediaFacts:
    """Facts about a clip.

    Parameters
    ----------
    kind : {'video', 'sequence', 'still', 'animation'}
        A container, numbered image files, one image, an animated WebP.
    width, height : int
        Upright picture, after the rotation flag, in stored (not square) pixels.
    par : Fraction
        Width of a pixel over its height, of the upright picture.
    rate : Fraction
        Constant rate, or the average of a `variable` one.
    first_number : int
        File number of the first frame of a sequence, else 0.
    timecode, reel : str or None
        Of the first frame.
    notes : tuple of str
        What is unusual about the clip, in plain sentences.
    """

    path: Path
    kind: Literal["video", "sequence", "still", "animation"]
    container: str
    codec: str
    profile: str | None
    codec_tag: str
    format: PixelFormat
    format_name: str
    width: int
    height: int
    par: Fraction
    quarter_turns: int
    mirror: bool
    rate: Fraction
    variable: bool
    frames: int
    duration: Fraction
    intra_only: bool
    interlaced: bool
    colour: Colour
    audio: tuple[AudioInfo, ...] = ()
    timecode: str | None = None
    reel: str | None = None
    first_number: int = 0
    notes: tuple[str, ...] = ()

    @property
    def tags(self) -> Tags:
        """Colour tags as the file has them."""
        return self.colour.tags

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON data: paths as text, fractions as 'n/d'."""

        def plain(value: Any) -> Any:
            if isinstance(value, Fraction):
                return f"{value.numerator}/{value.denominator}"
            if isinstance(value, Path):
                return str(value)
            if isinstance(value, dict):
                return {key: plain(item) for key, item in value.items()}
            if isinstance(value, list | tuple):
                return [plain(item) for item in value]
            return value

        data: dict[str, Any] = plain(asdict(self))
        return {"schema": "flowanchor.MediaFacts.1", **data}

    def rows(self) -> list[tuple[str, str]]:
        """Return the facts as (label, text) for people."""
        kind = "variable rate, average " if self.variable else ""
        chroma = {"rgb": "RGB", "gray": "grey"}.get(self.format.family) or _chroma(self.format)
        alpha = " + alpha" if self.format.alpha else ""
        depth = "float" if self.format.is_float else f"{self.format.depth} bit"
        rows = [
            ("Clip", self.path.name),
            ("Kind", f"{self.kind}, {self.container}"),
            ("Codec", " ".join(part for part in (self.codec, self.profile) if part)),
            ("Picture", f"{self.width} x {self.height}, {chroma}{alpha}, {depth}"),
            ("Pixel aspect", f"{self.par.numerator}:{self.par.denominator}"),
            ("Rate", f"{kind}{_rate(self.rate)}"),
            ("Frames", f"{self.frames} ({float(self.duration):.3f} s)"),
            ("Colour", self.colour.name + _assumption(self.colour.assumed)),
            ("Timecode", self.timecode or "none"),
            ("Reel", self.reel or "none"),
            (
                "Sound",
                ", ".join(f"{a.codec} {a.rate_hz} Hz x{a.channels}" for a in self.audio) or "none",
            ),
        ]
        if self.quarter_turns or self.mirror:
            rows.append(
                (
                    "Rotation",
                    f"{90 * self.quarter_turns}° counter-clockwise{', mirrored' * self.mirror}",
                )
            )
        rows += [("Note", note) for note in self.notes]
        return rows


def _chroma(pixels: PixelFormat) -> str:
    names = {(0, 0): "4:4:4", (1, 0): "4:2:2", (1, 1): "4:2:0", (0, 1): "4:4:0", (2, 0): "4:1:1"}
    return names.get((pixels.sub_x, pixels.sub_y), "4:1:0")


def _rate(rate: Fraction) -> str:
    exact = str(rate.numerator) if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"
    return f"{float(rate):.3f} ({exact}) fps" if rate.denominator != 1 else f"{exact} fps"


def _assumption(assumed: tuple[str, ...]) -> str:
    return f" (assumed: {'; '.join(assumed)})" if assumed else ""
