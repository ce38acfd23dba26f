"""`EditRequest`: everything that decides pixels, as one frozen value.

Equal requests give equal pixels on one machine and build, so history, retry, re-apply and
cache keys are this object. It holds numbers, never slider positions: `Sliders` turns
positions into numbers and rides along in `comment`. No torch here.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from flowanchor_engine.errors import RequestError

__all__ = [
    "SCHEMA",
    "WAN_NEGATIVE_PROMPT",
    "Delivery",
    "EditRequest",
    "MatteShape",
    "MatteSpec",
    "MethodSettings",
    "ModelSpec",
    "Prompts",
    "Sliders",
    "SourceSpec",
    "Span",
    "Working",
    "skipped_steps",
    "upgrade",
]

SCHEMA: Final = "flowanchor.EditRequest.1"

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


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(_COMMENT_DEPTH):
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [x for items in inner for x in items if isinstance(x, dict | list | tuple)]
        if not level:
            return value
    msg = f"a comment holds lists in lists {_COMMENT_DEPTH} deep at most"
    raise ValueError(msg)


_RATE: Final = re.compile(r"-?[0-9]{1,20}(/[0-9]{1,20}|\.[0-9]{1,20})?")
_RATE_MOST: Final = 2**31 - 1  # what a file can say
_COMMENT_DEPTH: Final = 32

Rate = Annotated[
    Fraction,
    BeforeValidator(_fraction),
    AfterValidator(_rate),
    PlainSerializer(lambda rate: f"{rate.numerator}/{rate.denominator}", return_type=str),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        defer_build=True,
    )


class Span(_Frozen):
    """Characters ``start <= i < stop`` of a text."""

    start: Annotated[int, Field(ge=0)]
    stop: int

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop <= self.start:
            msg = "a span needs at least one character"
            raise ValueError(msg)
        return self


class SourceSpec(_Frozen):
    """Which frames of which file, and what is assumed where the file is silent."""

    path: str
    start: Annotated[int, Field(ge=0)] = 0
    frames: Annotated[int, Field(ge=1)] | None = None  # None: to the end of the clip
    rate: Rate | None = None  # None: what the file says
    matrix: Literal["auto", "bt709", "bt601", "bt2020"] = "auto"
    signal_range: Literal["auto", "limited", "full"] = "auto"


class MatteShape(_Frozen):
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


class MatteSpec(_Frozen):
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


class Prompts(_Frozen):
    """What the shot shows, what is wanted, and which characters of the wanted text drive."""

    now: str
    wanted: str
    drive: tuple[Span, ...] = ()  # spans of `wanted`; empty: brackets, else the word diff
    keep: tuple[Span, ...] = ()


class MethodSettings(_Frozen):
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


class ModelSpec(_Frozen):
    """Which model, by registry id or folder, and in which precision."""

    id: str = "demo"
    folder: str | None = None
    revision: str | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


class Working(_Frozen):
    """The picture that the model sees."""

    crop: Literal["full", "fast", "zoom"] = "full"
    width: Annotated[int, Field(ge=16, le=4096)] | None = None  # None: the model's own
    height: Annotated[int, Field(ge=16, le=4096)] | None = None
    window_latents: Annotated[int, Field(ge=2)] | None = None  # None: the model's own
    window_overlap: Annotated[int, Field(ge=1)] = 5


class Delivery(_Frozen):
    """How the result leaves the engine."""

    kind: Literal["patch", "frame", "take"] = "frame"
    codec: Literal["auto", "prores422hq", "prores4444", "dnxhr", "h264", "png16", "exr"] = "auto"
    keep_original: bool = True  # original samples outside the matte
    match_edge: bool = False  # match colour at the border of the edit


class EditRequest(_Frozen):
    """Everything that decides the pixels of one edit."""

    schema_: Annotated[Literal["flowanchor.EditRequest.1"], Field(alias="schema")] = SCHEMA
    source: SourceSpec
    matte: MatteSpec | None = None
    prompts: Prompts
    method: MethodSettings = MethodSettings()
    model: ModelSpec = ModelSpec()
    working: Working = Working()
    delivery: Delivery = Delivery()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    comment: Annotated[
        dict[str, Any], AfterValidator(_shallow)
    ] = {}  # never decides pixels: slider positions, names

    model_config = ConfigDict(populate_by_name=True)

    @classmethod
    def faithful(cls, **fields: Any) -> Self:
        """Return a request with the paper's numbers (Wan2.1-1.3B: 25 steps, 5/10, 0.3, 1)."""
        return cls(method=MethodSettings(), **fields)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """Read a request or recipe, upgrading older schemas.

        Raises
        ------
        RequestError
            Code ``request``: unknown field, value out of range, or a newer schema.
        """
        try:
            return cls.model_validate(upgrade(data))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the request"
            raise RequestError(
                f"“{where}” is not valid: {first['msg'].removeprefix('Value error, ')}.",
                hint=["fix_request"],
                detail=str(error),
            ) from error

    @classmethod
    def load_file(cls, path: Path) -> Self:
        """Read a request from a JSON file (see `load`)."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RequestError(f"There is no request file at {path}.", detail=str(error)) from error
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RequestError(
                f"{path.name} is not a readable request file.", detail=str(error)
            ) from error
        if not isinstance(data, dict):
            raise RequestError(f"{path.name} does not hold a request.", detail=type(data).__name__)
        return cls.load(data)

    def dump(self) -> dict[str, Any]:
        """Return the request as plain JSON data; `load` gives the equal request back."""
        return self.model_dump(mode="json", by_alias=True)

    def key(self, stage: str) -> str:
        """Return the content hash of the fields on which a stage depends.

        Parameters
        ----------
        stage : {'text', 'latents', 'source', 'result'}
            'source' is the source branch of the edit: changing the matte (uncropped), the
            wanted text, guidance, beta, tau, gamma or the AMM map leaves it unchanged.

        Returns
        -------
        str
            64 hexadecimal digits. File contents are not in it: callers add their hash.
        """
        return _digest(_STAGES[stage](self.dump()))


def _pick(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names}


def _text_fields(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": data["model"],
        "now": data["prompts"]["now"],
        "wanted": data["prompts"]["wanted"],
        "negative": data["method"]["negative_prompt"],
    }


def _latent_fields(data: dict[str, Any]) -> dict[str, Any]:
    fields = {**_pick(data, "source", "model", "working")}
    if data["working"]["crop"] != "full":  # the rectangle follows the matte
        fields["matte"] = data["matte"]
    return fields


def _source_fields(data: dict[str, Any]) -> dict[str, Any]:
    method = _pick(
        data["method"],
        *("steps", "shift", "int_timesteps", "negative_prompt", "source_level"),
        *("noise", "noise_rho", "noise_averages"),
    )
    now = {"now": data["prompts"]["now"], "seed": data["seed"]}
    return {**_latent_fields(data), **now, "method": method}


def _result_fields(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "comment"}


_STAGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "text": _text_fields,
    "latents": _latent_fields,
    "source": _source_fields,
    "result": _result_fields,
}


def _unsigned_zero(data: Any) -> Any:
    """Return the data with 0.0 for -0.0: equal numbers have one spelling."""
    if isinstance(data, dict):
        return {name: _unsigned_zero(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_unsigned_zero(value) for value in data]
    return data + 0.0 if isinstance(data, float) else data


def _digest(data: object) -> str:
    text = json.dumps(
        _unsigned_zero(data), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


# One pure function per step from version n to n + 1; none is needed yet.
_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def upgrade(data: Mapping[str, Any]) -> dict[str, Any]:
    """Bring stored request data to the present schema.

    Raises
    ------
    RequestError
        Code ``request`` if the label is missing, foreign or newer than this engine.
    """
    label = data.get("schema")
    name, _, number = str(label).rpartition(".")
    current = int(SCHEMA.rpartition(".")[2])
    if name != SCHEMA.rpartition(".")[0] or not re.fullmatch("[1-9][0-9]{0,5}", number):
        raise RequestError(
            "This is not a FlowAnchor request (its schema label is missing or foreign).",
            hint=["fix_request"],
            detail=f"schema={label!r}",
        )
    if int(number) > current:
        raise RequestError(
            "This recipe was made by a newer FlowAnchor; update to use it.",
            hint=["update_engine"],
            detail=f"schema={label!r}, newest known {SCHEMA}",
        )
    result = dict(data)
    for version in range(int(number), current):
        result = _UPGRADES[version](result)
    return result


class Sliders(_Frozen):
    """The three sliders, 0..100; at 50/50/50 the numbers are the model's reference.

    Piecewise linear through three anchors, so 50 is exact (panel: Where, How strongly,
    Preserve).
    """

    where: Annotated[float, Field(ge=0, le=100)] = 50
    strength: Annotated[float, Field(ge=0, le=100)] = 50
    preserve: Annotated[float, Field(ge=0, le=100)] = 50

    def numbers(self, reference: MethodSettings | None = None) -> MethodSettings:
        """Return the reference settings moved to these positions.

        Parameters
        ----------
        reference : MethodSettings, optional
            What 50/50/50 means: the paper's numbers, or a model's recommended ones.
        """
        base = reference or MethodSettings()
        cfg = base.guidance_target
        return base.model_copy(
            update={
                "beta1": _curve(self.where, 0.05, base.beta1, 0.70),
                "beta2": _curve(self.where, 0.05, base.beta2, 0.80),
                "tau": _curve(self.where, 0.9, base.tau, 0.3),
                "gamma": _curve(self.strength, 0.25 * base.gamma, base.gamma, 2.0 * base.gamma),
                "guidance_target": _curve(self.strength, 0.6 * cfg, cfg, 1.4 * cfg),
                "skip_share": _curve(self.preserve, 0.0, base.skip_share, 0.40),
            }
        )


def _curve(position: float, low: float, middle: float, high: float) -> float:
    if not math.isfinite(position):
        raise RequestError("A slider position must be a number from 0 to 100.")
    if position <= 50:
        return low + (middle - low) * position / 50 if position < 50 else middle
    return middle + (high - middle) * (position - 50) / 50
