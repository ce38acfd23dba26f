"""The quality report: every study run, drawn and written down by one command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine import models
from flowanchor_engine.bench import amm_probe, plots, sheets, tables
from flowanchor_engine.bench.cases import colour_cases
from flowanchor_engine.bench.journal import Journal
from flowanchor_engine.bench.quality import Bench, load_editor
from flowanchor_engine.bench.studies import Arm, Sizes, Study, all_studies, run_study
from flowanchor_engine.bench.variants import REFERENCES
from flowanchor_engine.clip.atomic import write_text
from flowanchor_engine.errors import RequestError

if TYPE_CHECKING:
    from flowanchor_engine.bench.cases import Case
    from flowanchor_engine.bench.tables import Row
    from flowanchor_engine.bench.variants import Variant
    from flowanchor_engine.request import MethodSettings

__all__ = ["SCHEMA", "custom_study", "open_bench", "quality", "report", "write_text"]

SCHEMA: Final = "flowanchor.QualityReport.1"


def open_bench(
    model: str,
    *,
    journal: Path | None,
    pictures: Path | None,
    workers: int | None = None,
    recommended: MethodSettings | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> Bench:
    """Return a bench for a model of the registry or a folder.

    Raises
    ------
    ModelMissingError
        The model is not on this computer.
    """
    spec = models.spec(model)
    return Bench(
        folder=models.folder(spec),
        recommended=recommended or models.recommended(spec),
        journal=Journal(journal),
        pictures=pictures,
        workers=workers or max(1, os.cpu_count() or 1),
        on_done=on_done,
    )


def custom_study(
    cases: Sequence[Case], variants: Sequence[Variant], *, reference: str = "plain"
) -> Study:
    """Return a study of any variants on any cases, one group per kind of edit.

    Raises
    ------
    RequestError
        Code ``request`` without cases or without variants.
    """
    if not cases or not variants:
        raise RequestError("A benchmark needs at least one case and one variant.")
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.kind, []).append(case)
    arms = [
        Arm(variant.name, variant, tuple(members), kind)
        for kind, members in groups.items()
        for variant in (REFERENCES[0], *variants, REFERENCES[1])
    ]
    return Study(
        key="custom",
        title="Generated cases",
        question=f"{len(cases)} cases of {', '.join(groups)}.",
        arms=tuple(arms),
        reference=reference,
        columns=("success", "strict", "leak", "clean", "psnr_truth", "ring_psnr_vae", "locality"),
        pictured=min(3, min(len(members) for members in groups.values())),
    )


def quality(
    bench: Bench, study: Study, *, json_path: Path | None = None, sheet_path: Path | None = None
) -> list[Row]:
    """Run one study and write its numbers and its sheet.

    Returns
    -------
    list of Row
        The raw numbers; the JSON holds the composited ones as well.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    if sheet_path is None:
        study = replace(study, pictured=0)
    run_study(bench, study)
    made = tables.rows(bench, study)
    if json_path is not None:
        data = {**_about(bench), "studies": [_study_data(bench, study)]}
        write_text(json_path, json.dumps(data, indent=1, allow_nan=False) + "\n")
    if sheet_path is not None:
        draw_sheet(bench, study, sheet_path)
    return made


def draw_sheet(bench: Bench, study: Study, path: Path) -> None:
    """Draw the first cases of every group of a study with all its edits."""
    chosen: list[tuple[Case, list[Arm]]] = []
    for group in study.sheet_groups:
        arms = [arm for arm in study.arms if arm.group == group and arm.variant.shows == "edit"]
        chosen += [(case, arms) for case in arms[0].cases[: study.pictured]]
    sheets.draw_sheet(bench, chosen, path)


