"""The child's commands, carried out one after the other in three lanes.

What needs Resolve goes one by one, because Resolve does. Files and the drawing of mattes have lanes
of their own: neither holds up a placing.
"""

from __future__ import annotations

import functools
import logging
import queue
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from plugin.services import host_commands as cmd
from plugin.services import host_events as evt
from plugin.services.host_mattes import answer_of, lay_of, masks_of
from resolve_bridge import records
from resolve_bridge.errors.base import BridgeError, HostError
from resolve_bridge.errors.link import HostRestartedError, StaleObjectError
from resolve_bridge.errors.render import CancelledError
from resolve_bridge.errors.shot import (
    HostChangedError,
    NoTimelineError,
    ProjectChangedError,
    ShotTrimmedError,
)
from resolve_bridge.extract import Extract
from resolve_bridge.matte import Matte, MatteQuestion, MatteRefusal, read_matte, saver_matte
from resolve_bridge.placement import Placement, Result
from resolve_bridge.probe import probe
from resolve_bridge.shot import ItemKind, Shot
from resolve_bridge.standalone import StandaloneHost

if TYPE_CHECKING:
    from pydantic import BaseModel

    from plugin.services.host_link import Link
    from resolve_bridge.host import Host
    from resolve_bridge.resolve_host import ResolveHost

__all__ = ["Job", "Work"]

_log = logging.getLogger(__name__)

Lane = Literal["resolve", "matte", "file"]
_REPEATABLE: Final = (
    cmd.ReadShot, cmd.ListMasks, cmd.ReadMatte, cmd.ReadRecipe, cmd.ReadSource, cmd.Show,
)  # fmt: skip
"""What leaves nothing behind in Resolve, and may be asked again of a loop that took over."""
RESULTS: Final = "FlowAnchor"
"""Folder beside a clip file in which its results are saved."""


class Job:
    """A command on its way."""

    def __init__(self, command: cmd.Command, push: Callable[[BaseModel], object]) -> None:
        self.command = command
        self._push = push
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Let `check` raise from now on."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise `CancelledError` if the command was cancelled."""
        if self._cancelled.is_set():
            raise CancelledError

    def report(self, phase: str, done: int, total: int) -> None:
        """Tell how far it is."""
        self._push(evt.Progress(id=self.command.id, phase=phase, done=done, total=total))


