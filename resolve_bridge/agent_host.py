"""Resolve of every edition, through the agent that runs inside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resolve_bridge.agent.mailbox import Mailbox
from resolve_bridge.agent.places import mailbox_folders, preference_files
from resolve_bridge.probe import Probe, probe
from resolve_bridge.resolve_host import ResolveHost

__all__ = ["AgentHost"]


class AgentHost(ResolveHost):
    """A Resolve with `FlowAnchor.lua` running in it.

    Parameters
    ----------
    work : Path
        A private folder for the journal, exported compositions and rendered clips.
    folder : Path or None
        The mailbox; by default where the agent looks first.
    preferences : sequence of Path or None
        Every `Fusion.prefs` in which an answer may appear; by default this user's.
    """

    name = "agent"

    def __init__(
        self,
        work: Path,
        *,
        folder: Path | None = None,
        preferences: Sequence[Path] | None = None,
        decode: Probe = probe,
    ) -> None:
        found = preference_files() if preferences is None else tuple(preferences)
        mailbox = Mailbox(folder or mailbox_folders()[0], preferences=found)
        super().__init__(mailbox, work, decode=decode)
