"""Which clips are edited: generated scenes with exact truth, and mattes of several qualities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import cv2
import numpy as np

from flowanchor_engine.bench.metrics import grown
from flowanchor_engine.demo.scene_clip import DemoShot, demo_shot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.bench.metrics import Mask
    from flowanchor_engine.demo.scenes import EditKind

__all__ = [
    "MATTE_STYLES",
    "TEST_SEED",
    "VALIDATION_SEED",
    "Case",
    "MatteStyle",
    "colour_cases",
    "kind_cases",
    "matte",
    "mixed_cases",
]

VALIDATION_SEED: Final = 1_000_000
"""Numbers are tuned on seeds from here on ..."""

TEST_SEED: Final = 2_000_000
"""... and reported on seeds from here on; training sees neither."""

MatteStyle = Literal["exact", "box", "lasso", "late"]
MATTE_STYLES: tuple[MatteStyle, ...] = get_args(MatteStyle)

_BOX_MARGIN_PX = 2
_LASSO_POINTS = 72
_LATE_FRAME = 5


@dataclass(frozen=True)
class Case:
    """One edit to make; equal cases are equal pixels.

    Attributes
    ----------
    seed : int
        Of the scene, of the matte's drawing and of the edit's noise.
    size : (width, height)
        Pixels.
    matte : {'exact', 'box', 'lasso', 'late'}
        Every pixel that may change; its box in every frame; a loose, wobbling outline that
        lags behind; the exact matte, but only from the sixth frame on.
    """

    seed: int
    kind: EditKind = "colour"
    objects: int = 2
    same_shape: bool = False
    frames: int = 9
    size: tuple[int, int] = (128, 128)
    matte: MatteStyle = "exact"

    @property
    def key(self) -> str:
        """A short name, unique among cases."""
        alike = "same" if self.same_shape else "diff"
        width, height = self.size
        return (
            f"{self.kind}-{self.objects}{alike}-{self.frames}f-{width}x{height}"
            f"-{self.matte}-{self.seed}"
        )

    def shot(self) -> DemoShot:
        """Render the clip and its truth."""
        return demo_shot(
            self.seed,
            objects=self.objects,
            same_shape=self.same_shape,
            size=self.size,
            frames=self.frames,
            kind=self.kind,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


# Per six cases: three pairs of distinct shapes, two pairs of one shape, one trio.
_GROUPS: Final = ((2, False), (2, True), (2, False), (3, False), (2, False), (2, True))


def colour_cases(
    count: int,
    seed: int = TEST_SEED,
    *,
    size: tuple[int, int] = (128, 128),
    frames: int = 9,
    matte: MatteStyle = "exact",
) -> tuple[Case, ...]:
    """Return colour edits: half distinct pairs, a third same-shape pairs, a sixth trios."""
    return tuple(_grouped("colour", count, seed, size=size, frames=frames, matte=matte))


def kind_cases(
    kind: EditKind,
    count: int,
    seed: int = TEST_SEED,
    *,
    size: tuple[int, int] = (128, 128),
    frames: int = 9,
) -> tuple[Case, ...]:
    """Return edits of one kind, grouped like `colour_cases`."""
    return tuple(_grouped(kind, count, seed, size=size, frames=frames, matte="exact"))


def mixed_cases(
    count: int,
    seed: int = TEST_SEED,
    *,
    kinds: Sequence[EditKind] = ("colour", "material", "shape", "background"),
    lengths: Sequence[int] = (9, 17, 33),
    styles: Sequence[MatteStyle] = ("exact", "box", "lasso"),
    size: tuple[int, int] = (128, 128),
) -> tuple[Case, ...]:
    """Return `count` cases that go round all kinds, groups, lengths and matte styles.

    Half of the clips have the first length, so that long clips do not take all the time.
    """
    made = []
    for index in range(count):
        objects, same = _GROUPS[(index // len(kinds)) % len(_GROUPS)]
        frames = lengths[0] if index % 2 == 0 else lengths[(index // 2) % len(lengths)]
        made.append(
            Case(
                seed + index,
                kind=kinds[index % len(kinds)],
                objects=objects,
                same_shape=same,
                frames=frames,
                size=size,
                matte=styles[(index // 3) % len(styles)],
            )
        )
    return tuple(made)


def _grouped(
    kind: EditKind,
    count: int,
    seed: int,
    *,
    size: tuple[int, int],
    frames: int,
    matte: MatteStyle,
) -> Iterator[Case]:
    for index in range(count):
        objects, same = _GROUPS[index % len(_GROUPS)]
        yield Case(seed + index, kind, objects, same, frames, size, matte)


def matte(shot: DemoShot, style: MatteStyle, seed: int) -> NDArray[np.float32]:
    """Return the matte that stands for a way of drawing, float32 (F, H, W) of 0 and 1.

    A background edit is everything but the objects, so there the objects are drawn.
    """
    if style == "exact":
        return shot.mask.astype(np.float32)
    if style == "late":
        late = shot.mask.astype(np.float32)
        late[:_LATE_FRAME] = 0
        return late
    parts = shot.other_masks if shot.kind == "background" else shot.mask[None]
    rng = np.random.default_rng([seed, MATTE_STYLES.index(style)])
    drawn = np.zeros(shot.mask.shape, bool)
    for part in parts:
        drawn |= _boxes(part) if style == "box" else _lasso(part, rng)
    if shot.kind == "background":
        drawn = ~drawn
    return drawn.astype(np.float32)


def _boxes(mask: Mask) -> Mask:
    boxes = np.zeros_like(mask)
    for frame, area in zip(boxes, mask, strict=True):
        rows, columns = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
        if rows.size:
            frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return grown(boxes, _BOX_MARGIN_PX)


def _lasso(mask: Mask, rng: np.random.Generator) -> Mask:
    """One loose outline, carried along with a small error that grows through the clip."""
    angles = np.linspace(0, 2 * np.pi, _LASSO_POINTS, endpoint=False)
    waves = sum(
        rng.normal(0, 1 / order) * np.cos(order * angles + rng.uniform(0, 2 * np.pi))
        for order in range(1, 6)
    )
    margin_px = rng.uniform(3, 6) + 2.0 * np.asarray(waves)
    drift_px = rng.uniform(-2.5, 2.5, 2)
    drawn = np.zeros(mask.shape, np.uint8)
    for index, area in enumerate(mask):
        y, x = np.nonzero(area)
        if not x.size:
            continue
        centre = np.array([x.mean(), y.mean()])
        turn = np.arctan2(y - centre[1], x - centre[0]) % (2 * np.pi)
        reach = np.hypot(x - centre[0], y - centre[1])
        slot = np.minimum((turn / (2 * np.pi) * _LASSO_POINTS).astype(int), _LASSO_POINTS - 1)
        radius = np.zeros(_LASSO_POINTS)
        np.maximum.at(radius, slot, reach)
        # A hand does not follow notches: take the reach of the neighbourhood.
        wide = np.max([np.roll(radius, shift) for shift in range(-4, 5)], 0)
        radius = np.maximum(wide + margin_px, 2)
        share = index / max(1, len(mask) - 1)
        middle = centre + share * drift_px
        points = middle + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        cv2.fillPoly(drawn[index], [np.round(points).astype(np.int32)], (1,))
    return drawn.astype(bool)
