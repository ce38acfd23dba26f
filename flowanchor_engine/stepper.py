"""What an edit tells after every step: its state, its progress and, at times, a rough picture."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowanchor_engine.progress import WHOLE, Phase, Reporter, Rough, Share, stands_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from flowanchor_engine.method.trajectory import StepReport
    from flowanchor_engine.wan.preview import LatentRGB

__all__ = ["Shown", "Stepper"]

_PAUSE_S: Final = 0.5  # between two previews: at most two a second


@dataclass(frozen=True)
class Shown:
    """What latent frames are to whoever looks at the clip.

    Parameters
    ----------
    frames : int
        Of the edit, without those that fill up the last latent frame.
    share : callable
        Where the model's picture of a frame lies in the whole picture.
    """

    frames: int
    share: Callable[[int], Share] = lambda frame: WHOLE


class Stepper:
    """Turns step reports into progress and, at most twice a second, a preview.

    Slow steps are previewed one by one, steps from a quarter of a second on at least every
    other one. The frame is the one that the reporter's listener watches when the step ends;
    the middle one where nobody said.

    Parameters
    ----------
    report : Reporter
    preview : LatentRGB or None
        None: no pictures.
    on_state : callable or None
        Takes the number of finished steps and the edited latent.
    shown : Shown, optional
        Without it the latent's own length and the whole picture.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        report: Reporter,
        preview: LatentRGB | None,
        on_state: Callable[[int, Tensor], None] | None,
        shown: Shown | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._on_state = on_state
        self._preview = preview
        self._shown = shown
        self._clock = clock
        self._last: float | None = None

    def __call__(self, step: StepReport) -> None:
        """Tell of a finished step."""
        if self._on_state is not None:
            self._on_state(step.done, step.z_edit)
        self._report.phase(Phase.EDIT, step.done, step.total)
        now = self._clock()
        if self._preview is None or (self._last is not None and now - self._last < _PAUSE_S):
            return
        self._last = now
        shown = self._shown or Shown(4 * step.z_edit.shape[1] - 3)
        wish = self._report.watched()
        frame, latent, start, stop = stands_for(
            shown.frames // 2 if wish is None else wish, shown.frames
        )
        picture = self._preview.frame(step.z_edit, latent)
        self._report.preview(Rough(step.done, frame, start, stop, picture, shown.share(frame)))
