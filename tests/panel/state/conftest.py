"""What the panel's states keep themselves in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.services.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "panel.sqlite")
    yield made
    made.close()
