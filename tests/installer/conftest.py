from __future__ import annotations

from pathlib import Path

import pytest

from tests.installer import little


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little.write_wheels(tmp_path_factory.mktemp("little") / "wheels")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A checkout that nobody changes."""
    return little.write_checkout(tmp_path_factory.mktemp("checkout") / "flowanchor", wheels)


@pytest.fixture
def desk(tmp_path: Path, wheels: Path) -> little.Desk:
    return little.Desk(tmp_path / "desk", wheels)
