"""The wiring test with the shot that is in Resolve: read, fake edit, place, undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from plugin.services.host_view import needs_extract, result_for
from plugin.services.wiring import WiringStep, WiringTest
from plugin.ui.desk import WiringLine

if TYPE_CHECKING:
    from flowanchor_engine.request import EditRequest
    from plugin.control.suite import Suite
    from plugin.services.host import HostService
    from plugin.services.host_state import OnError, PlacedShot
    from resolve_bridge.extract import Extract
    from resolve_bridge.placement import Placement
    from resolve_bridge.shot import Shot

__all__ = ["HostWiring", "WiringControl"]


class HostWiring:
    """Resolve, as far as its wiring is tested: what is placed is taken back in any case."""

    def __init__(self, host: HostService) -> None:
        self._host = host
        self._shot: Shot | None = None
        self._extract: Extract | None = None
        self._placed: Placement | None = None
        self._placing = False
        self._afterwards: Callable[[], object] | None = None

    def read(self, on_done: Callable[[], object], on_error: OnError) -> None:
        """Read the meant shot, and what would be edited of it."""

        def extracted(extract: Extract) -> None:
            self._extract = extract
            on_done()

        def read(shot: Shot) -> None:
            self._shot = shot
            if needs_extract(shot):  # a test does not start a render
                on_error("clip_facts", "", ("use_playhead",))
            else:
                self._host.make_extract(shot, extracted, on_error)

        self._host.read_shot(read, on_error)

    def place(
        self, file: Path, request: EditRequest, on_done: Callable[[], object], on_error: OnError
    ) -> None:
        """Place the file beside the shot."""
        assert self._shot is not None
        assert self._extract is not None
        frames = request.source.frames or 1
        result = result_for(
            self._extract,
            path=str(file),
            frames=frames,
            kind="frame",
            key=request.key("result"),
            shot_name=self._shot.name,
            title="wiring",
            take=0,
            recipe="{}",
        )
        whole = frames == self._shot.frame_count

        def placed(told: PlacedShot) -> None:
            self._placed = told.placement
            self._answered(on_done)

        def failed(code: str, sentence: str, hint: tuple[str, ...]) -> None:
            self._answered(lambda: on_error(code, sentence, hint))

        self._placing = True
        self._host.place(
            self._shot, result if whole else replace(result, part=(0, frames)), placed, failed
        )

    def _answered(self, tell: Callable[[], object]) -> None:
        self._placing = False
        afterwards, self._afterwards = self._afterwards, None
        (afterwards or tell)()

    def undo(self, on_done: Callable[[], object], on_error: OnError) -> None:
        """Take back what was placed; a placement that failed has left nothing.

        One that is not answered yet is taken back as soon as it is.
        """
        if self._placing:
            self._afterwards = lambda: self.undo(on_done, on_error)
            return
        placement, self._placed = self._placed, None
        if placement is None:
            on_done()
        else:
            self._host.undo(placement, lambda _: on_done(), on_error)


class WiringControl(QObject):
    """Runs one wiring test at a time and shows its lines."""

    def __init__(self, suite: Suite, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._suite = suite
        self._test: WiringTest | None = None

    def run(self) -> None:
        """Start the test, unless one runs."""
        if self._test is not None and self._test.passed.value is None:
            return
        self.close()
        clip = Path(str(resources.files("plugin.data"))) / "first.mp4"
        linked = self._suite.model.host.value.ready
        host = HostWiring(self._suite.host) if linked else None
        self._test = WiringTest(clip, host=host, parent=self)
        self._test.steps.changed.connect(self._show)
        self._test.start()

    def close(self) -> None:
        """Leave nothing behind, before returning."""
        if self._test is not None:
            self._test.close()
            self._test.deleteLater()
            self._test = None

    def _show(self, steps: tuple[WiringStep, ...]) -> None:
        self._suite.desk.wiring.set(
            WiringLine(step.name, step.verdict, step.detail, step.seconds, step.code)
            for step in steps
        )
