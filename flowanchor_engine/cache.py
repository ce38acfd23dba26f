"""A content-addressed store of tensors that can always be thrown away.

Text embeddings, source latents, source velocities and the state of a stopped edit live
here. An entry is one safetensors file, written under a temporary name, fsynced and
renamed; it is mapped when read, checked against its own checksum, and on any doubt treated
as absent. The least recently used entries go first when the store outgrows its bound.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from flowanchor_engine import folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

__all__ = ["Entry", "Store", "content_key", "default_root"]

_log = logging.getLogger(__name__)

FORMAT: Final = "flowanchor.CacheEntry.1"
_SUFFIX: Final = ".safetensors"
_STALE_S: Final = 3600
_LOOKS: Final = 16  # at the folder, while this program writes as much as it may hold


def default_root() -> Path:
    """Return the folder of the store on this machine; FLOWANCHOR_CACHE overrides it."""
    return folders.tensors()


def content_key(*parts: object) -> str:
    """Return the hash of JSON-like parts, 64 hexadecimal digits.

    Any difference in any part gives another key; the format version is one of them.
    """
    text = json.dumps([FORMAT, *parts], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """What an entry holds: named tensors on the CPU and small facts about them."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, str]


class Store:
    """One folder of entries, shared by threads and processes.

    Parameters
    ----------
    root : Path
        Made when the first entry is written.
    limit_bytes : int
        The store is trimmed to this after a write; 0 switches it off. Several programs that
        write at the same time may be over it by a sixteenth each for a while.
    """

    def __init__(self, root: Path, *, limit_bytes: int = 8 << 30) -> None:
        self._root = root
        self._limit = limit_bytes
        self._size: int | None = None
        self._unseen = 0  # bytes written since the folder was listed
        self.hits = 0
        self.misses = 0

    def get(self, kind: str, key: str) -> Entry | None:
        """Return an entry, or None if it is absent or in any way doubtful.

        Parameters
        ----------
        kind : str
            Folder inside the store, e.g. 'source'.
        key : str
            From `content_key`.
        """
        path = self._path(kind, key)
        entry = _read(path, key) if path.is_file() else None
        if entry is None:
            self.misses += 1
            return None
        self.hits += 1
        try:
            os.utime(path)
        except OSError:
            _log.debug("cache entry %s vanished while it was read", path.name)
        return entry

    def put(self, kind: str, key: str, tensors: Mapping[str, Tensor], **facts: str) -> None:
        """Write an entry; a full or read-only disk makes it no entry, never an error."""
        if self._limit <= 0:
            return
        path = self._path(kind, key)
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        header = {**facts, "schema": FORMAT, "key": key}
        header["checksum"] = _checksum(whole, header)
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(whole, temporary, metadata=header)
            # No fsync: it costs a small model a fortieth of an edit. What a power cut leaves
            # half written fails its checksum and is computed again.
            temporary.replace(path)
            size = path.stat().st_size
        except (OSError, SafetensorError) as error:
            _log.warning("cache entry not kept: %s", error)
            _unlink(temporary)
            return
        self._trim(size)

    def drop(self, kind: str, key: str) -> None:
        """Remove an entry if it is there and can be removed."""
        _unlink(self._path(kind, key))
        self._size = None

    def size_bytes(self) -> int:
        """Return the bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def clear(self) -> None:
        """Remove every entry and every leftover of a killed writer."""
        if self._root.is_dir():
            for path in self._root.rglob("*"):
                if path.suffix in {_SUFFIX, ".tmp"}:
                    _unlink(path)
        self._size = None

    def _path(self, kind: str, key: str) -> Path:
        return self._root / kind / key[:2] / (key + _SUFFIX)

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        if not self._root.is_dir():
            return
        for path in self._root.rglob("*" + _SUFFIX):
            try:
                facts = path.stat()
            except OSError:  # another process trimmed it
                continue
            yield facts.st_mtime, facts.st_size, path

    def _sweep(self) -> None:
        """Remove what killed writers left behind; a living one is far younger."""
        for path in self._root.rglob("*.tmp"):
            try:
                if time.time() - path.stat().st_mtime > _STALE_S:
                    _unlink(path)
            except OSError:  # another process swept it
                continue

    def _trim(self, added: int) -> None:
        # Listing costs time: the running sum knows what this program wrote, and a look now and
        # then what others did.
        self._unseen += added
        if self._size is None:
            self._sweep()
        if self._size is None or self._unseen * _LOOKS > self._limit:
            self._size, self._unseen = self.size_bytes(), 0
        else:
            self._size += added
        if self._size <= self._limit:
            return
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self._limit * 0.9:
                break
            if _unlink(path):
                total -= size
        self._size = total


def _read(path: Path, key: str) -> Entry | None:
    try:
        with safe_open(path, framework="pt") as file:
            facts = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        _log.info("cache entry %s is unreadable: %s", path.name, error)
        return None
    sound = (
        facts.get("schema") == FORMAT
        and facts.get("key") == key
        and facts.pop("checksum", "") == _checksum(tensors, facts)
    )
    if not sound:
        _log.info("cache entry %s fails its check", path.name)
        return None
    return Entry(tensors=tensors, facts=facts)


def _unlink(path: Path) -> bool:
    """Remove a file; whether it is gone, which a read-only folder or an open map may prevent."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug("cache file %s stays: %s", path.name, error)
        return False
    return True


def _checksum(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    total = hashlib.blake2b(digest_size=16)
    total.update(json.dumps(sorted(facts.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
        total.update(tensor.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()
