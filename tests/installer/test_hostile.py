"""Nothing of the person's is lost and nothing ends in a stack, whatever the computer is like:
lists that somebody edited, foreign files in our folders, terminals and locales of every kind."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer import console as consoles
from installer import wheels as carrying
from installer.console import Console, StepFailed
from installer.journal import Journal
from installer.locking import Lock
from installer.places import Places
from installer.versions import Installation
from tests.installer import little
from tests.installer.little import Desk


def installed(desk: Desk, checkout: Path, *more: str) -> subprocess.CompletedProcess[str]:
    done = desk.run(checkout, "install", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence of a failure: step, reason and way out, and no stack."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    step, _, way_out = done.stderr.strip().partition("\n")
    assert step.startswith(("✗ ", "? "))
    assert way_out.strip()
    return done.stderr


# The lists ----------------------------------------------------------------------------------


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


def test_only_versions_are_removed_as_versions(tmp_path: Path) -> None:
    film = tmp_path / "film.mov"
    film.write_text("x")
    there = Installation(tmp_path / "app")
    (there.home("0.1.0-1") / "env").mkdir(parents=True)
    (tmp_path / "app" / "notes").mkdir()
    for name in ("", "..", "../..", "../notes", "."):
        there.remove_version(name)
    assert film.exists()
    assert (tmp_path / "app" / "notes").exists()
    assert there.names() == ["0.1.0-1"]
    there.remove_version("0.1.0-1")
    assert there.names() == []


# Foreign files in our folders ---------------------------------------------------------------


def test_a_folder_of_ones_own_among_the_versions_is_never_removed(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    mine = desk.folder / "versions" / "take-1" / "film.mov"
    mine.parent.mkdir()
    mine.write_bytes(bytes(12_000_001))
    gone = desk.folder / ".gone-fishing.txt"
    gone.write_text("x")
    installed(desk, checkout)
    assert mine.exists()
    assert "film.mov (12.0 MB)" in failed(desk.run(checkout, "uninstall", "--yes"))
    mine.write_bytes(b"x")
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert {p for p in desk.folder.rglob("*") if p.is_file()} == {mine, gone}
    assert str(mine) in done.stdout


def test_a_version_moved_to_another_disk_is_removed_there_and_nothing_else(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    version, away = next((desk.folder / "versions").iterdir()), desk.place / "other disk"
    shutil.move(version, away)
    version.symlink_to(away)
    assert "bad" not in desk.findings(checkout).values()
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert not desk.folder.exists()
    assert list(away.iterdir()) == []


def test_a_link_in_the_way_of_a_deletion_costs_what_it_leads_to_nothing(
    desk: Desk, checkout: Path
) -> None:
    films = desk.home / "films"
    films.mkdir()
    (films / "film.mov").write_text("x")
    installed(desk, checkout)
    gone = desk.folder / "versions" / ".gone-0.0.1-1-7"
    gone.symlink_to(films)
    installed(desk, checkout)
    assert not any(path.is_symlink() for path in gone.parent.iterdir())
    assert (films / "film.mov").exists()


@pytest.mark.slow
def test_a_file_that_is_given_back_has_its_rights_and_times(desk: Desk, checkout: Path) -> None:
    desk.agent.parent.mkdir(parents=True)
    desk.agent.write_text("-- mine")
    desk.agent.chmod(0o750)
    os.utime(desk.agent, (1_000_000_000, 1_000_000_000))
    installed(desk, checkout)
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    facts = desk.agent.stat()
    assert (facts.st_mode & 0o777, facts.st_mtime) == (0o750, 1_000_000_000)


# The surroundings ---------------------------------------------------------------------------


def test_a_locale_of_another_encoding_harms_no_path(wheels: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "Büro 日本", wheels)
    desk.more = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    copy = little.write_checkout(tmp_path / "copy", wheels)
    installed(desk, copy)
    assert f"[==[{desk.folder}/bin/flowanchor-panel]==]" in desk.agent.read_text(encoding="utf-8")
    assert desk.version() == "0.1.0"
    assert desk.run(copy, "uninstall", "--yes").returncode == 0
    assert not desk.folder.exists()
    desk.more["PYTHONIOENCODING"] = "ascii"  # a terminal without a tick
    assert "? Resolve: DaVinci Resolve Studio" in desk.run(copy, "check").stdout


@pytest.mark.parametrize("name", [b"/b\xfcro", b"/two\nlines", b"/bell\x07"])
def test_a_path_that_is_no_text_is_refused(desk: Desk, checkout: Path, name: bytes) -> None:
    folder = os.fsdecode(os.fsencode(desk.home) + name)
    told = failed(desk.run(checkout, "install", "--folder", folder))
    assert "holds characters that are no text" in told
    assert not Path(folder).exists()


def test_without_a_home_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(StepFailed) as caught:
        _ = Places("linux", {}).folder
    assert "Set HOME" in caught.value.way_out


@pytest.mark.parametrize("command", ["check", "install", "uninstall", "doctor"])
def test_a_half_path_in_the_environment_is_refused(
    desk: Desk, checkout: Path, command: str
) -> None:
    desk.more = {"XDG_DATA_HOME": "share"}
    assert "no whole path" in failed(desk.run(checkout, command))
    assert not (checkout / "share").exists()


@pytest.mark.parametrize("command", ["uninstall", "install"])
def test_a_folder_that_cannot_be_locked_is_said(desk: Desk, checkout: Path, command: str) -> None:
    (desk.folder / ".installer-lock").mkdir(parents=True)
    assert ".installer-lock: a folder is there" in failed(desk.run(checkout, command))


def test_a_copy_that_cannot_be_written_is_said(desk: Desk, wheels: Path, tmp_path: Path) -> None:
    copy = little.write_checkout(tmp_path / "copy", wheels)
    (copy / ".build").write_text("")
    assert ".build" in failed(desk.run(copy, "setup"))


@pytest.mark.parametrize("end", ["> /dev/full", ">&-", "| true"])
def test_an_output_that_nobody_takes_ends_nothing(desk: Desk, checkout: Path, end: str) -> None:
    line = f"set -o pipefail; {sys.executable} -m installer check {end}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=checkout, env=desk.env(), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_an_installation_goes_on_when_its_reader_has_gone(desk: Desk, checkout: Path) -> None:
    command = " ".join(f"'{each}'" for each in desk.command(checkout, "install"))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} 2>&1 | head -1"], cwd=checkout, env=desk.env(),
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert desk.version() == "0.1.0"


def on_terminal(desk: Desk, checkout: Path, typed: bytes, *arguments: str) -> tuple[int, bytes]:
    """Run the installer on a terminal without any letter but ASCII, and type."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        desk.command(checkout, *arguments), cwd=checkout, stdin=theirs, stdout=theirs,
        stderr=theirs, start_new_session=True,
        env={**desk.env(), "PYTHONIOENCODING": "ascii", "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed)
    shown, deadline = b"", time.monotonic() + 240
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.2)[0]:
                if child.poll() is not None:
                    break
                continue
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        return child.wait(timeout=60), shown
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def test_a_terminal_without_our_letters_shows_progress_and_asks(
    wheels: Path, tmp_path: Path, checkout: Path
) -> None:
    desk = Desk(tmp_path / "Büro", wheels)
    status, shown = on_terminal(desk, checkout, b"", "install")
    assert status == 0, shown
    assert b"? Wiring test" in shown
    # Ctrl+D is no answer, and no answer is no consent.
    status, shown = on_terminal(desk, checkout, b"\x04", "uninstall")
    assert (status, desk.version()) == (130, "0.1.0"), shown
    status, shown = on_terminal(desk, checkout, b"no\n", "uninstall")
    assert (status, desk.version()) == (1, "0.1.0"), shown
    status, shown = on_terminal(desk, checkout, b"yes\n", "uninstall")
    assert status == 0, shown
    assert not desk.folder.exists()


