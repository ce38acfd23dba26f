"""What the engine costs besides the model: loop, SAR, cache, stopping, starting.

Ratios within one run, so that they hold on any machine. The bare forward is the strictest
one: the transformer alone on collapsed text whose keys are known, as in the middle of an
edit. What is compared runs in turns (bare forwards between the steps of an edit), and the
median of the turns' ratios counts, so that a processor that changes its pace moves both
sides. Overhead and SAR are judged by processor time on one thread (by the clock on a card),
so that other programs hardly count; re-edit, stopping and starting by the clock. Texts are
read before, as in a warm engine; pictures and the VAE are left out.
"""

from __future__ import annotations

import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
import psutil
import torch
from matplotlib.figure import Figure

from flowanchor_engine.bench.forwards import Clock, Forwards, one_thread
from flowanchor_engine.bench.shapes import TINY, WAN_1B3, demo_subject, random_subject
from flowanchor_engine.bench.start import hello_s
from flowanchor_engine.cache import Store
from flowanchor_engine.clip.atomic import write_text
from flowanchor_engine.errors import Cancelled
from flowanchor_engine.progress import Silent
from flowanchor_engine.recall import SourceVelocities

if TYPE_CHECKING:
    from flowanchor_engine.bench.shapes import Subject

__all__ = ["TARGETS", "EngineBench", "draw", "measure", "run", "table"]

TARGETS: Final = {
    "overhead": 1.05,
    "reedit": 0.55,
    "sar": 0.03,
    "cancel": 0.05,
    "hello_s": 2.0,
}


@dataclass(frozen=True)
class EngineBench:
    """The figures of one model.

    Attributes
    ----------
    forward_s : float
        The bare forward, in the time that `overhead` is judged by.
    overhead : float
        A first edit over its forwards times the bare forward.
    reedit, reedit_cpu : float
        An edit with other strengths on stored source velocities over the first one.
    sar, sar_to_stock : float
        Extra time of SAR in a conditional forward, over the bare one and over diffusers' own.
    sar_mib, stock_mib : float
        Extra memory of a forward with SAR, and of diffusers' own, over the bare forward.
    cancel : float
        Median time from the wish to stop to the end, in steps; `cancel_worst` the longest.
    """

    model: str
    layers: int
    tokens: int
    forwards: int
    reedit_forwards: int
    forward_s: float
    overhead: float
    reedit: float
    reedit_cpu: float
    sar: float
    sar_to_stock: float
    sar_mib: float
    stock_mib: float
    cancel: float
    cancel_worst: float
    step_s: float

    def rows(self) -> list[tuple[str, str, str, bool | None]]:
        """Return (what, figure, target, met) for a table."""

        def judged(name: str, text: str) -> tuple[str, str, bool]:
            limit = TARGETS[name]
            shown = f"{100 * limit:g} %" if name == "sar" else f"{limit:g}"
            return text, f"<= {shown}", getattr(self, name) <= limit

        return [
            ("edit / its bare forwards", *judged("overhead", f"{self.overhead:.3f}")),
            (
                f"re-edit / first edit ({self.reedit_forwards} of {self.forwards} forwards)",
                *judged("reedit", f"{self.reedit:.3f}"),
            ),
            (
                "SAR in a conditional forward",
                *judged("sar", f"{100 * self.sar:+.1f} % ({100 * self.sar_to_stock:+.1f} %)"),
            ),
            (
                "memory of SAR (of diffusers' own forward)",
                f"{self.sar_mib:+.1f} MiB ({self.stock_mib:+.1f})",
                "",
                None,
            ),
            (
                "stopping, steps: median (worst)",
                *judged("cancel", f"{self.cancel:.3f} ({self.cancel_worst:.3f})"),
            ),
        ]


# ---- what is measured ------------------------------------------------------------------------


class _Stopper(Silent):
    """Wants to stop from a moment on."""

    def __init__(self, after_s: float) -> None:
        self.moment = time.perf_counter() + after_s

    def check(self) -> None:
        if time.perf_counter() >= self.moment:
            raise Cancelled


