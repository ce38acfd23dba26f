"""Small text files that are there whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowanchor_engine.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, flush it to the disk and rename it.

    Raises
    ------
    OutputError
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name} cannot be written in {path.parent}.",
            hint=["choose_folder"],
            detail=str(error),
        ) from error
