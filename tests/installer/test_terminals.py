"""Terminals, locales and readers of every kind: the installer works and tells what it does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer import console as consoles
from installer.console import Console, StepFailed
from tests.installer import little
from tests.installer.little import Desk, installed


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


def on_terminal(
    desk: Desk, checkout: Path, typed: bytes, *arguments: str, asking: bool = False
) -> tuple[int, bytes]:
    """Run the installer on a terminal without any letter but ASCII, and type."""
    ours, theirs = pty.openpty()
    command = desk.command(checkout, *arguments)
    child = subprocess.Popen(
        [each for each in command if not (asking and each == "--yes")], cwd=checkout,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**desk.env(), "PYTHONIOENCODING": "ascii", "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed)
    shown, deadline = b"", time.monotonic() + 240
    try:
        while time.monotonic() < deadline:
            ended = child.poll() is not None  # asked first: its last words come before its end
            if not select.select([ours], [], [], 0.2)[0]:
                if ended:
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


@pytest.mark.slow
def test_going_back_to_an_older_version_is_asked(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    new = little.write_checkout(tmp_path / "new", wheels, version="0.2.0")
    installed(desk, new)
    before = desk.everything()
    status, shown = on_terminal(desk, checkout, b"no\n", "update", asking=True)
    assert status == 1, shown
    assert b"FlowAnchor 0.2.0 stays as it is" in shown
    assert desk.everything() == before
    status, shown = on_terminal(desk, checkout, b"yes\n", "update", asking=True)
    assert (status, desk.version()) == (0, "0.1.0"), shown


def test_a_silent_child_is_told_to_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(consoles, "_QUIET_S", 0.5)
    monkeypatch.setattr(consoles, "_TICK_S", 0.1)
    heard = tmp_path / "heard"

    class Reader(Console):
        """Takes note when something is said while a child works."""

        def say(self, text: str) -> None:
            super().say(text)
            if "…" in text:
                heard.touch()

    console = Reader(log=tmp_path / "log")
    silent = (  # says nothing before the person has been told that it lives
        "import pathlib, sys, time\n"
        "end, heard = time.monotonic() + 120, pathlib.Path(sys.argv[1])\n"
        "while not heard.exists() and time.monotonic() < end: time.sleep(0.05)\n"
        "print('done')\n"
    )
    command = [sys.executable, "-c", silent, str(heard)]
    console.run("Fetch", command, cwd=tmp_path, env=os.environ, way_out="Try again.")
    assert "  … Fetch (" in capsys.readouterr().out
    assert "done" in (tmp_path / "log").read_text()
    heard.unlink()
    assert console.attach(command, cwd=tmp_path, env=os.environ) == 0
    assert f"see {tmp_path / 'log'}" in capsys.readouterr().out


def test_the_log_of_an_earlier_run_is_not_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("old")
    consoles.Console(log=tmp_path / "log").fail(StepFailed("Begin", "no", "Do it."))
    assert "Full log" not in capsys.readouterr().err
