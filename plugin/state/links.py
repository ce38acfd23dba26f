"""How Resolve and the engine are doing, as the panel shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EngineState", "HostState"]

HostKind = Literal["none", "closed", "no_link", "silent", "restarted", "old", "ready"]
EnginePhase = Literal[
    "off", "starting", "ready", "busy", "stopping", "crashed", "mismatch", "no_engine"
]


@dataclass(frozen=True)
class HostState:
    """The editing program.

    Parameters
    ----------
    kind : str
        ``none``: the panel works on files only; ``closed``: Resolve does not run; ``no_link``:
        it runs, but nobody answers; ``silent``, ``restarted``, ``old``: the link's troubles.
    code, hint
        Of the bridge's error, where there is one; the sentence is the locale's.
    """

    kind: HostKind = "none"
    product: str = ""
    version: str = ""
    studio: bool = False
    code: str = ""
    hint: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether shots can be read and takes placed."""
        return self.kind == "ready"


@dataclass(frozen=True)
class EngineState:
    """The engine's process; memory in MB.

    Parameters
    ----------
    code : str
        Of the error that ended it, for `crashed` and `mismatch`.
    sentence : str
        The engine's own words, English.
    """

    phase: EnginePhase = "off"
    device: str = ""
    memory_used_mb: int = 0
    memory_total_mb: int = 0
    features: tuple[str, ...] = ()
    code: str = ""
    sentence: str = ""

    @property
    def works(self) -> bool:
        """Whether jobs can be given to it, now or as soon as it has started."""
        return self.phase in ("off", "starting", "ready", "busy", "stopping", "crashed")
