"""`flowanchor models` as a person types it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flowanchor_engine import models
from flowanchor_engine.cli.app import app
from flowanchor_engine.errors import FlowAnchorError, NetError
from flowanchor_engine.models import ModelEntry
from tests.engine.models.conftest import SMALL, needed_bytes
from tests.engine.models.fake_hub import FakeHub


def run(*words: str, answer: str | None = None) -> str:
    done = CliRunner().invoke(app, ["models", *words], input=answer, catch_exceptions=True)
    if isinstance(done.exception, FlowAnchorError):
        raise done.exception
    assert not isinstance(done.exception, Exception), done.exception
    return " ".join(done.output.split())


def state() -> dict[str, str]:
    return {row["id"]: row["here"] for row in json.loads(run("list", "--json"))}


def test_a_model_comes_is_checked_and_goes(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    assert state()[SMALL] == "no"
    assert state()["demo"] == "yes"
    plan = run("get", SMALL, "--dry-run")
    assert f"{needed_bytes(source):,} bytes of {small.repository}" in plan
    assert "README" not in plan
    assert server.asked == []
    assert "✓ Wan2.1 T2V 1.3B" in run("get", SMALL)
    assert state()[SMALL] == "yes"
    assert "checksums agree" in run("verify", SMALL)
    assert "headers are in order" in run("verify", SMALL, "--quick")
    (models.folder(SMALL) / "vae" / "config.json").unlink()
    assert state()[SMALL] == "unfinished"
    run("remove", SMALL, answer="n\n")
    assert (root / SMALL).is_dir()
    assert "removed" in run("remove", SMALL, answer="y\n")
    assert state()[SMALL] == "no"


def test_files_at_hand_are_imported_under_a_name(
    server: FakeHub, root: Path, source: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(source, own)
    run("import", str(own), "--as", "fine-tune", "--copy")
    assert state()["fine-tune"] == "yes"
    assert "fine-tune" in run()
    assert not (root / "fine-tune" / "model_index.json").is_symlink()
    run("remove", "fine-tune", "--yes")
    assert "fine-tune" not in state()
    assert not server.asked


def test_what_a_person_is_told_when_it_fails(
    server: FakeHub, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FlowAnchorError, match=r"Did you mean “wan2\.1-1\.3b”"):
        run("get", "wan2.1-1.3")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NetError, match="offline mode"):
        run("get", SMALL)


def test_sentences_are_plain(server: FakeHub, root: Path, small: ModelEntry) -> None:
    """No address, no class name, no status code without words."""
    server.faults.statuses = [401]
    with pytest.raises(NetError) as caught:
        run("get", SMALL)
    assert not re.search(r"http|Error|Exception|\b401\b", caught.value.user_message)
    assert "401" in caught.value.detail
