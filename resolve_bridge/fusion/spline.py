"""Animation splines: keys, handles, steps and loops as a function of comp time.

A key is `[time] = { value, LH = { time, value }, RH = { time, value }, Flags = { ... } }` with
absolute handles; a missing handle lies a third of the way along the straight line to its
neighbour. Shape keys carry `Value = Polyline { ... }`, and their number is the displacement:
between two keys the spline's value tells how far the points have moved from one to the other.

Loop flags bound the repeated part in pairs: the part between a pair repeats from the second
key of the pair until the next key, for ever when there is none (and backwards from the first
key for the `Pre` kinds). A flagged key without a partner loops nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from resolve_bridge.fusion.table import Table
from resolve_bridge.fusion.verdict import Assumption, Reason, refuse

if TYPE_CHECKING:
    from resolve_bridge.fusion.model import Tool

__all__ = ["Curve", "SplineKey", "read_curve"]

_EDITOR_FLAGS: Final = frozenset(
    {
        "linear", "lockedx", "lockedy", "lockx", "locky", "lockp", "lockpf", "selected",
        "smooth", "flat", "following", "published", "highlight", "closedshaped", "shaped",
    }
)  # fmt: skip
"""Flags that steer the editor; what they did to the curve is already in the handles."""

_FORWARD: Final = {"loop": "loop", "pingpong": "pingpong", "looprel": "relative"}
_BACKWARD: Final = {"preloop": "loop", "prepingpong": "pingpong", "prelooprel": "relative"}
_STEPS: Final = frozenset({"stepin", "stepout"})
_KEY_FIELDS: Final = frozenset({"LH", "RH", "Flags", "Value", "offset"})


@dataclass(frozen=True, slots=True)
class SplineKey:
    """One key.

    Attributes
    ----------
    time : float
        Comp time in frames.
    value : float
        The number, or the displacement of a shape.
    left, right : (float, float) or None
        Handles as absolute (time, value).
    """

    time: float
    value: float
    left: tuple[float, float] | None = None
    right: tuple[float, float] | None = None
    flags: frozenset[str] = frozenset()
    shape: Table | None = None


@dataclass(frozen=True, slots=True)
class _Loop:
    """A repeated part: keys `first` and `last`, and how its repetitions follow."""

    first: int
    last: int
    kind: str


class Curve:
    """A spline over comp time.

    Parameters
    ----------
    keys : tuple of SplineKey
        At least one, in rising time.
    """

    def __init__(self, keys: tuple[SplineKey, ...]) -> None:
        self.keys = keys
        self._times = [key.time for key in keys]
        self._after = {loop.last: loop for loop in _loops(keys, _FORWARD)}
        self._before = {loop.first: loop for loop in _loops(keys, _BACKWARD)}

    def segment(self, time: float) -> tuple[int, int, float, int]:
        """Find the keys around a time, loops already folded back.

        Returns
        -------
        (int, int, float, int)
            Index of the key before, of the key after (the same outside the keys), the folded
            time, and how many whole relative repetitions were passed (negative before).
        """
        at = bisect_right(self._times, time) - 1
        turns = 0
        if at >= 0 and at in self._after and time > self._times[at]:
            loop = self._after[at]
            time, turns = self._fold(loop, time)
        elif at + 1 in self._before and time < self._times[at + 1]:
            loop = self._before[at + 1]
            time, turns = self._fold(loop, time)
        at = bisect_right(self._times, time) - 1
        if at < 0:
            return 0, 0, time, turns
        if at == len(self.keys) - 1 or self._times[at] == time:
            return at, at, time, turns
        return at, at + 1, time, turns

    def value(self, time: float) -> float:
        """Evaluate the number at a comp time."""
        before, after, folded, turns = self.segment(time)
        first = self.keys[before]
        result = first.value
        if before != after:
            result = self._between(first, self.keys[after], folded)
        if turns:
            loop = self._relative_loop(time)
            result += turns * (self.keys[loop.last].value - self.keys[loop.first].value)
        return result

    def blend(self, time: float) -> tuple[int, int, float]:
        """Tell which two shapes mix at a comp time, and how far along (0 first, 1 second)."""
        before, after, folded, _ = self.segment(time)
        if before == after:
            return before, before, 0.0
        first, second = self.keys[before], self.keys[after]
        if "stepin" in second.flags:
            return before, before, 0.0
        if "stepout" in first.flags:
            return after, after, 0.0
        span = second.value - first.value
        if span == 0.0:
            # Hand-written text gives every shape the displacement 0: only time is left.
            return before, after, (folded - first.time) / (second.time - first.time)
        return before, after, (self._between(first, second, folded) - first.value) / span

    @property
    def steps_out(self) -> bool:
        """Whether any key steps out."""
        return any("stepout" in key.flags for key in self.keys)

    @property
    def relative(self) -> bool:
        """Whether any part repeats relative to its end."""
        return any(
            loop.kind == "relative" for loop in (*self._after.values(), *self._before.values())
        )

    def _relative_loop(self, time: float) -> _Loop:
        at = bisect_right(self._times, time) - 1
        return self._after[at] if at in self._after else self._before[at + 1]

    def _fold(self, loop: _Loop, time: float) -> tuple[float, int]:
        start, stop = self._times[loop.first], self._times[loop.last]
        period = stop - start
        turns = math.floor((time - start) / period)
        rest = time - start - turns * period
        # Rounding may leave the rest a hair outside of its period.
        rest = min(max(rest, 0.0), period)
        if loop.kind == "pingpong" and turns % 2:
            return stop - rest, 0
        return start + rest, turns if loop.kind == "relative" else 0

    @staticmethod
    def _between(first: SplineKey, second: SplineKey, time: float) -> float:
        if "stepin" in second.flags:
            return first.value
        if "stepout" in first.flags:
            return second.value
        span, rise = second.time - first.time, second.value - first.value
        right = first.right or (first.time + span / 3, first.value + rise / 3)
        left = second.left or (second.time - span / 3, second.value - rise / 3)
        # Clamped handles keep time single-valued: one value for every frame.
        x1 = min(max((right[0] - first.time) / span, 0.0), 1.0)
        x2 = min(max((left[0] - first.time) / span, 0.0), 1.0)
        s = _solve((time - first.time) / span, x1, x2)
        r = 1.0 - s
        return (
            r * r * r * first.value
            + 3 * r * r * s * right[1]
            + 3 * r * s * s * left[1]
            + s * s * s * second.value
        )


def _solve(x: float, x1: float, x2: float) -> float:
    """Invert the time of a Bezier segment on 0..1, rising because 0 <= x1, x2 <= 1."""
    low, high = 0.0, 1.0
    s = x
    for _ in range(80):
        r = 1.0 - s
        error = 3 * r * r * s * x1 + 3 * r * s * s * x2 + s * s * s - x
        if abs(error) < 1e-14:
            break
        if error > 0:
            high = s
        else:
            low = s
        slope = 3 * r * r * x1 + 6 * r * s * (x2 - x1) + 3 * s * s * (1.0 - x2)
        step = s - error / slope if slope > 1e-12 else -1.0
        s = step if low < step < high else 0.5 * (low + high)
    return s


def _loops(keys: tuple[SplineKey, ...], kinds: dict[str, str]) -> list[_Loop]:
    flagged = [
        (index, kinds[flag])
        for index, key in enumerate(keys)
        for flag in sorted(key.flags)
        if flag in kinds
    ]
    return [
        _Loop(first, last, kind)
        for (first, kind), (last, _) in zip(flagged[::2], flagged[1::2], strict=False)
    ]


def read_curve(tool: Tool, owner: str) -> tuple[Curve, frozenset[Assumption]]:
    """Read a `BezierSpline` tool.

    Parameters
    ----------
    tool : Tool
        The spline.
    owner : str
        The mask it drives, for the sentence of a refusal.

    Raises
    ------
    Refusal
        Reasons ``spline`` (no keys, unknown flags or fields) and ``bad_number``.
    """
    table = tool.table.table("KeyFrames")
    if table is None or not table.fields or table.array:
        raise refuse(owner, Reason.SPLINE, "is animated by a spline without keys", detail=tool.name)
    keys = sorted(
        (_read_key(at, entry, tool, owner) for at, entry in table.fields.items()),
        key=lambda key: key.time,
    )
    curve = Curve(tuple(keys))
    for kinds in (_FORWARD, _BACKWARD):
        _check_loops(curve.keys, kinds, tool, owner)
    return curve, frozenset({Assumption.STEP_OUT} if curve.steps_out else ())


def _check_loops(
    keys: tuple[SplineKey, ...], kinds: dict[str, str], tool: Tool, owner: str
) -> None:
    flagged = [[kinds[flag] for flag in key.flags if flag in kinds] for key in keys]
    flagged = [found for found in flagged if found]
    for first, last in zip(flagged[::2], flagged[1::2], strict=False):
        if len(first) > 1 or first != last:
            raise refuse(
                owner,
                Reason.SPLINE,
                "is animated by a loop of two kinds at once",
                detail=f"{tool.name}: {first} {last}",
            )


def _read_key(at: object, entry: object, tool: Tool, owner: str) -> SplineKey:
    if isinstance(at, bool) or not isinstance(at, int | float) or not isinstance(entry, Table):
        raise refuse(
            owner,
            Reason.SPLINE,
            "is animated by keys that cannot be read",
            detail=f"{tool.name}: {at!r}",
        )
    unknown = [key for key in entry.fields if key not in _KEY_FIELDS and key != 1]
    value = entry.number(1)
    if unknown or value is None or len(entry.array) > 1:
        raise refuse(
            owner,
            Reason.SPLINE,
            f"has a key at frame {at:g} that cannot be read",
            detail=f"{tool.name}: {unknown}",
        )
    flags_table = entry.table("Flags") or Table()
    flags = frozenset(
        str(name).replace("_", "").lower()
        for name, on in flags_table.fields.items()
        if on is not False and on is not None and on != 0
    )
    strange = flags - _EDITOR_FLAGS - _STEPS - _FORWARD.keys() - _BACKWARD.keys()
    if strange:
        raise refuse(
            owner,
            Reason.SPLINE,
            f"has a key at frame {at:g} of an unknown kind",
            detail=f"{tool.name}: {sorted(strange)}",
        )
    key = SplineKey(
        time=float(at),
        value=value,
        left=_handle(entry.table("LH")),
        right=_handle(entry.table("RH")),
        flags=flags,
        shape=entry.table("Value"),
    )
    numbers = (key.time, key.value, *(key.left or ()), *(key.right or ()))
    if not all(math.isfinite(number) for number in numbers):
        raise refuse(
            owner,
            Reason.BAD_NUMBER,
            f"has a broken number in its key at frame {at:g}",
            detail=tool.name,
        )
    return key


def _handle(table: Table | None) -> tuple[float, float] | None:
    if table is None:
        return None
    time, value = table.number(1), table.number(2)
    return None if time is None or value is None else (time, value)
