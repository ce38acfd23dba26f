"""The store gives back exactly what was put, or nothing at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.cache import Store, content_key


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def the_file(store: Store) -> Path:
    (path,) = store._root.rglob("*.safetensors")
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64])
def test_what_was_put_comes_back_bit_for_bit(store: Store, dtype: torch.dtype) -> None:
    tensor = (torch.randn(3, 5, 7) * 100).to(dtype)
    store.put("source", content_key("a"), {"v": tensor}, words="a red ball")
    entry = Store(store._root).get("source", content_key("a"))  # as after a restart
    assert entry is not None
    assert entry.tensors["v"].dtype == dtype
    assert torch.equal(entry.tensors["v"], tensor)
    assert entry.facts["words"] == "a red ball"


def test_absent_is_absent(store: Store) -> None:
    assert store.get("source", content_key("a")) is None
    assert store.misses == 1


@pytest.mark.parametrize(
    "damage",
    [
        "truncated",
        "empty",
        "one bit in the data",
        "one bit in the header",
        "garbage",
        "other entry's file",
        "other schema",
        "longer",
        "a folder",
        "missing checksum",
    ],
)
def test_a_damaged_entry_is_no_entry(store: Store, damage: str) -> None:
    key = content_key("a")
    store.put("source", key, {"v": torch.arange(100.0)})
    path = the_file(store)
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "one bit in the data":
        data[-5] ^= 1
        path.write_bytes(data)
    elif damage == "one bit in the header":
        data[20] ^= 1
        path.write_bytes(data)
    elif damage == "garbage":
        path.write_bytes(os.urandom(4096))
    elif damage == "other entry's file":
        store.put("source", content_key("b"), {"v": torch.zeros(4)})
        other = store._path("source", content_key("b"))
        path.write_bytes(other.read_bytes())
    elif damage == "other schema":
        path.write_bytes(data.replace(b"CacheEntry.1", b"CacheEntry.0"))
    elif damage == "longer":
        path.write_bytes(data + b"tail")
    elif damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(data.replace(b'"checksum"', b'"Checksum"'))
    assert store.get("source", key) is None


def test_the_oldest_entries_go_first(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=20_000)
    for index in range(6):
        store.put("source", content_key(index), {"v": torch.full((1000,), float(index))})
        os.utime(store._path("source", content_key(index)), (index, index))
    assert store.size_bytes() <= 20_000
    assert store.get("source", content_key(5)) is not None
    assert store.get("source", content_key(0)) is None


def test_reading_keeps_an_entry_alive(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=14_000)
    for index in range(3):
        store.put("source", content_key(index), {"v": torch.full((1000,), float(index))})
        os.utime(store._path("source", content_key(index)), (index, index))
    assert store.get("source", content_key(0)) is not None  # now the youngest
    store.put("source", content_key(3), {"v": torch.zeros(1000)})
    assert store.get("source", content_key(0)) is not None
    assert store.get("source", content_key(1)) is None


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = Store(blocked / "store")
    store.put("source", content_key("a"), {"v": torch.zeros(3)})
    assert store.get("source", content_key("a")) is None


def test_nothing_temporary_stays(store: Store) -> None:
    for index in range(5):
        store.put("text", content_key(index), {"v": torch.zeros(10)})
    assert list(store._root.rglob("*.tmp")) == []


def test_leftovers_of_killed_writers_are_swept(store: Store) -> None:
    store.put("text", content_key(0), {"v": torch.zeros(10)})
    left = the_file(store).with_name(".x.1234.tmp")
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    Store(store._root).put("text", content_key(1), {"v": torch.zeros(10)})
    assert not left.exists()


parts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(parts, parts)
def test_keys_are_equal_exactly_for_equal_parts(one: object, other: object) -> None:
    import json

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (content_key(one) == content_key(other)) == same


def test_facts_are_checked_like_tensors(store: Store) -> None:
    key = content_key("a")
    store.put("state", key, {"z": torch.zeros(10)}, done="12")
    path = the_file(store)
    data = path.read_bytes()
    assert data.count(b'"done":"12"') == 1
    path.write_bytes(data.replace(b'"done":"12"', b'"done":"22"'))
    assert store.get("state", key) is None


def test_files_that_cannot_be_removed_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(path)

    store = Store(tmp_path, limit_bytes=20_000)
    monkeypatch.setattr(Path, "unlink", refuse)  # read-only, or mapped on Windows
    for index in range(6):
        store.put("source", content_key(index), {"v": torch.full((1000,), float(index))})
    store.drop("source", content_key(0))
    store.clear()
    assert store.get("source", content_key(5)) is not None
    assert store.get("source", content_key(0)) is not None


def test_a_place_that_is_no_folder_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = Store(blocked)
    store.put("state", content_key("a"), {"v": torch.zeros(3)})
    store.drop("state", content_key("a"))
    assert store.get("state", content_key("a")) is None


def test_an_entry_that_another_program_trims_at_once_is_no_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def gone(path: Path, target: Path) -> Path:
        where = replace(path, target)
        target.unlink()
        return where

    monkeypatch.setattr(Path, "replace", gone)
    store.put("source", content_key("a"), {"v": torch.zeros(3)})
    assert store.get("source", content_key("a")) is None
