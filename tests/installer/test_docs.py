"""The documents keep up with the product."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(
    page.relative_to(ROOT).as_posix() for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"))
)
# Menus and settings of Resolve, and words of pictures, that the guides name in italics too.
ELSEWHERE = {
    "workspace", "scripts", "script", "flowanchor", "preferences", "system", "general",
    "external scripting using", "local", "show individual frames", "green", "purple", "italics",
}  # fmt: skip


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


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target for target in found if "://" not in target]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for target in links(here):
        name, _, anchor = target.partition("#")
        there = (here.parent / name).resolve() if name else here
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_picture_is_shown_somewhere() -> None:
    shown = {
        ((ROOT / page).parent / target).resolve() for page in PAGES for target in links(ROOT / page)
    }
    pictures = {*ROOT.glob("docs/*/*.png"), *ROOT.glob("docs/*/*.jpg")}
    assert pictures - shown == set()


def test_the_words_of_the_panel_are_the_panels() -> None:
    texts: dict[str, str] = {}
    for file in (ROOT / "plugin" / "locale" / "en").glob("*.json"):
        texts |= json.loads(file.read_text(encoding="utf-8"))
    spoken = {str(text).lower().rstrip(".…") for text in texts.values()} | ELSEWHERE
    for page in ("docs/user-guide.md", "docs/matte-guide.md", "docs/settings.md"):
        text = (ROOT / page).read_text(encoding="utf-8").replace("**", "")
        for named in re.findall(r"(?<![*\w])\*([A-Z][^*]*?)\*", text):
            for word in re.split(r"\s*>\s*", named.replace("\n", " ")):
                assert word.lower().rstrip(".…") in spoken, (page, named)


def test_the_architecture_page_names_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package in ("flowanchor_engine", "resolve_bridge", "plugin"):
        for marker in ROOT.glob(f"{package}/*/__init__.py"):
            name = marker.parent.relative_to(ROOT).as_posix()
            assert f"`{name}`" in text, name


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
