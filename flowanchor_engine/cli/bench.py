"""`flowanchor bench …`: quality of the edits, cost of SAR, fidelity of the clip layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from flowanchor_engine.cli import bench_speed
from flowanchor_engine.cli.sizes import picture_size
from flowanchor_engine.cli.terminal import out
from flowanchor_engine.errors import RequestError

if TYPE_CHECKING:
    from flowanchor_engine.bench.cases import Case
    from flowanchor_engine.bench.studies import Study
    from flowanchor_engine.bench.tables import Row

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Measure edits, costs and the clip layer.")
app.command()(bench_speed.engine)
app.command()(bench_speed.gpu)
app.command()(bench_speed.stops)
app.command()(bench_speed.sliders)
app.command()(bench_speed.method)

_KINDS = ("colour", "material", "shape", "background")

Workers = Annotated[int | None, typer.Option(min=1, help="Processes; all cores if left out.")]


@app.command()
def quality(
    cases: Annotated[int, typer.Option(min=1, help="How many generated clips.")] = 24,
    seed: Annotated[
        int, typer.Option(min=0, help="The first scene; equal seeds give equal cases.")
    ] = 2_000_000,
    kind: Annotated[
        str, typer.Option(help="colour, material, shape, background, or mixed.")
    ] = "colour",
    variants: Annotated[
        str, typer.Option(help="main, components, recommended or faithful.")
    ] = "main",
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "128x128",
    frames: Annotated[int, typer.Option(min=5, help="4k + 1 frames.")] = 9,
    matte: Annotated[str, typer.Option(help="exact, box, lasso or late.")] = "exact",
    model: Annotated[str, typer.Option(help="Registry id or model folder.")] = "demo",
    switch: Annotated[
        list[str] | None,
        typer.Option("--set", help="A method switch for all variants, e.g. --set beta1=0.2."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Numbers; finished edits are kept beside it.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet, PNG or JPEG.")] = None,
    workers: Workers = None,
) -> None:
    """Edit generated scenes in several ways and judge them against their truth."""
    import tempfile

    from flowanchor_engine import models
    from flowanchor_engine.bench import report
    from flowanchor_engine.bench.variants import variant_set
    from flowanchor_engine.cli.edit import method_settings

    made = _cases(kind, cases, seed, picture_size(size), frames, matte)
    study = report.custom_study(made, variant_set(variants))
    study = study if any(arm.name == "plain" for arm in study.arms) else _first_as_reference(study)
    recommended = method_settings(models.recommended(models.spec(model)), switch or ())
    with tempfile.TemporaryDirectory(prefix="flowanchor-") as scratch, _progress() as show:
        bench = report.open_bench(
            model,
            journal=None if json_file is None else json_file.with_suffix(".jsonl"),
            pictures=None if sheet is None else Path(scratch),
            workers=workers,
            recommended=recommended,
            on_done=show("Editing"),
        )
        rows = report.quality(bench, study, json_path=json_file, sheet_path=sheet)
    _print_rows(study, rows)
    for path in (json_file, sheet):
        if path is not None:
            out.print(f"[green]✓[/] {path}")


@app.command("report")
def full_report(
    folder: Annotated[Path, typer.Option(help="Gets quality.md and quality/.")] = Path("docs"),
    cases: Annotated[int, typer.Option(min=6, help="Cases of the headline.")] = 96,
    model: Annotated[str, typer.Option(help="Registry id or model folder.")] = "demo",
    size: Annotated[
        str | None, typer.Option(help="Picture size, WIDTHxHEIGHT; the model's own if left out.")
    ] = None,
    sweep_size: Annotated[str, typer.Option(help="Picture size of sweeps.")] = "96x96",
    journal: Annotated[
        Path | None, typer.Option(help="Finished edits; a stopped report goes on from here.")
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="Only this study; may be given several times.")
    ] = None,
    workers: Workers = None,
) -> None:
    """Run every study and write docs/quality.md with tables, plots and sheets."""
    import platformdirs

    from flowanchor_engine import models
    from flowanchor_engine.bench import report
    from flowanchor_engine.bench.studies import Sizes

    home = platformdirs.user_cache_path("flowanchor") / "quality"
    with _progress() as show:
        bench = report.open_bench(
            model,
            journal=journal or home / "records.jsonl",
            pictures=home / "pictures" if journal is None else journal.parent / "pictures",
            workers=workers,
        )

        def on_study(index: int, count: int, now: Study) -> None:
            bench.on_done = show(f"{index + 1}/{count} {now.key}")

        picture = models.working_size(model) if size is None else picture_size(size)
        sizes = Sizes(cases=cases, picture=picture, sweep_picture=picture_size(sweep_size))
        path = report.report(bench, folder, sizes, only=study or (), on_study=on_study)
    out.print(f"[green]✓[/] {path}")


@app.command()
def tune(
    cases: Annotated[int, typer.Option(min=6, help="Validation clips.")] = 48,
    folder: Annotated[Path, typer.Option(help="Gets quality/tuning.md.")] = Path("docs"),
    model: Annotated[str, typer.Option(help="Registry id or model folder.")] = "demo",
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "96x96",
    switch: Annotated[
        list[str] | None, typer.Option("--set", help="Where to start, e.g. --set shift=3.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Finished edits; a stopped search goes on from here.")
    ] = None,
    workers: Workers = None,
) -> None:
    """Choose a model's recommended numbers on scenes that the report does not show."""
    import platformdirs

    from flowanchor_engine import models
    from flowanchor_engine.bench import report
    from flowanchor_engine.bench import tune as search
    from flowanchor_engine.bench.cases import VALIDATION_SEED, colour_cases
    from flowanchor_engine.cli.edit import method_settings
    from flowanchor_engine.clip.atomic import write_text

    home = platformdirs.user_cache_path("flowanchor") / "quality"
    chosen = colour_cases(cases, VALIDATION_SEED, size=picture_size(size))
    with _progress() as show:
        bench = report.open_bench(
            model,
            journal=journal or home / "records.jsonl",
            pictures=None,
            workers=workers,
            recommended=method_settings(models.recommended(models.spec(model)), switch or ()),
        )

        def on_switch(index: int, count: int, name: str) -> None:
            bench.on_done = show(f"{index + 1}/{count} {name}")

        found = search.tune(bench, chosen, on_switch=on_switch)
    path = folder / "quality" / "tuning.md"
    write_text(path, search.markdown(found, len(chosen), VALIDATION_SEED))
    out.print(f"[green]✓[/] {path}")
    out.print("Recommended numbers for models/registry.json:")
    out.print_json(data=search.recommended_fields(found.settings))


