"""What a scene shows, in words: the plain caption of the product and the styles of training."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from flowanchor_engine.demo.scenes import (
    BACKGROUND_COLOURS,
    BACKGROUND_KINDS,
    COLOURS,
    MATERIALS,
    SHAPES,
    Scene,
    SceneObject,
)

if TYPE_CHECKING:
    import numpy as np

_COMMON = (
    "a an the and on of at in to left right top bottom center above below background video , . "
    "with is moving object shape two three small big still scene showing clip"
)
VOCABULARY: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *COLOURS,
            *SHAPES,
            *MATERIALS,
            *BACKGROUND_COLOURS,
            *BACKGROUND_KINDS,
            *_COMMON.split(),
        ]
    )
)
"""Every word the model knows; the tokenizer's ids follow this order."""

_CENTRE_PX = 10


def object_phrase(item: SceneObject) -> str:
    """Name an object: 'a red striped ball'; plain surfaces are not mentioned."""
    return _phrase(
        [item.colour, *([] if item.material == "plain" else [item.material]), item.shape]
    )


def background_phrase(scene: Scene) -> str:
    """'on a gradient gray background'; plain backgrounds are not called plain."""
    kind = "" if scene.background.kind == "plain" else scene.background.kind + " "
    return f"on a {kind}{scene.background.colour} background"


def plain_caption(scene: Scene) -> str:
    """Describe a scene: 'a red ball, a blue ring and a pink star on a gray background'."""
    return f"{_join([object_phrase(item) for item in scene.objects])} {background_phrase(scene)}"


def training_caption(scene: Scene, rng: np.random.Generator, *, empty: float = 0.1) -> str:
    """Draw one of the caption styles.

    The draw uses the same random numbers for every scene with equally many objects, so two
    scenes that differ in one attribute get captions that differ in that attribute alone when
    `rng` starts from the same state.

    Parameters
    ----------
    empty : float
        Share of empty captions, from which the model learns its unconditional side.
    """
    count = len(scene.objects)
    is_empty, style, with_background, as_video = rng.random(4)
    order = rng.permutation(count)
    kept = rng.random((count, 2)) >= 0.04
    misspelt, full_stop = rng.random(2)
    place = rng.random()
    letters = "".join(rng.choice(list(string.ascii_lowercase), int(rng.integers(3, 8))))
    if is_empty < empty:
        return ""
    items = [scene.objects[i] for i in order]
    phrases = [_partial_phrase(item, *keep) for item, keep in zip(items, kept, strict=True)]
    text = _styled(scene, items, phrases, style)
    if with_background < 0.7:
        text += " " + background_phrase(scene)
    if as_video < 0.12:
        text = "a video of " + text
    if misspelt < 0.05:  # an unknown word falls into letters: teach the model to pass over it
        words = text.split(" ")
        words.insert(int(place * (len(words) + 1)), letters)
        text = " ".join(words)
    return text + "." if full_stop < 0.15 else text


def _styled(scene: Scene, items: list[SceneObject], phrases: list[str], style: float) -> str:
    sides = [_side(scene, item) for item in items]
    placed = [phrase + side for phrase, side in zip(phrases, sides, strict=True)]
    if len(items) == 1:
        return placed[0] if style < 0.4 else phrases[0]
    if len(items) == 2:
        if style < 0.55:
            return _join(phrases)
        if style < 0.8:
            return _join(placed)
        return _relation(items, phrases)
    return _join(phrases) if style < 0.7 else _join(placed)


def _relation(items: list[SceneObject], phrases: list[str]) -> str:
    (x0, y0), (x1, y1) = items[0].mean_position, items[1].mean_position
    if abs(x1 - x0) > abs(y1 - y0):
        return f"{phrases[0]} to the {'left' if x1 > x0 else 'right'} of {phrases[1]}"
    return f"{phrases[0]} {'above' if y1 > y0 else 'below'} {phrases[1]}"


def _side(scene: Scene, item: SceneObject) -> str:
    x, y = item.mean_position
    right, down = x - scene.width / 2, y - scene.height / 2
    if abs(right) > _CENTRE_PX:
        return " on the left" if right < 0 else " on the right"
    if abs(down) > _CENTRE_PX:
        return " at the top" if down < 0 else " at the bottom"
    return " in the center"


def _partial_phrase(item: SceneObject, keep_colour: bool, keep_material: bool) -> str:
    words = [item.colour] if keep_colour else []
    if item.material != "plain" and keep_material:
        words.append(item.material)
    return _phrase([*words, item.shape])


def _phrase(words: list[str]) -> str:
    return ("an " if words[0][0] in "aeiou" else "a ") + " ".join(words)


def _join(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]
