"""The models folder: how a model appears in it whole or not at all.

``<root>/<id>/`` is an installed model; its manifest is written last, while the folder still
lies under ``<root>/.partial/``, and one rename makes it appear. Nothing outside `Shelf`
changes an installed folder.
"""

from __future__ import annotations

import errno
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from flowanchor_engine.clip.atomic import new_file
from flowanchor_engine.errors import (
    DiskError,
    FlowAnchorError,
    ModelBusyError,
    ModelDamagedError,
    ModelExistsError,
    OutputError,
    RequestError,
)
from flowanchor_engine.models.layout import local_names, needed
from flowanchor_engine.models.manifest import MANIFEST, Manifest, read_manifest

__all__ = ["Shelf", "disk_errors"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RENAME_TRIES = 5


@dataclass(frozen=True)
class Shelf:
    """The place of one model in the models folder, while it is worked on."""

    root: Path
    name: str

    def __post_init__(self) -> None:
        """Refuse names that could leave the folder.

        Raises
        ------
        RequestError
        """
        if not _ID.fullmatch(self.name):
            raise RequestError(
                f"“{self.name}” cannot be a model's name: letters, digits, “.”, “_” and “-”."
            )

    @property
    def home(self) -> Path:
        """The installed folder."""
        return self.root / self.name

    @property
    def staging(self) -> Path:
        """Where the model grows until it is whole; survives a crash and is continued."""
        return self.root / ".partial" / self.name

    @property
    def arriving(self) -> Path:
        """Where files of the person's own are gathered; a download that was begun stays beside."""
        return self.root / ".partial" / f"{self.name}~new"

    @property
    def retired(self) -> Path:
        """Where the previous version waits while the new one takes its place."""
        return self.root / ".partial" / f"{self.name}~old"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other program from changing this model, and heal a cut-off swap.

        The lock belongs to the process: the system frees it when the process is killed.

        Raises
        ------
        ModelBusyError
            Another program holds it.
        OutputError
            The models folder cannot be written.
        """
        with disk_errors(self.root):
            (self.root / ".locks").mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".locks" / f"{self.name}.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout as error:
                raise ModelBusyError(
                    f"{self.name} is already being downloaded, imported or removed.",
                    hint=["try_again"],
                    detail=str(error),
                ) from error
        try:
            with disk_errors(self.root):
                self._heal()
            yield
        finally:
            lock.release()

    def _heal(self) -> None:
        if not self.retired.exists():
            return
        if self.home.exists():
            self._drop_retired()
        else:
            _rename(self.retired, self.home)

    def _drop_retired(self) -> None:
        """Delete the previous version; files that were never ours move to the new one."""
        try:
            listed = read_manifest(self.retired)
        except ModelDamagedError:
            listed = None
        names = local_names(self.retired)
        ours = {MANIFEST, *needed(names), *(file.name for file in (listed.files if listed else ()))}
        for name in names:
            target = self.home / name
            if name not in ours and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                (self.retired / name).rename(target)
        shutil.rmtree(self.retired)

    def check_ours(self) -> None:
        """Refuse to replace a folder that FlowAnchor did not put there.

        Raises
        ------
        ModelExistsError
        """
        if self.home.is_symlink() or (self.home.exists() and not (self.home / MANIFEST).is_file()):
            raise ModelExistsError(
                f"{self.home} was put there by hand and is not replaced; move it away first.",
                hint=["open_folder"],
                detail=str(self.home),
            )

    def check_room(self, need_bytes: int) -> None:
        """Make sure that the files fit, with two per cent to spare.

        Raises
        ------
        DiskError
        """
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.root).free
        need = need_bytes + need_bytes // 50
        if free < need:
            raise DiskError(
                f"{_gb(free)} free, {_gb(need)} needed for {self.name} in {self.root}.",
                hint=["open_folder", "choose_folder"],
                detail=f"free={free} need={need}",
            )

    def commit(self, manifest: Manifest, staged: Path | None = None) -> Path:
        """Write the manifest into the staged folder and put the folder in place.

        `staged` is `staging` if left out.

        An installed version is replaced: a crash in between leaves the old or the new one,
        and `locked` completes it.

        Raises
        ------
        OutputError
            The folder cannot be renamed, as when a program keeps its files open on Windows.
        """
        names = {file.name for file in manifest.files}
        ready = staged or self.staging
        with disk_errors(ready):
            for path in sorted(ready.rglob("*"), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif path.relative_to(ready).as_posix() not in names:
                    path.unlink()
            with new_file(ready / MANIFEST) as temporary:
                text = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=1)
                temporary.write_text(text + "\n", encoding="utf-8")
            replaces = self.home.exists()
            if replaces:
                _rename(self.home, self.retired)
            _rename(ready, self.home)
            if replaces:
                self._drop_retired()
        return self.home


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Word what the file system refuses.

    Raises
    ------
    DiskError
        No space, no quota, or a file larger than the file system takes.
    OutputError
        Everything else.
    """
    try:
        yield
    except FlowAnchorError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"The disk of {place} is full; what was downloaded is kept.",
                hint=["open_folder", "choose_folder"],
                detail=str(error),
            ) from error
        if error.errno == errno.EFBIG:
            raise DiskError(
                f"The disk of {place} takes no files of this size.",
                hint=["choose_folder"],
                detail=str(error),
            ) from error
        raise OutputError(
            f"{place} cannot be written.", hint=["choose_folder"], detail=str(error)
        ) from error


def _rename(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(_RENAME_TRIES):
        try:
            source.rename(target)
        except PermissionError:  # virus scanners on Windows hold fresh files for a moment
            if attempt == _RENAME_TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
        else:
            return


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 5e7 else f"{count / 1e6:.1f} MB"
