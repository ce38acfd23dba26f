"""What a person chose last comes back at the next start: settings and model, joined both ways."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer

from plugin.services.settings import Settings, save_settings
from plugin.state.errors import SettingsError, message_of

if TYPE_CHECKING:
    from pathlib import Path

    from plugin.state.observable import Observable
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["Habits"]

_log = logging.getLogger(__name__)
_WRITE_MS: Final = 400


class Habits(QObject):
    """Applies the settings once, follows the model, and keeps the file up to date.

    Parameters
    ----------
    path : Path
        The settings file; written whole, a moment after the last change and at the end.
    """

    def __init__(
        self, model: PanelModel, desk: Desk, path: Path, *, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._desk = desk
        self._path = path
        self._dirty = False
        self._write = QTimer(self)
        self._write.setSingleShot(True)
        self._write.setInterval(_WRITE_MS)
        self._write.timeout.connect(self.save)
        self._apply(desk.settings.value)
        for name, value in self._joined().items():
            value.changed.connect(self._follower(name))
        desk.settings.changed.connect(self._on_settings)
        desk.keymap.overrides.changed.connect(
            lambda keys: desk.change(keys={name: list(own) for name, own in keys.items()})
        )

    def save(self) -> None:
        """Write the settings if they changed."""
        self._write.stop()
        if not self._dirty:
            return
        try:
            save_settings(self._path, self._desk.settings.value)
        except SettingsError as error:
            _log.warning("%s %s", error.user_message, error.detail)
            self._model.messages.show(
                message_of(error.code, error.user_message, error.hint, error.detail)
            )
            return
        self._dirty = False
        self._desk.saved.set(True)

    # ---- within

    def _joined(self) -> dict[str, Observable[Any]]:
        model = self._model
        return {
            "model": model.model_id,
            "quality": model.strengths.quality,
            "takes_wanted": model.takes_wanted,
            "delivery": model.delivery_kind,
            "codec": model.codec,
            "crop": model.crop,
            "keep_original": model.keep_original,
            "match_edge": model.match_edge,
            "grow_px": model.matte.grow_px,
            "feather_px": model.matte.feather_px,
            "save_memory": model.save_memory,
            "gain": model.viewer.gain,
        }

    def _apply(self, settings: Settings) -> None:
        for name, value in self._joined().items():
            wished = getattr(settings, name)
            if name != "model" or wished:
                value.set(wished)

    def _follower(self, name: str) -> Callable[[Any], None]:
        def follow(value: Any) -> None:
            if getattr(self._desk.settings.value, name) != value:
                self._desk.change(**{name: value})

        return follow

    def _on_settings(self, settings: Settings) -> None:
        self._dirty = True
        self._desk.saved.set(False)
        self._apply(settings)
        self._write.start()
