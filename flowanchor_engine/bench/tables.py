"""Studies as numbers and as Markdown: every share and mean with its interval and its test."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from flowanchor_engine.bench.stats import (
    Interval,
    bootstrap_mean,
    holm,
    mcnemar_exact,
    paired_difference,
    wilson,
)

if TYPE_CHECKING:
    from flowanchor_engine.bench.journal import Record
    from flowanchor_engine.bench.quality import Bench
    from flowanchor_engine.bench.studies import Arm, Study

__all__ = ["COLUMNS", "Column", "Comparison", "Row", "Side", "markdown", "rows", "to_data"]

Side = Literal["raw", "composited"]


@dataclass(frozen=True)
class Column:
    """A score in a table.

    Attributes
    ----------
    share : bool
        True for yes-or-no scores (Wilson intervals), False for means (bootstrap).
    better : {'high', 'low'}
    digits : int
        Behind the point.
    """

    title: str
    share: bool
    better: Literal["high", "low"]
    digits: int = 2
    unit: str = ""


COLUMNS: Final[dict[str, Column]] = {
    "success": Column("success", True, "high"),
    "strict": Column("strict", True, "high"),
    "leak": Column("leak", True, "low"),
    "clean": Column("clean", True, "high"),
    "progress": Column("progress", False, "high"),
    "iou": Column("IoU with truth", False, "high"),
    "psnr_truth": Column("PSNR to truth", False, "high", 1, "dB"),
    "ring_psnr_vae": Column("PSNR outside", False, "high", 1, "dB"),
    "ring_psnr": Column("PSNR outside, source", False, "high", 1, "dB"),
    "background_psnr": Column("PSNR background", False, "high", 1, "dB"),
    "background_psnr_published": Column("PSNR background, as published", False, "high", 1, "dB"),
    "background_ssim": Column("SSIM background", False, "high", 3),
    "background_ssim_published": Column("SSIM background, as published", False, "high", 3),
    "background_mse_published": Column("MSE background, as published", False, "low", 1),
    "background_mse": Column("MSE background", False, "low", 1),
    "locality": Column("locality", False, "high"),
    "colour_difference": Column("ΔE outside", False, "low"),
    "colour_shift": Column("cast outside", False, "low", 2, "ΔE"),
    "flicker_outside": Column("flicker outside", False, "low"),
    "flicker_inside": Column("flicker inside", False, "low", 1),
    "warping_error": Column("warping error", False, "low"),
    "warping_error_outside": Column("warping error outside", False, "low"),
    "sharpness": Column("sharpness to truth", False, "high"),
    "sharpness_outside": Column("sharpness outside", False, "high"),
    "before_matte": Column("change before the matte", False, "low", 1),
}


@dataclass(frozen=True)
class Comparison:
    """An arm against the reference of its group, over the same cases.

    Attributes
    ----------
    only_this, only_reference : int
        Cases that are clean with only one of the two.
    p, p_holm : float
        McNemar's exact two-sided p value, alone and adjusted for the table's comparisons.
    psnr : Interval
        Paired difference of the PSNR outside, dB.
    """

    only_this: int
    only_reference: int
    p: float
    p_holm: float
    psnr: Interval


@dataclass(frozen=True)
class Row:
    """An arm's numbers."""

    name: str
    group: str
    x: float | None
    cases: int
    errors: int
    values: dict[str, Interval]
    against: Comparison | None


