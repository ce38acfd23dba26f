"""`flowanchor models`: which are here; get, verify, import and remove them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from flowanchor_engine.cli.terminal import out
from flowanchor_engine.errors import ModelDamagedError, ModelIncompleteError, ModelMissingError
from flowanchor_engine.progress import Phase, Silent

if TYPE_CHECKING:
    from types import TracebackType

    from flowanchor_engine.models import ModelEntry

__all__ = ["app"]

app = typer.Typer(help="List, download, check, import and remove models.")

_WORDS = {
    Phase.DOWNLOAD: "Downloading",
    Phase.LOAD: "Checking",
    Phase.WRITE: "Importing",
}


class _Bytes(Silent):
    """A reporter of phases that count bytes; a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=28),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=out,
        )
        self._tasks: dict[Phase, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Draw `done` of `total` bytes of a phase."""
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(
                _WORDS.get(phase, phase.value), total=total
            )
        self._progress.update(self._tasks[phase], completed=done, total=total)


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models, or do something with one of them."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models: which are here, how large, what they are good for."""
    from flowanchor_engine.models import registry
    from flowanchor_engine.models.manifest import installed

    own = installed()
    rows = [_row(item, size=_size(item.id)) for item in registry.entries()]
    known = {item.id for item in registry.entries()}
    for name, manifest in own.items():
        if name not in known:
            rows.append(
                {
                    "id": name,
                    "here": "damaged" if manifest is None else "yes",
                    "bytes": 0 if manifest is None else manifest.size,
                    "picture": "",
                    "licence": "",
                    "about": "Imported." if manifest is None else f"From {manifest.origin}.",
                }
            )
    if as_json:
        out.print_json(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("id", "here", "on disk", "picture", "licence", "good for"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        count = int(row["bytes"])
        here = str(row["here"])
        table.add_row(
            str(row["id"]),
            f"[green]{here}[/]" if here == "yes" else here,
            f"{count / 1e9:.1f} GB" if count >= 5e7 else f"{count / 1e6:.0f} MB" if count else "",
            str(row["picture"]),
            str(row["licence"]),
            escape(str(row["about"])),
        )
    out.print(table)


@app.command("get")
def get(
    model: Annotated[str, typer.Argument(help="The id of a model; see `flowanchor models`.")],
    revision: Annotated[
        str | None, typer.Option("--revision", help="A branch, tag or commit of its repository.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be downloaded.")
    ] = False,
) -> None:
    """Download MODEL, continue a download that was broken off, or repair damaged files."""
    from flowanchor_engine.models import download, registry

    entry = registry.entry(model)
    if dry_run:
        plan = download.plan(entry, revision=revision)
        for file in sorted(plan.files, key=lambda file: file.name):
            out.print(f"{file.size:>15,}  {file.name}")
        out.print(f"{plan.size:>15,}  bytes of {entry.repository} at {plan.commit}")
        return
    with _Bytes() as report:
        home = download.get(entry, revision=revision, report=report)
    out.print(f"[green]✓[/] {entry.name}: {home}")


@app.command("verify")
def verify(
    model: Annotated[str, typer.Argument(help="An id, an imported model's name, or a folder.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Sizes and headers alone, without checksums.")
    ] = False,
) -> None:
    """Check every file of MODEL against what was installed."""
    from flowanchor_engine.models import verify as verifying

    with _Bytes() as report:
        found = verifying.verify(model, quick=quick, report=report)
    how = "checksums agree" if found.checksums else "sizes and headers are in order"
    out.print(
        f"[green]✓[/] {found.folder}: {found.files} files, {found.size / 1e9:.2f} GB, "
        f"{found.facts.family}; {how}."
    )


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="A model folder in diffusers' layout.")],
    name: Annotated[
        str | None, typer.Option("--as", help="A known id, or a name of your own.")
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the files instead of pointing to them.")
    ] = False,
) -> None:
    """Use the model files in FOLDER, without a download."""
    from flowanchor_engine.models import importing

    with _Bytes() as report:
        home = importing.import_folder(
            folder, name=name, how="copy" if copy else "link", report=report
        )
    out.print(f"[green]✓[/] {home.name}: {home}")


@app.command("remove")
def remove(
    model: Annotated[str, typer.Argument(help="An id or an imported model's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete MODEL from the models folder; linked files stay where they are."""
    from flowanchor_engine.models import remove as removing

    if not yes:
        typer.confirm(f"Delete {model} from the models folder?", abort=True)
    gone = removing.remove(model)
    out.print(f"[green]✓[/] {model} removed, {gone.freed / 1e9:.2f} GB freed.")
    for path in gone.kept:
        out.print(f"  kept, not ours: {path}")


def _row(item: ModelEntry, size: int) -> dict[str, str | int]:
    from flowanchor_engine.models import registry

    try:
        registry.folder(item.id)
        here = "yes"
    except ModelIncompleteError:
        here = "unfinished"
    except ModelDamagedError:
        here = "damaged"
    except ModelMissingError:
        here = "no"
    return {
        "id": item.id,
        "here": here,
        "bytes": size,
        "picture": f"{item.width}×{item.height}",
        "licence": item.licence,
        "about": item.about,
    }


def _size(name: str) -> int:
    from flowanchor_engine.models import registry

    try:
        home = registry.folder(name)
    except (ModelMissingError, ModelIncompleteError, ModelDamagedError):
        return 0
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
