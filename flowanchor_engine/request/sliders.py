"""What the panel's three sliders mean in numbers."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from flowanchor_engine.errors import RequestError
from flowanchor_engine.request.parts import Frozen, MethodSettings

__all__ = ["Sliders"]


class Sliders(Frozen):
    """The three sliders, 0..100; at 50/50/50 the numbers are the model's reference.

    Piecewise linear through three anchors, so 50 is exact (panel: Where, How strongly,
    Preserve).
    """

    where: Annotated[float, Field(ge=0, le=100)] = 50
    strength: Annotated[float, Field(ge=0, le=100)] = 50
    preserve: Annotated[float, Field(ge=0, le=100)] = 50

    def numbers(self, reference: MethodSettings | None = None) -> MethodSettings:
        """Return the reference settings moved to these positions.

        Parameters
        ----------
        reference : MethodSettings, optional
            What 50/50/50 means: the paper's numbers, or a model's recommended ones.
        """
        base = reference or MethodSettings()
        cfg = base.guidance_target
        return base.model_copy(
            update={
                "beta1": _curve(self.where, 0.05, base.beta1, 0.70),
                "beta2": _curve(self.where, 0.05, base.beta2, 0.80),
                "tau": _curve(self.where, 0.9, base.tau, 0.3),
                "gamma": _curve(self.strength, 0.25 * base.gamma, base.gamma, 2.0 * base.gamma),
                "guidance_target": _curve(self.strength, 0.6 * cfg, cfg, 1.4 * cfg),
                "skip_share": _curve(self.preserve, 0.0, base.skip_share, 0.40),
            }
        )


def _curve(position: float, low: float, middle: float, high: float) -> float:
    if not math.isfinite(position):
        raise RequestError("A slider position must be a number from 0 to 100.")
    if position <= 50:
        return low + (middle - low) * position / 50 if position < 50 else middle
    return middle + (high - middle) * (position - 50) / 50
