"""Everything a host of Resolve does, once, over whichever road leads there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from resolve_bridge.bookkeeping import recipe_of_item
from resolve_bridge.call import QUICK_S, Ref, Session
from resolve_bridge.comps import export_comps, render_mask
from resolve_bridge.errors.base import BridgeError, HostError
from resolve_bridge.errors.link import (
    CallRefusedError,
    HostLostError,
    HostRestartedError,
    ModalError,
    NoLinkError,
    ProtocolError,
    StaleObjectError,
    StudioCrashedError,
)
from resolve_bridge.errors.placing import NoRecipeError, PlaceUnconfirmedError, RestoreError
from resolve_bridge.errors.render import DiskError
from resolve_bridge.errors.shot import ClipFactsError, NoClipError, NoProjectError, NoTimelineError
from resolve_bridge.extract import Extract, Report, extract_source, silent
from resolve_bridge.find import (
    Located,
    Open,
    Pick,
    choose,
    describe,
    locate,
    open_timeline,
    selected_video,
)
from resolve_bridge.host import CompFile, HostInfo, Watch
from resolve_bridge.place import confirm_shot, place, undo
from resolve_bridge.placement import Delivery, Placement, Recipe, Result
from resolve_bridge.probe import Probe, probe
from resolve_bridge.render import render_shot
from resolve_bridge.shot import Chosen, Route, Shot, TimelineRef
from resolve_bridge.show import show_item
from resolve_bridge.transaction import Journal, Transaction, recover
from resolve_bridge.turns import Turns

if TYPE_CHECKING:
    from resolve_bridge.transport import Transport

WATCH_S = 10.0
"""After this long without an answer to a cheap look, Resolve counts as silent."""

_MAYBE_A_DIALOG = (
    CallRefusedError,
    ClipFactsError,
    NoProjectError,
    NoTimelineError,
    PlaceUnconfirmedError,
    ProtocolError,
    RestoreError,
    StaleObjectError,
)


class ResolveHost:
    """A Resolve behind a transport.

    Parameters
    ----------
    transport : Transport
    work : Path
        A private folder for the journal, exported compositions and rendered clips.
    decode : callable
        Counts the frames of a rendered file.
    """

    name = "resolve"

    def __init__(self, transport: Transport, work: Path, *, decode: Probe = probe) -> None:
        self._transport = transport
        self._work = work
        self._decode = decode
        self._session: Session | None = None
        self._gone: HostError | None = None
        self._lock = Turns()
        self._scene = {"project": "", "timeline": "", "item": ""}
        self._pick: Pick | None = None
        self.info: HostInfo | None = None
        try:
            work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskError(
                reason=error.strerror or "Nothing can be written",
                folder=str(work),
                detail=repr(error),
            ) from error
        self._journal = Journal(work / "journal.json")

    def connect(self, *, timeout_s: float = 3.0) -> HostInfo:
        """Find Resolve and finish what a crash may have left.

        Raises
        ------
        NoLinkError, LinkOldError, VersionError, TwoHostsError, StudioMissingError
        """
        with self._lock:
            self._session = Session(self._transport, timeout_s=timeout_s)
            self._scene = {"project": "", "timeline": "", "item": ""}
            recovered = recover(self._session, self._journal)
            edition = self._session.edition
            self.info = HostInfo(
                name=self.name,
                product=edition.product,
                version=edition.text,
                studio=edition.studio,
                link=self._session.hello.version,
                recovered=recovered is not None,
                unrestored=recovered or "",
            )
            return self.info

    @property
    def turn(self) -> Turns:
        """Whoever is in it is the only one to speak to Resolve; its own calls are part of it."""
        return self._lock

    def ping(self) -> None:
        """Ask for nothing but an answer.

        Raises
        ------
        HostSilentError, HostLostError, HostRestartedError
        """
        with self._lock, self._watched() as session:
            session.call("resolve", "GetVersionString")

    def watch(self, *, timeout_s: float = WATCH_S) -> Watch:
        """Look at what is open; changes nothing.

        Where answers cost Resolve a write of its preferences, this waits for a change instead, up
        to `PATIENCE_S`, and makes room at once for any other call.

        Raises
        ------
        HostSilentError
            No answer within `timeout_s` of when it was due.
        ModalError
            Nothing is open, because a dialog answers for Resolve.
        """
        with self._lock, self._watched() as session:
            if session.can_watch:
                return self._wait_for_change(session, timeout_s)
            batch = session.batch()
            project = batch.call("manager", "GetCurrentProject")
            timeline = batch.call("project", "GetCurrentTimeline")
            item = batch.call(timeline, "GetCurrentVideoItem")
            selected = batch.call(timeline, "GetSelectedClips")
            places = batch.call(selected, "GetTrackTypeAndIndex")
            batch.run(timeout_s=timeout_s, reset=True)
            self._take_pick()
            if not isinstance(project.get(None), Ref):
                session.suspect_dialog()
            clips = selected_video(selected.get([]), places.get([]))
            meant = clips[0].ref if len(clips) == 1 else item.get(None)

            def uid(value: object) -> str:
                return value.uid if isinstance(value, Ref) else ""

            return Watch(
                uid(project.get(None)),
                uid(timeline.get(None)),
                uid(meant),
                self._pick is not None,
            )

    def _wait_for_change(self, session: Session, timeout_s: float) -> Watch:
        found = session.watch(
            self._scene, timeout_s=timeout_s, called_off=lambda: self._lock.wanted
        )
        self._take_pick()
        if found is not None:
            self._scene = found
            if not found["project"]:
                session.suspect_dialog()
        now = self._scene
        return Watch(now["project"], now["timeline"], now["item"], self._pick is not None)

    def shot(self, *, item_id: str = "", colour: str = "", playhead: bool = False) -> Shot:
        """Read the meant clip, the one of that id, or the one under the playhead alone."""
        with self._lock, self._watched() as session:
            opened = open_timeline(session)
            self._take_pick()
            if item_id:
                found = locate(session, opened, item_id)
                if found is None:
                    raise StaleObjectError(detail=f"item {item_id}")
                return describe(session, opened, found, Chosen.NAMED)
            pick, self._pick = self._pick, None
            located, chosen = choose(session, opened, colour=colour, pick=pick, playhead=playhead)
            if chosen is Chosen.PLAYHEAD:
                located = self._below_our_patch(session, opened, located)
            return describe(session, opened, located, chosen, pick=pick)

    def opened(self) -> TimelineRef:
        """Return the timeline that is open now.

        Raises
        ------
        NoProjectError, NoTimelineError
        """
        with self._lock, self._watched() as session:
            return open_timeline(session).ref

    def _below_our_patch(self, session: Session, opened: Open, located: Located) -> Located:
        """See through what FlowAnchor itself put on top of the shot."""
        try:
            placement = recipe_of_item(session, located.ref).placement
        except NoRecipeError:
            return located
        if placement.delivery is Delivery.TAKE:
            return located
        return locate(session, opened, placement.source_item) or located

    # Fusion ---------------------------------------------------------------------------------

    def comps(self, shot: Shot) -> tuple[CompFile, ...]:
        """Write out the clip's Fusion compositions.

        Raises
        ------
        NoMaskError
            It has none.
        CompExportError
            Resolve writes nothing.
        """
        with self._lock, self._watched() as session:
            opened = open_timeline(session)
            item = self._item(session, opened, shot)
            return export_comps(session, item, self._work)

    def saver_matte(
        self, shot: Shot, comp: int, tool: str, frames: tuple[int, int], size: tuple[int, int]
    ) -> tuple[Path, ...]:
        """Let Fusion render one mask through a Saver and leave the composition as it was.

        Parameters
        ----------
        comp : int
            Composition, from 1.
        frames : (int, int)
            The comp's own frame numbers, half-open.
        size : (int, int)
            Width and height of the pictures.

        Raises
        ------
        SaverError
            Fusion could not, or not every picture is there.
        CompAlteredError
            The composition reads otherwise than before.
        """
        with (
            self._lock,
            self._watched() as session,
            Transaction(session, self._journal) as tx,
        ):
            # With the composition open on the Fusion page a Saver would show up there.
            if tx.state.page == "fusion":
                tx.edit_page()
            item = self._item(session, tx.opened, shot)
            return render_mask(
                session,
                item,
                comp,
                tool,
                frames=frames,
                size=size,
                work=self._work,
                decode=self._decode,
            )

    # The journey ----------------------------------------------------------------------------

    def extract(
        self,
        shot: Shot,
        *,
        report: Report = silent,
        check: Callable[[], None] = lambda: None,
    ) -> Extract:
        """Return frames to edit: the clip's own file, or a render of just that clip."""
        with self._lock, self._watched() as session:
            if shot.route is Route.SOURCE:
                return extract_source(shot)
            with Transaction(session, self._journal, render=True) as tx:
                confirm_shot(session, tx.opened, shot)
                return render_shot(
                    tx,
                    shot,
                    self._work / "renders",
                    report=report,
                    check=check,
                    decode=self._decode,
                )

    def place(self, shot: Shot, result: Result, *, save: bool = True) -> Placement:
        """Bring a result back beside its shot; the same one twice is one."""
        with (
            self._lock,
            self._watched() as session,
            Transaction(session, self._journal) as tx,
        ):
            return place(tx, shot, result, save=save)

    def undo(self, placement: Placement) -> None:
        """Remove exactly what `place` added, also after a restart."""
        with (
            self._lock,
            self._watched() as session,
            Transaction(session, self._journal) as tx,
        ):
            undo(tx, placement)

    def recipe(self, shot: Shot) -> Recipe:
        """Return the recipe that a placed clip carries.

        Raises
        ------
        NoRecipeError
            It is not one of ours.
        """
        with self._lock, self._watched() as session:
            opened = open_timeline(session)
            return recipe_of_item(session, self._item(session, opened, shot))

    def source_of(self, placement: Placement) -> Shot:
        """Return the shot that a placed clip was made from, as it is now."""
        return self.shot(item_id=placement.source_item)

    def show(self, item_id: str, page: str) -> None:
        """Open a page of Resolve with the playhead on a clip: the person asked to be shown it."""
        with self._lock, self._watched() as session:
            show_item(session, item_id, page)

    def close(self) -> None:
        """Stop the agent or the helper."""
        with self._lock:
            self._session = None
            self._transport.close()

    @property
    def is_linked(self) -> bool:
        """Whether nothing is known to have ended this link."""
        return self._session is not None

    @property
    def waits_s(self) -> float:
        """How long an ordinary call has been without its answer, from any thread; 0 for none."""
        session = self._session
        owed = session.owed if session is not None else None
        if owed is None or owed[1] > QUICK_S:
            return 0.0
        return time.monotonic() - owed[0]

    # Inside ---------------------------------------------------------------------------------

    def _item(self, session: Session, opened: Open, shot: Shot) -> Ref:
        if opened.timeline.uid != shot.timeline.timeline_id:
            raise StaleObjectError(detail="another timeline is open")
        found = locate(session, opened, shot.item_id)
        if found is None:
            raise NoClipError(detail=shot.item_id)
        return found.ref

    def _take_pick(self) -> None:
        for text in self._transport.picks():
            self._pick = Pick.read(text) or self._pick

    def _watched(self) -> _Watched:
        return _Watched(self)

    def _need_session(self) -> Session:
        if self._session is None:
            # Whoever waited for a turn meanwhile hears what became of the link, too.
            if self._gone is not None:
                gone = self._gone
                raise type(gone)(detail=gone.detail, hint=gone.hint, **gone.values)
            raise NoLinkError
        return self._session

    def _forget_session(self, why: HostError) -> None:
        self._session, self._gone = None, why


class _Watched:
    """Hand out the session, and judge what went wrong with it.

    A link that is gone is forgotten. Any other failure may be a dialog's doing, under which every
    call answers False: known-good reads tell.
    """

    def __init__(self, host: ResolveHost) -> None:
        self._host = host

    def __enter__(self) -> Session:
        return self._host._need_session()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        session = self._host._session
        if isinstance(error, (HostLostError, HostRestartedError, StudioCrashedError)):
            self._host._forget_session(error)
        elif isinstance(error, _MAYBE_A_DIALOG) and session is not None:
            try:
                session.suspect_dialog()
            except ModalError as dialog:
                raise dialog from error
            except BridgeError:
                return  # even that cannot be asked: the first error says more
