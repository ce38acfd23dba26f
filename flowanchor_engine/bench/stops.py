"""A campaign of stops: the worker is asked to stop at random moments of every phase.

Laws that each stop must keep: exactly one terminal event, the last one, with numbers that
grow; no file after a stop; what runs next gives the same bytes as on a fresh engine. How long
each took is the measurement.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from flowanchor_engine import models
from flowanchor_engine.clip import sequence
from flowanchor_engine.clip.plain import write_rgb
from flowanchor_engine.clip.planes import Picture, PixelFormat
from flowanchor_engine.demo.scene_clip import demo_shot
from flowanchor_engine.request import EditRequest, MatteSpec, MethodSettings, Prompts, SourceSpec
from flowanchor_engine.worker.client import TERMINAL, Client

__all__ = ["PHASES", "Campaign", "Stop", "run"]

# Compositing is part of 'write': pictures stream through decoder, composite and file.
PHASES: Final = ("waiting", "load", "read", "text", "encode", "edit", "decode", "write")
_SIZE: Final = (96, 96)
_STEPS: Final = 6
_CHECK_EVERY: Final = 8


@dataclass(frozen=True)
class Stop:
    """One stop.

    Attributes
    ----------
    aimed : str
        The phase in which the wish was spoken.
    at : str
        Where the engine says that it stopped, such as 'edit 3/6'; 'result' when the job was
        faster than the wish.
    seconds : float
        From the wish to the terminal event.
    """

    aimed: str
    at: str
    seconds: float


@dataclass(frozen=True)
class Campaign:
    """All stops, the seconds of one step, and every broken law in words."""

    stops: tuple[Stop, ...]
    step_s: float
    broken: tuple[str, ...]

    def of(self, aimed: str) -> list[Stop]:
        """Return the stops that were asked for in a phase and came in time."""
        return [stop for stop in self.stops if stop.aimed == aimed and stop.at != "result"]

    def rows(self) -> Iterator[tuple[str, int, int, float, float, float]]:
        """Yield phase, wishes, stopped in time, median, 95th percentile and worst, in seconds."""
        for phase in PHASES:
            wishes = sum(stop.aimed == phase for stop in self.stops)
            taken = [stop.seconds for stop in self.of(phase)]
            if taken:
                middle, late = np.quantile(taken, (0.5, 0.95))
                yield phase, wishes, len(taken), float(middle), float(late), max(taken)
            elif wishes:
                yield phase, wishes, 0, float("nan"), float("nan"), float("nan")


def run(
    points: int = 200,
    *,
    seed: int = 0,
    json_path: Path | None = None,
    on_stop: Callable[[int, Stop], None] = lambda number, stop: None,
) -> Campaign:
    """Run a campaign on the embedded model in a worker of its own.

    Parameters
    ----------
    points : int, >= 1
        Wishes to stop, spread evenly over the phases.
    seed : int
        Of the moments.
    """
    with tempfile.TemporaryDirectory(prefix="flowanchor-stops-") as name:
        folder = Path(name)
        shot = _Shot(folder)
        with Client(folder, environ={"OMP_NUM_THREADS": "1"}) as engine:
            engine.hello()
            found = _Conductor(engine, shot, random.Random(seed)).conduct(points, on_stop)
            status = engine.close()
            if status != 0:
                log = (folder / "engine.log").read_text(errors="replace")[-2000:]
                found = replace(found, broken=(*found.broken, f"exit status {status}: {log}"))
        left = [path.name for path in folder.rglob("*.tmp")]
        left += [path.name for path in folder.glob("flowanchor-*")]
        if left:
            found = replace(found, broken=(*found.broken, f"left behind: {left}"))
    if json_path is not None:
        json_path.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    return found


class _Shot:
    """A generated shot as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shot = demo_shot(3, size=_SIZE)
        self._clip = write_rgb(
            shot.frames, folder / "shot.mp4", size=_SIZE, rate=Fraction(24000, 1001)
        )
        self._matte = folder / "matte"
        self._matte.mkdir()
        for number, mask in enumerate(shot.mask):
            grey = Picture((mask.astype(np.uint8) * 255,), PixelFormat.of("gray"))
            sequence.write_image(self._matte / f"m_{number:04d}.png", grey)
        self._prompts = Prompts(now=shot.now, wanted=shot.wanted)

    def request(self, seed: int, *, ending: str = "") -> dict[str, Any]:
        """Ask for the edit; another seed finds no source velocities, another ending no texts."""
        numbers = {"steps": _STEPS, "skip_share": 0.0, "guidance_source": 2.0}
        method = models.recommended("demo").model_copy(update=numbers)
        return EditRequest(
            source=SourceSpec(path=str(self._clip)),
            matte=MatteSpec(path=str(self._matte)),
            prompts=self._prompts.model_copy(update={"wanted": self._prompts.wanted + ending}),
            method=MethodSettings.model_validate(method.model_dump()),
            seed=seed,
        ).dump()


