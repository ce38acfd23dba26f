"""`flowanchor bench engine` and `flowanchor bench gpu`: what costs time and memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flowanchor_engine.cli.sizes import grid_size, picture_size
from flowanchor_engine.cli.terminal import out

__all__ = ["engine", "gpu", "method", "sliders", "stops"]


def engine(
    layers: Annotated[int, typer.Option(min=1, max=30, help="Of the random 1.3B.")] = 4,
    grid: Annotated[
        str, typer.Option(help="Its tokens: latent frames x rows x columns; 11x30x52 is full.")
    ] = "5x8x13",
    steps: Annotated[int, typer.Option(min=2, help="Steps of its edit.")] = 3,
    tiny: Annotated[bool, typer.Option(help="Prove the bench in seconds.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="The numbers.")] = None,
    plot: Annotated[Path | None, typer.Option(help="The figures as bars, PNG.")] = None,
) -> None:
    """Measure what the engine costs besides the model: loop, SAR, cache, stopping, start."""
    from flowanchor_engine.bench import engine as engine_bench

    with out.status("Measuring …") as status:
        made, hello = engine_bench.run(
            layers=layers,
            grid=grid_size(grid),
            steps=steps,
            tiny=tiny,
            json_path=json_file,
            plot_path=plot,
            on_part=lambda name: status.update(f"Measuring: {name} …"),
        )
    table = Table(title="What the engine costs besides the model")
    for name in ("model", "what", "figure", "target", ""):
        table.add_column(name)
    for model, what, figure, target, met in engine_bench.table(made, hello):
        table.add_row(model, what, figure, target, _mark(met))
    out.print(table)


def gpu(
    tiny: Annotated[
        bool, typer.Option(help="A tiny model on any device: proves the code.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="The numbers.")] = None,
) -> None:
    """Run the acceptance list of a graphics card; what cannot run is named with its reason."""
    from flowanchor_engine.bench import gpu as gpu_bench

    table = Table(title="Acceptance on a graphics card")
    for name in ("item", "what", "figure", ""):
        table.add_column(name)
    with out.status("Measuring …") as status:
        found = gpu_bench.run(
            tiny=tiny,
            json_path=json_file,
            on_line=lambda line: status.update(f"Measured: {line.item} {line.what} …"),
        )
    for line in found:
        figure = f"[dim]skipped: {line.skipped}[/]" if line.skipped else line.figure
        table.add_row(line.item, line.what, figure, _mark(line.met))
    out.print(table)
    if any(line.met is False for line in found):
        raise typer.Exit(1)


def stops(
    points: Annotated[int, typer.Option(min=1, help="Wishes to stop.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Every stop.")] = None,
) -> None:
    """Stop the engine at random moments of every phase: laws kept, and how long it took."""
    from flowanchor_engine.bench import stops as campaign

    with out.status("Stopping …") as status:
        found = campaign.run(
            points,
            seed=seed,
            json_path=json_file,
            on_stop=lambda number, stop: status.update(f"Stop {number} of {points}: {stop.at} …"),
        )
    table = Table(title=f"Stops at random moments (a step takes {found.step_s:.2f} s)")
    for name in ("asked during", "wishes", "in time", "median", "95 %", "worst"):
        table.add_column(name, justify="right")
    for phase, wishes, taken, *seconds in found.rows():
        table.add_row(phase, str(wishes), str(taken), *(f"{s * 1000:.0f} ms" for s in seconds))
    out.print(table)
    for sentence in found.broken:
        out.print(f"[red]✗[/] {sentence}")
    if found.broken:
        raise typer.Exit(1)


def sliders(
    sheet: Annotated[Path, typer.Option(help="PNG to write.")] = Path("docs/settings/sliders.png"),
    seed: Annotated[int, typer.Option(help="Of the generated shot.")] = 11,
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "128x128",
) -> None:
    """Show what the three sliders do, on one shot edited by the embedded model."""
    from flowanchor_engine.bench import sliders as bench

    _draw(bench.draw, sheet, seed, size)


def method(
    figure: Annotated[Path, typer.Option(help="PNG to write.")] = Path("docs/method/method.png"),
    seed: Annotated[int, typer.Option(help="Of the generated shot.")] = 11,
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "128x128",
) -> None:
    """Draw how the method works, from one shot edited plain, with SAR, with SAR and AMM."""
    from flowanchor_engine.bench import method_figure as bench

    _draw(bench.draw, figure, seed, size)


def _draw(draw: Callable[..., object], path: Path, seed: int, size: str) -> None:
    sides = picture_size(size)
    with out.status("Editing …") as status:
        draw(
            path,
            seed=seed,
            size=sides,
            on_edit=lambda done, total: status.update(f"Edit {done} of {total} …"),
        )
    out.print(f"[green]✓[/] {path}")


def _mark(met: bool | None) -> str:
    return "" if met is None else "[green]✓[/]" if met else "[red]✗[/]"
