"""Where the engine keeps what it can make again; light, and asked before torch is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["keep_compiled", "tensors"]


def tensors() -> Path:
    """Return the folder of stored tensors on this machine; FLOWANCHOR_CACHE overrides it."""
    chosen = os.environ.get("FLOWANCHOR_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("flowanchor")) / "tensors"


def keep_compiled() -> None:
    """Let compiled kernels live in the cache, unless TORCHINDUCTOR_CACHE_DIR says where.

    Call it before torch is loaded: torch makes its folder as soon as a part of it is imported,
    in the system's temporary folder if nobody says otherwise, compiled or not. A folder that
    it cannot make would keep it from being imported at all, so a cache that cannot be written
    is left out.
    """
    chosen = os.environ.get("FLOWANCHOR_CACHE") or platformdirs.user_cache_dir("flowanchor")
    home = Path(chosen) / "compiled"
    if _can_be_made(home):
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(home))


def _can_be_made(folder: Path) -> bool:
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError:
        return False
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
