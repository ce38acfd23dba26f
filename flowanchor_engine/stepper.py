"""What an edit tells after every step: its state, its progress and, at times, a rough picture."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flowanchor_engine.progress import Phase, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from flowanchor_engine.method.trajectory import StepReport
    from flowanchor_engine.wan.preview import LatentRGB

__all__ = ["Stepper"]


class Stepper:
    """Turns step reports into progress and, at most twice a second, a preview."""

    def __init__(
        self,
        report: Reporter,
        preview: LatentRGB | None,
        on_state: Callable[[int, Tensor], None] | None,
    ) -> None:
        self._report = report
        self._on_state = on_state
        self._preview = preview
        self._last = 0.0

    def __call__(self, step: StepReport) -> None:
        """Tell of a finished step."""
        if self._on_state is not None:
            self._on_state(step.done, step.z_edit)
        self._report.phase(Phase.EDIT, step.done, step.total)
        now = time.monotonic()
        if self._preview is None or now - self._last < 0.5:
            return
        self._last = now
        middle = step.z_edit.shape[1] // 2
        picture = self._preview.frame(step.z_edit, middle)
        self._report.preview(step.done, 4 * middle, picture)
