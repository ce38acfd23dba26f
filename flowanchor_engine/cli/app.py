"""The commands of `flowanchor`, and how their errors are worded."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import Annotated

import typer
from rich.markup import escape

from flowanchor_engine.cli import bench, demo, edit, farm, media, models, panel
from flowanchor_engine.cli.terminal import out
from flowanchor_engine.errors import Cancelled, FlowAnchorError
from flowanchor_engine.folders import keep_compiled
from flowanchor_engine.threads import share_processors

__all__ = ["app", "main"]

app = typer.Typer(
    name="flowanchor",
    help="Edit a clip by saying what it shows and what is wanted; outside the matte it stays.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("edit")(edit.edit)
app.command("demo")(demo.demo)
app.command("panel")(panel.panel)
app.command("probe")(media.probe)
app.command("matte")(media.matte)
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
app.add_typer(farm.app, name="farm")


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        out.print(metadata.version("flowanchor"), highlight=False)
    except metadata.PackageNotFoundError:  # run from a folder that was never installed
        out.print("unknown: this copy is not installed", highlight=False)
    raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    del version  # its callback has answered


def main() -> None:
    """Run the command line; a known error becomes one sentence and status 2."""
    share_processors()
    keep_compiled()
    try:
        app(prog_name="flowanchor")  # the installed command starts this as a module
    except FlowAnchorError as error:
        out.print(f"[bold red]✗[/] {escape(error.user_message)}  [dim]({error.code})[/]")
        if error.detail and os.environ.get("FLOWANCHOR_DETAILS"):
            out.print(f"[dim]{escape(error.detail)}[/]")
        sys.exit(2)
    except (Cancelled, KeyboardInterrupt):
        out.print("Stopped.")
        sys.exit(130)
