"""Every code has a sentence and working buttons, every hint is a known action with a label."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import flowanchor_engine
from flowanchor_engine import errors as engine_errors
from plugin.locale import load
from plugin.state import errors as panel_errors
from plugin.state.checks import _BUTTONS as CHECK_BUTTONS
from plugin.state.empty import _HOST
from plugin.state.errors import ACTIONS_OFFERED, BUTTONS, buttons_of, message_of
from plugin.state.keys import ACTIONS
from plugin.state.messages import MOST_BUTTONS
from resolve_bridge.errors import catalogue as bridge_errors

ROOT = Path(flowanchor_engine.__file__).parents[1]
LANGUAGES = ("en", "de")
# Errors of the panel's supervision and of the engine's worker, which its catalogue learns late.
BESIDES = {
    *("engine_died", "version", "place_unconfirmed", "net", "disk", "vram_busy", "driver"),
    *("engine_start", "engine_silent", "engine_busy", "engine_missing", "protocol"),
}


FARM = "flowanchor_engine.farm"  # a command of its own: nothing of it is ever said to the panel


def sources() -> list[Path]:
    folders = ("flowanchor_engine", "resolve_bridge", "plugin/services", "plugin/state")
    every = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [path for path in every if not path.is_relative_to(ROOT / FARM.replace(".", "/"))]


def hints_in(tree: ast.AST) -> set[str]:
    """Strings in ``hint=...``, ``ways_out = ...`` and constants called after hints."""
    values: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("hint", "ways_out"):
            values.append(node.value)
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        named = [t.id for t in targets if isinstance(t, ast.Name)]
        if any(
            name == "ways_out" or name.strip("_").upper() in ("HINT", "HINTS") for name in named
        ):
            value = getattr(node, "value", None)
            if isinstance(value, ast.expr):
                values.append(value)
    return {
        each.value
        for value in values
        for each in ast.walk(value)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def codes_in_sources() -> set[str]:
    """Every ``code = "..."`` of an error class, also where its module needs torch."""
    found: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.ClassDef) and node.name.endswith("Error")):
                continue
            for line in node.body:
                target = line.targets[0] if isinstance(line, ast.Assign) else None
                target = line.target if isinstance(line, ast.AnnAssign) else target
                value = getattr(line, "value", None)
                if (
                    isinstance(target, ast.Name)
                    and target.id == "code"
                    and isinstance(value, ast.Constant)
                    and isinstance(value.value, str)
                ):
                    found.add(value.value)
    return found


def test_every_code_has_buttons_and_sentences() -> None:
    importlib.import_module("flowanchor_engine.protocol")
    kinds = {**engine_errors.catalogue(), **bridge_errors.catalogue()}
    told = {code for code, kind in kinds.items() if not kind.__module__.startswith(FARM)}
    codes = {*told, *BESIDES, *codes_in_sources()}
    assert len(codes) > 70
    assert codes <= set(BUTTONS), codes - set(BUTTONS)
    for language in LANGUAGES:
        texts = load(language).texts
        for code in BUTTONS:
            assert texts.get(f"error.{code}"), (language, code)


def test_every_hint_in_the_sources_is_a_known_action_with_a_label() -> None:
    names: set[str] = set()
    for path in sources():
        names |= hints_in(ast.parse(path.read_text(encoding="utf-8")))
    assert len(names) > 60
    assert names <= ACTIONS_OFFERED, names - ACTIONS_OFFERED
    for language in LANGUAGES:
        texts = load(language).texts
        for name in names:
            assert texts.get(f"button.{name}"), (language, name)


def test_everything_offered_has_a_label_and_every_label_is_offered() -> None:
    offered = set(ACTIONS_OFFERED)
    offered |= {name for actions in CHECK_BUTTONS.values() for name in actions}
    offered |= {name for state in _HOST.values() for name in state.actions}
    for language in LANGUAGES:
        texts = load(language).texts
        ours = (ROOT / "plugin" / "locale" / language / "state.json").read_text(encoding="utf-8")
        labels = {key.removeprefix("button.") for key in texts if key.startswith("button.")}
        assert offered <= labels, offered - labels
        unused = {name for name in labels - offered if f'"button.{name}"' in ours}
        assert unused == set()
        assert {f"action.{name}" for name in ACTIONS} <= set(texts)


def test_both_languages_say_the_same_things() -> None:
    texts = [load(language).texts for language in LANGUAGES]
    prefixes = ("error.", "button.", "action.", "empty.", "check.")
    keys = [{key for key in each if key.startswith(prefixes)} for each in texts]
    assert keys[0] == keys[1]
    for key in keys[0]:
        if key.startswith(("button.", "action.")):
            assert all(len(each[key] or "") <= 25 for each in texts), key


@pytest.mark.parametrize("code", sorted(BUTTONS))
def test_at_most_two_buttons_and_at_least_one(code: str) -> None:
    buttons = buttons_of(code)
    assert 1 <= len(buttons) <= MOST_BUTTONS
    message = message_of(code, "Words with 11.8 GB.", (), "native")
    assert message.key == f"error.{code}"
    assert message.details.splitlines() == ["Words with 11.8 GB.", f"[{code}]", "native"]


def test_buttons_do_what_the_sentence_needs() -> None:
    names = {code: [b.action for b in buttons_of(code)] for code in BUTTONS}
    assert names["vram"] == ["save_memory", "set_range"]
    assert names["engine_died"] == ["copy_report", "skip_job"]
    assert names["disk"] == ["open_folder", "clear_takes"]
    assert names["host_changed"] == ["place_new_position", "keep_in_list"]
    assert not any("draft" in name for each in names.values() for name in each)


def test_hints_fill_in_where_the_table_cannot_act() -> None:
    able = {"copy_report", "wait"}
    buttons = buttons_of("vram", ["report", "disable_cache", "unheard_of"], handled=able)
    assert [b.action for b in buttons] == ["copy_report"]
    assert buttons_of("vram", handled=lambda name: False) == ()


def test_where_a_code_stands_for_many_cases_the_hint_comes_first() -> None:
    assert [b.action for b in buttons_of("request", ["choose_codec"])] == [
        "choose_codec",
        "copy_report",
    ]
    # In its own case the table is the law.
    assert [b.action for b in buttons_of("no_link", ["look_again"])] == ["show_me", "open_clip"]


def test_an_unknown_code_still_says_something() -> None:
    message = message_of("gremlins", "A gremlin sat down.", ["retry"], about="j1")
    assert (message.key, message.code) == ("error.internal", "gremlins")
    assert [(b.action, b.payload) for b in message.buttons] == [("try_again", "j1")]
    assert [b.action for b in buttons_of("gremlins")] == ["try_again", "copy_report"]


def test_the_panels_own_errors_carry_their_codes() -> None:
    kinds = [
        kind
        for _, kind in vars(panel_errors).items()
        if isinstance(kind, type) and issubclass(kind, panel_errors.PanelError)
    ]
    assert {kind.code for kind in kinds} <= set(BUTTONS)
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_models_of_the_panel_need_no_window() -> None:
    """Importing all of `plugin.state` in a fresh interpreter brings no Qt, cv2 or torch."""
    import subprocess
    import sys

    import plugin.state

    names = [f"plugin.state.{m.name}" for m in pkgutil.iter_modules(plugin.state.__path__)]
    code = (
        f"import sys, importlib\n[importlib.import_module(n) for n in {names!r}]\n"
        "print([m for m in ('PySide6', 'cv2', 'torch', 'av', 'numpy', 'diffusers', "
        "'resolve_bridge') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
