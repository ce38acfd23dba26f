"""Weights on disk: whether the files are whole, and which weights they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from flowanchor_engine.errors import ModelDamagedError

__all__ = ["check_whole", "digest"]

_HEADER_LIMIT = 100 << 20  # the format's own bound on its JSON header
_FULL_BYTES = 256 << 20
_SAMPLES, _SAMPLE_BYTES = 256, 64 << 10


def check_whole(path: Path) -> None:
    """Check that a safetensors file has a readable header and every byte that it promises.

    Parameters
    ----------
    path : Path
        An existing file.

    Raises
    ------
    ModelDamagedError
        The header is not JSON, tensors overlap or leave gaps, or the file is truncated.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(_HEADER_LIMIT, size - 8):
            raise _damaged(path, f"header of {length} bytes in a file of {size}")
        try:
            header = json.loads(file.read(length))
            spans = sorted(
                tuple(entry["data_offsets"])
                for name, entry in header.items()
                if name != "__metadata__"
            )
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise _damaged(path, str(error)) from error
        except (AttributeError, KeyError, TypeError) as error:
            raise _damaged(path, f"malformed header: {error!r}") from error
    end = 0
    for start, stop in spans:
        if start != end or stop < start:
            raise _damaged(path, f"tensor bytes {start}..{stop} after {end}")
        end = stop
    if 8 + length + end != size:
        raise _damaged(path, f"{8 + length + end} bytes promised, {size} present")


def _damaged(path: Path, detail: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"{path.parent.name}/{path.name} of the model is damaged or only partly downloaded.",
        hint=["download_model"],
        detail=f"{path}: {detail}",
    )


def digest(paths: Iterable[Path]) -> str:
    """Return a hash that changes when the files' weights change.

    Files up to 256 MiB are hashed whole. Of larger ones the header, the size and 256 evenly
    spread pieces of 64 KiB are hashed: fine-tuning moves practically every tensor, and
    reading 30 GB before every edit would cost more than the edit.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        total.update(f"{path.name}:{size}:".encode())
        with path.open("rb") as file:
            if size <= _FULL_BYTES:
                total.update(hashlib.file_digest(file, "sha256").digest())
                continue
            length = int.from_bytes(file.read(8), "little")
            total.update(file.read(min(length, size - 8)))
            for index in range(_SAMPLES):
                file.seek((size - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
                total.update(file.read(_SAMPLE_BYTES))
    return total.hexdigest()
