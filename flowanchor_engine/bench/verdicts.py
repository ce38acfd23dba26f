"""Did the edit do what was asked? Judged against the rendered truth of a generated scene.

Every kind of edit has the same four verdicts. *success*: the edited thing looks as asked.
*strict*: with a tighter bound. *leak*: some object that should stay changed its mean colour by
more than `LEAK_RGB`. *clean*: success without leak.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from flowanchor_engine.bench.metrics import Frames, Mask, grown, shrunk
from flowanchor_engine.demo.draw import Rendering, render
from flowanchor_engine.demo.scenes import (
    BACKGROUND_COLOURS,
    COLOURS,
    MATERIALS,
    SHAPES,
    Scene,
    SceneObject,
    counterfactual,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.demo.scene_clip import DemoShot

__all__ = ["LEAK_RGB", "STRICT_RGB", "SUCCESS_IOU", "SUCCESS_RGB", "Verdict", "judge"]

SUCCESS_RGB = 60.0
"""Largest distance of the mean colour from the rendered truth, code values in RGB."""
STRICT_RGB = 40.0
LEAK_RGB = 30.0
SUCCESS_IOU = 0.6
STRICT_IOU = 0.75

_STRIPE_PHASES = 8
_NEAR_PX = 6


@dataclass(frozen=True)
class Verdict:
    """The verdicts on one edited clip and the distances behind them.

    Attributes
    ----------
    distance : float
        Colour and background: RGB distance of the mean colour from the truth. Material: root
        mean square RGB distance from the best template of the wanted material. Shape: 1 - IoU.
    progress : float
        Colour and background: way made from the source's mean colour to the truth's, 1 is all
        of it. NaN for the other kinds.
    iou : float
        Shape: overlap of the edited object with the rendered truth. NaN for the other kinds.
    other_shift : float
        Largest move of the mean colour among the objects that should stay; NaN without any.
    nearest : str
        The known colour, shape, material or background that the result resembles most.
    """

    success: bool
    strict: bool
    leak: bool
    clean: bool
    distance: float
    progress: float
    iou: float
    other_shift: float
    nearest: str


def judge(shot: DemoShot, edited: Frames, unedited: Frames) -> Verdict:
    """Judge an edited clip.

    Parameters
    ----------
    shot : DemoShot
        The case and its truth.
    edited : uint8 array, shape (F, H, W, 3)
    unedited : uint8 array, shape (F, H, W, 3)
        What no edit at all would show: the source after the VAE's round trip for raw results,
        the source itself for composited ones.
    """
    shift = _largest_shift(shot, edited, unedited)
    leak = bool(shift > LEAK_RGB)  # NaN compares false: nobody there to leak to
    if shot.kind in ("colour", "background"):
        found = _judge_colour(shot, edited, unedited)
    elif shot.kind == "shape":
        found = _judge_shape(shot, edited)
    else:
        found = _judge_material(shot, edited)
    return replace(found, leak=leak, clean=found.success and not leak, other_shift=shift)


@functools.lru_cache(maxsize=48)
def _drawn(scene: Scene) -> Rendering:
    """Render a scene once for all variants of a case."""
    return render(scene)


def mean_colour(frames: Frames, where: Mask) -> NDArray[np.float64]:
    """Return the mean RGB over `where`, frame by frame and then over the frames, shape (3,)."""
    means = [
        frame[inside].astype(np.float64).mean(0)
        for frame, inside in zip(frames, where, strict=True)
        if inside.any()
    ]
    return np.mean(means, 0) if means else np.full(3, np.nan)


def _core(mask: Mask) -> Mask:
    """Leave the soft edge away, where there is enough object left without it."""
    inner = shrunk(mask, 1)
    return inner if inner.sum() >= 0.25 * mask.sum() else mask


def _largest_shift(shot: DemoShot, edited: Frames, unedited: Frames) -> float:
    shifts = [
        float(np.linalg.norm(mean_colour(edited, core) - mean_colour(unedited, core)))
        for core in map(_core, shot.other_masks)
    ]
    return max(shifts, default=math.nan)


def _judge_colour(shot: DemoShot, edited: Frames, unedited: Frames) -> Verdict:
    core = _core(shot.object_mask)
    if shot.kind == "colour":
        wanted = shot.truth_scene.objects[shot.edited].colour
        choices = {name: counterfactual(shot.scene, shot.edited, colour=name) for name in COLOURS}
    else:
        wanted = shot.truth_scene.background.colour
        choices = {name: counterfactual(shot.scene, background=name) for name in BACKGROUND_COLOURS}
    palette = {name: mean_colour(_drawn(scene).frames, core) for name, scene in choices.items()}
    got, before = mean_colour(edited, core), mean_colour(unedited, core)
    truth = palette[wanted]
    nearest = min(palette, key=lambda name: float(np.linalg.norm(palette[name] - got)))
    distance = float(np.linalg.norm(got - truth))
    way = truth - before
    progress = float(np.dot(got - before, way) / (np.dot(way, way) + 1e-6))
    return _found(
        success=nearest == wanted and distance <= SUCCESS_RGB,
        strict=nearest == wanted and distance <= STRICT_RGB,
        distance=distance,
        progress=progress,
        nearest=nearest,
    )


def _judge_shape(shot: DemoShot, edited: Frames) -> Verdict:
    seen = _segment(shot, edited)
    overlaps = {}
    for name in SHAPES:
        alone = _alone(counterfactual(shot.scene, shot.edited, shape=name), shot.edited)
        overlaps[name] = _iou(seen, _drawn(alone).coverage[0] > 0.5)
    wanted = shot.truth_scene.objects[shot.edited].shape
    nearest = max(overlaps, key=lambda name: overlaps[name])
    iou = overlaps[wanted]
    # A ball already covers most of a square: the overlap alone would pass untouched clips.
    return _found(
        success=nearest == wanted and iou >= SUCCESS_IOU,
        strict=nearest == wanted and iou >= STRICT_IOU,
        distance=1 - iou,
        iou=iou,
        nearest=nearest,
    )


def _alone(scene: Scene, index: int) -> Scene:
    return replace(scene, objects=(scene.objects[index],))


def _segment(shot: DemoShot, edited: Frames) -> Mask:
    """Pixels nearer to the object's colour than to the background, around the object."""
    near = grown(shot.mask, _NEAR_PX)
    for other in shot.other_masks:
        near &= ~grown(other, 1)
    empty = _drawn(replace(shot.scene, objects=())).frames.astype(np.float64)
    colour = np.array(COLOURS[shot.truth_scene.objects[shot.edited].colour], np.float64)
    way = colour - empty
    share = ((edited - empty) * way).sum(-1) / ((way * way).sum(-1) + 1e-6)
    return np.asarray(near & (share > 0.5), np.bool_)