@app.command()
def sar(
    runs: Annotated[int, typer.Option(min=1, help="The best of so many counts.")] = 3,
    layers: Annotated[int, typer.Option(min=1, max=30, help="Of the whole forward.")] = 1,
    latents: Annotated[
        int,
        typer.Option(min=1, max=21, help="Latent frames of it; 11 is 41 frames."),
    ] = 1,
    forward: Annotated[bool, typer.Option(help="Measure whole forwards as well.")] = True,
    json_file: Annotated[Path | None, typer.Option("--json", help="The numbers.")] = None,
) -> None:
    """Weigh the attention refinement at the shape of Wan2.1-1.3B, 832x480, 41 frames."""
    from dataclasses import asdict

    from flowanchor_engine.bench import sar_cost
    from flowanchor_engine.clip.atomic import write_text

    with out.status("Measuring one layer: 12 heads, 17 160 tokens, 128 wide …"):
        costs = sar_cost.layer_costs(runs=runs)
    dense = next(cost for cost in costs if cost.form == "dense")
    table = Table(title="One cross-attention layer, 28 words among 512 text rows")
    for name in ("form", "core time", "against dense", "extra memory"):
        table.add_column(name, justify="left" if name == "form" else "right")
    for cost in costs:
        name = {"plain": "collapsed, no SAR"}.get(cost.form, f"SAR, {cost.form}")
        table.add_row(
            name,
            f"{1000 * cost.seconds:.0f} ms",
            f"{dense.seconds / cost.seconds:.1f}x",
            f"{cost.extra_mb:.0f} MiB",
        )
    out.print(table)
    data: dict[str, object] = {
        "schema": "flowanchor.SarCost.1",
        "layer": [asdict(cost) for cost in costs],
    }
    if forward:
        with out.status(f"Measuring whole forwards, {layers} layers, {latents} latent frames …"):
            whole = sar_cost.forward_cost(layers=layers, tokens=(latents, 30, 52), runs=runs)
        out.print(
            f"Whole forward, {whole.layers} of 30 layers, {whole.tokens} tokens, core time: "
            f"{whole.collapsed:.2f} s collapsed, {whole.sar:.2f} s with SAR, {whole.stock:.2f} s "
            f"in stock diffusers. SAR adds {1000 * whole.attention_extra:.0f} ms to a layer: "
            f"[bold]{100 * whole.overhead:.1f} %[/] of the forward "
            f"({100 * whole.overhead_by_difference:+.1f} % by the difference of the two)."
        )
        data["forward"] = {**asdict(whole), "overhead": whole.overhead}
    if json_file is not None:
        write_text(json_file, json.dumps(data, indent=1) + "\n")


