"""How the learning rate goes up, stays and comes down."""

from __future__ import annotations

import time
from dataclasses import dataclass


def rate_scale(done: float, step: int, *, warm: int, hold: float) -> float:
    """Warm up over `warm` steps, hold until the share `hold` is done, fall linearly to 2 %.

    Parameters
    ----------
    done : float in [0, 1]
        Share of the stage that is over.
    """
    fall = 1.0 if done < hold else (1 - done) / (1 - hold)
    return min(1.0, (step + 1) / warm) * max(0.02, fall)


@dataclass(frozen=True)
class Budget:
    """When a stage is over: after `steps`, or at `total_seconds` of training if that is given.

    Steps make a run repeatable to the step. Seconds trade that for an end at a known time: the
    decay of the learning rate then follows the clock and is complete when the time is up.
    """

    steps: int
    total_seconds: float | None = None

    def done(self, step: int, seconds: float) -> float:
        """Share of the budget that is used, 1 or more when it is spent."""
        if self.total_seconds is None:
            return step / self.steps
        return seconds / self.total_seconds

    @staticmethod
    def until(steps: int, deadline: float, seconds_before: float) -> Budget:
        """Budget that ends at `deadline` (seconds since the epoch)."""
        left = max(1.0, deadline - time.time())
        return Budget(steps, seconds_before + left)
