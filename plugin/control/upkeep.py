"""Repairs: the installer, run as a program of its own, and engines in the way."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import psutil
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment

from plugin.services.launch import Launch
from plugin.state.errors import message_of

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.ui.actions import Target

__all__ = ["Upkeep", "other_engines"]

_log = logging.getLogger(__name__)
_WORKER: Final = "flowanchor_engine.worker"
_TAIL: Final = 4000


def other_engines(own: int) -> list[psutil.Process]:
    """Return this user's engines that compute, without our own and without media ends."""
    me = psutil.Process()
    found = []
    for process in psutil.process_iter(["cmdline", "username"]):
        line = process.info["cmdline"] or []
        if (
            _WORKER in line
            and not {"--media", "--mock"} & set(line)
            and process.pid != own
            and process.info["username"] == me.username()
        ):
            found.append(process)
    return found


class Upkeep(QObject):
    """Runs the installer and tells how it went.

    Parameters
    ----------
    model : PanelModel
    engine_pid : callable
        Our own engine's process number.
    restart : callable
        Called after an engine was repaired, or another one has gone.
    """

    def __init__(
        self,
        model: PanelModel,
        *,
        engine_pid: Callable[[], int],
        restart: Callable[[], object],
        handled: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._engine_pid = engine_pid
        self._restart = restart
        self._handled = handled
        self._process: QProcess | None = None

    def actions(self) -> dict[str, Callable[[Target], object]]:
        """Return what buttons may ask of this."""
        return {
            "repair_link": lambda _: self._run("repair"),
            "repair_engine": lambda _: self._run("repair"),
            "update_engine": lambda _: self._run("repair"),  # to the panel's own version
            "stop_other_engine": lambda _: self.stop_other_engine(),
        }

    def stop_other_engine(self) -> None:
        """Ask the other engines of this user to end; a running edit there is lost."""
        for process in other_engines(self._engine_pid()):
            try:
                process.terminate()
            except psutil.Error as error:
                _log.warning("engine %d stays: %s", process.pid, error)
        self._model.messages.dismiss()
        self._restart()

    def close(self) -> None:
        """Let a running installer go on: it is safe at any point, and ends by itself."""
        if self._process is not None:
            self._process.setParent(None)
            self._process = None

    # ---- within

    def _run(self, command: str) -> None:
        if self._process is not None:
            return
        launch = Launch(sys.executable, ("-m", "installer", command, "--yes"))
        process = QProcess(self)
        process.setProgram(launch.program)
        process.setArguments(list(launch.arguments))
        process.setWorkingDirectory(str(launch.folder))
        environment = QProcessEnvironment()
        for name, value in launch.environment().items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.finished.connect(lambda code, _how: self._ended(command, code))
        process.errorOccurred.connect(lambda _: self._ended(command, -1))
        self._process = process
        self._model.messages.say(f"say.upkeep.{command}")
        process.start()

    def _ended(self, command: str, code: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        told = bytes(process.readAll().data()).decode("utf-8", "replace")[-_TAIL:]
        process.deleteLater()
        _log.info("installer %s ended with %d: %s", command, code, told)
        if code == 0:
            self._model.messages.say("say.upkeep.done", tone="done")
            self._restart()
            return
        self._model.messages.show(
            message_of("upkeep", "", ("copy_report",), told, handled=self._handled)
        )