def measure(subject: Subject, *, edits: int = 3, runs: int = 3, stops: int = 9) -> EngineBench:
    """Measure one model; see `EngineBench`.

    Parameters
    ----------
    subject : Subject
    edits : int
        First edits and re-edits, in turns with bare forwards.
    runs : int
        Single forwards with and without SAR, in turns.
    stops : int
        Moments of stopping.
    """
    with one_thread(), tempfile.TemporaryDirectory(prefix="flowanchor-bench-") as folder:
        forwards = Forwards(subject)
        for name in ("bare", "sar", "stock"):  # warms up, and fills the prompt's keys
            forwards.run(name)
        subject.editor.texts(
            subject.prompts.now, subject.prompts.wanted, subject.settings.negative_prompt
        )
        rounds = [_Round.run(subject, forwards, Path(folder) / str(turn)) for turn in range(edits)]
        turns = [
            {name: forwards.seconds(name) for name in ("bare", "sar", "stock")} for _ in range(runs)
        ]
        memory = {name: forwards.peak_mib(name) for name in ("bare", "sar", "stock")}
        step_s = statistics.median(one.edit_wall for one in rounds) / rounds[0].steps
        late = [delay / step_s for delay in _stop(subject, step_s, stops)]

    def against(name: str) -> float:
        return statistics.median(turn["sar"] / turn[name] for turn in turns) - 1

    return EngineBench(
        model=subject.name,
        layers=subject.editor.model.facts.layers,
        tokens=subject.tokens,
        forwards=rounds[0].forwards,
        reedit_forwards=rounds[0].reedit_forwards,
        forward_s=statistics.median(one.bare_s for one in rounds),
        overhead=statistics.median(one.edit_s / (one.forwards * one.bare_s) for one in rounds),
        reedit=statistics.median(one.reedit_wall / one.edit_wall for one in rounds),
        reedit_cpu=statistics.median(one.reedit_s / one.edit_s for one in rounds),
        sar=against("bare"),
        sar_to_stock=against("stock"),
        sar_mib=memory["sar"] - memory["bare"],
        stock_mib=memory["stock"] - memory["bare"],
        cancel=statistics.median(late),
        cancel_worst=max(late),
        step_s=step_s,
    )


@dataclass(frozen=True)
class _Round:
    """A first edit, with bare forwards between its steps that are not counted, and a re-edit."""

    steps: int
    forwards: int
    reedit_forwards: int
    bare_s: float
    edit_s: float
    edit_wall: float
    reedit_s: float
    reedit_wall: float

    @classmethod
    def run(cls, subject: Subject, forwards: Forwards, folder: Path) -> _Round:
        clock = Clock(subject.editor.model.device)
        cache = SourceVelocities(Store(folder), "bench")
        others = subject.settings.model_copy(update={"beta1": 0.2, "beta2": 0.4})
        bare: list[float] = []
        between = [0.0, 0.0]

        def compare(*_: object) -> None:
            begun, wall = clock.now(), time.perf_counter()
            bare.extend(forwards.seconds("bare") for _ in range(2))
            between[0] += clock.now() - begun
            between[1] += time.perf_counter() - wall

        begun, wall = clock.now(), time.perf_counter()
        first = _edit(subject, cache=cache, on_state=compare)
        edit_s = clock.now() - begun - between[0]
        edit_wall = time.perf_counter() - wall - between[1]
        begun, wall = clock.now(), time.perf_counter()
        again = _edit(subject, cache=cache, settings=others)
        return cls(
            steps=first.steps,
            forwards=first.forwards,
            reedit_forwards=again.forwards,
            bare_s=statistics.mean(bare),
            edit_s=edit_s,
            edit_wall=edit_wall,
            reedit_s=clock.now() - begun,
            reedit_wall=time.perf_counter() - wall,
        )


def _edit(subject: Subject, **changes: Any) -> Any:
    options = {"settings": subject.settings, "seed": 5, **changes}
    settings = options.pop("settings")
    return subject.editor.edit(subject.x_src, subject.matte, subject.prompts, settings, **options)


