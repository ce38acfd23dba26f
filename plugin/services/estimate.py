"""How long it takes and when it is done; nothing is invented.

Before anything was measured the answer is "unknown". The engine tells seconds for a request
(`Estimated`) and for the phase that runs (`Phase`); both are joined here to the time left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Estimated

__all__ = ["RunClock"]

_BEFORE_EDIT: Final = frozenset({"download", "load", "read", "text", "encode"})


@dataclass
class RunClock:
    """The time left of one running job.

    Parameters
    ----------
    began_s : float
        When it began, on a clock that only grows.
    told : Estimated or None
        The engine's answer for its request.
    """

    began_s: float
    told: Estimated | None = None
    _edit_began_s: float | None = None
    _edit_ended_s: float | None = None

    @property
    def _besides_s(self) -> float | None:
        """Everything but the forwards, as measured before."""
        told = self.told
        if told is None or told.total_s is None or told.s_per_forward is None:
            return None
        return max(0.0, told.total_s - told.forwards * told.s_per_forward)

    def left_s(self, now_s: float, phase: str, eta_s: float | None) -> float | None:
        """Return the seconds left of the whole job; None while nobody can know.

        Parameters
        ----------
        eta_s : float or None
            What the engine says is left of this phase.
        """
        besides = self._besides_s
        if phase in _BEFORE_EDIT:
            if self.told is None or self.told.total_s is None:
                return None
            return max(eta_s or 0.0, self.told.total_s - (now_s - self.began_s))
        if phase == "edit":
            if self._edit_began_s is None:
                self._edit_began_s = now_s
            if eta_s is None:
                return None
            spent = self._edit_began_s - self.began_s
            return eta_s + max(0.0, (besides or 0.0) - spent)
        if self._edit_ended_s is None:
            self._edit_ended_s = now_s
        begun = self._edit_ended_s if self._edit_began_s is None else self._edit_began_s
        spent = (begun - self.began_s) + (now_s - self._edit_ended_s)
        if besides is None:
            return eta_s
        return max(eta_s or 0.0, besides - spent)