class Work:
    """Takes commands and gives each its one answer.

    Parameters
    ----------
    link : Link
    push : callable
        Sends a message, from any thread.
    work : Path
        The child's own folder, in which extracts lie.
    """

    def __init__(self, link: Link, push: Callable[[BaseModel], object], work: Path) -> None:
        self._link = link
        self._push = push
        self._work = work
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._lanes: dict[Lane, queue.SimpleQueue[Job | None]] = {}
        self._threads: list[threading.Thread] = []

    def take(self, command: cmd.Command) -> None:
        """Answer a command now, or queue it in its lane."""
        match command:
            case cmd.Cancel(target=target):
                with self._lock:
                    job = self._jobs.get(target)
                if job is not None:
                    job.cancel()
                self._push(evt.Done(id=command.id))
            case cmd.Watch(on=on):
                self._link.watch(on)
                self._push(evt.Done(id=command.id))
            case _:
                self._enqueue(Job(command, self._push))

    def finish(self, timeout_s: float) -> None:
        """Cancel what can be cancelled and wait for what Resolve is in the middle of."""
        with self._lock:
            jobs = tuple(self._jobs.values())
        for job in jobs:
            job.cancel()
        for lane in self._lanes.values():
            lane.put(None)
        for thread in self._threads:
            thread.join(timeout_s if thread.name == "resolve" else 0.5)

    # ---- lanes

    def _enqueue(self, job: Job) -> None:
        name = _lane(job.command)
        with self._lock:
            self._jobs[job.command.id] = job
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = queue.SimpleQueue()
            thread = threading.Thread(target=self._run, args=(lane,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        lane.put(job)

    def _run(self, lane: queue.SimpleQueue[Job | None]) -> None:
        while (job := lane.get()) is not None:
            answer = self._answer(job)
            with self._lock:
                self._jobs.pop(job.command.id, None)
            self._push(answer)

    def _answer(self, job: Job) -> BaseModel:
        number = job.command.id
        try:
            job.check()
            try:
                answer = self._carry_out(job)
            except HostRestartedError as error:
                if not isinstance(job.command, _REPEATABLE):
                    raise
                self._link.trouble(error)
                answer = self._carry_out(job)
            if _lane(job.command) != "file":
                self._link.fine()
        except BridgeError as error:
            if _lane(job.command) != "file":
                error = self._link.trouble(error)
            return _failed(number, error)
        except Exception as error:  # noqa: BLE001 - the process boundary: an answer is promised
            _log.exception("%s failed", job.command.type)
            return _failed(number, HostError(detail=repr(error)))
        return answer

    # ---- commands

    def _carry_out(self, job: Job) -> BaseModel:
        number = job.command.id
        match job.command:
            case cmd.Look():
                self._link.look()
            case cmd.ReadShot() as command:
                shot = self._link.host().shot(
                    item_id=command.item_id, colour=command.colour, playhead=command.playhead
                )
                return evt.ShotRead(id=number, shot=records.dump(shot))
            case cmd.OpenFile(path=path):
                shot = _file_host(Path(path), job).shot(item_id=path)
                return evt.ShotRead(id=number, shot=records.dump(shot))
            case cmd.ListMasks(shot=record):
                shot = records.load(Shot, record)
                masks = masks_of(self._host_of(shot, job), shot)
                return evt.MasksListed(id=number, masks=masks)
            case cmd.ReadMatte() | cmd.RenderMatte() as command:
                return self._matte(command, job)
            case cmd.MakeExtract(shot=record):
                shot = records.load(Shot, record)
                extract = self._host_of(shot, job).extract(shot, report=job.report, check=job.check)
                return evt.ExtractMade(id=number, extract=records.dump(extract))
            case cmd.Place() as command:
                return self._place(command, job)
            case cmd.Undo(placement=record):
                placement = records.load(Placement, record)
                self._host_of_placement(placement, job).undo(placement)
            case cmd.ReadRecipe(shot=record):
                shot = records.load(Shot, record)
                recipe = self._host_of(shot, job).recipe(shot)
                return evt.RecipeRead(
                    id=number, placement=records.dump(recipe.placement), recipe=recipe.recipe
                )
            case cmd.ReadSource(placement=record):
                placement = records.load(Placement, record)
                shot = self._host_of_placement(placement, job).source_of(placement)
                return evt.ShotRead(id=number, shot=records.dump(shot))
            case cmd.Show() as command:
                self._show(command)
            case _:
                raise TypeError(job.command.type)
        return evt.Done(id=number)

    def _host_of(self, shot: Shot, job: Job) -> Host:
        if shot.kind is ItemKind.FILE:
            return _file_host(Path(shot.item_id), job)
        return self._linked(job)

    def _host_of_placement(self, placement: Placement, job: Job) -> Host:
        if not placement.timeline_id:
            return _file_host(Path(placement.source_item), job)
        return self._linked(job)

    def _linked(self, job: Job) -> ResolveHost:
        return self._link.host(sure=not isinstance(job.command, _REPEATABLE))

    def _matte(
        self, command: cmd.ReadMatte | cmd.RenderMatte, job: Job
    ) -> evt.MatteRead | evt.MatteAsked | evt.MatteRefused:
        shot = records.load(Shot, command.shot)
        extract = None if command.extract is None else records.load(Extract, command.extract)
        host, folder = self._host_of(shot, job), Path(command.folder)
        lay = lay_of(shot, extract)
        if isinstance(command, cmd.RenderMatte):
            frames = (command.start, command.stop)
            refusal = MatteRefusal("", "", (), command.tool, command.comp, frames)
            found: Matte | MatteQuestion | MatteRefusal = saver_matte(
                host, shot, refusal, folder, lay=lay, report=job.report, check=job.check
            )
            shutil.rmtree(self._work / "mattes", ignore_errors=True)  # what Fusion wrote
        else:
            found = read_matte(
                host,
                shot,
                folder,
                tool=command.tool,
                comp=command.comp,
                lay=lay,
                report=job.report,
                check=job.check,
            )
        return answer_of(command.id, found)

    def _place(self, command: cmd.Place, job: Job) -> evt.Placed:
        shot, result = records.load(Shot, command.shot), records.load(Result, command.result)
        if shot.kind is ItemKind.FILE:
            folder = Path(command.folder) if command.folder else None
            host: Host = _file_host(Path(shot.item_id), job, folder)
        else:
            host = linked = self._linked(job)
            if command.new_position:
                shot = _moved(linked, shot)
        placement = host.place(shot, result)
        return evt.Placed(id=command.id, placement=records.dump(placement), shot=records.dump(shot))

    def _show(self, command: cmd.Show) -> None:
        if command.placement is not None:
            item_id = records.load(Placement, command.placement).item_id
        elif command.shot is not None:
            item_id = records.load(Shot, command.shot).item_id
        else:
            raise StaleObjectError(detail="nothing to show")
        self._link.host().show(item_id, command.page)


def _lane(command: cmd.Command) -> Lane:
    match command:
        case cmd.OpenFile():
            return "file"
        case cmd.ReadMatte():
            return "matte"
        case cmd.ListMasks(shot=shot) | cmd.MakeExtract(shot=shot) | cmd.Place(shot=shot) if (
            shot.get("kind") == ItemKind.FILE
        ):
            return "file"
        case cmd.Undo(placement=placement) | cmd.ReadSource(placement=placement) if (
            not placement.get("timeline_id")
        ):
            return "file"
        case _:
            return "resolve"


def _file_host(clip: Path, job: Job, folder: Path | None = None) -> StandaloneHost:
    decode = functools.partial(probe, check=job.check)
    return StandaloneHost(folder or clip.parent / RESULTS, decode=decode)


def _moved(host: ResolveHost, shot: Shot) -> Shot:
    """Return a shot where it lies now, if it still shows the same frames.

    Raises
    ------
    ProjectChangedError, HostChangedError
        It is not on the open timeline.
    ShotTrimmedError
        A result of the old frames would lie over others.
    """
    try:
        seen = host.opened()
    except NoTimelineError as error:
        raise ProjectChangedError(what="timeline", name=shot.timeline.timeline_name) from error
    if seen.project_id != shot.timeline.project_id:
        raise ProjectChangedError(what="project", name=shot.timeline.project_name)
    if seen.timeline_id != shot.timeline.timeline_id:
        raise ProjectChangedError(what="timeline", name=shot.timeline.timeline_name)
    try:
        now = host.shot(item_id=shot.item_id)
    except StaleObjectError as error:
        raise HostChangedError(
            hint=("keep_in_list", "reread"), detail="the clip is gone"
        ) from error
    if _shown(now) != _shown(shot):
        raise ShotTrimmedError(detail=f"{_shown(shot)} -> {_shown(now)}")
    return now


def _shown(shot: Shot) -> tuple[object, ...]:
    media = shot.media.media_id if shot.media is not None else ""
    return shot.frames, shot.left_offset, shot.frame_count, media, shot.retime


def _failed(number: int, error: BridgeError) -> evt.Failed:
    return evt.Failed(
        id=number,
        code=error.code,
        user_message=error.user_message,
        hint=error.hint,
        detail=error.detail[:4000],
    )