def _stop(subject: Subject, step_s: float, stops: int) -> Iterator[float]:
    """Yield seconds from the wish to stop until the edit is gone, at moments in one step."""
    draw_ = np.random.default_rng(2)
    for share in draw_.uniform(0.05, 1.0, stops):
        after_s = float(share) * step_s
        while (late := _late(subject, after_s)) is None:
            after_s /= 2  # the machine is quicker than it was: the edit had ended by then
        yield late


def _late(subject: Subject, after_s: float) -> float | None:
    stopper = _Stopper(after_s)
    try:
        _edit(subject, report=stopper)
    except Cancelled:
        return time.perf_counter() - stopper.moment
    return None


# ---- all of it -------------------------------------------------------------------------------


def run(
    *,
    layers: int = 4,
    grid: tuple[int, int, int] = (5, 8, 13),
    steps: int = 3,
    tiny: bool = False,
    json_path: Path | None = None,
    plot_path: Path | None = None,
    on_part: Callable[[str], None] = lambda name: None,
) -> tuple[list[EngineBench], float]:
    """Measure the embedded model, the 1.3B's shape and the worker's start.

    Parameters
    ----------
    layers, grid, steps
        Of the random model, see `random_subject`.
    tiny : bool
        A tiny shape and short edits: proves the bench, its figures mean nothing.

    Returns
    -------
    (list of EngineBench, float)
        Per model, and the seconds to the worker's hello.
    """
    on_part("embedded model")
    short = {"size": 96, "frames": 9, "steps": 3} if tiny else {}
    often = {"edits": 1, "runs": 2, "stops": 3} if tiny else {"edits": 7, "runs": 80, "stops": 25}
    made = [measure(demo_subject(**short), **often)]
    on_part("random weights of the 1.3B's shape")
    shape, grid = (TINY, (2, 4, 4)) if tiny else (WAN_1B3, grid)
    subject = random_subject(layers=layers, grid=grid, steps=steps, shape=shape)
    deep = layers > 8  # minutes for a forward
    often = often if tiny else {"edits": 1 if deep else 3, "runs": 3 if deep else 5, "stops": 5}
    made.append(measure(subject, **often))
    on_part("worker")
    hello = hello_s(1 if tiny else 5)
    if json_path is not None:
        write_text(json_path, json.dumps(_numbers(made, hello), indent=1) + "\n")
    if plot_path is not None:
        draw(made, hello, plot_path)
    return made, hello


def _numbers(made: list[EngineBench], hello: float) -> dict[str, Any]:
    return {
        "schema": "flowanchor.EngineBench.1",
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": psutil.cpu_count(),
            "load": round(psutil.getloadavg()[0], 2),
            "torch": str(torch.__version__),
        },
        "targets": TARGETS,
        "models": [asdict(item) for item in made],
        "hello_s": hello,
    }


def table(
    made: list[EngineBench], hello: float
) -> Iterator[tuple[str, str, str, str, bool | None]]:
    """Yield (model, what, figure, target, met)."""
    for item in made:
        for row in item.rows():
            yield f"{item.model}, {item.tokens} tokens", *row
    limit = TARGETS["hello_s"]
    yield "worker", "start to hello", f"{hello:.2f} s", f"<= {limit:g} s", hello <= limit


def draw(made: list[EngineBench], hello: float, path: Path) -> None:
    """Draw every figure as a share of its target; the line at 1 is the target."""
    labels = {"overhead": "edit / bare forwards − 1", "reedit": "re-edit / first edit",
              "sar": "SAR per forward", "cancel": "stopping"}  # fmt: skip
    bars = []
    for item in made:
        for name, label in labels.items():
            value, limit = getattr(item, name), TARGETS[name]
            share = (value - 1) / (limit - 1) if name == "overhead" else value / limit
            bars.append((f"{label}, {item.model}", share))
    bars.append(("worker's hello", hello / TARGETS["hello_s"]))
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.6, 0.32 * len(bars) + 0.9), layout="constrained")
        axes = figure.subplots()
        colours = ["#0072B2" if share <= 1 else "#D55E00" for _, share in bars]
        axes.barh([name for name, _ in bars], [share for _, share in bars], color=colours)
        axes.axvline(1, color="#222222", linewidth=1, linestyle=":")
        axes.invert_yaxis()
        axes.set_xlabel("share of the allowed cost")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, metadata={"Software": None})