def report(
    bench: Bench,
    folder: Path,
    sizes: Sizes,
    *,
    only: Sequence[str] = (),
    on_study: Callable[[int, int, Study], None] | None = None,
) -> Path:
    """Run all studies that are not in the journal and write ``quality.md`` with its pictures.

    Parameters
    ----------
    folder : Path
        Gets ``quality.md`` and ``quality/`` with plots, sheets and ``quality.json``.
    only : sequence of str
        Keys of the studies to make; all by default.
    on_study : callable, optional
        Called with (index, count, study) before each study.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    RequestError
        Code ``request`` for a study that is not known.
    OutputError
        A file cannot be written.
    """
    studies = _chosen(all_studies(sizes, bench.recommended), only)
    pictures = folder / "quality"
    parts = []
    for index, study in enumerate(studies):
        if on_study is not None:
            on_study(index, len(studies), study)
        run_study(bench, study)
        parts.append(_section(bench, study, pictures))
    data = {**_about(bench), "studies": [_study_data(bench, study) for study in studies]}
    if sizes.probed:
        cases = colour_cases(sizes.probed, sizes.seed, size=sizes.sweep_picture)
        readings = amm_probe.probe(load_editor(str(bench.folder)), cases, bench.recommended)
        parts.append(amm_probe.markdown(readings, len(cases)))
        data["amm_maps"] = [asdict(item) for item in readings]
    write_text(pictures / "quality.json", json.dumps(data, indent=1, allow_nan=False) + "\n")
    path = folder / "quality.md"
    write_text(path, _head(bench, studies, sizes) + "\n".join(parts))
    return path


def _chosen(studies: Sequence[Study], only: Sequence[str]) -> tuple[Study, ...]:
    known = {study.key: study for study in studies}
    unknown = [key for key in only if key not in known]
    if unknown:
        raise RequestError(f"“{unknown[0]}” is not a study: {', '.join(known)}.")
    return tuple(study for study in studies if not only or study.key in only)


def _section(bench: Bench, study: Study, pictures: Path) -> str:
    made = tables.rows(bench, study)
    plots.draw(study, made, pictures / f"{study.key}.png")
    lines = [
        f"## {study.title}",
        "",
        study.question,
        "",
        f"![{study.title}](quality/{study.key}.png)",
        "",
        tables.markdown(study, made),
        "",
    ]
    verdict = _sentence(study, made)
    if verdict:
        lines += [verdict, ""]
    if study.key in ("headline", "mattes"):
        over = tables.rows(bench, study, side="composited")
        columns = ("success", "leak", "clean", "psnr_truth", "background_psnr", "before_matte")
        lines += [
            "As delivered, composited over the source through the grown and feathered matte "
            "(plain composited is mask compositing alone):",
            "",
            tables.markdown(
                study,
                tables.rows(bench, study, side="composited", columns=columns),
                [name for name in columns if name in over[0].values or name in columns],
            ),
            "",
        ]
    if study.key == "headline":
        lines += [*_metric_table(bench, study), ""]
    if study.pictured:
        draw_sheet(bench, study, pictures / f"{study.key}-sheet.jpg")
        lines += [f"![Contact sheet](quality/{study.key}-sheet.jpg)", ""]
    return "\n".join(lines)


def _metric_table(bench: Bench, study: Study) -> list[str]:
    """All weight-free metrics of the headline, raw, papers' protocol beside ours."""
    columns = (
        *("background_psnr_published", "background_ssim_published", "background_mse_published"),
        *("background_psnr", "background_ssim", "background_mse", "ring_psnr", "ring_psnr_vae"),
        *("colour_difference", "colour_shift", "sharpness_outside", "flicker_outside"),
        *("flicker_inside", "warping_error", "warping_error_outside", "psnr_truth"),
    )
    found = [
        row for row in tables.rows(bench, study, columns=columns) if row.group == study.groups[0]
    ]
    lines = [
        "Every weight-free metric on these cases. *As published*: on pictures multiplied by one "
        "minus the mask, where the black part counts as perfect; the others on background "
        "pixels alone.",
        "",
        "| metric | " + " | ".join(row.name for row in found) + " |",
        "|-|" + "-|" * len(found),
    ]
    for name in columns:
        column = tables.COLUMNS[name]
        cells = [f"{row.values[name].value:.{column.digits}f}" for row in found]
        unit = f", {column.unit}" if column.unit else ""
        arrow = "↑" if column.better == "high" else "↓"
        lines.append(f"| {column.title}{unit} {arrow} | " + " | ".join(cells) + " |")
    return lines


