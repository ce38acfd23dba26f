"""Random scenes of moving shapes: what is in the picture, before a pixel is drawn.

A `Scene` is plain frozen data. `sample_scene` draws one from a seed, `counterfactual` changes
one attribute and leaves every other number (motion included) as it was, so that the rendered
pair is an edit with its exact truth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 38, 38),
    "green": (40, 165, 62),
    "blue": (38, 78, 222),
    "yellow": (242, 214, 44),
    "orange": (246, 132, 24),
    "purple": (138, 48, 182),
    "cyan": (48, 206, 222),
    "pink": (250, 132, 184),
}
SHAPES: tuple[str, ...] = ("ball", "square", "triangle", "star", "ring", "cross")
MATERIALS: tuple[str, ...] = ("plain", "striped", "dotted", "checkered")
BACKGROUND_COLOURS: dict[str, tuple[int, int, int]] = {
    "gray": (128, 128, 128),
    "white": (232, 232, 232),
    "black": (22, 22, 22),
    "beige": (222, 205, 170),
    "navy": (26, 36, 84),
    "brown": (98, 66, 42),
}
BACKGROUND_KINDS: tuple[str, ...] = ("plain", "gradient", "noisy")

EditKind = Literal["colour", "material", "shape", "background"]
EDIT_KINDS: tuple[EditKind, ...] = get_args(EditKind)

_REFERENCE_PX = 96
_RADIUS_PX = {1: (15.0, 24.0), 2: (14.0, 20.0), 3: (12.0, 15.0)}
_LAYOUT_TRIES = 400


@dataclass(frozen=True)
class SceneObject:
    """One moving object.

    Attributes
    ----------
    radius_px : float
        Nominal radius; corners of some shapes reach up to 1.34 times as far.
    path : tuple of (x, y)
        Centre in pixels for every frame, origin at the top left corner of the picture.
    phase : float in [0, 1)
        Offset of the stripes, in periods.
    """

    colour: str
    shape: str
    material: str
    radius_px: float
    path: tuple[tuple[float, float], ...]
    phase: float

    @property
    def mean_position(self) -> tuple[float, float]:
        """Centre averaged over the clip, in pixels."""
        x, y = np.asarray(self.path).mean(0)
        return float(x), float(y)


@dataclass(frozen=True)
class Background:
    """What lies behind the objects; `seed` decides gradient direction and noise."""

    kind: str
    colour: str
    seed: int


@dataclass(frozen=True)
class Scene:
    """Everything that decides the pixels of one clip."""

    objects: tuple[SceneObject, ...]
    background: Background
    width: int
    height: int
    frames: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `scene_from_dict` is the inverse."""
        return asdict(self)


def scene_from_dict(data: dict[str, Any]) -> Scene:
    """Rebuild a scene from what `Scene.to_dict` gave (also after a trip through JSON)."""
    objects = tuple(
        SceneObject(**{**item, "path": tuple((float(x), float(y)) for x, y in item["path"])})
        for item in data["objects"]
    )
    return Scene(
        objects=objects,
        background=Background(**data["background"]),
        width=data["width"],
        height=data["height"],
        frames=data["frames"],
    )


def check_grid(width: int, height: int, frames: int) -> None:
    """Refuse sizes that the embedded model cannot hold.

    Raises
    ------
    ValueError
        If a side is not a multiple of 16 in [96, 256], or `frames` is not 4k + 1.
    """
    for side in (width, height):
        if side % 16 or not 96 <= side <= 256:
            raise ValueError(f"sides must be multiples of 16 from 96 to 256, not {side}")
    if frames < 1 or frames % 4 != 1:
        raise ValueError(f"frames must be 4k + 1, not {frames}")


def size_scale(width: int, height: int) -> float:
    """Scale of radii and speeds: 1 at 96 px, 1.2 at 128 px, 2 at 256 px (shorter side)."""
    return 1.0 + 0.6 * (min(width, height) / _REFERENCE_PX - 1.0)


def sample_scene(
    seed: int,
    *,
    width: int = 128,
    height: int = 128,
    frames: int = 9,
    objects: int | None = None,
    same_shape: bool | None = None,
    materials: bool = True,
) -> Scene:
    """Draw a scene: distinct colours, no overlap, straight motion that bounces off the border.

    Parameters
    ----------
    seed : int
        Equal arguments give equal scenes.
    width, height : int
        Multiples of 16 in [96, 256].
    frames : int
        4k + 1 frames.
    objects : int in 1..3 or None
        Number of objects; None draws 1, 2 or 3 with weights .25, .55, .20.
    same_shape : bool or None
        True gives all objects one shape, False distinct shapes, None one shape in 30 % of the
        scenes with several objects.
    materials : bool
        False leaves every object plain; True makes half of them striped, dotted or checkered.
    """
    check_grid(width, height, frames)
    if objects is not None and objects not in _RADIUS_PX:
        raise ValueError(f"a scene holds 1 to 3 objects, not {objects}")
    rng = np.random.default_rng(seed)
    count = int(rng.choice([1, 2, 3], p=[0.25, 0.55, 0.20])) if objects is None else objects
    colours = [str(c) for c in rng.permutation(list(COLOURS))[:count]]
    alike = bool(rng.random() < 0.3) if same_shape is None else same_shape
    shapes = [str(s) for s in rng.permutation(SHAPES)[:count]]
    if alike:
        shapes = [shapes[0]] * count
    surfaces = [str(m) for m in rng.choice(MATERIALS, size=count, p=[0.5, 1 / 6, 1 / 6, 1 / 6])]
    if not materials:
        surfaces = ["plain"] * count
    radii, paths = _sample_motion(rng, count, width, height, frames)
    phases = rng.uniform(0, 1, count)
    background = Background(
        kind=str(rng.choice(BACKGROUND_KINDS, p=[0.5, 0.25, 0.25])),
        colour=str(rng.choice(list(BACKGROUND_COLOURS))),
        seed=int(rng.integers(1 << 30)),
    )
    made = tuple(
        SceneObject(
            colour=colours[k],
            shape=shapes[k],
            material=surfaces[k],
            radius_px=float(radii[k]),
            path=tuple((float(x), float(y)) for x, y in paths[:, k]),
            phase=float(phases[k]),
        )
        for k in range(count)
    )
    return Scene(made, background, width, height, frames)


