"""The documents keep up with the product."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("install", "user-guide", "matte-guide", "troubleshooting", "architecture")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maker", ROOT / "docs" / "troubleshooting.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_code_has_advice_and_none_is_invented(maker: ModuleType) -> None:
    listed = [code for section in maker.ADVICE.values() for code in section]
    assert len(listed) == len(set(listed))
    assert maker.codes() - set(listed) == set()
    assert set(listed) - maker.codes() == set()


def test_the_troubleshooting_page_is_the_generated_one(maker: ModuleType) -> None:
    assert (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8") == maker.page(), (
        "run: python docs/troubleshooting.py"
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (ROOT / "docs" / target).exists(), target


def test_every_option_that_the_guide_names_exists() -> None:
    from installer.__main__ import _parser

    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    named = set(re.findall(r"--[a-z][a-z-]+", text))
    known: set[str] = set()
    for command in _parser()._subparsers._group_actions[0].choices.values():  # type: ignore[union-attr]
        for action in command._actions:
            known |= set(action.option_strings)
    assert named <= known | {"--as", "--slow"}, named - known


def test_the_layers_in_the_architecture_page_are_the_checked_ones() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for folder in re.findall(r"^\| `([a-z_/]+)` \|", text, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder
    assert sys.version_info >= (3, 11)
