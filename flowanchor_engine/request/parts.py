"""The parts of a request: clip, matte, texts, numbers, model, picture and result."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

__all__ = [
    "WAN_NEGATIVE_PROMPT",
    "Delivery",
    "Frozen",
    "MatteShape",
    "MatteSpec",
    "MethodSettings",
    "ModelSpec",
    "Prompts",
    "SourceSpec",
    "Span",
    "Working",
    "skipped_steps",
]

# Wan's own default, shared by all four branches (switch A2).
WAN_NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，"
    "低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，"
    "毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)


def _fraction(value: object) -> object:
    if isinstance(value, float):
        msg = "a rate is a fraction such as '24000/1001', never a float"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError into a field error
    if isinstance(value, str | int):
        if not _RATE.fullmatch(str(value)):  # an exponent could make a number of gigabytes
            msg = "a rate is a fraction of a few digits such as '24000/1001'"
            raise ValueError(msg)
        try:
            return Fraction(value)
        except ZeroDivisionError as error:
            msg = "a rate has no zero below its line"
            raise ValueError(msg) from error
    return value


def _rate(value: Fraction) -> Fraction:
    if value <= 0 or max(value.numerator, value.denominator) > _RATE_MOST:
        msg = "a rate is a positive fraction such as '24000/1001'"
        raise ValueError(msg)
    return value


_RATE: Final = re.compile(r"-?[0-9]{1,20}(/[0-9]{1,20}|\.[0-9]{1,20})?")
_RATE_MOST: Final = 2**31 - 1  # what a file can say

Rate = Annotated[
    Fraction,
    BeforeValidator(_fraction),
    AfterValidator(_rate),
    PlainSerializer(lambda rate: f"{rate.numerator}/{rate.denominator}", return_type=str),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Frozen(BaseModel):
    """A frozen value that refuses fields which it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        defer_build=True,
    )


class Span(Frozen):
    """Characters ``start <= i < stop`` of a text."""

    start: Annotated[int, Field(ge=0)]
    stop: int

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop <= self.start:
            msg = "a span needs at least one character"
            raise ValueError(msg)
        return self


class SourceSpec(Frozen):
    """Which frames of which file, and what is assumed where the file is silent."""

    path: str
    start: Annotated[int, Field(ge=0)] = 0
    frames: Annotated[int, Field(ge=1)] | None = None  # None: to the end of the clip
    rate: Rate | None = None  # None: what the file says
    matrix: Literal["auto", "bt709", "bt601", "bt2020"] = "auto"
    signal_range: Literal["auto", "limited", "full"] = "auto"


class MatteShape(Frozen):
    """A box or lasso on one key frame, in picture coordinates 0..1 (y down)."""

    kind: Literal["box", "lasso"]
    frame: Annotated[int, Field(ge=0)] = 0  # counted from the first frame of the shot
    points: tuple[tuple[Finite, Finite], ...]

    @model_validator(mode="after")
    def _enough_points(self) -> Self:
        need = 2 if self.kind == "box" else 3
        if len(self.points) < need or (self.kind == "box" and len(self.points) != need):
            msg = f"a {self.kind} needs {need} points" + ("" if need == 2 else " or more")
            raise ValueError(msg)
        return self


class MatteSpec(Frozen):
    """Where the edit may happen: a file or drawn shapes, and how its border is treated."""

    path: str | None = None
    channel: Literal["auto", "luma", "alpha"] = "auto"
    start: Annotated[int, Field(ge=0)] = 0  # the matte's frame under the shot's first frame
    shapes: tuple[MatteShape, ...] = ()
    track: bool = False  # carry drawn shapes through the clip by optical flow
    grow_px: Annotated[float, Field(ge=-256, le=256)] = 8.0  # pixels of a 1080-line picture
    feather_px: Annotated[float, Field(ge=0, le=256)] = 12.0  # likewise
    smooth_frames: Annotated[int, Field(ge=0, le=16)] = 0
    invert: bool = False
    repeat_last: bool = False  # a matte that ends early goes on with its last frame

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.path) == bool(self.shapes):
            msg = "a matte is either a file or drawn shapes"
            raise ValueError(msg)
        return self


