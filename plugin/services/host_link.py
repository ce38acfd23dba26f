"""The child's link to Resolve: found, watched once a second, lost and found again.

One thread looks; commands run in others and report here what went wrong with the link. The bridge
lets one of them speak at a time, so a look waits for as long as a command needs Resolve.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin.services.host_events import LinkChanged, LinkKind, Seen
from plugin.services.host_presence import RESOLVE_NAMES, Presence
from resolve_bridge.agent_host import find_agent
from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.link import (
    HostLostError,
    HostRestartedError,
    HostSilentError,
    LinkOldError,
    ModalError,
    NoLinkError,
    StudioCrashedError,
    StudioMissingError,
)
from resolve_bridge.studio import StudioHost, script_places

if TYPE_CHECKING:
    from pydantic import BaseModel

    from resolve_bridge.host import Watch
    from resolve_bridge.resolve_host import ResolveHost

__all__ = ["Link", "Rhythm"]

_log = logging.getLogger(__name__)

_GONE: Final = (
    HostLostError,
    HostRestartedError,
    NoLinkError,
    StudioCrashedError,
    StudioMissingError,
)
_QUIET: Final = (HostSilentError, ModalError)


@dataclass(frozen=True)
class Rhythm:
    """How often the link looks, and how long it waits, in seconds.

    Parameters
    ----------
    agent_s : float
        How long an agent may take to say hello: it sleeps half a second at a time.
    successor_s : float
        The same for one that has just answered in another's place.
    away_s : float
        Pause between searches while no process of Resolve's is seen.
    studio_s : float
        Pause between tries of external scripting, which cost a process each.
    """

    watch_s: float = 1.0
    silent_s: float = 10.0
    search_s: float = 0.5
    away_s: float = 10.0
    agent_s: float = 1.5
    successor_s: float = 6.0
    studio_s: float = 30.0
    presence_s: float = 5.0
    pulse_s: float = 0.25


class Link:
    """Whether there is a Resolve, how it is reached, and what is open in it.

    Parameters
    ----------
    work : Path
        Private folder of the bridge.
    push : callable
        Sends a message to the panel, from any thread.
    folders, preferences : sequence of Path or None
        Mailboxes and preference files; the usual ones by default.
    """

    def __init__(
        self,
        work: Path,
        push: Callable[[BaseModel], object],
        *,
        folders: Sequence[Path] | None = None,
        preferences: Sequence[Path] | None = None,
        names: Sequence[str] = tuple(RESOLVE_NAMES),
        rhythm: Rhythm | None = None,
    ) -> None:
        self._work = work
        self._push = push
        self._folders = folders
        self._preferences = preferences
        self._rhythm = rhythm or Rhythm()
        self._presence = Presence(self._wake_up, names=names, every_s=self._rhythm.presence_s)
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._pulse = threading.Thread(target=self._feel_pulse, name="pulse", daemon=True)
        self._wake = threading.Event()
        self._leaving = threading.Event()
        self._watching = True
        self._turn = threading.RLock()  # one search at a time
        self._telling = threading.Lock()  # what is known last is said last, whoever says it
        self._facts = threading.RLock()  # what is below
        self._host: ResolveHost | None = None
        self._problem: BridgeError | None = None
        self._hushed: BridgeError | None = None
        self._lost = False
        self._visible = False  # its process was seen while it answered: not so from a container
        self._recovered = False
        self._told: LinkChanged | None = None
        self._seen: Seen | None = None
        self._studio_at = -1e9

    # ---- life

    def start(self) -> None:
        """Begin to look."""
        self._presence.look()
        self._presence.start()
        self._thread.start()
        self._pulse.start()

    def stop(self, *, stop_agent: bool) -> None:
        """Look no more; the agent's loop goes on unless it is to be stopped."""
        self._leaving.set()
        self._presence.stop()
        self._wake.set()
        with self._facts:
            host, self._host = self._host, None
        if host is not None and (stop_agent or isinstance(host, StudioHost)):
            host.close()

    def watch(self, on: bool) -> None:
        """Watch what is open, or not."""
        self._watching = on
        self._wake.set()

    # ---- for commands

    def host(self, *, sure: bool = False) -> ResolveHost:
        """Return the connected host; a loop that took over from the one known is met first.

        Parameters
        ----------
        sure : bool
            Have it answer first: for commands that must not be begun twice.

        Raises
        ------
        BridgeError
            Why there is none.
        """
        with self._facts:
            host = self._host
        if sure and host is not None:
            try:
                host.ping()
            except HostRestartedError as error:
                self._lose(error)
        self._meet_successor()
        with self._facts:
            if self._host is not None:
                return self._host
            problem = self._problem
        if problem is not None:
            raise problem
        raise NoLinkError

    def _meet_successor(self) -> None:
        with self._turn:
            if self._host is None and isinstance(self._problem, HostRestartedError):
                self._search()
                self._wake.set()  # what is open there is for the thread to see

    def look(self) -> None:
        """Search now, by every road; the outcome is pushed."""
        self._presence.look()
        self._studio_at = -1e9
        self._look_once()
        self._wake.set()  # the thread's own pause was made for what was known before

    def trouble(self, error: BridgeError) -> BridgeError:
        """Take what a command learnt about the link; return what to say of it."""
        if not isinstance(error, _GONE) and self._visible and not self._presence.look():
            # A dying Resolve gives strange answers first.
            error = HostLostError(detail=f"{error.code}: {error.detail}")
        if isinstance(error, _GONE):
            self._lose(error)
        elif isinstance(error, _QUIET):
            self._hush(error)
        return error

    def fine(self) -> None:
        """Take it that Resolve has just answered a command."""
        with self._facts:
            if self._host is None or self._hushed is None:
                return
            self._hushed = None
        self._tell()

    # ---- the threads

    def _feel_pulse(self) -> None:
        """Tell of silence while a command, not a look, waits for an answer."""
        while not self._leaving.wait(self._rhythm.pulse_s):
            with self._facts:  # whoever takes the answer meanwhile comes after this with `fine`
                waits_s = 0.0 if self._host is None else self._host.waits_s
                if self._hushed is not None or waits_s < self._rhythm.silent_s:
                    continue
                self._hushed = HostSilentError(detail=f"{waits_s:.0f} s without an answer")
            self._tell()

    def _wake_up(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while not self._leaving.is_set():
            if self._host is None or self._watching:
                self._look_once()
            self._wake.wait(self._pause())
            self._wake.clear()

    def _pause(self) -> float:
        if self._host is not None:
            return self._rhythm.watch_s
        return self._rhythm.search_s if self._presence.present else self._rhythm.away_s

    def _look_once(self) -> None:
        with self._turn:
            met = self._host is not None
            if not met:
                self._search()
        if met or self._watching:
            self._watch_once()  # the bridge itself gives turns

    def _search(self) -> None:
        if self._leaving.is_set():
            return
        host: ResolveHost | None = None
        problem: BridgeError | None = None
        replaced = isinstance(self._problem, HostRestartedError)
        try:
            host = find_agent(
                self._work,
                folders=self._folders,
                preferences=self._preferences,
                timeout_s=self._rhythm.successor_s if replaced else self._rhythm.agent_s,
            )
        except BridgeError as error:
            problem = error
            if isinstance(error, NoLinkError):
                host = self._try_studio()
        with self._facts:
            self._problem = None if host is not None else problem
            if host is not None and self._leaving.is_set():
                return
            self._host = host
            self._hushed = None
            if host is not None:
                self._lost, self._seen = False, None
                self._visible = self._presence.present
                self._recovered = host.info is not None and host.info.recovered
        self._tell()

    def _try_studio(self) -> StudioHost | None:
        """Try external scripting, where it is installed and Resolve runs."""
        due = time.monotonic() - self._studio_at >= self._rhythm.studio_s
        api, library = script_places()
        if not due or not self._presence.present or not (api.is_dir() or library.is_file()):
            return None
        self._studio_at = time.monotonic()
        host = StudioHost(self._work)
        try:
            host.connect(timeout_s=10.0)
        except BridgeError as error:
            _log.info("external scripting: %s %s", error.user_message, error.detail)
            host.close()
            return None
        return host

    def _watch_once(self) -> None:
        with self._facts:
            host = self._host
        if host is None:
            return
        try:
            # Said before anybody else's turn: a read that takes the pick is answered after it.
            with host.turn:
                self._saw(host, host.watch(timeout_s=self._rhythm.silent_s))
        except (*_GONE, *_QUIET) as error:
            self.trouble(error)
        except BridgeError as error:
            _log.info("a look failed: %s %s", error.user_message, error.detail)

    def _saw(self, host: ResolveHost, found: Watch) -> None:
        """Tell what is open, unless the link that it was seen by is gone by now."""
        seen = Seen(
            project_id=found.project_id,
            timeline_id=found.timeline_id,
            item_id=found.item_id,
            picked=found.picked,
        )
        with self._facts:
            if host is not self._host:
                return
            self._hushed = None
            self._visible = self._visible or self._presence.present
        self._tell()
        with self._telling:
            with self._facts:
                news = seen != self._seen and not self._leaving.is_set()
                if host is not self._host or not news:
                    return
                self._seen = seen
            self._push(seen)

    # ---- what became of it

    def _lose(self, error: BridgeError) -> None:
        present = self._presence.look()
        with self._facts:
            host = self._host
            if host is None or (isinstance(error, HostRestartedError) and host.is_linked):
                return  # somebody else has noticed before, and may have met the new loop
            self._host = None
            self._problem, self._hushed, self._seen = error, None, None
            self._lost = True
        _log.info("the link is gone (%s); Resolve runs: %s", error.code, present)
        if isinstance(host, StudioHost):
            host.close()
        if isinstance(error, HostRestartedError):
            # Another loop answers already: it is met before anybody is told of a loss.
            self._wake.set()
            return
        self._tell()
        self._wake.set()

    def _hush(self, error: BridgeError) -> None:
        with self._facts:
            self._hushed = error
        self._tell()

    def _tell(self) -> None:
        with self._telling:
            with self._facts:
                news = self._state()
                if news == self._told or self._leaving.is_set():
                    return
                self._told = news
                if self._recovered and news.kind == "ready":
                    info = self._host.info if self._host is not None else None
                    told = {"recovered": True, "user_message": info.unrestored if info else ""}
                    self._recovered, news = False, news.model_copy(update=told)
            self._push(news)

    def _state(self) -> LinkChanged:
        info = self._host.info if self._host is not None else None
        kind: LinkKind
        problem = self._problem
        if info is not None:
            kind, problem = ("ready", None) if self._hushed is None else ("silent", self._hushed)
        elif isinstance(problem, LinkOldError):
            kind = "old"
        elif isinstance(problem, ModalError):
            kind = "silent"
        elif not self._presence.present:
            kind, problem = "closed", None
        else:
            kind = "restarted" if self._lost else "no_link"
            if isinstance(problem, HostLostError):
                problem = None  # its sentence is for the job that it hit
        return LinkChanged(
            kind=kind,
            road=info.name if info else "",
            product=info.product if info else "",
            version=info.version if info else "",
            studio=info.studio if info else False,
            link=info.link if info else "",
            code=problem.code if problem else "",
            user_message=problem.user_message if problem else "",
            hint=problem.hint if problem else (),
        )
