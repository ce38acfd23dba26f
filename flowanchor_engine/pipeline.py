"""One edit from file to file: read, encode, edit, decode, composite, write.

The only place where the method, the model and the clip layer meet; it reads like the story
of one edit.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil
import torch

from flowanchor_engine import models
from flowanchor_engine.clip import session
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import OutputError
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.wan import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from flowanchor_engine.request import EditRequest

__all__ = ["RECIPE_SCHEMA", "Result", "edit", "open_editor"]

RECIPE_SCHEMA = "flowanchor.Recipe.1"


@dataclass(frozen=True)
class Result:
    """What an edit left behind and what it took.

    Parameters
    ----------
    video, recipe, sheet : Path
        The result, its recipe and its before/after contact sheet.
    frames : int
        Pictures in the result: as many as asked.
    rate : Fraction
        Pictures per second.
    words : tuple of str
        The words that drove the edit.
    forwards, forwards_saved : int
        Transformer forwards run and saved.
    seconds : dict of str to float
        Time per phase.
    peak_memory_mb : int
        Peak resident memory of the process, or of the graphics card where one is used.
    notes : tuple of str
        What the person should know about this result.
    """

    video: Path
    recipe: Path
    sheet: Path
    frames: int
    rate: Fraction
    width: int
    height: int
    words: tuple[str, ...]
    forwards: int
    forwards_saved: int
    seconds: dict[str, float]
    peak_memory_mb: int
    notes: tuple[str, ...]


def open_editor(request: EditRequest, *, report: Reporter | None = None) -> Editor:
    """Load the model that a request names.

    Raises
    ------
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsafeError
        The folder does not hold a loadable model.
    """
    report = report or Silent()
    report.phase(Phase.LOAD, 0, 1)
    folder = models.folder(request.model)
    model = load.load(folder, precision=request.model.precision, device=_device())
    report.phase(Phase.LOAD, 1, 1)
    return Editor(model)


def edit(
    request: EditRequest,
    out: Path,
    *,
    report: Reporter | None = None,
    editor: Editor | None = None,
) -> Result:
    """Edit a clip as requested and write the result, its recipe and its sheet.

    Parameters
    ----------
    request : EditRequest
        Everything that decides the pixels.
    out : Path
        The file (or, for picture sequences, the folder) to write. The recipe and the sheet
        go beside it.
    report : Reporter, optional
        Hears of progress and can stop the job.
    editor : Editor, optional
        A warm model that fits `request.model`; loaded when absent.

    Raises
    ------
    FlowAnchorError
        One of the catalogue; nothing is left under the final names.
    Cancelled
        The reporter asked to stop; nothing is decoded or written afterwards.
    """
    watch = _Watch(report or Silent())
    session.check_output(out)
    with watch.timing(Phase.LOAD):
        editor = editor or open_editor(request, report=watch)
    with watch.timing(Phase.READ):
        working = session.prepare(request, size=editor.model.facts.working_size, report=watch)
    matte = None if working.matte is None else torch.from_numpy(working.matte)
    with watch.timing(Phase.ENCODE), torch.no_grad():
        x_src = editor.encode(torch.from_numpy(working.frames), watch)
    with watch.timing(Phase.EDIT):
        outcome = editor.edit(
            x_src,
            matte,
            request.prompts,
            request.method,
            seed=request.seed,
            report=watch,
            window_latents=request.working.window_latents,
            window_overlap=request.working.window_overlap,
        )
    watch.check()
    with watch.timing(Phase.DECODE), torch.no_grad():
        edited = editor.decode(outcome.latent, working.count, watch)
        delivered = session.deliver(working, edited, request, out, report=watch)

    result = Result(
        video=delivered.video,
        recipe=out.with_name(out.stem + ".recipe.json"),
        sheet=delivered.sheet,
        frames=delivered.frames,
        rate=delivered.rate,
        width=delivered.width,
        height=delivered.height,
        words=outcome.words,
        forwards=outcome.forwards,
        forwards_saved=outcome.forwards_saved,
        seconds=watch.seconds,
        peak_memory_mb=_peak_memory_mb(),
        notes=tuple(watch.notes),
    )
    _write_recipe(request, result, editor)
    return result


def _write_recipe(request: EditRequest, result: Result, editor: Editor) -> None:
    facts: dict[str, Any] = asdict(result)
    for name in ("video", "recipe", "sheet"):
        facts[name] = facts[name].name
    facts["rate"] = f"{result.rate.numerator}/{result.rate.denominator}"
    data = {
        "schema": RECIPE_SCHEMA,
        "request": request.dump(),
        "result": facts,
        "engine": {**editor.model.fingerprint(), "python": platform.python_version()},
    }
    write_json(result.recipe, data)


def write_json(path: Path, data: object) -> None:
    """Write JSON so that the name only ever holds a whole file.

    Raises
    ------
    OutputError
        Code ``output`` when the folder cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name} cannot be written in {path.parent}.",
            hint=["other_folder"],
            detail=str(error),
        ) from error


def _device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _peak_memory_mb() -> int:
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated() // 2**20)
    return int(psutil.Process().memory_info().rss // 2**20)


class _Watch:
    """A reporter that also keeps times and notes for the recipe."""

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []

    @contextmanager
    def timing(self, phase: Phase) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[phase.value] = round(time.perf_counter() - begun, 3)

    def phase(self, phase: Phase, done: int, total: int) -> None:
        self._inner.phase(phase, done, total)

    def preview(self, step: int, frame: int, picture: Any) -> None:
        self._inner.preview(step, frame, picture)

    def note(self, code: str, sentence: str) -> None:
        self.notes.append(sentence)
        self._inner.note(code, sentence)

    def check(self) -> None:
        self._inner.check()
