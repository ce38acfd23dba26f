"""One job = one transaction: capture the user's state, act, put everything back, read it back.

Only identities are kept, never handles, so that restoring works after a helper was killed. What was
begun and not ended is written to a journal first: after a crash the next connection finishes it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from resolve_bridge import records
from resolve_bridge.call import Ref, Session
from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.placing import RestoreError
from resolve_bridge.errors.render import DiskError
from resolve_bridge.find import Open, open_timeline
from resolve_bridge.state import State, capture, capture_render, restore
from resolve_bridge.withdraw import Added, show_page, withdraw


@dataclass(frozen=True, slots=True)
class Begun:
    """A transaction that began: its state, and what it made that must go."""

    state: State
    timelines: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    added: tuple[Added, ...] = ()


class Journal:
    """The begun transaction on disk; empty when all is well."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, begun: Begun) -> None:
        """Remember, durably.

        Raises
        ------
        DiskError
            The journal cannot be written; nothing was changed in Resolve yet.
        """
        temporary = self._path.with_suffix(".tmp")
        try:
            with temporary.open("w", encoding="utf-8") as out:
                json.dump(records.dump(begun), out)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise DiskError(
                reason=error.strerror or "Nothing can be written",
                folder=str(self._path.parent),
                detail=repr(error),
            ) from error

    def read(self) -> Begun | None:
        """Return what was begun and not ended; a damaged journal counts as none."""
        try:
            return records.load(Begun, json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def clear(self) -> None:
        """All is back as it was."""
        self._path.unlink(missing_ok=True)


class Transaction:
    """Context manager around one job in Resolve.

    Parameters
    ----------
    session : Session
    journal : Journal
    render : bool
        The job uses the render queue: the Deliver page is captured as well.

    Raises
    ------
    RestoreError
        On leaving: something could not be put back. Raised from the job's own error if there is
        one, whose sentence then leads.
    """

    def __init__(self, session: Session, journal: Journal, *, render: bool = False) -> None:
        self.session = session
        self._journal = journal
        self._render = render
        self._begun: Begun | None = None
        self.opened: Open

    def __enter__(self) -> Transaction:
        self.opened = open_timeline(self.session)
        # The journal comes before the first change, so that no instant is unprotected.
        self._begun = Begun(capture(self.session, self.opened))
        self._journal.write(self._begun)
        if self._render:
            deliver = capture_render(self.session)
            self._begun = Begun(replace(self._begun.state, render=deliver))
            self._journal.write(self._begun)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._begun is not None
        try:
            if error is not None:
                withdraw(self.session, self._begun.added)
            _restore(self.session, self._begun)
        except BridgeError as problem:
            # The journal stays: the next connection tries again.
            if isinstance(error, BridgeError):
                error.detail = f"{error.detail}; not restored: {problem} ({problem.detail})"
                return
            raise
        self._journal.clear()

    @property
    def state(self) -> State:
        """The state to come back to."""
        assert self._begun is not None
        return self._begun.state

    def made_timeline(self, timeline_id: str) -> None:
        """Remember a helper timeline that has to go."""
        assert self._begun is not None
        self._begun = replace(self._begun, timelines=(*self._begun.timelines, timeline_id))
        self._journal.write(self._begun)

    def made_job(self, job_id: str) -> None:
        """Remember a render job that has to go."""
        assert self._begun is not None
        self._begun = replace(self._begun, jobs=(*self._begun.jobs, job_id))
        self._journal.write(self._begun)

    def added(self, added: Added) -> None:
        """Remember something that stays if the job succeeds, and goes if it does not."""
        assert self._begun is not None
        self._begun = replace(self._begun, added=(*self._begun.added, added))
        self._journal.write(self._begun)

    def edit_page(self) -> None:
        """Show the Edit page: track switches and deletions work only there."""
        show_page(self.session, "edit")


def recover(session: Session, journal: Journal) -> str | None:
    """Finish what a crash left.

    A journal of another project waits until that project is open again.

    Returns
    -------
    str or None
        None where there was nothing; else what could not be put back, '' for all.
    """
    begun = journal.read()
    if begun is None:
        return None
    project = session.call("manager", "GetCurrentProject")
    if not isinstance(project, Ref) or project.uid != begun.state.project_id:
        return None
    withdraw(session, begun.added)
    left = ""
    try:
        _restore(session, begun)
    except RestoreError as problem:
        # All was tried; once more would end the same, and nobody could ever link again.
        left = problem.user_message
    journal.clear()
    return left


def _restore(session: Session, begun: Begun) -> None:
    restore(session, begun.state, timelines=begun.timelines, jobs=begun.jobs)
