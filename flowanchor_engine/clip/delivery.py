"""In which codec, format and colour a result leaves, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from flowanchor_engine.clip.colour import Colour
from flowanchor_engine.clip.planes import PixelFormat
from flowanchor_engine.clip.records import REPEATABLE, Tags
from flowanchor_engine.errors import OutputError, RequestError

if TYPE_CHECKING:
    from pathlib import Path

    from flowanchor_engine.clip.facts import MediaFacts
    from flowanchor_engine.request import Delivery

__all__ = ["DeliveryPlan", "plan_delivery"]


@dataclass(frozen=True)
class DeliveryPlan:
    """How the pictures of a result are stored.

    Parameters
    ----------
    suffix : str
        ``.mov``, ``.mp4``, ``.mkv``, or of the images (``.png``, ``.exr``, ``.dpx``, ``.tif``).
    images : bool
        A folder of images and no container.
    codec : str
        FFmpeg encoder; empty for images.
    format, colour
        Planes and meaning of the pictures handed to the encoder.
    copies : bool
        Untouched pictures can be taken over as they are, packet by packet or file by file.
    bytes_per_frame : int
        Upper estimate, for the disk check.
    notes : tuple of str
    """

    target: Path
    suffix: str
    images: bool
    codec: str
    format: PixelFormat
    colour: Colour
    options: tuple[tuple[str, str], ...] = ()
    copies: bool = False
    bytes_per_frame: int = 0
    notes: tuple[str, ...] = ()

    @property
    def muxer(self) -> str:
        """FFmpeg's name of the container."""
        return {".mov": "mov", ".mp4": "mp4", ".m4v": "mp4", ".mkv": "matroska"}[self.suffix]


# Encoder's profile number by the code in the file.
_PRORES: Final = {"apco": 0, "apcs": 1, "apcn": 2, "apch": 3, "ap4h": 4, "ap4x": 5}
_DNXHR: Final = {
    "DNXHR LB": ("dnxhr_lb", "yuv422p"),
    "DNXHR SQ": ("dnxhr_sq", "yuv422p"),
    "DNXHR HQ": ("dnxhr_hq", "yuv422p"),
    "DNXHR HQX": ("dnxhr_hqx", "yuv422p10le"),
    "DNXHR 444": ("dnxhr_444", "yuv444p10le"),
}
_BY_SUFFIX: Final = {".mp4": "h264", ".m4v": "h264", ".mkv": "h264", ".png": "png16", ".exr": "exr"}
_SUFFIXES: Final = {
    "prores422hq": (".mov",),
    "prores4444": (".mov",),
    "dnxhr": (".mov",),
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "png16": (".png",),
    "exr": (".exr",),
}
Codec = Literal["prores422hq", "prores4444", "dnxhr", "h264", "png16", "exr", "match"]


def plan_delivery(facts: MediaFacts, delivery: Delivery, out: Path) -> DeliveryPlan:
    """Decide how a result is stored.

    ``auto`` follows the name of `out` where it says something (``.mp4``, ``.png``), and the
    source otherwise: ProRes, DNxHR and image sequences stay what they are, everything else
    becomes ProRes 422 HQ, or 4444 where the source has more than 4:2:2 10-bit.

    Parameters
    ----------
    out : Path
        File or, for images, folder. Without a suffix it gets the codec's.

    Raises
    ------
    RequestError
        Kind and codec, or codec and file name, do not go together.
    OutputError
        The result would overwrite the source.
    """
    suffix = out.suffix.lower()
    codec = _codec(facts, delivery, suffix)
    if delivery.kind == "patch" and codec not in ("prores4444", "png16"):
        raise RequestError(
            "A patch needs alpha: choose ProRes 4444 or PNG.", hint=["choose_codec"], detail=codec
        )
    plan = _plan(facts, codec, delivery.kind, out)
    target = plan.target
    source = facts.path if facts.path.is_dir() or facts.kind != "sequence" else facts.path.parent
    if target.exists() and source.exists() and target.resolve() == source.resolve():
        raise OutputError(
            "The result would overwrite the source clip.",
            hint=["choose_folder"],
            detail=str(target),
        )
    return plan


