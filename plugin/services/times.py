"""How long things of the engine may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EngineTimes"]


@dataclass(frozen=True)
class EngineTimes:
    """Pauses in milliseconds."""

    slow_stop_ms: int = 3_000  # then "Stopping..."
    force_stop_ms: int = 10_000  # then the engine is killed and started again
    again_ms: int = 5_000  # until another try where something was in the way
    room_ms: int = 5_000  # until another look whether the card has room
    idle_ms: int = 600_000  # then the model is freed; 0: never
    settle_ms: int = 1_500
    forecast_ms: int = 250
