"""How long an edit takes: measured seconds per forward, remembered per kind of job.

A running median per (device, model, size bucket), kept in one small JSON file. Before the
first measurement the answer is honestly unknown.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from flowanchor_engine.errors import RangeError
from flowanchor_engine.request import skipped_steps

if TYPE_CHECKING:
    from flowanchor_engine.request import EditRequest

__all__ = ["Forecast", "Memory", "bucket", "default_file", "forwards"]

_log = logging.getLogger(__name__)

SCHEMA: Final = "flowanchor.Timings.1"
_KEPT: Final = 15


def default_file() -> Path:
    """Return the file that remembers timings on this machine."""
    chosen = os.environ.get("FLOWANCHOR_TIMINGS")
    state = Path(platformdirs.user_state_dir("flowanchor"))
    return Path(chosen) if chosen else state / "timings.json"


def bucket(*, device: str, model: str, precision: str, latent_shape: tuple[int, ...]) -> str:
    """Return the name under which like jobs share their timings.

    Parameters
    ----------
    latent_shape : tuple of int
        (F, H, W) of one window's latent; tokens within a tenth of each other share.
    """
    tokens = max(1, int(latent_shape[0] * latent_shape[1] * latent_shape[2] // 4))
    step = 1.1
    size = 0
    while step**size < tokens:
        size += 1
    return f"{device}|{model}|{precision}|{size}"


@dataclass(frozen=True)
class Forecast:
    """Seconds that a job would take; None where nothing like it was measured."""

    s_per_forward: float | None
    total_s: float | None


class Memory:
    """Remembers timings; a damaged or unwritable file is only forgetting.

    Engines of several devices may share the file: what another one wrote is kept.

    Parameters
    ----------
    path : Path
        The JSON file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = self._read()

    def record(self, key: str, *, s_per_forward: float, s_besides: float) -> None:
        """Add one finished job: seconds per forward, and seconds for everything else."""
        self._data.update(self._read())
        entry = self._data.setdefault(key, {"forward": [], "besides": []})
        entry["forward"] = [*entry["forward"], s_per_forward][-_KEPT:]
        entry["besides"] = [*entry["besides"], s_besides][-_KEPT:]
        self._write()

    def forecast(self, key: str, forwards_left: int) -> Forecast:
        """Return the forecast for a job that would run `forwards_left` forwards."""
        entry = self._data.get(key)
        if not entry or not entry["forward"]:
            return Forecast(None, None)
        each = statistics.median(entry["forward"])
        return Forecast(each, each * forwards_left + statistics.median(entry["besides"]))

    def _read(self) -> dict[str, dict[str, list[float]]]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                return {}
            return {
                str(key): {
                    "forward": [float(x) for x in entry["forward"]],
                    "besides": [float(x) for x in entry["besides"]],
                }
                for key, entry in data["jobs"].items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("timings forgotten, the file is damaged: %s", error)
            return {}

    def _write(self) -> None:
        data: dict[str, Any] = {"schema": SCHEMA, "jobs": self._data}
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(data, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            _log.warning("timings not kept: %s", error)
            if temporary.exists():
                temporary.unlink()


def forwards(request: EditRequest, *, windows: int = 1, cached: bool = False) -> int:
    """Return how many transformer forwards a request runs.

    Four per step, window and average; two when the source side is cached; one less per
    branch whose guidance is exactly 1 or 0, and one less in the first executed step, where
    source and target share the unconditional forward.

    Raises
    ------
    RangeError
        If skipping leaves no step to run, as the edit itself would say.
    """
    method = request.method
    steps = method.steps - skipped_steps(method.steps, method.skip_share)
    if steps < 1:
        raise RangeError(
            f"Skipping {method.skip_share:g} of {method.steps} steps leaves none to run.",
            hint=["lower_skip"],
        )
    source = 1 if method.guidance_source in (0, 1) else 2
    target = 1 if method.guidance_target in (0, 1) else 2
    per_step = target + (0 if cached else source)
    shares_u = method.guidance_source != 1 and method.guidance_target != 1
    return windows * method.noise_averages * (steps * per_step - int(shares_u))
