"""The training log (JSON Lines) and the curves drawn from it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowanchor_engine.demo.checkpoint import write_atomic


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
    vae, flow = journal.read("vae"), journal.read("flow")
    if vae:
        made.append(folder / "vae.png")
        panels = [
            ("PSNR of the training crops, dB", [("step", "psnr_db", "crops")]),
            ("mean absolute error", [("step", "l1", "crops")]),
        ]
        _draw(made[-1], "VAE", vae, panels)
    if flow:
        made.append(folder / "flow.png")
        panels = [
            ("flow-matching loss", [("step", "loss", "unweighted")]),
            ("loss inside the objects", [("step", "object_loss", "objects")]),
        ]
        _draw(made[-1], "Transformer and text encoder", flow, panels)
    return made


def _draw(
    path: Path,
    title: str,
    entries: Sequence[dict[str, Any]],
    panels: Sequence[tuple[str, Sequence[tuple[str, str, str]]]],
) -> None:
    # The object interface of matplotlib needs no display and leaves no global state behind.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(panels), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for axis, (label, lines) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        for x, y, name in lines:
            points = [(e[x], e[y]) for e in entries if x in e and y in e]
            axis.plot([p[0] for p in points], [p[1] for p in points], label=name, linewidth=1)
        axis.set_xlabel("step")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())
