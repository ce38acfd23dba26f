"""From the panel to a request and back: what a recipe holds, and taking one over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from flowanchor_engine.request import (
    Delivery,
    EditRequest,
    MethodSettings,
    ModelSpec,
    SourceSpec,
    Working,
)
from plugin.state.numbers import QUALITIES, steps_of

if TYPE_CHECKING:
    from plugin.state.session import PanelModel

__all__ = ["SEEDS", "Kind", "Part", "apply_recipe", "build_request"]

Kind = Literal["edit", "test"]
Part = Literal["settings", "seed", "prompt", "all"]
SEEDS: Final = 2**31
_TOKEN_PX: Final = {"wan2.2-ti2v": 32}  # sides are multiples of this; 16 elsewhere


def build_request(model: PanelModel, kind: Kind) -> EditRequest:
    """Return the request of the panel as it stands, whether it could be run or not.

    A test takes the marked frames, at most as many steps as a draft and half the size, and
    comes as a full frame; the rest is the edit's.

    Raises
    ------
    NotReadyError
        There is no shot.
    """
    shot = model.the_shot()
    part = model.part(kind)
    start, stop = part
    method = model.strengths.settings()
    width, height = model.size.value or (None, None)
    delivery = Delivery(
        kind=model.delivery_kind.value,
        codec=model.codec.value,
        keep_original=model.keep_original.value,
        match_edge=model.match_edge.value,
    )
    if kind == "test":
        steps = steps_of("draft", model.strengths.reference.value)
        method = method.model_copy(update={"steps": min(steps, method.steps)})
        width, height = _half_size(model)
        delivery = Delivery(kind="frame")
    return EditRequest(
        source=SourceSpec(
            path=shot.path,
            start=shot.start + start,
            frames=stop - start,
            rate=shot.rate if shot.rate_given else None,
        ),
        matte=model.matte.spec(part),
        prompts=model.prompts.for_request(),
        method=method,
        model=ModelSpec(id=model.model_id.value, precision=model.precision.value),
        working=Working(crop=model.crop.value, width=width, height=height),
        delivery=delivery,
        seed=model.seed.value,
        comment={
            "title": model.title,
            "shot": model.shot.name,
            "sliders": model.strengths.positions(),
            "kind": kind,
            "matte": model.matte.label.value,
        },
    )


def apply_recipe(model: PanelModel, request: EditRequest, what: Part = "all") -> None:
    """Take over a recipe: its numbers, not its slider positions.

    Parameters
    ----------
    what : {'settings', 'seed', 'prompt', 'all'}
        ``settings``: numbers, texts and border of the matte; ``seed``: the seed, locked;
        ``all``: both, the model, how it was delivered and, if it was made of this very clip,
        its matte and range. A test's steps, size and range were its own and are not taken over.
    """
    if what == "all" and any(each.id == request.model.id for each in model.models):
        model.model_id.set(request.model.id)  # first: it says what 50/50/50 is
        model.precision.set(request.model.precision)
    if what in ("settings", "prompt", "all"):
        model.prompts.apply(request.prompts)
    if what in ("settings", "all"):
        told = request.comment.get("sliders")
        positions: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
        model.strengths.apply(_method_of(model, request, positions), positions)
        model.crop.set(request.working.crop)
        if request.matte is not None:
            model.matte.grow_px.set(request.matte.grow_px)
            model.matte.feather_px.set(request.matte.feather_px)
            model.matte.smooth_frames.set(request.matte.smooth_frames)
            model.matte.invert.set(request.matte.invert)
    if what in ("seed", "all"):
        model.seed.set(request.seed % SEEDS)
        model.seed_locked.set(True)
    if what == "all":
        _apply_place(model, request)


def _is_test(request: EditRequest) -> bool:
    return request.comment.get("kind") == "test"


def _method_of(
    model: PanelModel, request: EditRequest, positions: Mapping[str, Any]
) -> MethodSettings:
    quality = positions.get("quality")
    if not _is_test(request) or quality not in QUALITIES:
        return request.method
    steps = steps_of(quality, model.strengths.reference.value)
    return request.method.model_copy(update={"steps": steps})


def _apply_place(model: PanelModel, request: EditRequest) -> None:
    if not _is_test(request):
        model.delivery_kind.set(request.delivery.kind)
        model.codec.set(request.delivery.codec)
        model.keep_original.set(request.delivery.keep_original)
        model.match_edge.set(request.delivery.match_edge)
        width, height = request.working.width, request.working.height
        model.size.set((width, height) if width and height else None)
    shot = model.shot.shot.value
    if shot is None or request.source.path != shot.path or request.source.frames is None:
        return
    first = request.source.start - shot.start
    if first < 0 or first + request.source.frames > shot.frames:
        return
    matte = request.matte
    if matte is not None and matte.path is not None:
        matte = matte.model_copy(update={"start": max(0, matte.start - first)})
    elif matte is not None:
        shapes = [s.model_copy(update={"frame": s.frame + first}) for s in matte.shapes]
        matte = matte.model_copy(update={"shapes": tuple(shapes)})
    model.matte.apply(matte)
    if not _is_test(request):
        model.viewer.limit_edit((first, first + request.source.frames))


def _half_size(model: PanelModel) -> tuple[int | None, int | None]:
    """Return half the working size, on the model's grid of tokens."""
    info = model.model
    own = (info.width, info.height) if info is not None else (0, 0)
    width, height = model.size.value or own
    if not width or not height:
        return None, None
    unit = _TOKEN_PX.get(info.family if info is not None else "", 16)

    def half(side: int) -> int:
        return max(unit, (side // 2 + unit // 2) // unit * unit)

    return half(width), half(height)
