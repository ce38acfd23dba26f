"""Shortcuts: one spelling, no conflicts by default, changes with a warning."""

from __future__ import annotations

import pytest

from plugin.state.keys import ACTIONS, Conflict, Keymap, ShortcutError, normal


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("ctrl + shift+s", "Ctrl+Shift+S"),
        ("Shift+Ctrl+Return", "Ctrl+Shift+Return"),
        ("cmd+,", "Ctrl+,"),
        ("delete", "Del"),
        ("+", "+"),
        ("Ctrl++", "Ctrl++"),
        ("f12", "F12"),
        ("alt+up", "Alt+Up"),
        ("ä", "Ä"),
    ],
)
def test_one_spelling(typed: str, key: str) -> None:
    assert normal(typed) == key
    assert normal(key) == key


@pytest.mark.parametrize("typed", ["", "Ctrl+", "Hyper+A", "Ctrl+Shift", "F99", "Escap", " "])
def test_what_is_no_key(typed: str) -> None:
    with pytest.raises(ShortcutError) as caught:
        normal(typed)
    assert caught.value.reason == "unknown"


def test_defaults_are_normal_and_do_not_meet() -> None:
    for action in ACTIONS.values():
        assert tuple(normal(key) for key in action.keys) == action.keys
    assert Keymap().conflicts() == ()


def test_single_letters_act_only_in_viewer_and_lists() -> None:
    for action in ACTIONS.values():
        if any(len(key) == 1 for key in action.keys):
            assert action.scope in ("viewer", "list")
    keys = Keymap()
    for key in ("S", "Shift+S", "Space", "Left", "Return"):
        with pytest.raises(ShortcutError) as caught:
            keys.set("make_edit", [key])
        assert caught.value.reason == "types"
    with pytest.raises(ShortcutError) as caught:
        keys.set("view_wipe", ["Tab"])
    assert caught.value.reason == "reserved"
    assert keys.overrides.value == {}
    keys.set("make_edit", ["F5"])
    assert keys.keys("make_edit") == ("F5",)


def test_the_same_key_may_serve_two_places() -> None:
    keys = Keymap()
    assert keys.action_of("Alt+Up", "list") == "move_up"
    assert keys.action_of("Alt+Up", "prompt") == "prompt_older"
    assert keys.action_of("Alt+Up", "viewer") is None
    assert keys.action_of("ctrl+o", "viewer") == "open_clip"
    assert keys.action_of("D", "viewer") == "view_difference"


def test_a_conflict_is_told_where_it_is_one() -> None:
    keys = Keymap()
    assert keys.set("star", ["J"]) == ()
    assert keys.set("star", ["Ctrl+O"]) == (Conflict("Ctrl+O", "open_clip", "star"),)
    assert keys.set("star", ["Return"]) == (Conflict("Return", "place", "star"),)
    keys.reset("star")
    assert keys.conflicts() == ()


def test_changes_come_back_from_settings_and_typos_do_not() -> None:
    keys = Keymap()
    keys.set("star", ["x", "Ctrl+Shift+X", "X"])
    keys.set("dice", [])
    assert keys.to_dict() == {"dice": [], "star": ["X", "Ctrl+Shift+X"]}
    again = Keymap({**keys.to_dict(), "gone": ["A"], "place": ["Nonsense"], "test": ["T"]})
    assert again.overrides.value == keys.overrides.value
    again.set("star", ["S"])
    assert again.to_dict() == {"dice": []}
    again.reset()
    assert again.overrides.value == {}
