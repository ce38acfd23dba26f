"""`flowanchor farm`: edits on machines that nobody watches, and jobs for their managers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flowanchor_engine.cli.terminal import out
from flowanchor_engine.errors import RequestError

__all__ = ["app"]

app = typer.Typer(help="Run shots on render nodes; write OpenJD jobs.", no_args_is_help=True)


@app.command()
def run(
    job: Annotated[Path, typer.Argument(help="The job file: a request, or a recipe.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="The result to write.")],
    path_mapping: Annotated[
        Path | None, typer.Option(help="OpenJD's path mapping rules; for every path.")
    ] = None,
    openjd: Annotated[
        bool, typer.Option("--openjd", help="Say progress, status and failure as OpenJD reads it.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Edit also where the result is there.")
    ] = False,
    low_memory: Annotated[
        bool, typer.Option("--low-memory", help="As little graphics memory as can be; slower.")
    ] = False,
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for a card or engine in use.")
    ] = 60,
    mock: Annotated[
        str | None, typer.Option(help="Play a script instead of an engine; - for the built-in.")
    ] = None,
) -> None:
    """Edit one shot; killed, the same command goes on; finished, it does nothing.

    Exit status: 0 done, 1 failed, 2 wrong everywhere (job file, texts, clip), 3 not on this
    machine (file, model, disk, network), 4 out of memory, 5 busy, try later, 130 stopped.
    """
    from flowanchor_engine.farm import run as story
    from flowanchor_engine.farm.engine import Stop
    from flowanchor_engine.farm.voice import Voice

    stop = Stop()
    with stop.on_signals():
        status = story.run(
            job,
            output,
            voice=Voice(openjd=openjd),
            stop=stop,
            rules=path_mapping,
            anew=anew,
            memory="low" if low_memory else "auto",
            wait_s=wait,
            mock=mock,
        )
    raise typer.Exit(int(status))


@app.command()
def template(
    jobs: Annotated[list[Path], typer.Argument(help="Job files, one per shot.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="job.yaml or job.json.")],
    results: Annotated[
        Path | None, typer.Option(help="Folder of the results; else beside each job file.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the job.")] = None,
    gpu_memory: Annotated[
        float | None,
        typer.Option(min=0, help="GB of graphics memory that hosts must have; 0: no card."),
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, help="Minutes that a shot may take.")] = 720,
) -> None:
    """Write an OpenJD job template: one task per shot, with what its host must have."""
    from flowanchor_engine.farm import template as maker

    described = maker.describe(
        jobs, results=results, name=name, gpu_gb=gpu_memory, timeout_min=timeout
    )
    maker.write(described, output)
    out.print(f"[green]✓[/] {escape(str(output))}  {len(jobs)} tasks, checked by openjd-model")


@app.command()
def local(
    job: Annotated[Path, typer.Argument(help="An OpenJD job template.")],
    path_mapping: Annotated[Path | None, typer.Option(help="OpenJD's path mapping rules.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE of the job.")
    ] = None,
) -> None:
    """Run every task of a job on this machine; ends with the first failure's exit status."""
    from flowanchor_engine.farm.engine import Stop
    from flowanchor_engine.farm.exits import Exit
    from flowanchor_engine.farm.local import run_here

    values = {}
    for item in parameter or ():
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise RequestError(f"“{item}” is not NAME=VALUE.")
        values[key] = value

    def say(line: str) -> None:
        out.print(escape(line), soft_wrap=True)

    stop = Stop()
    with stop.on_signals():
        outcomes = run_here(job, say=say, stop=stop, rules=path_mapping, parameters=values)
    for outcome in outcomes:
        mark = "[green]✓[/]" if outcome.status == Exit.DONE else "[bold red]✗[/]"
        status = "" if outcome.status == Exit.DONE else f" (exit {outcome.status})"
        words = f"{escape(outcome.name)}: {escape(outcome.words)}"
        out.print(f"{mark} {words}{status}", soft_wrap=True)
    if stop.asked:
        out.print("Stopped.")
        raise typer.Exit(int(Exit.CANCELLED))
    raise typer.Exit(next((o.status for o in outcomes if o.status != Exit.DONE), int(Exit.DONE)))