def _codec(facts: MediaFacts, delivery: Delivery, suffix: str) -> Codec:
    if delivery.codec != "auto":
        allowed = _SUFFIXES[delivery.codec]
        if suffix in {s for known in _SUFFIXES.values() for s in known} and suffix not in allowed:
            raise RequestError(
                f"{delivery.codec} cannot be stored in a {suffix} file.", hint=["choose_codec"]
            )
        return delivery.codec
    if delivery.kind == "patch":
        return "png16" if suffix == ".png" else "prores4444"
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]  # type: ignore[return-value]
    return "match"


def _plan(facts: MediaFacts, codec: Codec, kind: str, out: Path) -> DeliveryPlan:
    if codec == "match" and facts.kind in ("sequence", "still") and not out.suffix:
        return _same_images(facts, out)
    upright = not facts.quarter_turns and not facts.mirror
    if codec == "match" and facts.codec == "prores" and facts.codec_tag in _PRORES and upright:
        return _prores(facts, _PRORES[facts.codec_tag], out, patch=False, copies=True)
    if (
        codec in ("match", "dnxhr")
        and facts.codec == "dnxhd"
        and facts.profile in _DNXHR
        and upright
    ) and (plan := _dnxhr(facts, out)) is not None:
        return plan
    if codec == "match":
        rich = facts.format.alpha or facts.format.depth > 10 or facts.format.sub_x == 0
        codec = "prores4444" if rich and facts.format.family != "gray" else "prores422hq"
    if codec == "prores422hq":
        return _prores(facts, 3, out, patch=False, copies=facts.codec_tag == "apch" and upright)
    if codec == "prores4444":
        same = kind != "patch" and facts.codec_tag == "ap4h" and upright
        return _prores(facts, 4, out, patch=kind == "patch", copies=same)
    if codec == "dnxhr":
        if (plan := _dnxhr(facts, out)) is None:
            raise RequestError(
                "DNxHR stores only BT.709 and BT.2020 pictures without alpha.",
                hint=["choose_codec"],
            )
        return plan
    if codec == "h264":
        return _h264(facts, out)
    return _new_images(facts, codec, kind, out)


def _named(out: Path, suffix: str) -> Path:
    return out if out.suffix.lower() == suffix else out.with_name(f"{out.name}{suffix}")


def _limited(facts: MediaFacts, notes: list[str]) -> Colour:
    """Return the colour of a YCbCr file with video levels made from the source."""
    colour = facts.colour
    if facts.format.family == "yuv":
        if not colour.full_range:
            return colour
        notes.append("The codec carries no full-range flag: levels are converted to video levels.")
        return replace(colour, full_range=False, tags=replace(colour.tags, range=1))
    view = "as_is" if colour.view == "linear" else colour.view
    if colour.view == "linear":
        notes.append("Scene-linear light is encoded for display; highlights are compressed.")
    tagged = colour.tags
    tags = Tags(
        tagged.primaries if tagged.primaries != 2 else 1,
        tagged.transfer if tagged.transfer not in (2, 8) else 13 if view == "as_is" else 2,
        9 if tagged.primaries == 9 else 1,
        1,
    )
    return Colour(tags.matrix, full_range=False, view=view, tags=tags)


def _prores(
    facts: MediaFacts, profile: int, out: Path, *, patch: bool, copies: bool
) -> DeliveryPlan:
    notes: list[str] = []
    colour = _limited(facts, notes)
    alpha = patch or (profile >= 4 and facts.format.alpha)
    name = "yuva444p10le" if alpha else "yuv444p10le" if profile >= 4 else "yuv422p10le"
    pixels = PixelFormat.of(name)
    if facts.format.depth > 10 and not patch:
        notes.append("ProRes is written with 10 bits; the source has more.")
    options = [("profile", str(profile)), ("vendor", "apl0")]
    if alpha:
        options.append(("alpha_bits", "16"))
    copies = copies and facts.intra_only and colour == facts.colour
    per_pixel = 1.2 if profile >= 4 else 0.75
    size = round(facts.width * facts.height * per_pixel)
    return DeliveryPlan(
        _named(out, ".mov"),
        ".mov",
        False,
        "prores_ks",
        pixels,
        colour,
        tuple(options),
        copies,
        size,
        tuple(notes),
    )


