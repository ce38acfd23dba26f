"""What the panel's pages and windows show beside the model; the application fills it.

Plain observables and callables, no widget and no service: the panel can be built and looked at
with a desk that nobody fills.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from plugin.services.settings import Settings
from plugin.state.keys import Keymap
from plugin.state.observable import Observable, ObservableList

__all__ = [
    "REPORT_PARTS",
    "CheckLine",
    "Desk",
    "Download",
    "MatteOffer",
    "WiringLine",
]

Verdict = Literal["running", "ok", "warn", "fail"]
REPORT_PARTS = ("names", "prompts")
"""What a report leaves out unless the person wants it in."""


@dataclass(frozen=True)
class MatteOffer:
    """A mask of the host that can be taken; `name` as its author called it."""

    name: str
    kind: str = ""
    usable: bool = True
    reason: str = ""


@dataclass(frozen=True)
class CheckLine:
    """One line of the first run's check.

    Parameters
    ----------
    key, values
        Sentence in the locale, ``check.*``.
    action : str
        What helps, '' where nothing has to.
    """

    name: str
    verdict: Verdict
    key: str
    values: dict[str, object] = field(default_factory=dict)
    action: str = ""


@dataclass(frozen=True)
class Download:
    """A model on its way; bytes, and bytes per second."""

    model: str
    state: Literal["running", "paused", "failed", "verifying", "importing"] = "running"
    done: int = 0
    total: int = 0
    speed: float | None = None
    left_s: float | None = None
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class WiringLine:
    """One step of the wiring test: read, edit, place, undo; of an error `code`, if it has one."""

    step: str
    verdict: Verdict
    detail: str = ""
    seconds: float | None = None
    code: str = ""


def _nothing(_: frozenset[str]) -> str:
    return ""


class Desk:
    """Everything that windows show and the model does not hold.

    Attributes
    ----------
    settings : Observable of Settings
        Set anew, as a whole, by the settings window; the application keeps and applies it.
    keymap : Keymap
    matte_offers : ObservableList of MatteOffer
        Masks that the host has for the shot.
    matte_progress : Observable of (int, int)
        Frames of the matte that are made, of how many; (0, 0) while none is being made.
    downloads : Observable of dict of str to Download
        By model id.
    free_bytes : Observable of int
        Room where models are kept.
    checked : ObservableList of CheckLine
    wiring : ObservableList of WiringLine
    tried : Observable of Download or None
        Progress of the first real edit, in forwards.
    report : Observable of callable
        Makes the text of a report from the parts that the person wants in.
    log : Observable of callable
        Returns the last lines of the panel's and the engine's log.
    saved : Observable of bool
        Everything that was done is kept on disk.
    """

    def __init__(self, settings: Settings | None = None, keymap: Keymap | None = None) -> None:
        self.settings: Observable[Settings] = Observable(settings or Settings())
        self.keymap = keymap or Keymap(self.settings.value.keys)
        self.matte_offers: ObservableList[MatteOffer] = ObservableList()
        self.matte_progress: Observable[tuple[int, int]] = Observable((0, 0))
        self.downloads: Observable[dict[str, Download]] = Observable({})
        self.free_bytes: Observable[int] = Observable(0)
        self.checked: ObservableList[CheckLine] = ObservableList()
        self.wiring: ObservableList[WiringLine] = ObservableList()
        self.tried: Observable[Download | None] = Observable(None)
        self.report: Callable[[frozenset[str]], str] = _nothing
        self.log: Callable[[], str] = str
        self.saved: Observable[bool] = Observable(True)

    def change(self, **fields: object) -> None:
        """Change some settings and leave the others."""
        self.settings.set(self.settings.value.model_copy(update=fields))
