"""The pages of the first run and the windows, each as a person would find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from plugin.gallery import mock
from plugin.gallery.stage import LOG, Stage
from plugin.ui.desk import CheckLine, Download, WiringLine

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

__all__ = ["CHECKS", "WIRING", "first_run", "settings", "window"]

CHECKS: Final = (
    CheckLine("host", "ok", "check.host.ready", {"product": "Resolve Studio", "version": "21.1"}),
    CheckLine("gpu", "ok", "check.gpu.ok", {"name": "RTX 4090", "gb": "24", "driver": "570.86"}),
    CheckLine("memory", "warn", "check.memory.small", {"gb": "12"}),
    CheckLine(
        "disk",
        "fail",
        "check.disk.small",
        {"gb": "11", "what": "/home", "need": "21"},
        action="other_folder",
    ),
    CheckLine("engine", "running", "check.looking"),
)
WIRING: Final = (
    WiringLine("engine", "ok", seconds=0.6),
    WiringLine("read", "ok", seconds=0.4),
    WiringLine("edit", "ok", seconds=1.2),
    WiringLine("place", "fail", "Resolve did not confirm the placement.", code="place_unconfirmed"),
)


def first_run(step: str) -> Callable[[Stage], QWidget]:
    """Return what brings a page of the first run about."""

    def bring(stage: Stage) -> QWidget:
        desk, model = stage.desk, stage.model
        desk.free_bytes.set(120_000_000_000)
        if step in ("check", "choose", "get"):
            desk.checked.set(CHECKS)
        if step == "get":
            models = tuple(_with_installed(info, installed=False) for info in mock.MODELS)
            model.models.set(models)
            load = Download("wan2.1-1.3b", "running", 6_400_000_000, 28_500_000_000, 11.8e6, 940)
            desk.downloads.set({"wan2.1-1.3b": load})
        if step == "try":
            desk.wiring.set((*WIRING[:3], WiringLine("place", "running")))
            desk.tried.set(Download("wan2.1-1.3b", "running", 7, 23))
        stage.panel.show_first_run()
        stage.panel.first_run.show_step(step)
        if step == "get":
            model.model_id.set("wan2.1-1.3b")
        return stage.panel

    return bring


def _with_installed(info: Any, *, installed: bool) -> Any:
    return info.model_copy(update={"installed": installed, "partial": not installed})


def settings(page: str) -> Callable[[Stage], QWidget]:
    """Return what opens the settings at a page."""

    def bring(stage: Stage) -> QWidget:
        stage.desk.free_bytes.set(210_000_000_000)
        if page == "models":
            load = Download("wan2.1-14b", "paused", 22_000_000_000, 80_000_000_000)
            stage.desk.downloads.set({"wan2.1-14b": load})
        if page == "check":
            stage.desk.wiring.set(WIRING)
        if page == "keys":
            stage.desk.keymap.set("make_edit", ("Ctrl+R",))
        stage.panel.windows.settings(page)
        return stage.panel.windows.get("settings")

    return bring


def window(name: str, topic: str = "") -> Callable[[Stage], QWidget]:
    """Return what opens a window, help at a topic."""

    def bring(stage: Stage) -> QWidget:
        windows = stage.panel.windows
        if name == "details":
            windows.details("Not enough graphics memory.\n[vram]\n" + LOG)
        elif name == "help":
            windows.help(topic)
        else:
            windows.open(name)
        return windows.get(name)

    return bring