def _dnxhr(facts: MediaFacts, out: Path) -> DeliveryPlan | None:
    notes: list[str] = []
    colour = _limited(facts, notes)
    # The frame header knows BT.709 and BT.2020 only: others would be shown wrong.
    if colour.matrix not in (1, 9) or facts.format.alpha or min(facts.width, facts.height) < 120:
        return None
    known = _DNXHR.get(facts.profile or "") if facts.codec == "dnxhd" else None
    rich = facts.format.sub_x == 0
    profile, name = known or (
        ("dnxhr_444", "yuv444p10le") if rich else ("dnxhr_hqx", "yuv422p10le")
    )
    copies = known is not None and facts.intra_only and colour == facts.colour
    size = round(facts.width * facts.height * (1.2 if rich else 0.9))
    return DeliveryPlan(
        _named(out, ".mov"),
        ".mov",
        False,
        "dnxhd",
        PixelFormat.of(name),
        colour,
        (("profile", profile),),
        copies,
        size,
        tuple(notes),
    )


def _h264(facts: MediaFacts, out: Path) -> DeliveryPlan:
    notes: list[str] = []
    colour = facts.colour if facts.format.family == "yuv" else _limited(facts, notes)
    even = not facts.width % 2 and not facts.height % 2
    pixels = PixelFormat.of("yuv420p" if even else "yuv444p")
    if colour.full_range:
        colour = replace(colour, tags=replace(colour.tags, range=2))
    if facts.format.depth > 8:
        notes.append("H.264 is written with 8 bits; use ProRes to keep more.")
    if not even:
        notes.append("The picture has an odd size: H.264 is written as 4:4:4.")
    suffix = out.suffix.lower() if out.suffix.lower() in _SUFFIXES["h264"] else ".mp4"
    return DeliveryPlan(
        _named(out, suffix),
        suffix,
        False,
        "libx264",
        pixels,
        colour,
        (("crf", "14"), ("preset", "medium"), REPEATABLE),
        bytes_per_frame=facts.width * facts.height // 3 + 20_000,
        notes=tuple(notes),
    )


def _same_images(facts: MediaFacts, out: Path) -> DeliveryPlan:
    suffix = {"openexr": ".exr", "dpx": ".dpx", "tiff": ".tif", "png": ".png"}.get(facts.codec)
    if suffix is None:
        return _new_images(facts, "png16", "frame", out)
    size = facts.width * facts.height * facts.format.planes * max(1, facts.format.depth // 8)
    return DeliveryPlan(
        out, suffix, True, "", facts.format, facts.colour, copies=True, bytes_per_frame=size
    )


def _new_images(facts: MediaFacts, codec: Codec, kind: str, out: Path) -> DeliveryPlan:
    alpha = kind == "patch" or facts.format.alpha
    target = out.with_suffix("") if out.suffix.lower() in (".png", ".exr") else out
    linear = codec == "exr"
    name = ("gbrap" if alpha else "gbrp") + ("f32le" if linear else "16le")
    pixels = PixelFormat.of(name)
    view = "linear" if linear else "as_is" if facts.colour.view == "linear" else facts.colour.view
    tags = replace(facts.tags, matrix=0, range=2)
    colour = Colour(0, full_range=True, view=view, tags=tags)
    size = facts.width * facts.height * pixels.planes * (4 if linear else 2)
    return DeliveryPlan(
        target, ".exr" if linear else ".png", True, "", pixels, colour, bytes_per_frame=size
    )