class Prompts(Frozen):
    """What the shot shows, what is wanted, and which characters of the wanted text drive."""

    now: str
    wanted: str
    drive: tuple[Span, ...] = ()  # spans of `wanted`; empty: brackets, else the word diff
    keep: tuple[Span, ...] = ()


class MethodSettings(Frozen):
    """The numbers and switches of the paper; the defaults are the published ones.

    Field by field the switches A1-A15: guidance (A1), negative prompt (A2), solver (A3),
    noise level of the source (A4), noise policy (A5), unit of tau (A6), heads (A7), pads
    (A8), end token (A9), choice of targets (A10), mask threshold (A11), AMM map (A12) and
    extent (A13), anchored branches (A14), logit precision (A15).
    """

    steps: Annotated[int, Field(ge=1, le=200)] = 25
    skip_share: Annotated[float, Field(ge=0, lt=1)] = 0.08
    shift: Annotated[float, Field(gt=0, le=50)] = 5.0
    int_timesteps: bool = False
    guidance_source: Annotated[Finite, Field(ge=0, le=50)] = 5.0
    guidance_target: Annotated[Finite, Field(ge=0, le=50)] = 10.0
    negative_prompt: str = WAN_NEGATIVE_PROMPT
    solver: Literal["euler", "unipc_on_delta"] = "euler"
    source_level: Literal["current", "previous"] = "current"
    noise: Literal["fresh", "shared", "annealed"] = "fresh"
    noise_rho: Unit = 0.5
    noise_averages: Annotated[int, Field(ge=1, le=16)] = 1
    sar: bool = True
    beta1: Unit = 0.3
    beta2: Unit = 0.3
    tau: Unit = 0.6
    tau_unit: Literal["sigma", "index"] = "sigma"
    sar_heads: Literal["independent", "averaged"] = "independent"
    sar_pads: Literal["real", "all", "stats_all"] = "real"
    sar_eos: Literal["real", "exclude"] = "real"
    sar_branches: Literal["target_cond", "+source_cond", "+uncond"] = "target_cond"
    sar_logits: Literal["fp32", "fp64", "dense512"] = "fp32"
    target_from: Literal["auto", "explicit", "brackets", "diff"] = "auto"
    mask_theta: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gamma: Annotated[Finite, Field(ge=0, le=10)] = 1.0  # 0 switches AMM off
    amm_map: Literal["signed", "abs", "rms"] = "signed"
    amm_extent: Literal["sample", "frame"] = "sample"


def skipped_steps(steps: int, share: float) -> int:
    """Return how many grid steps are skipped: ``steps * share``, halves rounded up.

    The share is read as the decimal number that was written, so that 0.58 of 25 is 14.5.
    """
    product = Decimal(repr(float(share))) * steps
    return int(product.to_integral_value(rounding=ROUND_HALF_UP))


class ModelSpec(Frozen):
    """Which model, by registry id or folder, and in which precision."""

    id: str = "demo"
    folder: str | None = None
    revision: str | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


class Working(Frozen):
    """The picture that the model sees."""

    crop: Literal["full", "fast", "zoom"] = "full"
    width: Annotated[int, Field(ge=16, le=4096)] | None = None  # None: the model's own
    height: Annotated[int, Field(ge=16, le=4096)] | None = None
    window_latents: Annotated[int, Field(ge=2)] | None = None  # None: the model's own
    window_overlap: Annotated[int, Field(ge=1)] = 5


class Delivery(Frozen):
    """How the result leaves the engine."""

    kind: Literal["patch", "frame", "take"] = "frame"
    codec: Literal["auto", "prores422hq", "prores4444", "dnxhr", "h264", "png16", "exr"] = "auto"
    keep_original: bool = True  # original samples outside the matte
    match_edge: bool = False  # match colour at the border of the edit
