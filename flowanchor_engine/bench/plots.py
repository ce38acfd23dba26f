"""Studies as pictures: dots and whiskers, one look for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from flowanchor_engine.bench.tables import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from flowanchor_engine.bench.studies import Study
    from flowanchor_engine.bench.tables import Row

__all__ = ["colour_of", "draw"]

_INK: Final = "#222222"
_GRID: Final = "#DDDDDD"
# Okabe and Ito: told apart by all eyes, and in grey.
_COLOURS: Final = {
    "plain": "#7F7F7F",
    "SAR": "#0072B2",
    "TTM only": "#56B4E9",
    "STM only": "#8FC7E8",
    "AMM signed": "#E69F00",
    "AMM abs": "#D55E00",
    "AMM rms": "#B35900",
    "full signed": "#009E73",
    "full abs": "#4DBD9B",
    "full rms": "#00755A",
    "unedited": "#BBBBBB",
    "truth": "#BBBBBB",
}
_SERIES: Final = {"success": "#0072B2", "clean": "#009E73", "leak": "#D55E00"}
_PANELS: Final = ("success", "leak", "clean", "ring_psnr_vae")
_BOUNDS: Final = ("unedited", "truth")
_LOOK: Final[Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
}


def colour_of(name: str) -> str:
    """Return a variant's colour, the same in every plot."""
    return _COLOURS.get(name, "#0072B2")


def draw(study: Study, made: Sequence[Row], path: Path) -> None:
    """Draw a study: a sweep as curves over its axis, everything else as named dots.

    Parameters
    ----------
    made : sequence of Row
        From `tables.rows`.
    path : Path
        PNG to write.
    """
    with _look():
        if study.axis and sum(row.x is not None for row in made) > 2:
            figure = _sweep(study, made)
        elif len({row.group for row in made}) > 1:
            figure = _groups(made)
        else:
            figure = _dots(study, made)
        figure.suptitle(study.title, x=0.01, ha="left", fontsize=11, color=_INK)
        path.parent.mkdir(parents=True, exist_ok=True)
        # No date and no version in the file: equal numbers give equal bytes.
        figure.savefig(path, metadata={"Software": None})


@contextmanager
def _look() -> Iterator[None]:
    with mpl.rc_context(_LOOK):
        yield


def _sweep(study: Study, made: Sequence[Row]) -> Figure:
    figure = Figure(figsize=(7.6, 3.1), layout="constrained")
    shares, outside = figure.subplots(1, 2, width_ratios=(1.5, 1))
    points = [row for row in made if row.x is not None]
    for name, colour in _SERIES.items():
        _curve(shares, points, name, colour, label=name)
    shares.set(ylim=(-0.03, 1.03), xlabel=study.axis, ylabel="share of cases")
    shares.legend(frameon=False, loc="best", fontsize=8)
    _curve(outside, points, "ring_psnr_vae", _INK)
    outside.set(xlabel=study.axis, ylabel="PSNR outside, dB")
    for axes in (shares, outside):
        for row in points:
            if row.name == study.reference and row.x is not None:
                axes.axvline(row.x, color=_INK, linewidth=0.8, linestyle=":", zorder=1)
        for row in made:  # values off the axis, such as the paper's pair of guidances
            if row.x is None:
                name = "clean" if axes is shares else "ring_psnr_vae"
                axes.axhline(row.values[name].value, color="#CC79A7", linewidth=1, linestyle="--")
                axes.annotate(
                    f"{name.replace('ring_psnr_vae', 'PSNR')} at {row.name}",
                    (0.99, row.values[name].value),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="bottom",
                    fontsize=7,
                    color="#CC79A7",
                )
    return figure


def _curve(axes: Any, points: Sequence[Row], name: str, colour: str, label: str = "") -> None:
    x = [row.x for row in points]
    found = [row.values[name] for row in points]
    axes.plot(x, [item.value for item in found], "o-", color=colour, markersize=4, label=label)
    axes.fill_between(
        x,
        [item.low for item in found],
        [item.high for item in found],
        color=colour,
        alpha=0.14,
        lw=0,
    )


def _dots(study: Study, made: Sequence[Row]) -> Figure:
    """One line per variant, panels for the verdicts and the PSNR outside."""
    names = [
        name for name in ("success", "leak", "clean", "ring_psnr_vae") if name in made[0].values
    ]
    figure = Figure(figsize=(8.4, 0.9 + 0.32 * len(made)), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    heights = list(range(len(made)))[::-1]
    for axes, name in zip(panels, names, strict=True):
        for height, row in zip(heights, made, strict=True):
            _whisker(axes, row, name, height, colour_of(row.name), across=True)
        column = COLUMNS[name]
        axes.set_xlabel(f"{column.title}{f', {column.unit}' if column.unit else ''}")
        if column.share:
            axes.set_xlim(-0.03, 1.03)
        else:
            _fit(axes, made, name)
        axes.set_ylim(-0.6, len(made) - 0.4)
        axes.grid(axis="y", visible=False)
    panels[0].set_yticks(heights, [row.name for row in made])
    return figure


def _groups(made: Sequence[Row]) -> Figure:
    """Put groups side by side, one dot per variant, a panel per score."""
    groups = list(dict.fromkeys(row.group for row in made))
    variants = list(
        dict.fromkeys(row.name for row in made if row.name not in ("unedited", "truth"))
    )
    names = [name for name in _PANELS if name in made[0].values]
    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    panels = figure.subplots(1, len(names))
    for axes, name in zip(panels, names, strict=True):
        for index, variant in enumerate(variants):
            shift = (index - (len(variants) - 1) / 2) * 0.6 / max(1, len(variants))
            for row in made:
                if row.name == variant:
                    x = groups.index(row.group) + shift
                    _whisker(axes, row, name, x, colour_of(variant), across=False)
        column = COLUMNS[name]
        axes.set_title(f"{column.title}{f', {column.unit}' if column.unit else ''}")
        axes.set_xticks(range(len(groups)), groups, rotation=30, ha="right")
        axes.set_xlim(-0.5, len(groups) - 0.5)
        if column.share:
            axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="x", visible=False)
    figure.legend(
        handles=[
            mpl.lines.Line2D([], [], marker="o", linestyle="", color=colour_of(name), label=name)
            for name in variants
        ],
        loc="outside lower center",
        ncols=len(variants),
        frameon=False,
        fontsize=8,
    )
    return figure


def _whisker(axes: Any, row: Row, name: str, place: float, colour: str, *, across: bool) -> None:
    found = row.values[name]
    error = [[max(0.0, found.value - found.low)], [max(0.0, found.high - found.value)]]
    axes.errorbar(
        found.value if across else place,
        place if across else found.value,
        **{"xerr" if across else "yerr": error},
        fmt="o",
        color=colour,
        markersize=5,
        capsize=2.5,
        elinewidth=1.4,
    )


def _fit(axes: Any, made: Sequence[Row], name: str) -> None:
    """Leave values at the ceiling (an untouched clip) out of the range that is shown."""
    shown = [row.values[name] for row in made if row.name not in _BOUNDS]
    low, high = min(item.low for item in shown), max(item.high for item in shown)
    axes.set_xlim(low - 0.08 * (high - low) - 0.1, high + 0.08 * (high - low) + 0.1)
