"""Which models can be loaded, where they are, what they need and which numbers suit them.

`registry` reads `registry.json` and finds models on this computer; `download`, `importing`,
`verify` and `remove` change and check what lies in the models folder, whose order `store`
keeps; `hub` speaks to the server and `layout` knows which files count. Nothing here imports
torch.
"""

from flowanchor_engine.models.registry import (
    MemoryClass,
    ModelEntry,
    ModelFile,
    Shape,
    entries,
    entry,
    extent,
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
    "Shape",
    "entries",
    "entry",
    "extent",
    "folder",
    "recommended",
    "spec",
    "window_latents",
    "working_size",
]