def _iou(first: Mask, second: Mask) -> float:
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 0.0


def _judge_material(shot: DemoShot, edited: Frames) -> Verdict:
    core = _core(shot.truth_mask)
    picked = edited[core].astype(np.float64)
    wanted = shot.truth_scene.objects[shot.edited].material
    distances = {
        name: min(
            float(np.sqrt(((picked - template) ** 2).sum(-1).mean()))
            for template in _templates(shot, name, core)
        )
        for name in MATERIALS
    }
    nearest = min(distances, key=lambda name: distances[name])
    return _found(
        success=nearest == wanted,
        strict=nearest == wanted and distances[wanted] <= SUCCESS_RGB,
        distance=distances[wanted],
        nearest=nearest,
    )


def _templates(shot: DemoShot, material: str, core: Mask) -> list[NDArray[np.float64]]:
    """Render the object in a material; no word tells where stripes begin."""
    scene = counterfactual(shot.truth_scene, shot.edited, material=material)
    phases = np.arange(_STRIPE_PHASES) / _STRIPE_PHASES if material == "striped" else [0.0]
    made = []
    for phase in phases:
        item: SceneObject = replace(scene.objects[shot.edited], phase=float(phase))
        made.append(_drawn(replace(scene, objects=(item,))).frames[core].astype(np.float64))
    return made


def _found(
    *,
    success: bool,
    strict: bool,
    distance: float,
    nearest: str,
    progress: float = math.nan,
    iou: float = math.nan,
) -> Verdict:
    return Verdict(
        success=bool(success),
        strict=bool(strict),
        leak=False,
        clean=False,
        distance=distance,
        progress=progress,
        iou=iou,
        other_shift=math.nan,
        nearest=nearest,
    )
