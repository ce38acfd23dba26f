"""Everything that is alive in a running panel, built once, started after the first paint."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject

from plugin.control.answers import Answers
from plugin.control.library import LibraryControl
from plugin.control.mattes import MatteControl
from plugin.control.placing import Placing
from plugin.control.recipes import RecipeControl
from plugin.control.reporting import Reporting
from plugin.control.shots import ShotControl
from plugin.control.system import FIRST, SystemControl
from plugin.control.takes import TakesControl
from plugin.control.tidy import trim
from plugin.control.upkeep import Upkeep
from plugin.control.wiring import WiringControl
from plugin.control.wording import WordsControl
from plugin.services.copying import CopyService
from plugin.services.deliveries import FileDeliveries
from plugin.services.engine import EngineService
from plugin.services.host import HostService, host_child
from plugin.services.launch import Launch, local_engine, local_media, remote_engine
from plugin.services.logfile import LogFile
from plugin.services.media import MediaService
from plugin.services.places import remove_leftovers
from plugin.services.scratch import sweep
from plugin.services.settings import Settings
from plugin.state.errors import message_of
from plugin.state.messages import Button
from plugin.state.repeats import read_by
from plugin.state.session import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowanchor_engine.errors import FlowAnchorError
    from flowanchor_engine.request import EditRequest
    from plugin.control.folders import Folders
    from plugin.control.ground import Ground
    from plugin.services.death import Death
    from plugin.state.job_queue import Job
    from plugin.state.takes import Take
    from plugin.state.viewer import PreviewPicture

__all__ = ["Launches", "Suite"]

_log = logging.getLogger(__name__)
_CHILDREN: Final = ("engine", "media", "host")
_RESULTS: Final = "FlowAnchor"


@dataclass(frozen=True)
class Launches:
    """What is started as children.

    Attributes
    ----------
    engine, media : Launch
    host : Launch or None
        None: no look at Resolve at all, files only.
    """

    engine: Launch
    media: Launch
    host: Launch

    @classmethod
    def usual(
        cls, folders: Folders, settings: Settings | None = None, *, mock: str | None = None
    ) -> Launches:
        """Return the children of an installed panel.

        Parameters
        ----------
        settings : Settings, optional
            Where models and caches lie, and a computer that ssh knows whose engine is used.
        mock : str, optional
            Play this script instead of an engine, `-` for the built-in one.
        """
        if mock is not None:
            played = local_engine(mock=mock)
            return cls(played, played, host_child(folders.host))
        wished = settings or Settings()
        places = {
            name: folder
            for name, folder in (
                ("FLOWANCHOR_MODELS", wished.models_folder),
                ("FLOWANCHOR_CACHE", wished.cache_folder),
            )
            if folder
        }
        remote = wished.remote_engine
        engine = remote_engine(remote) if remote else local_engine().with_variables(**places)
        return cls(engine, local_media().with_variables(**places), host_child(folders.host))


class Suite(QObject):
    """The panel's services and controls on the models that the window shows.

    Parameters
    ----------
    ground : Ground
    launches : Launches, optional
    version : str
        Of the panel, told in every handshake.
    """

    def __init__(
        self,
        ground: Ground,
        launches: Launches | None = None,
        *,
        version: str = "",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.ground = ground
        self.folders = folders = ground.folders
        self.version = version
        self.settings = ground.settings
        self.launches = launches or Launches.usual(folders, self.settings)
        self._own = launches is None  # else the caller says what is started
        self.store = ground.store
        self.model = ground.model
        self.desk = ground.desk
        self.book = ground.book
        self.actions = ground.actions
        self.ask_save: Callable[[str], str] = lambda start: start
        self._logs = {name: LogFile(folders.logs / f"{name}.log") for name in _CHILDREN}
        self._make_services(version)
        self._make_controls()
        self._join()
        ground.serve(Answers(self).functions())

    def _make_services(self, version: str) -> None:
        launches, logs = self.launches, self._logs
        self.host = HostService(launches.host, log=logs["host"], parent=self)
        self.media = MediaService(launches.media, log=logs["media"], parent=self)
        self.copies = CopyService(parent=self)
        deliveries = FileDeliveries(
            self.store,
            self._takes_folder,
            self.model.file_name,
            note=self.model.queue.note_place,
        )
        self.engine = EngineService(
            self.model.queue,
            deliveries,
            launches.engine,
            low_memory=lambda: self.model.save_memory.value,
            watched=self._watched,
            log=logs["engine"],
            version=version,
            parent=self,
        )

    def _make_controls(self) -> None:
        can = self.actions.can
        self.shots = ShotControl(
            self.model, self.book, self.host, self.media, self.folders, handled=can
        )
        self.mattes = MatteControl(
            self.model, self.desk, self.book, self.shots, self.host, self.media, self.folders,
            handled=can, parent=self,
        )  # fmt: skip
        self.words = WordsControl(self.model, self.book, self.media, parent=self)
        self.takes = TakesControl(self.model, self.book, self.media, self.folders)
        self.placing = Placing(
            self.model, self.host, self.copies, originals=self._originals, handled=can
        )
        self.recipes = RecipeControl(
            self.model, self.shots, self.mattes, self.host, self.folders, handled=can
        )
        self.library = LibraryControl(
            self.model, self.desk, self.media, handled=can, on_change=self._estimate
        )
        self.system = SystemControl(self, parent=self)
        self.upkeep = Upkeep(
            self.model,
            engine_pid=lambda: self.engine.pid,
            restart=self.engine.start,
            handled=can,
            parent=self,
        )
        self.wiring = WiringControl(self, parent=self)
        self.reporting = Reporting(self)

    # ---- life

    def start(self) -> None:
        """Start the children and take up what was left; call it after the first paint."""
        sweep()
        for folder in {self.folders.takes, *self._known_folders()}:
            remove_leftovers(folder)
        self._restore_texts()
        self.model.queue.restore()
        folders = self.folders
        trim((folders.proxies, folders.mattes, folders.renders), self._named())
        if self.store.on_network:
            self.model.messages.say("check.network_drive", tone="warn")
        if self.model.queue.paused.value:
            self.model.messages.say(
                "say.queue.interrupted", buttons=(_resume(),), count=len(self.model.queue.waiting)
            )
        self.media.warm()
        self.library.refresh()
        self.host.start()
        self.engine.start()
        self.words.start()

    def close(self) -> None:
        """End every child and keep everything, before returning."""
        self.mattes.close()
        self.words.close()
        self.wiring.close()
        self.upkeep.close()
        self.copies.close()
        self.engine.close()
        self.media.close()
        self.host.close()
        for log in self._logs.values():
            log.close()

    # ---- joining

    def _join(self) -> None:
        model, engine = self.model, self.engine
        engine.state.watch(model.engine.set)
        engine.preview.changed.connect(self._on_preview)
        model.viewer.frame.changed.connect(lambda _: engine.look_elsewhere())
        model.shot.shot.changed.connect(lambda _: engine.look_elsewhere())
        engine.took.connect(self._on_take)
        engine.noted.connect(lambda told: self._on_note(*told))
        engine.trouble.connect(self._on_trouble)
        engine.died.connect(self._on_death)
        engine.forecasts.wish.changed.connect(model.estimate.set)
        engine.silent.changed.connect(self._on_silence)
        model.revision.changed.connect(lambda _: self._estimate())
        model.queue.jobs.changed.connect(self._on_jobs)
        self.desk.settings.changed.connect(self._on_settings)
        engine.set_idle(self.settings.idle_unload_minutes)
        self._failed: set[str] = {job.id for job in model.queue.jobs if job.state == "failed"}

    def _on_settings(self, settings: Settings) -> None:
        self.engine.set_idle(settings.idle_unload_minutes)
        if not self._own:
            return
        wished = Launches.usual(self.folders, settings)
        if wished.media != self.launches.media:
            self.media.follow(wished.media)
            self.library.refresh()
        if wished.engine != self.launches.engine:
            self.engine.restart(wished.engine)
        self.launches = wished

    def _restore_texts(self) -> None:
        """Bring back earlier texts, and keep every new one."""
        prompts = self.model.prompts
        prompts.history.set(self.store.texts("wanted"))
        prompts.now_history.set(self.store.texts("now"))
        prompts.history.changed.connect(
            lambda _: self.store.remember_texts(prompts.now.value, prompts.wanted.value)
        )

    def _estimate(self) -> None:
        self.engine.forecasts.want(self._wish)
        self.engine.warmer.settle(self._wish)

    def _wish(self) -> EditRequest | None:
        try:
            return self.model.request("edit")
        except NotReadyError:
            return None

    def _watched(self, job: Job) -> int | None:
        """Return the frame of a job's edit under the scrubber; None if another shot is shown."""
        shot = self.model.shot.shot.value
        if shot is None or job.shot_id != shot.id or not self.desk.settings.value.previews:
            return None
        return self.model.viewer.frame_in(job.part)

    def _on_preview(self, preview: PreviewPicture | None) -> None:
        if preview is not None and not self.desk.settings.value.previews:
            return
        job = None if preview is None else self.model.queue.get(preview.job)
        shot = self.model.shot.shot.value
        if job is not None and (shot is None or job.shot_id != shot.id):
            return  # another shot is on the bench
        self.model.viewer.preview.set(preview)

    def _on_take(self, take: Take) -> None:
        self.model.viewer.preview.set(None)
        self.takes.took(take)
        key = "say.take.tested" if take.kind == "test" else "say.take.ready"
        buttons = () if take.kind == "test" else (_place(take.id),)
        self.model.messages.say(
            key, tone="done", buttons=buttons, about=take.id, number=take.number, title=take.title
        )

    def _on_note(self, job: str, code: str, sentence: str) -> None:
        if code in ("plan", "plan_lowered"):
            _log.info("%s: %s", job, sentence)
        if code == "plan_lowered":
            self.model.messages.say("say.engine.lowered", tone="warn", about=job)

    def _on_trouble(self, error: FlowAnchorError) -> None:
        self.model.messages.show(
            message_of(
                error.code, error.user_message, error.hint, error.detail, handled=self.actions.can
            )
        )

    def _on_death(self, death: Death) -> None:
        """Say what stopped the engine; a job that failed of it says so itself."""
        _log.warning("the engine ended: %s %s", death.code, death.detail)
        if death.code == "driver":
            self.model.messages.show(message_of("driver", detail="\n".join(death.last_lines)))

    def _on_silence(self, silent: bool) -> None:
        if silent:
            self.model.messages.show(message_of("engine_silent", handled=self.actions.can))
            return
        said = self.model.messages.current.value
        if said is not None and said.code == "engine_silent":  # else others have spoken since
            self.model.messages.dismiss()

    def _on_jobs(self, jobs: tuple[Job, ...]) -> None:
        """Say what failed, once."""
        failed = {job.id: job for job in jobs if job.state == "failed"}
        for job_id in failed.keys() - self._failed:
            job = failed[job_id]
            self.model.messages.show(
                message_of(
                    job.code,
                    job.sentence,
                    job.hint,
                    "\n".join((job.detail, *job.last_lines)),
                    handled=self.actions.can,
                    about=job_id,
                    values=job.values,
                )
            )
        self._failed = set(failed)
        if self.model.queue.running is None:
            self.model.viewer.preview.set(None)

    # ---- folders

    def _takes_folder(self, job: Job) -> Path:
        chosen = self.desk.settings.value.takes_folder
        if chosen:
            return Path(chosen)
        if job.shot_id == FIRST:
            return self.folders.cache / FIRST
        clip = Path(str(job.request["source"]["path"])).parent
        rendered = self.folders.data in clip.parents or self.folders.host in clip.parents
        if rendered or not _writable(clip):
            return self.folders.takes
        return clip / _RESULTS

    def _named(self) -> list[str]:
        """Return the clips and mattes that jobs and takes still name."""
        requests = [job.request for job in self.model.queue.jobs]
        requests += [take.request for take in self.store.load_takes()]
        return [path for request in requests for path in read_by(request)]

    def _originals(self) -> list[str]:
        """Return everything that a take may not be saved over: what was made is made of it."""
        shot, matte = self.model.shot.shot.value, self.model.matte.path.value
        shown = [shot.path if shot is not None else "", matte]
        takes = [take.file for take in self.store.load_takes()]
        return [path for path in (*self._named(), *shown, *takes) if path]

    def _known_folders(self) -> set[Path]:
        return {Path(take.file).parent for take in self.store.load_takes()}


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _resume() -> Button:
    return Button("resume_queue", "button.resume_queue")


def _place(take_id: str) -> Button:
    return Button("place", "button.place", take_id)