def _sentence(study: Study, made: Sequence[Row]) -> str:
    """Say what the table shows: the tested differences, or the best point of a sweep."""
    if study.key == "headline":
        plain, sar = (
            next(row for row in made if row.name == name and row.group == "all cases")
            for name in ("plain", "SAR")
        )
        against = sar.against
        if against is None:
            return ""
        return (
            f"**SAR against plain: clean {plain.values['clean'].value:.2f} → "
            f"{sar.values['clean'].value:.2f}, success {plain.values['success'].value:.2f} → "
            f"{sar.values['success'].value:.2f}, leak {plain.values['leak'].value:.2f} → "
            f"{sar.values['leak'].value:.2f}.** {against.only_this} of {sar.cases} cases are "
            f"clean with SAR only, {against.only_reference} with plain only (McNemar, exact, "
            f"two-sided p = {against.p:.2g}). PSNR outside changes by {against.psnr.value:+.1f} "
            f"dB [{against.psnr.low:+.1f}, {against.psnr.high:+.1f}] (paired)."
        )
    if not study.axis:
        return ""
    best = max(made, key=lambda row: row.values["clean"].value)
    clear = [row.name for row in made if row.against and row.against.p_holm < 0.05]
    told = (
        f"different from {study.reference} beyond chance: {', '.join(clear)}"
        if clear
        else f"none differs from {study.reference} beyond chance"
    )
    return f"Most clean edits at {best.name} ({best.values['clean'].value:.2f}); {told}."


def _study_data(bench: Bench, study: Study) -> dict[str, Any]:
    return {
        **tables.to_data(study, tables.rows(bench, study)),
        "composited": tables.to_data(study, tables.rows(bench, study, side="composited"))["rows"],
    }


def _about(bench: Bench) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": bench.folder.name,
        "revision": bench.revision,
        "recommended": bench.recommended.model_dump(),
    }


def _head(bench: Bench, studies: Sequence[Study], sizes: Sizes) -> str:
    edits = {
        (case.key, arm.variant.digest(bench.recommended))
        for study in studies
        for arm in study.arms
        for case in arm.cases
    }
    numbers = ", ".join(
        f"{name} {value if value != '' else '(empty)'}"
        for name, value in bench.recommended.model_dump().items()
        if value != type(bench.recommended).model_fields[name].default
    )
    wide, high = sizes.picture
    sweep_wide, sweep_high = sizes.sweep_picture
    return (
        "# Quality of the embedded model's edits\n\n"
        "Written by `flowanchor bench report`; every number regenerates from seeds. How to read "
        "it, what each score means and what follows from it: [benchmarks.md](benchmarks.md).\n\n"
        f"- Weights `{bench.revision[:16]}`, {len(edits)} judged clips, scenes from seed "
        f"{sizes.seed} on, which neither training nor the choice of numbers has seen.\n"
        f"- Recommended numbers, unless a row says otherwise: {numbers or 'the published ones'}.\n"
        f"- Pictures {wide}x{high} ({sweep_wide}x{sweep_high} in sweeps and lengths), 9 frames "
        "unless a row says otherwise.\n"
        "- Scores are of the model's own pictures (raw) unless a table says composited. "
        "Brackets hold 95 % intervals: Wilson for shares, bootstrap over cases for means. p "
        "values are McNemar's exact test on clean, adjusted by Holm within a table.\n"
        "- *PSNR outside* leaves out a border of 6 pixels and compares with the source after "
        "the VAE's round trip, so that the VAE's own loss is not blamed on the edit.\n\n"
    )
