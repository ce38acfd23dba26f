"""The training log (JSON Lines) and the curves drawn from it."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

from flowanchor_engine.demo.checkpoint import write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PIXELS = (("psnr_db", "PSNR of the training crops, dB"), ("l1", "mean absolute error"))
_VELOCITY = (("loss", "flow-matching loss"), ("object_loss", "loss inside the objects"))
_CURVES = (
    ("vae", "VAE", _PIXELS),
    ("decoder", "Decoder alone", _PIXELS),
    ("flow", "Transformer and text encoder", _VELOCITY),
)


class Journal:
    """Appends one JSON object per line; a line torn by a crash is dropped when reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, stage: str, **numbers: Any) -> None:
        """Append ``{"stage": …, **numbers}`` and hand it to the disk at once."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": stage, **numbers}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self, stage: str) -> list[dict[str, Any]]:
        """Return the entries of a stage; of entries with one step the latest counts."""
        if not self.path.is_file():
            return []
        found: dict[Any, dict[str, Any]] = {}
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines()):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            if entry.get("stage") == stage:
                found[entry.get("step", ("line", number))] = entry
        return list(found.values())


def draw_curves(journal: Journal, folder: Path) -> list[Path]:
    """Draw loss and PSNR over the steps of each stage; return the PNG files written."""
    made = []
    for stage, title, panels in _CURVES:
        entries = journal.read(stage)
        if entries:
            made.append(folder / f"{stage}.png")
            _draw(made[-1], title, entries, panels)
    return made


def _draw(
    path: Path,
    title: str,
    entries: Sequence[dict[str, Any]],
    panels: Sequence[tuple[str, str]],
) -> None:
    # The object interface of matplotlib needs no display and leaves no global state behind.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(panels), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    steps = [entry["step"] for entry in entries]
    for axis, (key, label) in zip(axes, panels, strict=True):
        values = [entry[key] for entry in entries]
        axis.plot(steps, values, linewidth=0.6, alpha=0.4)
        axis.plot(steps, _smooth(values), linewidth=1.6)
        axis.set_xlabel("step")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())


def _smooth(values: Sequence[float], keep: float = 0.9) -> list[float]:
    """Average running values; this trusts its first values no more than the later ones."""
    smooth, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        smooth.append(total / weight)
    return smooth
