"""Two installers at once: one works, the other waits or is told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from installer.console import Console
from installer.journal import Journal
from installer.locking import Lock
from installer.places import Places
from tests.installer import little
from tests.installer.little import ROOT, Desk


def test_two_installers_at_once_the_second_is_told(
    desk: Desk, checkout: Path, tmp_path: Path
) -> None:
    # A uv that makes no environment before it may: the first cannot end while the second comes.
    go, slow = tmp_path / "go", tmp_path / "slow"
    slow.mkdir()
    (slow / "uv").write_text(
        f'#!/bin/sh\n[ "$1" = venv ] && while [ ! -e "{go}" ]; do sleep 0.1; done\n'
        f'exec "{little.uv_folder() / "uv"}" "$@"\n'
    )
    (slow / "uv").chmod(0o755)
    first = subprocess.Popen(
        desk.command(checkout, "install"), cwd=checkout,
        env={**desk.env(), "PATH": f"{slow}{os.pathsep}{desk.env()['PATH']}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        owner = desk.folder / ".installer-lock.owner"
        deadline = time.monotonic() + 120
        while not (owner.exists() and owner.read_text()):
            assert time.monotonic() < deadline
            assert first.poll() is None
            time.sleep(0.05)
        others = [desk.run(checkout, "install"), desk.run(checkout, "uninstall", "--yes")]
        go.touch()
        told, _ = first.communicate(timeout=240)
    finally:
        go.touch()
        first.kill()
        first.wait()
    assert first.returncode == 0, told
    for second in others:
        assert second.returncode == 1
        assert f"is at work in {desk.folder} (process {first.pid})" in second.stderr
    assert desk.version() == "0.1.0"


def test_an_orphan_of_a_killed_installer_is_waited_for(tmp_path: Path) -> None:
    child = (
        "import pathlib, sys, time\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "(place / 'begun').touch()\n"
        "while not (place / 'go').exists(): time.sleep(0.05)\n"
        "(place / 'ended').touch()\n"
    )
    program = (
        "import sys, pathlib\n"
        "from installer.console import Console\n"
        "from installer.locking import Lock\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "console = Console(place / 'log')\n"
        "with Lock(place) as lock:\n"
        "    console.kept_open = lock.handles\n"
        f"    console.run('x', [sys.executable, '-c', {child!r}, str(place)],"
        " cwd=place, env={}, way_out='')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) as parent:
        deadline = time.monotonic() + 120
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.kill()
    later = threading.Timer(0.5, (tmp_path / "go").touch)
    later.start()
    try:
        with Lock(tmp_path):
            assert (tmp_path / "ended").exists()
    finally:
        later.join()


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
