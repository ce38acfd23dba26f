"""The viewer: picture, mode bar and transport, and the keys that act while it has the focus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.state.keys import ACTIONS, Keymap, ShortcutError
from plugin.theme import metrics
from plugin.ui.viewer.canvas import Canvas
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.gain import next_gain
from plugin.ui.viewer.modebar import ModeBar
from plugin.ui.viewer.transport import Transport

__all__ = ["Viewer", "spelled"]

_STEP_FAR: Final = 10
_ZOOM_STEP: Final = 1.25
# With these the usual keys of the action act too, and mean more of it.
_ALWAYS: Final = {
    "Shift+Left": "frame_back_far",
    "Shift+Right": "frame_forward_far",
    "Ctrl++": "zoom_in",
    "Ctrl+=": "zoom_in",
    "=": "zoom_in",
    "Ctrl+-": "zoom_out",
    "Up": "gain_up",
    "Down": "gain_down",
}


def spelled(event: QKeyEvent) -> str:
    """Return a pressed key as the keymap spells it; '' for a modifier alone."""
    key = event.key()
    if key in (
        Qt.Key.Key_Shift,
        Qt.Key.Key_Control,
        Qt.Key.Key_Alt,
        Qt.Key.Key_AltGr,
        Qt.Key.Key_Meta,
        Qt.Key.Key_unknown,
    ):
        return ""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
    # signs such as + need Shift on some keyboards and none on others
    if len(text) == 1 and not text.isalnum():
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    names = [
        name
        for name, flag in (
            ("Ctrl", Qt.KeyboardModifier.ControlModifier),
            ("Alt", Qt.KeyboardModifier.AltModifier),
            ("Shift", Qt.KeyboardModifier.ShiftModifier),
            ("Meta", Qt.KeyboardModifier.MetaModifier),
        )
        if modifiers & flag
    ]
    return "+".join([*names, text])


class Viewer(QWidget):
    """Everything that shows and compares the shot; one core may have two of them.

    Parameters
    ----------
    core : Core
    keymap : Keymap, optional
        The person's shortcuts; the defaults without.
    """

    def __init__(
        self, core: Core, *, keymap: Keymap | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.core = core
        self.keymap = keymap or Keymap()
        self.canvas = Canvas(core)
        self.modes = ModeBar(core)
        self.transport = Transport(core)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(metrics().space(1))
        column.addWidget(self.canvas, 1)
        column.addWidget(self.modes)
        column.addWidget(self.transport)
        self.setFocusProxy(self.canvas)
        self._down: set[str] = set()  # actions whose keys are held
        self._actions = self._table()
        for button in self.findChildren(QAbstractButton):
            # A click leaves the keys with the picture: Space after it plays, not presses again.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self._on_clicked)
        self.canvas.gain.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _on_clicked(self) -> None:
        if not any(button.hasFocus() for button in self.findChildren(QAbstractButton)):
            self.canvas.setFocus(Qt.FocusReason.MouseFocusReason)

    def _table(self) -> dict[str, Callable[[], object]]:
        core, state = self.core, self.core.state
        return {
            "view_before": lambda: state.mode.set("before"),
            "view_after": lambda: state.mode.set("after"),
            "view_wipe": lambda: state.mode.set("wipe"),
            "view_side": lambda: state.mode.set("side"),
            "view_difference": lambda: state.mode.set("difference"),
            "hold_before": lambda: state.hold_before.set(True),
            "matte_overlay": lambda: state.overlay.set(not state.overlay.value),
            "words_overlay": core.next_word,
            "pop_out": lambda: state.popped_out.set(not state.popped_out.value),
            "play_back": lambda: self._shuttle(-1),
            "play_stop": state.stop,
            "play_forward": lambda: self._shuttle(1),
            "play_toggle": self._on_space,
            "frame_back": lambda: state.step(-1),
            "frame_forward": lambda: state.step(1),
            "frame_back_far": lambda: state.step(-_STEP_FAR),
            "frame_forward_far": lambda: state.step(_STEP_FAR),
            "frame_first": lambda: self._go(0),
            "frame_last": lambda: self._go(core.frames - 1),
            "mark_in": lambda: state.mark_in(),
            "mark_out": lambda: state.mark_out(),
            "gain_up": lambda: state.gain.set(next_gain(state.gain.value, 1)),
            "gain_down": lambda: state.gain.set(next_gain(state.gain.value, -1)),
            "zoom_fit": self.canvas.fit,
            "zoom_full": self.canvas.one_to_one,
            "zoom_in": lambda: self.canvas.zoom_by(_ZOOM_STEP),
            "zoom_out": lambda: self.canvas.zoom_by(1 / _ZOOM_STEP),
        }

    def action_of(self, event: QKeyEvent) -> str | None:
        """Return the name of what a key does here, None if it means nothing."""
        key = spelled(event)
        if not key:
            return None
        try:
            action = self.keymap.action_of(key, "viewer")
        except ShortcutError:
            action = None
        if action is not None and ACTIONS[action].scope == "window":
            return None
        action = action or _ALWAYS.get(key)
        if action in ("gain_up", "gain_down") and self.core.mode != "difference":
            return None
        return action

    # ---- keys ------------------------------------------------------------------------------

    @override
    def event(self, event: QEvent) -> bool:
        # Inside the viewer its keys win over shortcuts of the window.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self.action_of(event) is not None
        ):
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.canvas.cancel():
            event.accept()
            return
        action = self.action_of(event)
        do = self._actions.get(action or "")
        if action is None or do is None:
            super().keyPressEvent(event)
            return
        event.accept()
        repeats = action.startswith(("frame_", "zoom_"))
        stepping = action in ("play_back", "play_forward") and "play_stop" in self._down
        if event.isAutoRepeat() and not repeats and not stepping:
            return
        self._down.add(action)
        do()

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        action = self.action_of(event)
        if action is None:
            super().keyReleaseEvent(event)
            return
        event.accept()
        if event.isAutoRepeat():
            return
        self._down.discard(action)
        if action == "hold_before":
            self.core.state.hold_before.set(False)
        elif action == "play_toggle" and self.canvas.space_held:
            panned = self.canvas.panned_while_held
            self.canvas.hold_space(False)
            if not panned and self.core.state.zoom.value > 0:
                self.core.player.toggle()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.release()

    def release(self) -> None:
        """Forget held keys: their releases go to another window."""
        self._down.clear()
        self.canvas.hold_space(False)
        self.core.state.hold_before.set(False)

    # ---- what keys do ----------------------------------------------------------------------

    def _shuttle(self, way: int) -> None:
        """Play, faster with every press; with K held, go one frame."""
        if "play_stop" in self._down:
            self.core.state.step(way)
        else:
            self.core.state.play(1 if way > 0 else -1)

    def _on_space(self) -> None:
        """Play or stop; over a zoomed picture on release, for a drag with it pans."""
        self.canvas.hold_space(True)
        if self.core.state.zoom.value <= 0:
            self.core.player.toggle()

    def _go(self, frame: int) -> None:
        self.core.state.stop()
        self.core.state.go(frame)

    # ---- for others ------------------------------------------------------------------------

    def draw_box(self) -> None:
        """Let the person drag a box on this frame."""
        self.core.draw("box")
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def draw_lasso(self) -> None:
        """Let the person draw an outline on this frame."""
        self.core.draw("lasso")
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_frame(self, frame: int) -> None:
        """Stop on a frame."""
        self._go(frame)

    def focus_range(self) -> None:
        """Put the keyboard on the scrub bar, where I and O set the range."""
        self.transport.scrub.setFocus(Qt.FocusReason.OtherFocusReason)