# Time goes by -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_python_that_was_taken_away_is_told_and_mended(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    python = next((desk.folder / "versions").iterdir()) / "env" / "bin" / "python"
    stood_on = os.readlink(python)
    python.unlink()
    python.symlink_to(stood_on[:-1] + "?")  # of the same size: no list of files tells
    assert desk.version() == ""
    assert desk.findings(checkout)["Engine"] == "bad"
    done = desk.run(checkout, "repair")
    assert done.returncode == 0, done.stderr
    assert "does not start any more" in done.stdout
    assert desk.version() == "0.1.0"
    assert "bad" not in desk.findings(checkout).values()


def test_an_installer_at_work_is_no_interrupted_one(tmp_path: Path) -> None:
    from installer.check import Machine
    from installer.doctor import examine

    folder = tmp_path / "app"
    machine = Machine("Linux", "x86_64", "3.12", free_gb=99, memory_gb=32, glibc=(2, 36))

    def told() -> tuple[str, str]:
        found = examine(
            folder, machine=machine, places=Places("linux", {"HOME": str(tmp_path)}),
            console=Console(log=tmp_path / "log"),
        )  # fmt: skip
        (row,) = (each for each in found if each.subject == "Installation")
        return row.level, row.text

    with Lock(folder):
        Journal(folder).begin("install", version="0.1.0-1", previous="", fingerprint="x")
        assert told() == ("warn", f"an installer is at work (process {os.getpid()})")
    assert told() == ("bad", "an interrupted install")


# What is carried and what is fetched --------------------------------------------------------


