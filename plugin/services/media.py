"""Viewer pictures, mattes, words and models, asked from media ends beside a busy engine.

Three ends are started when they are first needed: one makes proxies of clips, one makes
mattes, measures and answers questions, one moves models. So a long proxy delays no matte, and
a download delays nothing. An end that dies is started once more and what can be repeated is
repeated; a newer request for the same slot takes the place of an older one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from PySide6.QtCore import QObject

from flowanchor_engine import protocol
from plugin.services.asks import Ask, Hears, Lane, OnProgress, Trouble
from plugin.services.child import Child, Patience

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ClipFacts
    from flowanchor_engine.request import EditRequest, SourceSpec
    from plugin.services.launch import Launch
    from plugin.services.logfile import LogFile

__all__ = ["Ask", "MediaService", "Trouble"]

T = TypeVar("T")
LaneName = Literal["clips", "mattes", "models"]


class MediaService(QObject):
    """Asks media ends; answers come by callbacks in the UI thread.

    Parameters
    ----------
    launch : Launch
        See `launch.local_media`.
    log : LogFile, optional
        Where the ends' stderr goes.
    """

    def __init__(
        self,
        launch: Launch,
        *,
        log: LogFile | None = None,
        patience: Patience | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._launch = launch
        self._log = log
        self._patience = patience
        self._closed = False
        self._lanes: dict[LaneName, Lane] = {}

    # ---- pictures

    def proxy(
        self,
        clip: SourceSpec,
        out: Path,
        on_done: Callable[[protocol.ProxyDone], object],
        on_error: Callable[[Trouble], object],
        *,
        over: SourceSpec | None = None,
        max_height: int = 1080,
        on_opened: Callable[[str, ClipFacts], object] | None = None,
        on_progress: OnProgress | None = None,
        on_note: Callable[[str, str], object] | None = None,
        slot: str = "",
    ) -> Ask[protocol.ProxyDone]:
        """Make 8-bit pictures of a clip in `out`; with `over`, as the timeline shows it.

        Parameters
        ----------
        on_opened : callable, optional
            Folder and facts, as soon as `ProxyReader` can map it.
        on_progress : callable, optional
            Phase, done, total, seconds left; ``read`` counts the frames that hold pictures.
        slot : str, optional
            A newer request for the same slot takes the place of this one.
        """
        hears = Hears(on_done, on_error, on_progress, on_opened, on_note)
        data = clip.model_dump(mode="json")
        below = None if over is None else over.model_dump(mode="json")
        return self._ask(
            "clips",
            lambda number, job: protocol.Proxy(
                id=number, job=job, clip=data, out=str(out), over=below, max_height=max_height
            ),
            hears,
            slot=slot,
        )

    def matte(
        self,
        request: EditRequest,
        out: Path,
        on_done: Callable[[protocol.MatteDone], object],
        on_error: Callable[[Trouble], object],
        *,
        max_height: int = 1080,
        on_opened: Callable[[str, ClipFacts], object] | None = None,
        on_progress: OnProgress | None = None,
        on_note: Callable[[str, str], object] | None = None,
        slot: str = "matte",
    ) -> Ask[protocol.MatteDone]:
        """Make the composite matte of a request, with coverage and drift (see `proxy`)."""
        hears = Hears(on_done, on_error, on_progress, on_opened, on_note)
        data = request.dump()
        return self._ask(
            "mattes",
            lambda number, job: protocol.Matte(
                id=number, job=job, request=data, out=str(out), max_height=max_height
            ),
            hears,
            slot=slot,
        )

    def measure(
        self,
        request: EditRequest,
        result: Path,
        on_done: Callable[[protocol.Measured], object],
        on_error: Callable[[Trouble], object],
        *,
        on_progress: OnProgress | None = None,
        slot: str = "",
    ) -> Ask[protocol.Measured]:
        """Measure what a result changed inside and outside the matte."""
        data = request.dump()
        return self._ask(
            "mattes",
            lambda number, job: protocol.Measure(
                id=number, job=job, request=data, result=str(result)
            ),
            Hears(on_done, on_error, on_progress),
            slot=slot,
        )

    # ---- questions

    def words(
        self,
        now: str,
        wanted: str,
        on_done: Callable[[protocol.WordsReply], object],
        on_error: Callable[[Trouble], object],
        *,
        drive: tuple[tuple[int, int], ...] = (),
        model: str = "demo",
        matte_share: float | None = None,
        slot: str = "words",
    ) -> Ask[protocol.WordsReply]:
        """Ask how the texts are understood; only the newest question is answered."""
        return self._ask(
            "mattes",
            lambda number, job: protocol.Words(
                id=number,
                now=now,
                wanted=wanted,
                drive=drive,
                model=model,
                matte_share=matte_share,
            ),
            Hears(on_done, on_error),
            slot=slot,
        )

    def models(
        self,
        on_done: Callable[[protocol.ModelsReply], object],
        on_error: Callable[[Trouble], object],
    ) -> Ask[protocol.ModelsReply]:
        """Ask which models there are."""
        return self._ask(
            "mattes",
            lambda number, job: protocol.Models(id=number),
            Hears(on_done, on_error),
            slot="models",
        )

    # ---- models

    def get_model(
        self,
        model: str,
        on_done: Callable[[protocol.ModelDone], object],
        on_error: Callable[[Trouble], object],
        *,
        on_progress: OnProgress | None = None,
        on_note: Callable[[str, str], object] | None = None,
    ) -> Ask[protocol.ModelDone]:
        """Download a model or go on with it; to pause is to cancel, bytes are kept."""
        return self._ask(
            "models",
            lambda number, job: protocol.GetModel(id=number, job=job, model=model),
            Hears(on_done, on_error, on_progress, None, on_note),
            slot=f"model-{model}",
        )

    def verify_model(
        self,
        model: str,
        on_done: Callable[[protocol.ModelDone], object],
        on_error: Callable[[Trouble], object],
        *,
        on_progress: OnProgress | None = None,
    ) -> Ask[protocol.ModelDone]:
        """Check every file of a model."""
        return self._ask(
            "models",
            lambda number, job: protocol.VerifyModel(id=number, job=job, model=model),
            Hears(on_done, on_error, on_progress),
            slot=f"model-{model}",
        )

    def import_model(
        self,
        model: str,
        folder: Path,
        on_done: Callable[[protocol.ModelDone], object],
        on_error: Callable[[Trouble], object],
        *,
        copy_files: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Ask[protocol.ModelDone]:
        """Use files that the person already has."""
        return self._ask(
            "models",
            lambda number, job: protocol.ImportModel(
                id=number, job=job, model=model, folder=str(folder), copy_files=copy_files
            ),
            Hears(on_done, on_error, on_progress),
            slot=f"model-{model}",
            again=False,
        )

    def remove_model(
        self,
        model: str,
        on_done: Callable[[protocol.ModelDone], object],
        on_error: Callable[[Trouble], object],
    ) -> Ask[protocol.ModelDone]:
        """Delete a model that FlowAnchor put there."""
        return self._ask(
            "models",
            lambda number, job: protocol.RemoveModel(id=number, job=job, model=model),
            Hears(on_done, on_error),
            slot=f"model-{model}",
            again=False,
        )

    # ---- life

    def warm(self) -> None:
        """Start the ends that a first clip will need, once the panel is on the screen."""
        if self._closed:
            return
        names: tuple[LaneName, ...] = ("clips", "mattes")
        for name in names:
            lane = self._lane(name)
            if not lane.child.alive:
                lane.child.start()

    def follow(self, launch: Launch) -> None:
        """Start these ends from now on; what is open is asked again."""
        self._launch = launch
        for lane in self._lanes.values():
            lane.child.follow(launch)
            lane.child.stop()

    def release(self) -> None:
        """Let the ends forget the last shot."""
        for lane in self._lanes.values():
            lane.child.send(protocol.Release(id=lane.child.number()))

    def close(self) -> None:
        """End all processes before returning; open and later requests come to nothing."""
        self._closed = True
        for lane in self._lanes.values():
            lane.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process numbers of the ends that run."""
        return tuple(lane.child.pid for lane in self._lanes.values() if lane.child.alive)

    def _lane(self, name: LaneName) -> Lane:
        if name not in self._lanes:
            child = Child(self._launch, log=self._log, patience=self._patience, parent=self)
            self._lanes[name] = Lane(name, child, stays=name != "models", parent=self)
        return self._lanes[name]

    def _ask(
        self,
        name: LaneName,
        make: Callable[[int, str], protocol.Command],
        hears: Hears[T],
        *,
        slot: str,
        again: bool = True,
    ) -> Ask[T]:
        lane = self._lane(name)
        ask: Ask[T] = Ask(lane, make, hears, slot=slot, again=again)
        if not self._closed:  # others still end, and answer while they do
            lane.add(ask)
        return ask
