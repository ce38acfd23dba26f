"""Three sliders, quality, and the exact numbers behind them.

The curves are those of `flowanchor_engine.request.Sliders`, and 50/50/50 is the model's reference
in full. Every number follows its slider until someone types into it; from then on it stands on
its own until it is linked again, and the slider only says "about" where it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from flowanchor_engine.request import MethodSettings, Sliders, skipped_steps
from plugin.state.numbers import (
    DRIVES,
    QUALITIES,
    Curve,
    ExpertNumber,
    Held,
    Quality,
    SliderName,
    steps_of,
)
from plugin.state.observable import Observable, Signal

__all__ = [
    "DRIVES",
    "QUALITIES",
    "Curve",
    "ExpertNumber",
    "Held",
    "Quality",
    "SliderName",
    "Strengths",
    "steps_of",
]

BOLD: Final = 80.0
_TRY_PRESERVE: Final = 40


class Strengths:
    """Sliders, quality and numbers of one edit.

    Attributes
    ----------
    where, strength, preserve : Observable of float
        Positions 0..100; `preserve` snaps to whole steps.
    about_where, about_strength, about_preserve : Observable of float or None
        Where a slider would have to be for its unlinked numbers; None while all are linked.
    skipped : Observable of (int, int)
        Skipped steps and all steps: "2 of 25 skipped".
    warnings : Observable of tuple of (str, dict)
        Locale keys with their values.
    switches : Observable of tuple of (str, value)
        Fields of `MethodSettings` besides the numbers that differ from the reference.
    changed : Signal
        Once after every change, when all numbers agree with each other.
    """

    def __init__(self, reference: MethodSettings | None = None) -> None:
        self.reference: Observable[MethodSettings] = Observable(reference or MethodSettings())
        self.where: Observable[float] = Held(50.0, _percent)
        self.strength: Observable[float] = Held(50.0, _percent)
        self.preserve: Observable[float] = Held(50.0, self._snap)
        self.quality: Observable[Quality] = Observable("standard")
        self.switches: Observable[tuple[tuple[str, Any], ...]] = Observable(())

        self.beta1 = ExpertNumber("beta1", "β₁", 0, 1, 2, "where")
        self.beta2 = ExpertNumber("beta2", "β₂", 0, 1, 2, "where")
        self.tau = ExpertNumber("tau", "τ", 0, 1, 2, "where")
        self.gamma = ExpertNumber("gamma", "γ", 0, 10, 2, "strength")
        self.guidance_target = ExpertNumber("guidance_target", "ω_tar", 0, 50, 1, "strength")
        self.guidance_source = ExpertNumber("guidance_source", "ω_src", 0, 50, 1)
        self.steps = ExpertNumber("steps", "T", 1, 200, 0)
        self.skip_share = ExpertNumber("skip_share", "n_skip / T", 0, 0.99, 3, "preserve")
        self.shift = ExpertNumber("shift", "s", 0.1, 50, 1)
        self.numbers: tuple[ExpertNumber, ...] = (
            *(self.beta1, self.beta2, self.tau, self.gamma, self.guidance_target),
            *(self.guidance_source, self.steps, self.skip_share, self.shift),
        )

        self.about_where: Observable[float | None] = Observable(None)
        self.about_strength: Observable[float | None] = Observable(None)
        self.about_preserve: Observable[float | None] = Observable(None)
        self.all_linked: Observable[bool] = Observable(True)
        self.skipped: Observable[tuple[int, int]] = Observable((2, 25))
        self.warnings: Observable[tuple[tuple[str, dict[str, int]], ...]] = Observable(())
        self.changed: Signal[None] = Signal()

        self._quiet = False
        self._refresh()
        for number in self.numbers:
            number.moved.connect(self._touched)
        for watched in (self.where, self.strength, self.preserve):
            watched.changed.connect(self._touched)
        self.quality.changed.connect(self._touched)
        self.switches.changed.connect(self._touched)
        self.reference.changed.connect(self._touched)

    # ---- what comes out ---------------------------------------------------------------------

    def settings(self) -> MethodSettings:
        """Return the numbers and switches as they go into a request."""
        base = self.reference.value.model_copy(update=dict(self.switches.value))
        derived = self._sliders().numbers(base)
        update: dict[str, Any] = {"steps": steps_of(self.quality.value, self.reference.value)}
        for number in self.numbers:
            if not number.linked.value:
                value = number.value.value
                update[number.name] = int(value) if number.decimals == 0 else value
        return derived.model_copy(update=update)

    def positions(self) -> dict[str, Any]:
        """Return positions and quality, for the comment of a request; they decide nothing."""
        return {
            "where": self.where.value,
            "strength": self.strength.value,
            "preserve": self.preserve.value,
            "quality": self.quality.value,
        }

    def slider(self, name: SliderName) -> Observable[float]:
        """Return a slider's position by its name."""
        return {"where": self.where, "strength": self.strength, "preserve": self.preserve}[name]

    def about(self, name: SliderName) -> Observable[float | None]:
        """Return a slider's "about" by its name."""
        return {
            "where": self.about_where,
            "strength": self.about_strength,
            "preserve": self.about_preserve,
        }[name]

    def stops(self) -> tuple[float, ...]:
        """Return the positions at which Preserve rests: one per whole number of skipped steps."""
        steps = int(self.steps.value.value)
        low, middle, high = Curve("preserve", "skip_share", self.reference.value).anchors
        first, last = sorted((skipped_steps(steps, low), skipped_steps(steps, high)))
        return tuple(self._stop(k, steps, (low, middle, high)) for k in range(first, last + 1))

    # ---- what goes in -----------------------------------------------------------------------

    def reset(self) -> None:
        """Go home: the reference in full."""
        with _Quiet(self):
            self.switches.set(())
            self.quality.set("standard")
            for number in self.numbers:
                number.linked.set(True)
            for name in DRIVES:
                self.slider(name).set(50.0)
        self._touched(None)

    def relink_all(self) -> None:
        """Let every number follow its slider again."""
        with _Quiet(self):
            for number in self.numbers:
                number.relink()
        self._touched(None)

    def apply(self, settings: MethodSettings, positions: Mapping[str, Any] | None = None) -> None:
        """Take over a recipe: its numbers hold, to the last bit.

        Sliders go where they reproduce the numbers; a number that no position gives is
        unlinked. `positions` (a recipe's comment) are tried first and believed only if they
        give the numbers.
        """
        with _Quiet(self):
            names = {number.name for number in self.numbers}
            self.switches.set(
                tuple(
                    (field, getattr(settings, field))
                    for field in sorted(MethodSettings.model_fields)
                    if field not in names
                    and getattr(settings, field) != getattr(self.reference.value, field)
                )
            )
            for number in self.numbers:
                number.linked.set(True)
            self._apply_quality(settings, positions or {})
            self._refresh()  # Preserve snaps by the steps
            for name in DRIVES:
                self._apply_slider(name, settings, positions or {})
            self._refresh()
            for number in self.numbers:
                wanted = getattr(settings, number.name)
                if number.derived != wanted:
                    number.own(float(wanted))
        self._touched(None)

    # ---- within -----------------------------------------------------------------------------

    def _apply_quality(self, settings: MethodSettings, positions: Mapping[str, Any]) -> None:
        named = positions.get("quality")
        order = [q for q in QUALITIES if q == named] + [q for q in QUALITIES if q != named]
        for quality in order:
            if steps_of(quality, self.reference.value) == settings.steps:
                self.quality.set(quality)
                return
        self.steps.own(float(settings.steps))

    def _apply_slider(
        self, name: SliderName, settings: MethodSettings, positions: Mapping[str, Any]
    ) -> None:
        wanted = [getattr(settings, field) for field in DRIVES[name]]

        def misses(at: float) -> int:
            numbers = Sliders(**{name: at}).numbers(self.reference.value)
            got = [getattr(numbers, field) for field in DRIVES[name]]
            return sum(a != b for a, b in zip(got, wanted, strict=True))

        tries: list[float] = []
        told = positions.get(name)
        if isinstance(told, (int, float)) and math.isfinite(told) and 0 <= told <= 100:
            tries.append(float(told))
        tries.append(50.0)
        near = [
            at
            for field, value in zip(DRIVES[name], wanted, strict=True)
            if (at := self._curve(name, field).position(value)) is not None
        ]
        for at in near:
            tries += [round(at), round(at, 1), round(at, 2), at]
        if name == "preserve":
            tries += [self._snap(at) for at in tuple(tries)]
        best = min(tries, key=misses)
        if misses(best) == len(wanted) and near:
            best = math.fsum(near) / len(near)
        observable = self.slider(name)
        if name == "preserve" and not misses(best):
            Observable.set(observable, float(best))  # a recipe's own place between two stops
        else:
            observable.set(float(best))

    def _sliders(self) -> Sliders:
        return Sliders(
            where=self.where.value, strength=self.strength.value, preserve=self.preserve.value
        )

    def _curve(self, slider: SliderName, field: str) -> Curve:
        return Curve(slider, field, self.reference.value)

    def _touched(self, _: object) -> None:
        if not self._quiet:
            with _Quiet(self):
                self._refresh()
            self.changed.emit(None)

    def _refresh(self) -> None:
        reference = self.reference.value
        derived = self._sliders().numbers(reference)
        for number in self.numbers:
            if number is self.steps:
                number.follow(steps_of(self.quality.value, reference))
            else:
                number.follow(getattr(derived, number.name))
        for name in DRIVES:
            self.about(name).set(self._about(name))
        self.all_linked.set(all(number.linked.value for number in self.numbers))
        steps = int(self.steps.value.value)
        self.skipped.set((skipped_steps(steps, self.skip_share.value.value), steps))
        self.warnings.set(self._warnings())

    def _about(self, name: SliderName) -> float | None:
        numbers = [number for number in self.numbers if number.slider == name]
        if all(number.linked.value for number in numbers):
            return None
        places = [
            at
            for number in numbers
            if (at := self._curve(name, number.name).position(number.value.value)) is not None
        ]
        # The mean is the position with the least squared distance to all of them.
        return math.fsum(places) / len(places) if places else self.slider(name).value

    def _warnings(self) -> tuple[tuple[str, dict[str, int]], ...]:
        found: list[tuple[str, dict[str, int]]] = []
        strength = self.about_strength.value
        strength = self.strength.value if strength is None else strength
        preserve = self.about_preserve.value
        preserve = self.preserve.value if preserve is None else preserve
        if strength >= BOLD and preserve >= BOLD:
            found.append(("check.bold_faithful", {"preserve": _TRY_PRESERVE}))
        skipped, steps = self.skipped.value
        if skipped >= steps:
            found.append(("check.all_skipped", {"steps": steps}))
        return tuple(found)

    def _snap(self, position: float) -> float:
        position = _percent(position)
        return min(self.stops(), key=lambda stop: (abs(stop - position), abs(stop - 50)))

    def _stop(self, skipped: int, steps: int, anchors: tuple[float, float, float]) -> float:
        for at, share in zip((50.0, 0.0, 100.0), (anchors[1], anchors[0], anchors[2]), strict=True):
            if skipped_steps(steps, share) == skipped:  # anchors are exact
                return at
        return self._curve("preserve", "skip_share").position(skipped / steps) or 0.0


class _Quiet:
    """Hold back `Strengths.changed` while several values move."""

    def __init__(self, owner: Strengths) -> None:
        self._owner = owner
        self._before = False

    def __enter__(self) -> None:
        self._before = self._owner._quiet
        self._owner._quiet = True

    def __exit__(self, *_: object) -> None:
        self._owner._quiet = self._before


def _percent(position: float) -> float:
    return min(100.0, max(0.0, position))
