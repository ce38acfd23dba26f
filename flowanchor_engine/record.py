"""What an edit leaves beside its pictures: its facts, its recipe and its contact sheet."""

from __future__ import annotations

import json
import os
import platform
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowanchor_engine.clip.sheet import edit_sheet, save_sheet
from flowanchor_engine.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from flowanchor_engine.clip.session import Delivered
    from flowanchor_engine.editor import Editor, EditOutcome
    from flowanchor_engine.request import EditRequest

__all__ = [
    "RECIPE_SCHEMA",
    "Result",
    "beside",
    "draw_sheet",
    "whole",
    "write_json",
    "write_recipe",
]

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
    attention : Path or None
        Where the words were read (see `heat`); the recipe does not know of it.
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
    attention: Path | None = None


def beside(video: Path) -> tuple[Path, Path]:
    """Names of the recipe and of the sheet of a result; a folder's name has no ending to lose."""
    name = video.name if video.is_dir() else video.stem
    return video.with_name(name + ".recipe.json"), video.with_name(name + ".sheet.png")


@contextmanager
def whole(video: Path) -> Iterator[None]:
    """Take a result back if what belongs beside it cannot be written: half of one is none.

    A folder of pictures stays; it may hold others.
    """
    try:
        yield
    except BaseException:
        for path in (video, *beside(video)):
            if path.is_file():
                with suppress(OSError):
                    path.unlink()
        raise


def draw_sheet(
    path: Path, request: EditRequest, delivered: Delivered, outcome: EditOutcome
) -> None:
    """Write the contact sheet of a result: before and after, texts and numbers."""
    method = request.method
    anchored = (
        f"SAR in {outcome.anchored_steps} of {outcome.steps} steps"
        if outcome.anchored_steps
        else f"{outcome.steps} steps without SAR"
    )
    picture = edit_sheet(
        delivered.sheet,
        title=Path(request.source.path).name,
        now=request.prompts.now,
        wanted=request.prompts.wanted,
        lines=[
            f"model {request.model.id}, {anchored}, guidance "
            f"{method.guidance_source:g}/{method.guidance_target:g}, gamma {method.gamma:g}, "
            f"seed {request.seed}, driven by: {', '.join(outcome.words)}"
        ],
    )
    save_sheet(picture, path)


def write_recipe(request: EditRequest, result: Result, editor: Editor) -> None:
    """Write what made a result, so that it can be made again.

    Raises
    ------
    OutputError
    """
    facts: dict[str, Any] = asdict(result)
    del facts["attention"]
    for name in ("video", "recipe", "sheet"):
        facts[name] = facts[name].name
    facts["rate"] = f"{result.rate.numerator}/{result.rate.denominator}"
    data = {
        "schema": RECIPE_SCHEMA,
        "request": request.dump(),
        "result": facts,
        "engine": {
            **editor.model.fingerprint(),
            "python": platform.python_version(),
            "plan": None if editor.plan is None else editor.plan.facts,
        },
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
