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
    in the system's temporary folder if nobody says otherwise, compiled or not.
    """
    chosen = os.environ.get("FLOWANCHOR_CACHE") or platformdirs.user_cache_dir("flowanchor")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(chosen) / "compiled"))
