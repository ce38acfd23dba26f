"""What a killed process left of a result goes when the result is made again, and nothing else."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowanchor_engine.clip import atomic

HERE = hashlib.sha256(platform.node().encode()).hexdigest()[:6]


@pytest.fixture
def dead() -> int:
    """The number of a process that is over."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(timeout=60)
    return process.pid


@pytest.mark.parametrize("look", [atomic.foresee, atomic.check_room])
@pytest.mark.parametrize("name", ["take.mov", "take", "a.b", "shot [1] (final).mov"])
def test_leftovers_of_this_result_make_room(
    tmp_path: Path, dead: int, look: Callable[[Path, int], None], name: str
) -> None:
    target = tmp_path / name
    stays = [
        target,
        tmp_path / f".{target.stem}.partial-{HERE}-{os.getpid()}{target.suffix}",  # at work
        tmp_path / f".{target.stem}.partial-aaaaaa-{dead}{target.suffix}",  # of another computer
        tmp_path / f".another.partial-{HERE}-{dead}.mov",
        tmp_path / f".{target.stem}.partial-{HERE}-x{dead}{target.suffix}",
        tmp_path / f"{target.stem}.partial-{HERE}-{dead}{target.suffix}",  # not hidden: not ours
    ]
    for path in stays:
        path.write_bytes(b"whole")
    (tmp_path / f".{target.stem}.partial-{HERE}-{dead}{target.suffix}").write_bytes(b"half")
    look(target, 1)
    assert sorted(tmp_path.iterdir()) == sorted(stays)
    pictures = tmp_path / f".{target.name}.partial-{HERE}-{dead}"
    pictures.mkdir()
    (pictures / "0001.png").write_bytes(b"half")
    look(target, 1)
    assert sorted(tmp_path.iterdir()) == sorted(stays)


def test_a_link_is_deleted_not_followed(tmp_path: Path, dead: int) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"")
    (tmp_path / f".take.partial-{HERE}-{dead}").symlink_to(elsewhere)
    atomic.check_room(tmp_path / "take", 1)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["elsewhere", "kept"]
