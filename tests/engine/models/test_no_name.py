"""No name is no model, wherever a person may leave it out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flowanchor_engine.cli.app import app
from flowanchor_engine.errors import FlowAnchorError, ModelIncompleteError, ModelMissingError
from flowanchor_engine.models import importing, registry, remove, verify


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder, seen from inside a folder that is a whole model."""
    root = tmp_path / "models"
    root.mkdir()
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(root))
    demo = registry.folder("demo")
    monkeypatch.chdir(demo)
    return root


@pytest.mark.parametrize("name", ["", " "])
def test_it_is_answered_like_an_unknown_name(inside: Path, name: str) -> None:
    for ask in (registry.spec, registry.entry, registry.folder, verify.verify):
        with pytest.raises(ModelMissingError, match="There is no model called") as caught:
            ask(name)
        assert "wan2.1-1.3b" in caught.value.user_message
    with pytest.raises(FlowAnchorError):
        remove.remove(name)
    with pytest.raises(FlowAnchorError):
        importing.import_folder(os.curdir, name=name)
    assert list(inside.iterdir()) == []


def test_the_command_says_it_in_a_sentence(inside: Path) -> None:
    for command in (["verify", ""], ["get", ""], ["remove", "-y", ""]):
        done = CliRunner().invoke(app, ["models", *command])
        assert isinstance(done.exception, FlowAnchorError)
        assert done.exception.user_message.startswith(("There is no model called “”", "“” cannot"))


def test_the_present_folder_is_a_name_and_is_called_by_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "holiday"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with pytest.raises(ModelIncompleteError, match="The model holiday is incomplete"):
        verify.verify(os.curdir)
