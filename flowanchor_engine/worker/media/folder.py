"""Proxy folders on disk: they appear whole in length, fill frame by frame, and are kept.

A folder is made under a temporary name with its file at full length, then renamed; frames
are written into the file at its final place. `ready` in the header is rewritten last, so a
folder whose writer was killed is known by it and made anew.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psutil
from pydantic import ValidationError

from flowanchor_engine.clip import atomic
from flowanchor_engine.errors import DiskError, OutputError
from flowanchor_engine.progress import Phase
from flowanchor_engine.protocol.proxies import FRAMES_FILE, HEADER_FILE, ProxyHeader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from flowanchor_engine.progress import Reporter
    from flowanchor_engine.worker.media.pixels import Array8

__all__ = ["Pace", "ProxyWriter", "digest", "file_marks", "finished", "stride_of"]

_SAY_EVERY_S: Final = 0.06  # about 16 lines a second
_VERSION: Final = 1  # raised when pictures are made in another way


def stride_of(width: int, channels: int) -> int:
    """Return the bytes of a row: a multiple of 4."""
    return -(-width * channels // 4) * 4


def digest(data: object) -> str:
    """Return the key of what decides a proxy's pictures."""
    text = json.dumps([_VERSION, data], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_marks(path: str) -> list[Any]:
    """Return what changes when the file (or any picture of a sequence) at `path` changes."""
    home = Path(path)
    if home.is_file() and not re.search(r"\d", home.stem):
        files = [home]
    else:
        from flowanchor_engine.clip import sequence
        from flowanchor_engine.errors import FlowAnchorError

        try:
            images = sequence.is_image(home) and not sequence.is_animation(home)
            files = list(sequence.find_images(home).files) if images else [home]
        except FlowAnchorError:  # opening it will tell what is wrong
            return [str(home), None]
    marks: list[Any] = [str(home.absolute())]
    for file in files:
        try:
            found = file.stat()
        except OSError:
            return [str(home), None]
        marks.append([file.name, found.st_size, found.st_mtime_ns])
    return marks


def finished(out: Path, key: str) -> ProxyHeader | None:
    """Return the header of a proxy that holds exactly what `key` names, else None."""
    try:
        header = ProxyHeader.model_validate_json((out / HEADER_FILE).read_bytes())
        size = (out / FRAMES_FILE).stat().st_size
    except (OSError, ValidationError):
        return None
    whole = header.ready == header.frames and size == header.stride * header.height * header.frames
    return header if whole and key and header.key == key else None


class Pace:
    """Says when progress is worth a line again: about 16 times a second."""

    def __init__(self) -> None:
        self._said = float("-inf")

    def due(self, *, always: bool = False) -> bool:
        """Whether a line is due now; `always` for the last one of a phase."""
        now = time.monotonic()
        if always or now - self._said >= _SAY_EVERY_S:
            self._said = now
            return True
        return False


class ProxyWriter:
    """Writes one proxy; a context manager that leaves `ready` only where all frames are in.

    Parameters
    ----------
    out : Path
        The folder.
    header : ProxyHeader
        With `ready` 0.
    report : Reporter
        Hears how many frames can be read, about 16 times a second.

    Raises
    ------
    OutputError, DiskError
    """

    def __init__(self, out: Path, header: ProxyHeader, report: Reporter) -> None:
        self.out, self.header = out, header
        self._report = report
        self._frame_bytes = header.stride * header.height
        self._done = 0
        self._pace = Pace()
        self._handle = -1
        self._row = header.width * header.channels

    def __enter__(self) -> Self:
        out, header = self.out, self.header
        size = self._frame_bytes * header.frames
        _sweep(out)
        atomic.check_room(out, size)
        temporary = out.with_name(f".{out.name}.partial-{os.getpid()}")
        with _told(out):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            try:
                with (temporary / FRAMES_FILE).open("wb") as file:
                    file.truncate(size)
                (temporary / HEADER_FILE).write_text(_json(header), encoding="utf-8")
                _take_place(temporary, out)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            self._handle = os.open(out / FRAMES_FILE, os.O_RDWR | getattr(os, "O_BINARY", 0))
        return self

    def put(self, picture: Array8) -> None:
        """Write the next frame, (h, w, 3) or (h, w); tells of it at times.

        Raises
        ------
        Cancelled, DiskError, OutputError
        """
        self._report.check()
        header = self.header
        rows = picture.reshape(header.height, self._row)
        if header.stride != self._row:
            import numpy as np

            rows = np.pad(rows, ((0, 0), (0, header.stride - self._row)))
        data = memoryview(rows.tobytes())
        place = self._done * self._frame_bytes
        with _told(self.out):
            os.lseek(self._handle, place, os.SEEK_SET)
            while data:
                data = data[os.write(self._handle, data) :]
        self._done += 1
        if self._pace.due(always=self._done == header.frames):
            self._report.phase(Phase.READ, self._done, header.frames)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        handle, self._handle = self._handle, -1
        try:
            if kind is None and self._done == self.header.frames:
                self._seal(handle)
        finally:
            os.close(handle)

    def _seal(self, handle: int) -> None:
        with _told(self.out):
            os.fsync(handle)
            try:
                ours = os.path.samestat(os.fstat(handle), (self.out / FRAMES_FILE).stat())
            except FileNotFoundError:
                ours = False
            if not ours:  # another writer has taken the place in the meantime
                raise OutputError(
                    f"{self.out.name} was replaced while it was written.",
                    hint=["try_again"],
                    detail=str(self.out),
                )
            whole = self.header.model_copy(update={"ready": self.header.frames})
            with atomic.new_file(self.out / HEADER_FILE) as temporary:
                temporary.write_text(_json(whole), encoding="utf-8")


def _json(header: ProxyHeader) -> str:
    return header.model_dump_json(by_alias=True) + "\n"


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"The disk of {out.parent} is full.",
                hint=["open_folder", "clear_takes"],
                detail=str(error),
            ) from error
        raise OutputError(
            f"{out} cannot be written.", hint=["choose_folder"], detail=str(error)
        ) from error


def _take_place(temporary: Path, out: Path) -> None:
    """Rename a folder into place; the one that was there goes, its maps stay valid."""
    if out.exists():
        if not (out / HEADER_FILE).is_file() and any(out.iterdir()):
            raise OutputError(
                f"{out} exists and is no proxy.", hint=["choose_folder"], detail=str(out)
            )
        old = out.with_name(f".{out.name}.old-{os.getpid()}")
        shutil.rmtree(old, ignore_errors=True)
        out.replace(old)
        temporary.replace(out)
        shutil.rmtree(old, ignore_errors=True)
    else:
        temporary.replace(out)


def _sweep(out: Path) -> None:
    """Delete what killed writers of this proxy left beside it."""
    for path in out.parent.glob(f".{out.name}.*-*") if out.parent.is_dir() else ():
        kind, _, number = path.name.removeprefix(f".{out.name}.").partition("-")
        if kind in ("partial", "old") and number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(path, ignore_errors=True)