@pytest.mark.parametrize("option", ["--wheels", "--import-models"])
def test_a_folder_that_is_not_there_is_said_before_anything_is_made(
    desk: Desk, checkout: Path, option: str
) -> None:
    desk.wheels = desk.place / "nothing" if option == "--wheels" else desk.wheels
    more = () if option == "--wheels" else (option, str(desk.place / "nothing"))
    assert "nothing is no folder" in failed(desk.run(checkout, "install", *more))
    assert not desk.folder.exists()


def test_carried_wheels_count_as_what_they_unpack_to(tmp_path: Path) -> None:
    little.write_wheel(tmp_path, "big", "1.0", {"big.bin": bytes(1_000_000)})
    (tmp_path / "torn-1.0-py3-none-any.whl").write_bytes(b"PK")
    assert 1_000_000 < carrying.unpacked_bytes(tmp_path) < 1_002_000


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            "error: Request failed after 3 retries in 9.8s\n"
            "  cause: Failed to fetch: https://mirror.example/simple/torch/\n"
            "  cause: tcp connect error\n"
            "  cause: Connection refused (os error 111)",
            "Failed to fetch: https://mirror.example/simple/torch/: "
            "Connection refused (os error 111)",
        ),
        (
            "error: Failed to read `--find-links` directory: /media/usb\n"
            "  cause: No such file or directory (os error 2)",
            "Failed to read `--find-links` directory: /media/usb: "
            "No such file or directory (os error 2)",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot "
            "connect to proxy.', NewConnectionError('<x object at 0x7f>: Failed to establish a "
            "new connection: [Errno 111] Connection refused'))': /simple/torch/\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "Cannot connect to proxy. Connection refused",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by "
            "'NewConnectionError('<x object at 0x7f>: Failed to establish a new connection: "
            "[Errno -3] Temporary failure in name resolution')': /simple/torch/\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "Temporary failure in name resolution",
        ),
        (
            "ERROR: No matching distribution found for torch==2.13.0",
            "ERROR: No matching distribution found for torch==2.13.0",
        ),
    ],
)
def test_the_reason_of_a_failed_download_is_the_networks(
    tmp_path: Path, told: str, reason: str
) -> None:
    console = Console(log=tmp_path / "log")
    command = [sys.executable, "-c", f"print({told!r}); raise SystemExit(1)"]
    with pytest.raises(StepFailed) as caught:
        console.run("Install", command, cwd=tmp_path, env=os.environ, way_out="Try again.")
    assert caught.value.reason.endswith(reason)


@pytest.mark.parametrize(
    "told",
    [
        "error: Failed to extract archive\n  cause: No space left on device (os error 28)",
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "error: failed to write\n  cause: There is not enough space on the disk. (os error 112)",
    ],
)
def test_a_child_that_finds_the_disk_full_asks_for_room(tmp_path: Path, told: str) -> None:
    command = [sys.executable, "-c", f"print({told!r}); raise SystemExit(1)"]
    with pytest.raises(StepFailed) as caught:
        Console(log=tmp_path / "log").run(
            "Install", command, cwd=tmp_path, env=os.environ, way_out="Check the connection."
        )
    assert "Free some space" in caught.value.way_out


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_dead_proxy_is_named_as_the_reason(desk: Desk, checkout: Path, tool: str) -> None:
    desk.tool = tool
    desk.more = {
        "HTTPS_PROXY": "http://127.0.0.1:9", "PIP_INDEX_URL": "https://packages.invalid/simple",
        "UV_HTTP_RETRIES": "0", "PIP_RETRIES": "1",
    }  # fmt: skip
    command = desk.command(checkout, "install")
    at = command.index("--offline")
    del command[at : at + 3]
    done = subprocess.run(
        command, cwd=checkout, env=desk.env(), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    told = failed(done)
    assert "Connection refused" in told
    assert "Check the connection or proxy" in told
    assert desk.version() == ""


def test_a_silent_child_is_told_to_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(consoles, "_QUIET_S", 0.5)
    monkeypatch.setattr(consoles, "_TICK_S", 0.1)
    console = Console(log=tmp_path / "log")
    command = [sys.executable, "-c", "import time; time.sleep(3); print('done')"]
    console.run("Fetch", command, cwd=tmp_path, env=os.environ, way_out="Try again.")
    assert "  … Fetch (" in capsys.readouterr().out
    assert "done" in (tmp_path / "log").read_text()
    assert console.attach(command, cwd=tmp_path, env=os.environ) == 0
    assert f"see {tmp_path / 'log'}" in capsys.readouterr().out


def test_the_log_of_an_earlier_run_is_not_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("old")
    consoles.Console(log=tmp_path / "log").fail(StepFailed("Begin", "no", "Do it."))
    assert "Full log" not in capsys.readouterr().err