def _sample_motion(
    rng: np.random.Generator, count: int, width: int, height: int, frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii (count,) and centres (frames, count, 2) whose discs never touch."""
    scale = size_scale(width, height)
    low_px, high_px = (scale * r for r in _RADIUS_PX[count])
    side = np.array([width, height], np.float64)
    # Long clips move slower, so that 33 frames do not become a blur of bounces.
    pace = scale * (9 / frames if frames > 17 else 1.0)
    while True:
        for _ in range(_LAYOUT_TRIES):
            radii = rng.uniform(low_px, high_px, count)
            start = rng.uniform(radii[:, None] + 2, side[None] - radii[:, None] - 2)
            heading = rng.standard_normal((count, 2))
            heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-6
            speed = rng.uniform(0.5, 3.0, (count, 1)) * pace * (rng.random((count, 1)) > 0.1)
            paths = _bounce(start, heading * speed, radii, side, frames)
            if _is_apart(paths, radii):
                return radii, paths
        # Three large discs may not fit on narrow pictures: try smaller ones.
        low_px, high_px = 0.9 * low_px, 0.9 * high_px


def _bounce(
    start: NDArray[np.float64],
    velocity: NDArray[np.float64],
    radii: NDArray[np.float64],
    side: NDArray[np.float64],
    frames: int,
) -> NDArray[np.float64]:
    """Reflect straight motion between the borders: a triangle wave in every coordinate."""
    low = radii[:, None] + 1
    span = side[None] - radii[:, None] - 1 - low
    line = start[None] + velocity[None] * np.arange(frames)[:, None, None] - low
    folded = np.mod(line, 2 * span)
    return low + np.where(folded > span, 2 * span - folded, folded)


def _is_apart(paths: NDArray[np.float64], radii: NDArray[np.float64]) -> bool:
    for a in range(len(radii)):
        for b in range(a):
            gap = np.linalg.norm(paths[:, a] - paths[:, b], axis=1)
            if (gap < 1.1 * (radii[a] + radii[b]) + 3).any():
                return False
    return True


def counterfactual(
    scene: Scene,
    object: int = 0,  # noqa: A002 - the word of the domain
    *,
    colour: str | None = None,
    shape: str | None = None,
    material: str | None = None,
    background: str | None = None,
) -> Scene:
    """Return the edited truth: the same scene and motion with the given attributes changed.

    Parameters
    ----------
    object : int
        Index of the edited object.
    colour, shape, material : str, optional
        New attributes of that object.
    background : str, optional
        New background colour; kind and seed stay.

    Raises
    ------
    ValueError
        If an attribute is not one that the scenes know.
    IndexError
        If the scene has no such object.
    """
    for value, known in (
        (colour, COLOURS),
        (shape, SHAPES),
        (material, MATERIALS),
        (background, BACKGROUND_COLOURS),
    ):
        if value is not None and value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
    if not 0 <= object < len(scene.objects):
        raise IndexError(f"the scene has no object {object}")
    old = scene.objects[object]
    new = replace(
        old,
        colour=colour or old.colour,
        shape=shape or old.shape,
        material=material or old.material,
    )
    behind = scene.background
    if background is not None:
        behind = replace(behind, colour=background)
    items = (*scene.objects[:object], new, *scene.objects[object + 1 :])
    return replace(scene, objects=items, background=behind)


def random_counterfactual(
    scene: Scene, kind: EditKind, rng: np.random.Generator
) -> tuple[Scene, int]:
    """Change one attribute of `kind` at random; return the new scene and the object's index.

    A new colour or shape is one that no object of the scene has, a new material is never
    ``plain`` when the object was plain, and a background keeps its kind.
    """
    index = int(rng.integers(len(scene.objects)))
    target = scene.objects[index]
    if kind == "colour":
        free = [c for c in COLOURS if c not in {o.colour for o in scene.objects}]
        return counterfactual(scene, index, colour=str(rng.choice(free))), index
    if kind == "shape":
        free = [s for s in SHAPES if s not in {o.shape for o in scene.objects}]
        return counterfactual(scene, index, shape=str(rng.choice(free))), index
    if kind == "material":
        free = [m for m in MATERIALS if m != target.material]
        return counterfactual(scene, index, material=str(rng.choice(free))), index
    free = [b for b in BACKGROUND_COLOURS if b != scene.background.colour]
    return counterfactual(scene, index, background=str(rng.choice(free))), index
