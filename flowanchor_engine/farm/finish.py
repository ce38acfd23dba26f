"""Results of a farm: whether one is there already, and how a new one comes into place.

A shot is made in a folder of its own beside its result, ``.NAME.farm``. When everything is
there, the folder is sealed by `SEAL`, its parts are renamed into place, and the seal becomes the
mark ``NAME.farm.json``, the last of all. Killed before the seal, a run begins anew; killed after
it, the next run only goes on renaming. So a name never holds half a result, nor a result beside
another one's recipe.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

import filelock
from pydantic import BaseModel, ConfigDict, Field

from flowanchor_engine.clip.atomic import write_text
from flowanchor_engine.errors import FlowAnchorError, OutputError
from flowanchor_engine.farm.shot import inputs_of, own_input

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from flowanchor_engine.farm.shot import Shot

__all__ = ["Place", "ResultBusyError", "identity"]

SCHEMA: Final = "flowanchor.FarmResult.1"
SEAL: Final = "sealed.json"
_EDGE_BYTES: Final = 1 << 20


class ResultBusyError(FlowAnchorError, RuntimeError):
    """Another run writes the same result."""

    code = "result_busy"


class Mark(BaseModel):
    """What tells a finished result: of which request and files it is, and its checksum."""

    schema_: Annotated[Literal["flowanchor.FarmResult.1"], Field(alias="schema")] = SCHEMA
    key: str
    inputs: str
    result: str
    sha256: str
    frames: int

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a mark; None where there is none, or on any doubt."""
        try:
            mark = cls.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None
        return mark if Path(mark.result).name == mark.result else None


class Place:
    """Where one shot's result goes; a context manager that keeps others away.

    Parameters
    ----------
    shot : Shot

    Attributes
    ----------
    guarded : bool
        False on a file system without locks: two runs of one shot are then the manager's care.

    Raises
    ------
    ResultBusyError
        Another run on this machine, or one that shares its locks, writes this result.
    OutputError
        The folder cannot be made or written.
    """

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._folder = shot.out.parent
        self._mark = self._folder / f"{shot.out.name}.farm.json"
        self._work = self._folder / f".{shot.out.name}.farm"
        self._made = self._work / "made"
        self._lock = filelock.FileLock(self._work / "lock")
        self._inputs = ""
        self.guarded = True

    def __enter__(self) -> Self:
        with _worded(self._folder):
            self._work.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except filelock.Timeout as error:
                raise ResultBusyError(
                    f"Another run is writing {self._shot.out.name}.", detail=str(self._work)
                ) from error
            except NotImplementedError:
                self.guarded = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A sealed folder holds a whole result: the next run puts it into place.
        gone = not (self._work / SEAL).exists()
        if gone and os.name == "posix":  # while it is locked, so that nobody else has begun
            shutil.rmtree(self._work, ignore_errors=True)
        self._lock.release()
        if gone and os.name != "posix":  # Windows deletes nothing that is open
            shutil.rmtree(self._work, ignore_errors=True)

    @property
    def target(self) -> Path:
        """Where the engine writes."""
        return self._made / self._shot.out.name

    def finished(self) -> Path | None:
        """Return the result if it is in place and whole, for this very request and its files."""
        self._inputs = _inputs(self._shot)
        with _worded(self._folder):
            sealed = Mark.read(self._work / SEAL)
            if sealed is not None:
                self._publish(sealed)
            mark = Mark.read(self._mark)
            if mark is None or (mark.key, mark.inputs) != (self._shot.key, self._inputs):
                return None
            result = self._folder / mark.result
            return result if checksum(result) == mark.sha256 else None

    def begin(self) -> None:
        """Empty the folder in which the shot is made."""
        with _worded(self._folder):
            (self._work / SEAL).unlink(missing_ok=True)
            shutil.rmtree(self._made, ignore_errors=True)
            self._made.mkdir()

    def finish(self, result: Path, frames: int) -> Path:
        """Put everything that was made into place; return the result.

        Parameters
        ----------
        result : Path
            As the engine wrote it, in the folder of `target`.
        frames : int
            Pictures in it.
        """
        with _worded(self._folder):
            for extra in self._made.glob("*.attention"):  # the panel's; a farm has no viewer
                shutil.rmtree(extra)
            if self._folder / result.name in inputs_of(self._shot):
                raise own_input(self._folder / result.name)
            mark = Mark(
                key=self._shot.key,
                inputs=self._inputs,
                result=result.name,
                sha256=checksum(result) or "",
                frames=frames,
            )
            write_text(self._work / SEAL, mark.model_dump_json(by_alias=True, indent=2) + "\n")
            self._publish(mark)
        return self._folder / result.name

    def _publish(self, mark: Mark) -> None:
        """Rename what is sealed into place; can be done again after any interruption."""
        self._mark.unlink(missing_ok=True)  # from here on the old result is none any more
        names = sorted(os.listdir(self._made)) if self._made.is_dir() else []
        for name in sorted(names, key=lambda name: name == mark.result):  # the result comes last
            final = self._folder / name
            if final.is_dir():  # folders are not replaced by a rename
                old = self._work / "old"
                shutil.rmtree(old, ignore_errors=True)
                final.replace(old)
            (self._made / name).replace(final)
        (self._work / SEAL).replace(self._mark)


def identity(path: Path) -> list[object] | None:
    """Return what tells one state of a clip or matte from another, None where there is nothing.

    A file is known by size, time of change, first and last megabyte; a sequence by the names,
    sizes and times of its pictures.
    """
    from flowanchor_engine.clip.sequence import find_images, is_image

    if not is_image(path):
        if not path.is_file():
            return None
        facts = path.stat()
        with path.open("rb") as file:
            head = file.read(_EDGE_BYTES)
            file.seek(max(0, facts.st_size - _EDGE_BYTES))
            tail = file.read(_EDGE_BYTES)
        return [facts.st_size, facts.st_mtime_ns, hashlib.sha256(head + tail).hexdigest()]
    try:
        files = find_images(path).files
    except FlowAnchorError:  # the engine says what is wrong with it
        return None
    each = [(file.name, file.stat()) for file in files]
    return [[name, facts.st_size, facts.st_mtime_ns] for name, facts in each]


def checksum(path: Path) -> str | None:
    """Return the checksum of a result, a file or a folder of pictures; None where it is absent."""
    if path.is_dir():
        total = hashlib.sha256()
        for each in sorted(path.iterdir()):
            total.update(f"{each.name}\0{checksum(each)}\0".encode())
        return total.hexdigest()
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _inputs(shot: Shot) -> str:
    facts = [identity(path) for path in inputs_of(shot)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@contextlib.contextmanager
def _worded(folder: Path) -> Iterator[None]:
    try:
        yield
    except FlowAnchorError:
        raise
    except OSError as error:
        raise OutputError(
            f"{folder} cannot take the result.", hint=["choose_folder"], detail=str(error)
        ) from error