def rows(
    bench: Bench, study: Study, *, side: Side = "raw", columns: Sequence[str] | None = None
) -> list[Row]:
    """Return the numbers of a finished study.

    Parameters
    ----------
    bench : Bench
        After `run_study`.
    side : {'raw', 'composited'}
        The model's own pictures, or the delivered ones.
    columns : sequence of str, optional
        Names of `COLUMNS`; the study's own by default. The verdicts are always there.
    """
    names = tuple(dict.fromkeys(("success", "leak", "clean", *(columns or study.columns))))
    found = [(arm, [bench.record(case, arm.variant) for case in arm.cases]) for arm in study.arms]
    references = {arm.group: records for arm, records in found if arm.name == study.reference}
    compared = [_is_compared(arm, study, references) for arm, _ in found]
    tests = [
        _discordant(records, references[arm.group], side)
        for (arm, records), wanted in zip(found, compared, strict=True)
        if wanted
    ]
    adjusted = iter(holm([mcnemar_exact(*pair) for pair in tests]))
    pairs = iter(tests)
    made = []
    for (arm, records), wanted in zip(found, compared, strict=True):
        against = None
        if wanted:
            only_this, only_reference = next(pairs)
            against = Comparison(
                only_this,
                only_reference,
                mcnemar_exact(only_this, only_reference),
                next(adjusted),
                paired_difference(
                    _numbers(records, "ring_psnr_vae", side),
                    _numbers(references[arm.group], "ring_psnr_vae", side),
                ),
            )
        made.append(
            Row(
                arm.name,
                arm.group,
                arm.x,
                len(records),
                sum(bool(record.error) for record in records),
                {name: _interval(records, name, side) for name in names},
                against,
            )
        )
    return made


def _is_compared(arm: Arm, study: Study, references: dict[str, list[Record]]) -> bool:
    return arm.name != study.reference and arm.group in references and arm.variant.shows == "edit"


def _discordant(records: Sequence[Record], others: Sequence[Record], side: Side) -> tuple[int, int]:
    mine = [bool(getattr(record, side)["clean"]) for record in records]
    theirs = [bool(getattr(record, side)["clean"]) for record in others]
    pairs = list(zip(mine, theirs, strict=True))
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)


def _numbers(records: Iterable[Record], name: str, side: Side) -> list[float]:
    return [float(getattr(record, side).get(name, math.nan)) for record in records]


def _interval(records: Sequence[Record], name: str, side: Side) -> Interval:
    if COLUMNS[name].share:
        hits = sum(bool(getattr(record, side)[name]) for record in records)
        return wilson(hits, len(records))
    return bootstrap_mean(_numbers(records, name, side))


def markdown(study: Study, made: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Return a study's rows as a Markdown table; brackets hold 95 % intervals."""
    names = [
        name
        for name in (columns or study.columns)
        if any(math.isfinite(row.values[name].value) for row in made)
    ]
    grouped = len({row.group for row in made}) > 1
    tested = any(row.against for row in made)
    head = [
        *(["cases"] if grouped else []),
        study.axis or "variant",
        "n",
        *(_title(COLUMNS[name]) for name in names),
        *([f"clean against {study.reference}: only this / only that (p)"] if tested else []),
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "-|" * len(head)]
    for row in made:
        cells = [
            *([row.group] if grouped else []),
            row.name,
            f"{row.cases}" + (f" ({row.errors} broke off)" if row.errors else ""),
            *(_cell(COLUMNS[name], row.values[name]) for name in names),
            *([_tested(row.against)] if tested else []),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _title(column: Column) -> str:
    arrow = "↑" if column.better == "high" else "↓"
    unit = f", {column.unit}" if column.unit else ""
    return f"{column.title}{unit} {arrow}"


def _cell(column: Column, found: Interval) -> str:
    if not math.isfinite(found.value):
        return "–"
    digits = column.digits
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _tested(against: Comparison | None) -> str:
    if against is None:
        return ""
    return f"{against.only_this} / {against.only_reference} ({_p(against.p_holm)})"


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"{value:.2g}"


def to_data(study: Study, made: Sequence[Row]) -> dict[str, Any]:
    """Return a study's rows as plain data for JSON; what is not finite becomes None."""
    return {
        "key": study.key,
        "title": study.title,
        "question": study.question,
        "axis": study.axis,
        "reference": study.reference,
        "rows": [_plain(asdict(row)) for row in made],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
