"""A panel's side of the conversation with a real engine process."""

from __future__ import annotations

from pathlib import Path

from flowanchor_engine.worker.client import Client
from tests.doubles.gate import Gate

__all__ = ["Engine"]


class Engine(Client):
    """A started engine on one thread; leaving the context proves that nothing of it is left."""

    def __init__(self, folder: Path, *arguments: str, gate: Gate | None = None) -> None:
        held = {} if gate is None else gate.variables_elsewhere
        super().__init__(folder, *arguments, environ={"OMP_NUM_THREADS": "1", **held})
