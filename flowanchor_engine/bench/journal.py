"""Finished edits of a benchmark, one JSON line each, so that a stopped run goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine.errors import OutputError

if TYPE_CHECKING:
    from flowanchor_engine.bench.score import Score

__all__ = ["SCHEMA", "Journal", "Record"]

SCHEMA: Final = "flowanchor.QualityRecord.1"


@dataclass(frozen=True)
class Record:
    """One edited case.

    Attributes
    ----------
    model : str
        Revision of the weights.
    case, digest : str
        Which clip and which switches; names of variants are not part of it, so that studies
        share what they have in common.
    raw, composited : dict
        Scores of the model's own pictures, and of the delivered ones.
    seconds : float
        Editing alone, on one core, without encoding and decoding.
    forwards, saved : int
        Transformer forwards run, and taken from the source's memory.
    error : str
        Code of the error that ended the edit, or empty.
    """

    model: str
    case: str
    digest: str
    raw: Score
    composited: Score
    seconds: float
    forwards: int
    saved: int
    error: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells records apart."""
        return self.model, self.case, self.digest

    def to_line(self) -> str:
        """Return one line of strict JSON; what is not finite becomes null."""
        data = {"schema": SCHEMA, **self.__dict__}
        for side in ("raw", "composited"):
            data[side] = {name: _plain(value) for name, value in data[side].items()}
        return json.dumps(data, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Record:
        """Rebuild a record from `to_line`'s data."""
        fields = {name: value for name, value in data.items() if name != "schema"}
        for side in ("raw", "composited"):
            fields[side] = {
                name: math.nan if value is None else value for name, value in fields[side].items()
            }
        return cls(**fields)


def _plain(value: float | bool | str) -> float | bool | str | None:
    if isinstance(value, bool | str):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


class Journal:
    """An append-only file of records; None keeps them in memory alone.

    Parameters
    ----------
    path : Path or None
        Created with its folder when the first record comes.

    Raises
    ------
    OutputError
        Code ``output`` when the file cannot be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._records = {record.key: record for record in self._read()}

    def __len__(self) -> int:
        return len(self._records)

    def get(self, model: str, case: str, digest: str) -> Record | None:
        """Return a finished edit, or None."""
        return self._records.get((model, case, digest))

    def append(self, record: Record) -> None:
        """Keep a record; it is in the file when this returns."""
        line = record.to_line()
        # As it will be read again: a run that goes on gives the numbers of one that did not stop.
        self._records[record.key] = Record.from_data(json.loads(line))
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise _unusable(self._path, error) from error

    def _read(self) -> Iterator[Record]:
        if self._path is None or not self._path.exists():
            return
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(self._path, error) from error
        if text and not text.endswith("\n"):
            # The last run was killed while writing: that edit is made again.
            text = text[: text.rfind("\n") + 1]
            self._path.write_text(text, encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            try:
                data = json.loads(line)
                if data.get("schema") == SCHEMA:
                    yield Record.from_data(data)
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                raise OutputError(
                    f"Line {number} of {self._path.name} is not a record of this benchmark.",
                    hint=["other_file"],
                    detail=str(error),
                ) from error


def _unusable(path: Path, error: Exception) -> OutputError:
    return OutputError(
        f"The records of the benchmark cannot be kept in {path}.",
        hint=["other_folder"],
        detail=str(error),
    )
