from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.panel.host.world import Ask, Reply, World, asker


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Return ``make_world(edition, version, **options)``; everything ends with the test."""
    made: list[World] = []

    def make(edition: str = "free", version: str = "20.3", **options: Any) -> World:
        world = World(tmp_path, edition, version, **options)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def ask(qtbot: Any) -> Ask:
    return asker(qtbot)


@pytest.fixture
def reply(qtbot: Any) -> Callable[[], Reply]:
    return lambda: Reply(qtbot)
