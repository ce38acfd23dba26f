"""Every shortcut: one table, changes by the person, conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from plugin.state.observable import Observable

__all__ = ["ACTIONS", "Action", "Conflict", "Keymap", "ShortcutError", "normal"]

Scope = Literal["window", "viewer", "list", "prompt"]


@dataclass(frozen=True)
class Action:
    """Something that keys do.

    Parameters
    ----------
    name : str
        Also the name under which buttons ask for it.
    keys : tuple of str
        Defaults in Qt's portable spelling; Ctrl is Command on macOS.
    scope : {'window', 'viewer', 'list', 'prompt'}
        Where the focus has to be; single letters never act in the whole window.
    """

    name: str
    keys: tuple[str, ...]
    scope: Scope = "window"

    @property
    def label_key(self) -> str:
        """Key of its name in the locale."""
        return f"action.{self.name}"


_TABLE: Final = (
    Action("open_clip", ("Ctrl+O",)),
    Action("reread", ("Ctrl+R",)),
    Action("make_edit", ("Ctrl+Return", "Ctrl+Enter")),
    Action("test", ("Ctrl+Shift+Return", "Ctrl+Shift+Enter")),
    Action("reset_strengths", ("Ctrl+0",)),
    Action("lock_seed", ("Ctrl+L",)),
    Action("dice", ("Ctrl+D",)),
    Action("expert", ("Ctrl+E",)),
    Action("pause_queue", ("Ctrl+.",)),
    Action("find_takes", ("Ctrl+F",)),
    Action("settings", ("Ctrl+,",)),
    Action("help", ("F1",)),
    Action("details", ("Ctrl+I",)),
    # viewer
    Action("view_before", ("1",), "viewer"),
    Action("view_after", ("2",), "viewer"),
    Action("view_wipe", ("3",), "viewer"),
    Action("view_side", ("4",), "viewer"),
    Action("view_difference", ("5", "D"), "viewer"),
    Action("hold_before", ("B",), "viewer"),
    Action("matte_overlay", ("M",), "viewer"),
    Action("words_overlay", ("H",), "viewer"),
    Action("pop_out", ("F",), "viewer"),
    Action("play_back", ("J",), "viewer"),
    Action("play_stop", ("K",), "viewer"),
    Action("play_forward", ("L",), "viewer"),
    Action("play_toggle", ("Space",), "viewer"),
    Action("frame_back", ("Left",), "viewer"),
    Action("frame_forward", ("Right",), "viewer"),
    Action("frame_first", ("Home",), "viewer"),
    Action("frame_last", ("End",), "viewer"),
    Action("mark_in", ("I",), "viewer"),
    Action("mark_out", ("O",), "viewer"),
    Action("zoom_fit", ("Z",), "viewer"),
    Action("zoom_full", ("Shift+Z",), "viewer"),
    Action("zoom_in", ("+",), "viewer"),
    Action("zoom_out", ("-",), "viewer"),
    # queue and takes
    Action("stop_job", ("Del",), "list"),
    Action("move_up", ("Alt+Up",), "list"),
    Action("move_down", ("Alt+Down",), "list"),
    Action("row_menu", ("Menu",), "list"),
    Action("place", ("Return", "Enter"), "list"),
    Action("star", ("S",), "list"),
    # texts
    Action("prompt_older", ("Alt+Up",), "prompt"),
    Action("prompt_newer", ("Alt+Down",), "prompt"),
    Action("toggle_word", ("Alt+Space",), "prompt"),
)
ACTIONS: Final[Mapping[str, Action]] = {action.name: action for action in _TABLE}

_MODIFIERS: Final = ("Ctrl", "Alt", "Shift", "Meta")
_WORDS: Final = {
    **{m.casefold(): m for m in _MODIFIERS},
    "control": "Ctrl",
    "cmd": "Ctrl",
    "command": "Ctrl",
    "option": "Alt",
    "delete": "Del",
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDown",
    "insert": "Ins",
    **{
        name.casefold(): name
        for name in (
            *("Return", "Enter", "Space", "Tab", "Backtab", "Backspace", "Del", "Ins", "Esc"),
            *("Home", "End", "PgUp", "PgDown", "Left", "Right", "Up", "Down", "Menu", "Pause"),
            *(f"F{i}" for i in range(1, 25)),
        )
    },
}
# Keys that move the focus, leave, or type; nothing may take them.
_RESERVED: Final = frozenset({"Tab", "Shift+Tab", "Backtab", "Shift+Backtab", "Esc"})
_TYPED_WORDS: Final = frozenset({"Space", "Return", "Enter", "Backspace", "Del"})
_MOVES_CARET: Final = frozenset({"Left", "Right", "Up", "Down", "Home", "End", "PgUp", "PgDown"})


class ShortcutError(ValueError):
    """A shortcut that cannot be used; `reason` is a locale key ``check.key.<reason>``."""

    def __init__(self, reason: Literal["unknown", "reserved", "types"], key: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.reason = reason
        self.key = key


@dataclass(frozen=True)
class Conflict:
    """Two actions that one key would start."""

    key: str
    first: str
    second: str


def normal(key: str) -> str:
    """Return a key in one spelling: ``ctrl + shift+s`` is ``Ctrl+Shift+S``.

    Raises
    ------
    ShortcutError
        Reason ``unknown``: not a key with modifiers.
    """
    text = key.strip()
    base = "+" if text == "+" or text.endswith(("++", "+ +")) else text.rpartition("+")[2].strip()
    rest = text[: len(text) - len(base)].rstrip() if base != "+" else text[:-1].rstrip()
    names = [part.strip() for part in rest.split("+") if part.strip()]
    modifiers = {_WORDS.get(name.casefold(), "") for name in names}
    last = _WORDS.get(base.casefold(), base.upper() if len(base) == 1 else "")
    if not modifiers <= set(_MODIFIERS) or not last or last in _MODIFIERS or last.isspace():
        raise ShortcutError("unknown", key)
    return "+".join([*(m for m in _MODIFIERS if m in modifiers), last])


class Keymap:
    """Which keys do what.

    Attributes
    ----------
    overrides : Observable of dict of str to tuple of str
        Only what the person changed; an empty tuple takes an action's keys away.
    """

    def __init__(self, overrides: Mapping[str, Iterable[str]] | None = None) -> None:
        self.overrides: Observable[dict[str, tuple[str, ...]]] = Observable({})
        if overrides:
            self.overrides.set(self._usable(overrides))

    def keys(self, action: str) -> tuple[str, ...]:
        """Return the keys of an action now."""
        own = self.overrides.value.get(action)
        return ACTIONS[action].keys if own is None else own

    def set(self, action: str, keys: Iterable[str]) -> tuple[Conflict, ...]:
        """Give an action its keys and return the conflicts that it has now.

        Raises
        ------
        ShortcutError
            A key that does not exist, that moves the focus, or that would be typed.
        """
        chosen = tuple(dict.fromkeys(self._checked(action, key) for key in keys))
        own = {**self.overrides.value, action: chosen}
        if chosen == ACTIONS[action].keys:
            del own[action]
        self.overrides.set(own)
        return tuple(c for c in self.conflicts() if action in (c.first, c.second))

    def reset(self, action: str | None = None) -> None:
        """Go back to the default of one action or of all."""
        own = dict(self.overrides.value)
        if action is None:
            own = {}
        else:
            own.pop(action, None)
        self.overrides.set(own)

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return every pair of actions that one key would start in one place."""
        found = []
        actions = tuple(ACTIONS.values())
        for i, first in enumerate(actions):
            for second in actions[i + 1 :]:
                if _meet(first.scope, second.scope):
                    shared = set(self.keys(first.name)) & set(self.keys(second.name))
                    found += [Conflict(key, first.name, second.name) for key in sorted(shared)]
        return tuple(found)

    def action_of(self, key: str, scope: Scope) -> str | None:
        """Return the action of a key where the focus is, None if it has none."""
        key = normal(key)
        for action in ACTIONS.values():
            if action.scope in (scope, "window") and key in self.keys(action.name):
                return action.name
        return None

    def to_dict(self) -> dict[str, list[str]]:
        """Return the changes for the settings file."""
        return {name: list(keys) for name, keys in sorted(self.overrides.value.items())}

    def _usable(self, overrides: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
        own: dict[str, tuple[str, ...]] = {}
        for name, keys in overrides.items():
            if name not in ACTIONS:
                continue
            try:
                chosen = tuple(dict.fromkeys(self._checked(name, key) for key in keys))
            except ShortcutError:
                continue
            if chosen != ACTIONS[name].keys:
                own[name] = chosen
        return own

    def _checked(self, action: str, key: str) -> str:
        key = normal(key)
        if key in _RESERVED:
            raise ShortcutError("reserved", key)
        modifiers, _, last = key.rpartition("+") if not key.endswith("+") else ("", "", key)
        plain = modifiers in ("", "Shift")
        types = len(last) == 1 or last in _TYPED_WORDS or last in _MOVES_CARET
        if ACTIONS[action].scope in ("window", "prompt") and plain and types:
            raise ShortcutError("types", key)
        return key


def _meet(first: Scope, second: Scope) -> bool:
    return first == second or "window" in (first, second)
