"""`flowanchor demo`: the whole product on the embedded model, in about a minute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flowanchor_engine.cli.terminal import TerminalReporter, out

if TYPE_CHECKING:
    from flowanchor_engine.bench.verdicts import Verdict
    from flowanchor_engine.showcase.story import Demo

__all__ = ["demo"]


def demo(
    folder: Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")] = Path(
        "out/demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Other shots.")] = 0,
    shots: Annotated[int, typer.Option(min=1, max=12, help="How many generated shots.")] = 4,
    footage: Annotated[bool, typer.Option(help="Also edit a real clip, fetched once.")] = True,
) -> None:
    """Edit generated shots plain and with SAR next to the truth, then a real clip."""
    from flowanchor_engine.showcase import footage as real
    from flowanchor_engine.showcase import story

    with TerminalReporter() as report:
        made = story.run(folder, seed=seed, count=shots, report=report, with_footage=footage)
    out.print(_table(made))
    out.print(
        "\n[bold]What this shows.[/] The embedded model knows a small world of coloured shapes. "
        "It recolours the thing under the matte; without SAR it often changes the wrong thing or "
        "changes too little. It cannot edit real objects, and new shapes and surfaces mostly fail: "
        "see docs/quality.md. Real footage needs Wan2.1."
    )
    out.print(f"\nsheet    {made.sheet}\nvideo    {made.video}\nnumbers  {made.numbers}")
    if made.real is not None:
        out.print(f"real     {made.real.video}\n         {made.real.sheet}\n         {real.CREDIT}")
    elif footage:
        out.print("real     skipped: the sample clip could not be fetched (no network?)")
    out.print(f"[dim]{made.seconds:.0f} s in all[/]")


def _table(made: Demo) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("shot", "driven by", "plain", "with SAR"):
        table.add_column(heading)
    for number, item in enumerate(made.shown, 1):
        table.add_row(
            str(number),
            item.shot.changed_words,
            _words(item.plain_verdict),
            _words(item.anchored_verdict),
        )
    return table


def _words(verdict: Verdict) -> str:
    if verdict.clean:
        return "[green]right[/]"
    if verdict.success:
        return "[yellow]right, but another object changed[/]"
    return "[red]wrong object[/]" if verdict.leak else "[red]missed[/]"
