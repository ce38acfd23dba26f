"""Which models can be loaded, where they are, what they need and which numbers suit them.

`registry` reads `registry.json`; nothing here imports torch.
"""

from flowanchor_engine.models.registry import (
    MemoryClass,
    ModelEntry,
    ModelFile,
    entries,
    entry,
    folder,
    recommended,
    spec,
    window_latents,
    working_size,
)

__all__ = [
    "MemoryClass",
    "ModelEntry",
    "ModelFile",
    "entries",
    "entry",
    "folder",
    "recommended",
    "spec",
    "window_latents",
    "working_size",
]
