"""Resolve of every edition, through the agent that runs inside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resolve_bridge.agent.mailbox import Mailbox
from resolve_bridge.agent.places import mailbox_folders, preference_files
from resolve_bridge.errors.link import NoLinkError
from resolve_bridge.probe import Probe, probe
from resolve_bridge.resolve_host import ResolveHost

__all__ = ["AgentHost", "find_agent"]


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


def find_agent(
    work: Path,
    *,
    folders: Sequence[Path] | None = None,
    preferences: Sequence[Path] | None = None,
    timeout_s: float = 1.5,
    decode: Probe = probe,
) -> AgentHost:
    """Return a connected host, whichever of the usual mailboxes its agent reads.

    The App Store edition sees only its own container, a Windows home may not be ASCII: the agent
    decides, and the mailboxes it does not read are left empty.

    Raises
    ------
    NoLinkError
        No agent answers in any of them.
    """
    places = mailbox_folders() if folders is None else tuple(folders)
    problem: NoLinkError | None = None
    for folder in places:
        host = AgentHost(work, folder=folder, preferences=preferences, decode=decode)
        try:
            host.connect(timeout_s=timeout_s)
        except NoLinkError as error:
            host.close()
            problem = error
            continue
        return host
    raise problem if problem is not None else NoLinkError(detail="no mailbox")
