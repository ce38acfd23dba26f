"""The gain of the difference, on the picture: choosing it moves nothing else."""

from __future__ import annotations

from typing import Final

from plugin.locale import number, tr
from plugin.ui.base import Choice, Combo, bind
from plugin.ui.viewer.core import Core

__all__ = ["GAINS", "GainBox", "next_gain"]

GAINS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)


def next_gain(gain: float, way: int) -> float:
    """Return the next gain up (1) or down (-1) the list, the last one at its end."""
    if way > 0:
        return next((each for each in GAINS if each > gain), GAINS[-1])
    return next((each for each in reversed(GAINS) if each < gain), GAINS[0])


class GainBox(Combo[float]):
    """A list of gains; one that is not in it shows as the nearest."""

    def __init__(self, core: Core) -> None:
        super().__init__(
            tr("viewer.gain"),
            [Choice(gain, f"×{number(gain)}") for gain in GAINS],
            tr("tip.viewer.gain"),
        )
        bind(core.state.gain, self)

    def set_value(self, value: float) -> None:
        """Show a gain."""
        super().set_value(min(GAINS, key=lambda gain: abs(gain - value)))
