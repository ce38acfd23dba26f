"""One ready-made edit case with its exact truth: clip, mask, captions, edited clip.

Everything that shows or judges the embedded model starts here, so that demo, tests and bench
speak of the same pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowanchor_engine.demo.captions import plain_caption
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scenes import (
    BACKGROUND_COLOURS,
    COLOURS,
    EDIT_KINDS,
    MATERIALS,
    SHAPES,
    EditKind,
    Scene,
    counterfactual,
    sample_scene,
)
from flowanchor_engine.request import Prompts, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

HELD_OUT_SEED = 50_000_000
"""Seeds are counted from here, far from every seed that training draws."""


@dataclass(frozen=True)
class DemoShot:
    """An edit with its truth.

    Attributes
    ----------
    frames, truth_frames : uint8 array, shape (F, H, W, 3), RGB
        The clip as it is, and as a perfect edit would leave it.
    mask : bool array, shape (F, H, W)
        Every pixel that may change: the edited object before or after (a new shape may reach
        further than the old one), or everything around the objects for a background edit.
    object_mask, truth_mask : bool array, shape (F, H, W)
        The edited object in `frames` and in `truth_frames`; for a background edit both are the
        background.
    other_masks : bool array, shape (others, F, H, W)
        The objects that must stay as they are.
    now, wanted : str
        Captions of `frames` and `truth_frames`, equal but for the edited words.
    changed_words : str
        The words of `wanted` that name the edited thing: 'green striped ball' or 'navy background'.
    scene, truth_scene : Scene
    edited : int
        Index of the edited object in the scenes (meaningless for a background edit).
    """

    kind: EditKind
    frames: NDArray[np.uint8]
    truth_frames: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    object_mask: NDArray[np.bool_]
    truth_mask: NDArray[np.bool_]
    other_masks: NDArray[np.bool_]
    now: str
    wanted: str
    changed_words: str
    scene: Scene
    truth_scene: Scene
    edited: int

    @property
    def prompts(self) -> Prompts:
        """Both texts, with the words of the edited thing marked as driving."""
        start = self.wanted.index(self.changed_words)
        span = Span(start=start, stop=start + len(self.changed_words))
        return Prompts(now=self.now, wanted=self.wanted, drive=(span,))


def demo_shot(
    seed: int,
    *,
    objects: int = 2,
    same_shape: bool = False,
    size: tuple[int, int] = (128, 128),
    frames: int = 9,
    kind: EditKind = "colour",
) -> DemoShot:
    """Make a case: a random scene and one attribute of one object (or the background) to change.

    Colour, shape and background cases show plain surfaces, so that one thing is judged at a
    time; a material case turns a plain object into a striped, dotted or checkered one.

    Parameters
    ----------
    seed : int, >= 0
        Equal arguments give equal cases; no seed meets a scene that training has seen.
    size : (width, height)
        Multiples of 16 in [96, 256].
    frames : int
        4k + 1 frames.
    kind : {'colour', 'material', 'shape', 'background'}

    Raises
    ------
    ValueError
        If an argument is outside these ranges.
    """
    if kind not in EDIT_KINDS:
        raise ValueError(f"{kind!r} is none of {', '.join(EDIT_KINDS)}")
    if seed < 0:
        raise ValueError("seeds start at 0")
    scene = sample_scene(
        HELD_OUT_SEED + seed,
        width=size[0],
        height=size[1],
        frames=frames,
        objects=objects,
        same_shape=same_shape,
        materials=False,
    )
    # The choice of the edit must not repeat the numbers that made the scene.
    rng = np.random.default_rng([HELD_OUT_SEED + seed, EDIT_KINDS.index(kind)])
    edited = int(rng.integers(objects))
    truth = _edited_scene(scene, edited, kind, rng)
    return _shot(kind, scene, truth, edited)


def _edited_scene(scene: Scene, edited: int, kind: EditKind, rng: np.random.Generator) -> Scene:
    if kind == "colour":
        used = {item.colour for item in scene.objects}
        return counterfactual(scene, edited, colour=_other(rng, COLOURS, used))
    if kind == "shape":
        used = {item.shape for item in scene.objects}
        return counterfactual(scene, edited, shape=_other(rng, SHAPES, used))
    if kind == "material":
        return counterfactual(scene, edited, material=_other(rng, MATERIALS, {"plain"}))
    used = {scene.background.colour}
    return counterfactual(scene, edited, background=_other(rng, BACKGROUND_COLOURS, used))


def _other(rng: np.random.Generator, known: Iterable[str], used: set[str]) -> str:
    free = [word for word in known if word not in used]
    return str(rng.choice(free))


def _shot(kind: EditKind, scene: Scene, truth: Scene, edited: int) -> DemoShot:
    before, after = render(scene), render(truth)
    everyone = np.arange(len(scene.objects))
    if kind == "background":
        own, own_after = before.background_mask, after.background_mask
        others = before.masks
        words = f"{truth.background.colour} background"
    else:
        own, own_after = before.masks[edited], after.masks[edited]
        others = before.masks[everyone != edited]
        item = truth.objects[edited]
        surface = "" if item.material == "plain" else item.material + " "
        words = f"{item.colour} {surface}{item.shape}"
    return DemoShot(
        kind=kind,
        frames=before.frames,
        truth_frames=after.frames,
        mask=own | own_after,
        object_mask=own,
        truth_mask=own_after,
        other_masks=others,
        now=plain_caption(scene),
        wanted=plain_caption(truth),
        changed_words=words,
        scene=scene,
        truth_scene=truth,
        edited=edited,
    )
