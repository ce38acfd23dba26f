"""A card that a file describes, read by a real engine process."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

GB = 1 << 30

# Loaded by every Python process that has its folder on PYTHONPATH.
SITE = """
import json, pathlib
from flowanchor_engine import nvml, room

FILE = pathlib.Path(__file__).with_name("card.json")

def read():
    return json.loads(FILE.read_text())

def look():
    from flowanchor_engine.wan.plan import Budget
    seen = read()
    return (
        room.Card(seen["total"], seen["free"]),
        Budget("cuda", seen["total"], seen["free"], 64 << 30),
    )

def users():
    return tuple(nvml.User(pid, used) for pid, used in read()["users"])

room.look, nvml.users, nvml.free_bytes = look, users, lambda: read()["free"]
"""


@dataclass(frozen=True)
class Told:
    """The card's file."""

    folder: Path
    total: int = 8 * GB

    @property
    def path(self) -> str:
        """PYTHONPATH of a process that reads this card."""
        return os.pathsep.join((str(self.folder), str(Path(__file__).resolve().parents[3])))

    def say(self, free: int, *users: tuple[int, int | None]) -> None:
        """Let the card have so much free from now on."""
        told = {"total": self.total, "free": free, "users": users}
        part = self.folder / "card.tmp"
        part.write_text(json.dumps(told))
        part.replace(self.folder / "card.json")


@pytest.fixture
def card(tmp_path: Path) -> Told:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    return Told(folder)
