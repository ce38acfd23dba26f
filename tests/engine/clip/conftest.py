"""Films are written once per run and shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from tests.engine.clip.film import Film, write

Shoot = Callable[[Film], Path]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Shoot:
    """Return a function that writes a film (once) and gives its path."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[str, Path] = {}

    def give(film: Film) -> Path:
        if film.name not in made:
            made[film.name] = write(folder / film.name, film)
        return made[film.name]

    return give