@app.command()
def clip(
    frames: Annotated[int, typer.Option(min=2, help="Per measurement.")] = 12,
    uhd: Annotated[bool, typer.Option(help="UHD as well as 1080p.")] = True,
    json_file: Annotated[Path | None, typer.Option("--json", help="The numbers.")] = None,
) -> None:
    """Measure reading, compositing, writing, tracking and memory of the clip layer."""
    from flowanchor_engine.bench import clip as clip_bench

    with out.status("Measuring the clip layer …") as status:
        found = clip_bench.run(
            sizes=("1080p", "uhd") if uhd else ("1080p",),
            frames=frames,
            json_file=json_file,
            say=lambda what: status.update(f"Measuring {what} …"),
        )
    table = Table(title=f"Frames per second, {found.cores} cores, load {found.load:.1f}")
    for name in ("job", "size", "codec", "by the clock", "per core"):
        table.add_column(name, justify="right" if name in ("by the clock", "per core") else "left")
    for row in found.rows():
        table.add_row(*row)
    out.print(table)
    out.print(f"Tracking, 640x360: {found.track_ms:.0f} ms of one core per frame.")
    for target, met, figures in found.verdicts():
        out.print(f"{'[green]✓[/]' if met else '[red]✗[/]'} {target}: {figures}")


def _cases(
    kind: str, count: int, seed: int, size: tuple[int, int], frames: int, matte: str
) -> tuple[Case, ...]:
    from dataclasses import replace
    from typing import cast

    from flowanchor_engine.bench.cases import MATTE_STYLES, kind_cases, mixed_cases
    from flowanchor_engine.demo.scenes import EditKind, check_grid

    try:
        check_grid(*size, frames)
    except ValueError as error:
        raise RequestError(f"The embedded model cannot hold such clips: {error}.") from error
    if matte not in MATTE_STYLES:
        raise RequestError(f"“{matte}” is not a matte style: {', '.join(MATTE_STYLES)}.")
    if kind == "mixed":
        return mixed_cases(count, seed, size=size)
    if kind not in _KINDS:
        raise RequestError(f"“{kind}” is not a kind of edit: {', '.join(_KINDS)}, mixed.")
    found = kind_cases(cast("EditKind", kind), count, seed, size=size, frames=frames)
    return tuple(replace(case, matte=matte) for case in found)


def _first_as_reference(study: Study) -> Study:
    from dataclasses import replace

    return replace(
        study, reference=next(arm.name for arm in study.arms if arm.variant.shows == "edit")
    )


def _print_rows(study: Study, rows: list[Row]) -> None:
    table = Table(title=f"{study.question} Brackets: 95 % intervals.")
    for name in ("kind", "variant"):
        table.add_column(name)
    for name in ("success", "leak", "clean", "PSNR outside"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        shares = [row.values[name] for name in ("success", "leak", "clean")]
        table.add_row(
            row.group,
            row.name,
            *(f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]" for share in shares),
            f"{row.values['ring_psnr_vae'].value:.1f} dB",
        )
    out.print(table)
    for row in rows:
        if row.against is not None:
            out.print(
                f"{row.group}: {row.name} against {study.reference}: clean in "
                f"{row.against.only_this} cases only here, in {row.against.only_reference} only "
                f"there (McNemar p = {row.against.p:.2g})"
            )


Show = Callable[[str], Callable[[int, int], None]]


@contextmanager
def _progress() -> Iterator[Show]:
    with Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=out,
    ) as progress:

        def show(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield show
