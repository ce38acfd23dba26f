"""Lists of the installation that somebody edited, lost or wrote with a newer installer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer.journal import Journal
from tests.installer.little import Desk, failed, installed


def manifest_of(desk: Desk) -> Path:
    return desk.folder / "installation.json"


def test_a_lost_manifest_loses_nothing_of_the_persons(desk: Desk, checkout: Path) -> None:
    desk.agent.parent.mkdir(parents=True)
    desk.agent.write_text("-- mine")
    installed(desk, checkout)
    manifest_of(desk).unlink()
    before = desk.everything()
    assert "is gone" in failed(desk.run(checkout, "uninstall", "--yes"))
    assert desk.everything() == before
    assert desk.findings(checkout)["Installation"] == "bad"
    done = desk.run(checkout, "repair")
    assert done.returncode == 0, done.stderr
    assert "of your own was there" not in done.stdout  # our own files are known as ours
    assert "bad" not in desk.findings(checkout).values()
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    # No list tells any more where it lay: it stays, and the person is told.
    (kept,) = (path for path in desk.home.rglob("*") if path.is_file())
    assert kept.read_text() == "-- mine"
    assert f"left in place, not ours: {kept}" in done.stdout


def changed(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def edit(raw: bytes) -> bytes:
        data = json.loads(raw)
        change(data)
        return json.dumps(data).encode()

    return edit


def first_entry(data: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = next(iter(data["files"].values()))
    return entry


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda raw: raw[: len(raw) // 2],
    "no text": lambda raw: b"\xff\xfe" + raw,
    "empty": lambda raw: b"",
    "a list": lambda raw: b"[]",
    "a number for a folder": changed(lambda d: d["options"].update(models_folder=5)),
    "a number for folders": changed(lambda d: d["options"].update(resolve_folders=7)),
    "numbers in folders": changed(lambda d: d["options"].update(resolve_folders=[7])),
    "a word for a switch": changed(lambda d: d["options"].update(resolve="no")),
    "a path that leads out": changed(
        lambda d: first_entry(d).update(backups=[{"stored": "../../precious", "link": ""}])
    ),
    "a spare that leads out": changed(lambda d: d.update(spare=["../../precious"])),
    "a half path": changed(lambda d: d["files"].update({"precious": first_entry(d)})),
    "an empty backup": changed(lambda d: first_entry(d).update(backups=[{}])),
}


def test_a_manifest_edited_into_nonsense_deletes_nothing(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    good = manifest_of(desk).read_bytes()
    (desk.folder.parent.parent / "precious").write_text("x")
    for name, edit in EDITS.items():
        manifest_of(desk).write_bytes(edit(good))
        before = desk.everything()
        for command in (("uninstall", "--yes"), ("install",)):
            assert "is damaged" in failed(desk.run(checkout, *command)), name
        assert desk.findings(checkout)["Installation"] == "bad", name
        assert desk.everything() == before, name
    manifest_of(desk).write_bytes(good)
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0


def test_a_manifest_that_cannot_be_read_is_not_taken_for_absent(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    manifest_of(desk).unlink()
    manifest_of(desk).mkdir()
    before = desk.everything()
    for command in (("uninstall", "--yes"), ("install",)):
        assert "installation.json" in failed(desk.run(checkout, *command))
    assert desk.everything() == before


def test_a_list_of_files_that_leads_out_of_its_version_deletes_nothing_there(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    version = next((desk.folder / "versions").iterdir())
    near, far = desk.home / "near", desk.home / "far"
    for each in (near, far):
        each.write_text("x")
    with (version / "files.txt").open("a") as listed:
        listed.write(f"1\t{os.path.relpath(near, version)}\n1\t{far}\n")
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert near.exists()
    assert far.exists()
    assert not desk.folder.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"previous": "0.1.0-1"},
        {"version": "../..", "previous": "0.1.0-1"},
        {"version": "0.1.0-1", "done": 5},
        {"version": "0.1.0-1", "done": [5]},
        {"version": "0.1.0-1", "operation": "eat"},
        {"version": 7},
    ],
)
def test_a_journal_edited_into_nonsense_counts_as_none(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    Journal(tmp_path).begin("update", version="0.2.0-1", previous="0.1.0-1", fingerprint="x")
    data = json.loads((tmp_path / "journal.json").read_text())
    assert Journal(tmp_path).operation == "update"
    (tmp_path / "journal.json").write_text(json.dumps(data | {"version": ""} | more))
    assert Journal(tmp_path).operation == ""


@pytest.mark.slow
def test_a_damaged_manifest_deletes_nothing(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    manifest = desk.folder / "installation.json"
    manifest.write_text(manifest.read_text()[:50])
    before = desk.everything()
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert desk.everything() == before


@pytest.mark.slow
def test_a_manifest_of_a_newer_installer_is_left_alone(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    manifest = desk.folder / "installation.json"
    text = manifest.read_text().replace("flowanchor.Installation.1", "flowanchor.Installation.2")
    manifest.write_text(text)
    for command in (("install",), ("uninstall", "--yes")):
        done = desk.run(checkout, *command)
        assert done.returncode == 1
        assert "newer installer" in done.stderr
    assert manifest.read_text() == text