class _Conductor:
    """Sends jobs and wishes, and judges what comes back."""

    def __init__(self, engine: Client, shot: _Shot, chance: random.Random) -> None:
        self._engine = engine
        self._shot = shot
        self._chance = chance
        self._broken: list[str] = []
        self._lasts: dict[str, float] = {}

    def conduct(self, points: int, on_stop: Callable[[int, Stop], None]) -> Campaign:
        cold = self._whole("cold")
        warm = self._whole("warm")
        if warm != cold:
            self._broken.append("a warm engine gives other pixels than a cold one")
        stops = []
        aims = [PHASES[number % len(PHASES)] for number in range(points)]
        self._chance.shuffle(aims)
        for number, aimed in enumerate(aims):
            stop = self._stop(f"s{number}", number + 100, aimed)
            stops.append(stop)
            on_stop(number + 1, stop)
            last = number == points - 1
            if (number % _CHECK_EVERY == 0 or last) and self._whole(f"next{number}") != cold:
                self._broken.append(f"after stop {number} ({stop}) the next job differs")
        return Campaign(tuple(stops), self._lasts["edit"] / _STEPS, tuple(self._broken))

    def _send(self, job: str, seed: int, *, ending: str = "") -> Path:
        out = self._shot.folder / f"{job}.mp4"
        request = self._shot.request(seed, ending=ending)
        self._engine.send("run", job=job, request=request, out=str(out))
        return out

    def _whole(self, job: str) -> str:
        """Run the reference job; learn how long each phase lasts; return its hash."""
        out = self._send(job, seed=7)
        end = self._engine.wait_end(job)
        self._judge(job, out)
        if end["type"] != "result":
            msg = f"the reference job ended in {end}"
            raise RuntimeError(msg)
        heard = [(e["phase"], e["heard_s"]) for e in self._engine.of(job) if e["type"] == "phase"]
        heard.append(("end", end["heard_s"]))
        lasts: dict[str, float] = {}
        for (phase, at), (_, until) in pairwise(heard):
            lasts[phase] = lasts.get(phase, 0.0) + until - at
        for phase, seconds in lasts.items():  # the longest ever: later runs find caches
            self._lasts[phase] = max(seconds, self._lasts.get(phase, 0.0))
        return str(end["sha256"])

    def _stop(self, job: str, seed: int, aimed: str) -> Stop:
        ahead = f"{job}-ahead"
        if aimed == "load":
            self._unload()
        if aimed == "waiting":
            self._send(ahead, seed)
            seed += 10_000
        if aimed == "encode":  # whatever is gone is computed again
            shutil.rmtree(self._shot.folder / "cache", ignore_errors=True)
        out = self._send(job, seed, ending=f" {job}" if aimed == "text" else "")
        if aimed != "waiting":
            self._hear_of(aimed, job)
        time.sleep(self._chance.uniform(0, self._lasts.get(aimed, 0.2)))
        asked = time.monotonic()
        self._engine.send("cancel", job=job)
        end = self._engine.wait_end(job)
        if aimed == "waiting":
            self._engine.send("cancel", job=ahead)
            self._engine.wait_end(ahead)
        self._judge(job, out)
        at = end.get("at", end["type"])
        return Stop(aimed, str(at), max(0.0, end["heard_s"] - asked))

    def _hear_of(self, phase: str, job: str) -> None:
        """Wait until the job is in a phase, or over."""
        while True:
            event = self._engine.wait("phase", *TERMINAL, job=job)
            if event["type"] != "phase" or event["phase"] == phase:
                return

    def _unload(self) -> None:
        self._engine.send("release")
        while True:
            self._engine.send("status")
            if self._engine.wait("status")["model"] is None:
                return
            time.sleep(0.05)

    def _judge(self, job: str, out: Path) -> None:
        events = self._engine.of(job)
        ends = [event for event in events if event["type"] in TERMINAL]
        if len(ends) != 1 or events[-1] is not ends[0]:
            self._broken.append(f"{job}: {len(ends)} terminal events")
        if [event["seq"] for event in events] != list(range(len(events))):
            self._broken.append(f"{job}: numbers do not grow")
        done = ends[0]["type"] == "result"
        if out.exists() != done:
            self._broken.append(f"{job}: ended in {ends[0]['type']}, file there: {out.exists()}")
        if ends[0]["type"] == "error":
            self._broken.append(f"{job}: {ends[0]['code']}: {ends[0]['detail'][:200]}")
        for path in (out, out.with_suffix(".recipe.json"), out.with_suffix(".sheet.png")):
            path.unlink(missing_ok=True)
