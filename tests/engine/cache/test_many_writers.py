"""The store keeps within its bound although several programs write to it."""

from __future__ import annotations

from pathlib import Path

import torch

from flowanchor_engine.cache import Store, content_key


def test_what_others_write_counts_against_the_bound(tmp_path: Path) -> None:
    limit = 200_000
    here, there = Store(tmp_path, limit_bytes=limit), Store(tmp_path, limit_bytes=limit)
    most = 0
    for index in range(300):
        store = here if index % 2 else there
        store.put("source", content_key(index), {"v": torch.full((1000,), float(index))})
        most = max(most, here.size_bytes())
    entry = 4_400  # bytes, about
    assert most <= limit + 2 * (limit / 16 + entry)
    assert here.get("source", content_key(299)) is not None


def test_one_writer_never_passes_the_bound(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=50_000)
    for index in range(60):
        store.put("source", content_key(index), {"v": torch.full((1000,), float(index))})
        assert store.size_bytes() <= 50_000
