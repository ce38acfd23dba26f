"""Exact numbers and the curves that derive them from a slider."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

from flowanchor_engine.request import MethodSettings, Sliders
from plugin.state.observable import Observable, Signal

__all__ = [
    "DRIVES",
    "QUALITIES",
    "Curve",
    "ExpertNumber",
    "Held",
    "Quality",
    "SliderName",
    "steps_of",
]

Quality = Literal["draft", "standard", "fine"]
SliderName = Literal["where", "strength", "preserve"]
QUALITIES: Final[tuple[Quality, ...]] = get_args(Quality)

# What each slider moves; the rest of the numbers belongs to quality or to the model.
DRIVES: Final[Mapping[SliderName, tuple[str, ...]]] = {
    "where": ("beta1", "beta2", "tau"),
    "strength": ("gamma", "guidance_target"),
    "preserve": ("skip_share",),
}
_QUALITY_STEPS: Final = {"draft": 12, "standard": 25, "fine": 40}  # of a reference of 25


def steps_of(quality: Quality, reference: MethodSettings) -> int:
    """Return the steps of a quality: 12, 25 and 40 of 25, scaled to the model's own count."""
    return max(1, (2 * reference.steps * _QUALITY_STEPS[quality] + 25) // 50)


class Held(Observable[float]):
    """A number that is mended before it is taken (snapped, kept in its range)."""

    def __init__(self, value: float, mend: Callable[[float], float]) -> None:
        super().__init__(float(value))
        self._mend = mend

    def set(self, value: float) -> None:
        """Take the mended value; what is no number changes nothing."""
        if math.isfinite(value):
            super().set(self._mend(float(value)))


class Curve:
    """One number as a function of one slider, read off `Sliders` at its three anchors.

    Parameters
    ----------
    slider : {'where', 'strength', 'preserve'}
    name : str
        Field of `MethodSettings`.
    reference : MethodSettings
        What 50 means.
    """

    def __init__(self, slider: SliderName, name: str, reference: MethodSettings) -> None:
        low, middle, high = (
            float(getattr(Sliders(**{slider: at}).numbers(reference), name)) for at in (0, 50, 100)
        )
        self.anchors = (low, middle, high)

    def position(self, value: float) -> float | None:
        """Return the position 0..100 that comes closest to a value; None on a flat curve.

        Of several equally good positions the one nearest the middle is taken.
        """
        low, middle, high = self.anchors
        best: tuple[float, float, float] | None = None
        for start, first, last in ((0.0, low, middle), (50.0, middle, high)):
            if first == last:
                continue
            share = min(1.0, max(0.0, (value - first) / (last - first)))
            at = start + 50 * share
            reached = first + (last - first) * share
            rank = (round(abs(reached - value), 12), abs(at - 50), at)
            best = rank if best is None or rank < best else best
        return None if best is None else best[2]


class ExpertNumber:
    """One exact number: derived while linked, a person's own after typing.

    Parameters
    ----------
    name : str
        Field of `MethodSettings`.
    symbol : str
        The paper's.
    minimum, maximum : float
    decimals : int
        Shown ones; 0 for a whole number.
    slider : str or None
        The slider that moves it; None for quality's and the model's numbers.
    """

    def __init__(
        self,
        name: str,
        symbol: str,
        minimum: float,
        maximum: float,
        decimals: int,
        slider: SliderName | None = None,
    ) -> None:
        self.name = name
        self.symbol = symbol
        self.minimum = minimum
        self.maximum = maximum
        self.decimals = decimals
        self.slider = slider
        self.linked: Observable[bool] = Observable(True)
        self.moved: Signal[None] = Signal()  # a person typed, linked or unlinked
        self.derived = 0.0
        self._following = False
        self._busy = False
        self.value: Observable[float] = Held(0.0, self._fit)
        self.value.changed.connect(self._typed)
        self.linked.changed.connect(self._linked)

    def follow(self, derived: float) -> None:
        """Take the derived number; an unlinked one only remembers it for `relink`."""
        self.derived = float(derived)
        if self.linked.value:
            self._following = True
            self.value.set(self.derived)
            self._following = False

    def relink(self) -> None:
        """Forget what was typed and follow again."""
        self.linked.set(True)

    def own(self, value: float) -> None:
        """Set a number of one's own, also where it equals the derived one now."""
        self._busy = True
        self.linked.set(False)
        self.value.set(value)
        self._busy = False
        self.moved.emit(None)

    def _typed(self, value: float) -> None:
        if self._following or self._busy:
            return
        if value != self.derived:
            self._busy = True
            self.linked.set(False)
            self._busy = False
        self.moved.emit(None)

    def _linked(self, linked: bool) -> None:
        if linked:
            self.follow(self.derived)
        if not self._busy:
            self.moved.emit(None)

    def _fit(self, value: float) -> float:
        if self.decimals == 0:
            value = float(math.floor(value + 0.5))
        # A derived number is exact even where a typed one would be refused.
        return value if self._following else min(self.maximum, max(self.minimum, value))
