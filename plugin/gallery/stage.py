"""A panel with everything around it, every service action noted instead of done."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin.control.ground import OFFERED
from plugin.gallery import mock
from plugin.ui.actions import Actions, Target
from plugin.ui.desk import Desk
from plugin.ui.panel import Panel
from plugin.ui.viewer import Book

if TYPE_CHECKING:
    from plugin.state.session import PanelModel

__all__ = ["LOG", "Stage"]

LOG: Final = "\n".join(
    [
        "12:01:07 panel   started",
        "12:01:07 media   hello 0.1.0, protocol 1",
        "12:01:09 engine  hello 0.1.0, RTX 4090, 24564 MB",
        "12:01:31 media   proxy 81/81 in 2.2 s",
        "12:02:10 engine  job b1f: load 4.1 s",
        "12:02:15 engine  job b1f: edit 1/23, 3.9 s a step",
    ]
)


def _log() -> str:
    return LOG


def _report(parts: frozenset[str]) -> str:
    clip = mock.CLIP if "names" in parts else "<clip>"
    wanted = mock.WANTED if "prompts" in parts else "<8 words>"
    lines = [
        "FlowAnchor 0.1.0, engine 0.1.0, protocol 1",
        "Linux 6.8, Python 3.11, PySide6 6.12",
        "RTX 4090, 24564 MB, driver 570.86",
        "Resolve Studio 21.1",
        "",
        f"shot: {clip}, 81 frames, 1920x1080, 24 fps",
        f"wanted: {wanted}",
        "error: vram, needed 11.8, had 9.6 GB",
        "",
        LOG,
    ]
    return "\n".join(lines)


class Stage:
    """A panel with everything around it, to be brought into a state."""

    def __init__(self, folder: Path, parts: Mapping[str, bool]) -> None:
        self.folder = folder
        self.ran: list[tuple[str, Target]] = []
        self.actions = Actions()
        for name in OFFERED:  # what the application really does
            self.actions.provide(name, partial(self._note, name))
        self.model: PanelModel = mock.make_model(None, **parts)
        self.desk = Desk()
        self.desk.log = _log
        self.desk.report = _report
        self.book = Book()
        if parts.get("with_shot", True):
            mock.fill_book(self.book)
        self._panel: Panel | None = None

    def _note(self, name: str, target: Target) -> None:
        self.ran.append((name, target))

    @property
    def panel(self) -> Panel:
        """The panel, built when it is first needed."""
        if self._panel is None:
            self._panel = Panel(self.model, self.actions, self.desk, self.book)
        return self._panel

    def takes(self, count: int = 3, *, test: bool = False) -> None:
        """Give the shot takes that can be seen."""
        names = mock.add_takes(self.model, self.folder, count, test=test)
        kinds = {name: "other" if i % 2 else "after" for i, name in enumerate(names)}
        mock.fill_book(self.book, takes=kinds)

    def close(self) -> None:
        """Let everything go."""
        if self._panel is not None:
            self._panel.close_all()
            self._panel.close()
            self._panel.deleteLater()
            self._panel = None
