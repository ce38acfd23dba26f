"""What the installer sees of memory, Python and system libraries, and what it says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from installer import check, computer, libraries, memory
from installer.check import Machine
from installer.places import Places
from tests.installer.little import ROOT


def test_the_memory_that_is_free_is_told_apart_from_all_of_it() -> None:
    assert 0 < memory.available_bytes() <= memory.total_bytes()
    told = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               100.\n"
        "Pages active:                            9000.\n"
        "Pages inactive:                            20.\n"
        "Pages speculative:                          3.\n"
        '"Translation faults":                  123456.\n'
    )
    assert memory.from_vm_stat(told) == 123 * 16384
    assert memory.from_vm_stat("") == 0


@pytest.mark.parametrize(
    ("total", "spare", "level"),
    [(32, 20, "ok"), (32, 1, "warn"), (6, 4, "warn"), (3, 2, "bad"), (32, 0, "ok")],
)
def test_too_little_free_memory_is_told(
    tmp_path: Path, total: float, spare: float, level: str
) -> None:
    machine = Machine("Linux", "x86_64", "3.12", memory_gb=total, spare_gb=spare, glibc=(2, 36))
    places = Places("linux", {"HOME": str(tmp_path)})
    found = computer.computer(machine, places, folder=tmp_path, models=tmp_path, display=False)
    (row,) = (each for each in found if each.subject == "Memory")
    assert row.level == level
    assert bool(row.action) == (level != "ok")


@pytest.mark.parametrize(
    ("python", "level"), [("3.11.0", "ok"), ("3.13.9", "ok"), ("3.14.0", "warn"), ("4.0.0", "warn")]
)
def test_a_python_that_nobody_tried_is_told(tmp_path: Path, python: str, level: str) -> None:
    machine = Machine("Linux", "x86_64", python, memory_gb=32, glibc=(2, 36))
    places = Places("linux", {"HOME": str(tmp_path)})
    found = computer.computer(machine, places, folder=tmp_path, models=tmp_path, display=False)
    (row,) = (each for each in found if each.subject == "Python")
    assert row.level == level


def test_the_newest_python_is_the_one_that_the_package_names() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (\d+)\.(\d+)"', text)
    assert max((int(a), int(b)) for a, b in named) == check._NEWEST_TRIED


@pytest.mark.parametrize(
    ("manager", "text"),
    [
        ("apt-get", "sudo apt-get install -y libegl1 libxcb-cursor0"),
        ("dnf", "sudo dnf install -y mesa-libEGL xcb-util-cursor"),
        ("pacman", "sudo pacman -S --needed libglvnd xcb-util-cursor"),
    ],
)
def test_missing_libraries_are_named_with_one_command(manager: str, text: str) -> None:
    gone = {"libEGL.so.1", "libxcb-cursor.so.0"}
    found = libraries.missing(display=True, loads=lambda name: name not in gone, platform="linux")
    assert set(found) == gone
    assert libraries.command(found, manager=manager) == text
    without = libraries.missing(display=False, loads=lambda n: n not in gone, platform="linux")
    assert without == ("libEGL.so.1",)
    assert libraries.missing(display=True, loads=lambda _: False, platform="win32") == ()
