"""What the application does when a button asks: the functions behind the offered actions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

if TYPE_CHECKING:
    from plugin.control.suite import Suite
    from plugin.ui.actions import Target

__all__ = ["Answers"]


class Answers:
    """Joins names of actions with the suite's controls.

    Parameters
    ----------
    suite : Suite
        With all its services and controls.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def functions(self) -> dict[str, Callable[[Target], object]]:
        """Return a function for every offered action."""
        return {
            **self._shot_actions(),
            **self._work_actions(),
            **self._take_actions(),
            **self._model_actions(),
            **self._suite.system.actions(),
            **self._suite.upkeep.actions(),
            "test_wiring": lambda _: self._suite.wiring.run(),
        }

    def _shot_actions(self) -> dict[str, Callable[[Target], object]]:
        shots, mattes = self._suite.shots, self._suite.mattes
        return {
            "open_file": self._open_file,
            "reread": lambda _: shots.reread(),
            "look_again": lambda _: shots.look_again(),
            "use_playhead": lambda _: shots.use_playhead(),
            "open_fusion": lambda _: mattes.open_fusion(),
            "fusion_mask": lambda target: mattes.read(target.text),
            "export_again": lambda _: mattes.read(),
            "repeat_last": lambda _: self._suite.model.matte.repeat_last.set(True),
            "render_in_host": lambda target: (
                mattes.render() if target.text == "matte" else shots.render()
            ),
            "try_again": self._try_again,
        }

    def _open_file(self, target: Target) -> None:
        if target.path:
            self._suite.shots.open_file(Path(target.path))

    def _work_actions(self) -> dict[str, Callable[[Target], object]]:
        queue, engine = self._suite.model.queue, self._suite.engine
        return {
            "stop_job": lambda target: target.job and queue.cancel(target.job),
            "force_stop": lambda _: engine.force_stop(),
            "wait": lambda _: self._wait(),
            "wait_free": lambda target: self._with_job(target, engine.room.wait),
            "try_anyway": lambda target: self._with_job(target, engine.room.try_anyway),
            "restart_engine": lambda _: engine.restart(),
            "release_memory": lambda _: engine.release(),
            "reload_model": self._reload,
        }

    def _take_actions(self) -> dict[str, Callable[[Target], object]]:
        placing, takes = self._suite.placing, self._suite.takes
        return {
            "place": lambda target: self._place(self._take(target)),
            "other_name": lambda target: self._place(self._take(target)),
            "place_now": lambda target: placing.place(self._take(target)),
            "place_new_position": lambda target: placing.place(
                self._take(target), new_position=True
            ),
            "undo_place": lambda target: placing.undo(self._take(target)),
            "show_take": lambda target: placing.show(self._take(target)),
            "reveal_file": lambda target: self._reveal(self._take(target)),
            "open_folder": lambda target: self._open_folder(target),
            "use_recipe": lambda _: self._suite.recipes.use(),
            "delete_take": lambda target: takes.delete([self._take(target)]),
            "clear_takes": lambda _: takes.clear_unstarred(),
        }

    def _model_actions(self) -> dict[str, Callable[[Target], object]]:
        library = self._suite.library
        chosen = self._suite.model.model_id
        return {
            "download_model": lambda target: library.get(target.model or ""),
            "pause_model": lambda target: library.pause(target.model or chosen.value),
            "verify_model": lambda target: library.verify(target.model or ""),
            "import_model": lambda target: library.take_from(
                target.model or chosen.value, Path(target.path or "")
            ),
            "copy_model": lambda target: library.copy(target.model or target.text or chosen.value),
            "remove_model": lambda target: library.remove(target.model or chosen.value),
        }

    def _place(self, take_id: str) -> None:
        """Place a take beside its shot; where there is no timeline, save it as the person says."""
        take, placing = self._suite.model.takes.known(take_id), self._suite.placing
        if take is None or take.kind == "test" or placing.on_timeline(take):
            placing.place(take_id)
            return
        if placing.remind():
            return
        file = Path(take.file)
        if path := self._suite.ask_save(str(file.parent.parent / file.name)):
            placing.save_as(take_id, Path(path))

    def _take(self, target: Target) -> str:
        """Return the take that a button speaks of: its own, a job's, or the selected one."""
        if target.take:
            return target.take
        about = target.text or target.job or ""
        if self._suite.model.takes.known(about) is not None:
            return about
        for take in self._suite.model.takes.all:
            if take.job == about and about:
                return take.id
        selected = self._suite.model.takes.selected.value
        return selected[0] if selected else ""

    def _try_again(self, target: Target) -> None:
        """Do again what an error stopped."""
        self._suite.model.messages.dismiss()
        about = target.job or target.text
        if about and self._suite.model.queue.get(about) is not None:
            self._suite.model.queue.retry(about)
        elif about and self._suite.model.takes.known(about) is not None:
            self._place(about)
        elif about and any(each.id == about for each in self._suite.model.models):
            self._suite.library.get(about)
        elif about == "matte":
            self._suite.mattes.read()
        elif self._suite.model.engine.value.phase in ("crashed", "mismatch", "no_engine"):
            self._suite.engine.start()
        else:
            self._suite.shots.reread()

    def _wait(self) -> None:
        self._suite.model.messages.dismiss()
        if not self._suite.engine.ready:
            self._suite.engine.start()

    def _with_job(self, target: Target, act: Callable[[str], object]) -> None:
        self._suite.model.messages.dismiss()
        act(target.job or target.text)

    def _reload(self, target: Target) -> None:
        self._suite.engine.restart()
        if target.job or target.text:
            self._suite.model.queue.retry(target.job or target.text)

    def _reveal(self, take_id: str) -> None:
        take = self._suite.model.takes.known(take_id)
        if take is not None:
            _show_in_files(Path(take.file).parent)

    def _open_folder(self, target: Target) -> None:
        if target.path:
            _show_in_files(Path(target.path))
            return
        take = self._suite.model.takes.known(self._take(target))
        _show_in_files(Path(take.file).parent if take is not None else self._suite.folders.data)


def _show_in_files(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
