"""Downloading a model: room first, every byte checked, continued after any interruption.

The files grow in a staging folder beside the models; what is whole there is kept, what is
partly there is continued. Only a folder whose every file has the right checksum gets a
manifest and its name, so a half download is never taken for a model.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowanchor_engine.errors import ModelDamagedError, ModelExistsError, ModelUnsupportedError
from flowanchor_engine.models import hub
from flowanchor_engine.models.layout import check_complete, needed
from flowanchor_engine.models.manifest import (
    InstalledFile,
    Manifest,
    models_root,
    read_manifest,
)
from flowanchor_engine.models.store import Shelf, disk_errors
from flowanchor_engine.models.tally import Checksum, Tally, read_through
from flowanchor_engine.models.verify import faults
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.wan.facts import inspect
from flowanchor_engine.wan.weights import check_whole

if TYPE_CHECKING:
    from flowanchor_engine.models.registry import ModelEntry

__all__ = ["Plan", "get", "plan"]


@dataclass(frozen=True)
class Plan:
    """What a download fetches.

    Attributes
    ----------
    commit : str
        The exact revision; a continued download never mixes two.
    files : tuple of hub.RemoteFile
        The needed files, small ones first.
    """

    entry: ModelEntry
    listing: hub.Listing
    files: tuple[hub.RemoteFile, ...]

    @property
    def commit(self) -> str:
        """The exact revision."""
        return self.listing.commit

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def plan(entry: ModelEntry, *, revision: str | None = None, report: Reporter | None = None) -> Plan:
    """Ask the server what a model consists of; fetches no file.

    Parameters
    ----------
    entry : ModelEntry
        A model with a repository.
    revision : str or None
        A branch, tag or commit; the registry's, or the newest.

    Raises
    ------
    ModelExistsError
        The model is part of the program.
    NetError, ModelMissingError
        The server does not answer or does not have it.
    ModelUnsafeError, ModelIncompleteError
        No model can be loaded from what the server has.
    ModelDamagedError
        The server's files are not those that the registry knows.
    """
    if entry.repository is None:
        raise ModelExistsError(f"{entry.name} is part of FlowAnchor; nothing to download.")
    asked = revision or entry.revision
    found = hub.listing(entry.repository, asked, report or Silent())
    by_name = {file.name: file for file in found.files}
    check_complete(by_name, title=entry.repository)
    files = [by_name[name] for name in needed(by_name)]
    known = {file.name: file for file in entry.files or ()}
    if asked == entry.revision:  # what the registry knows is known of its own revision
        for number, file in enumerate(files):
            files[number] = _as_known(file, known[file.name].sha256 if file.name in known else None)
    return Plan(entry, found, tuple(sorted(files, key=lambda file: (file.size, file.name))))


def get(
    entry: ModelEntry,
    *,
    revision: str | None = None,
    root: Path | None = None,
    report: Reporter | None = None,
) -> Path:
    """Download a model, or what is missing or damaged of it.

    An installed model whose files are all intact is left as it is, without asking the
    server, unless another `revision` is wanted.

    Parameters
    ----------
    entry : ModelEntry
        What to download.
    revision : str or None
        A branch, tag or commit; what is installed, the registry's, or the newest.
    root : Path or None
        The models folder.
    report : Reporter or None
        Gets bytes done and in total in `Phase.DOWNLOAD`, and may stop the download.

    Returns
    -------
    Path
        The model's folder.

    Raises
    ------
    Cancelled
        What was downloaded is kept for the next time.
    DiskError, OutputError
        Too little space, or the folder cannot be written.
    ModelBusyError
        Another program works on the same model.
    ModelDamagedError
        A file arrived with a wrong checksum, twice if a part of it was old.
    ModelUnsupportedError
        Everything arrived, but it is not the kind of model that was expected.

    As well as the errors of `plan`.
    """
    told = report or Silent()
    shelf = Shelf(models_root() if root is None else root, entry.id)
    with shelf.locked():
        shelf.check_ours()
        present = _installed(shelf)
        keep: dict[str, str] = {}
        if present is not None:
            bad: set[str] = set()
            if revision is None or revision == present.revision:
                bad = {fault.name for fault in faults(shelf.home, present, report=told)}
                if not bad:
                    return shelf.home
                if present.origin == entry.repository:  # a repair keeps what is installed
                    revision = present.revision
            keep = {file.name: file.sha256 for file in present.files if file.name not in bad}
        wanted = plan(entry, revision=revision, report=told)
        return _Download(shelf, wanted, told, keep).run()


class _Download:
    """One run of one download; the shelf is locked."""

    def __init__(self, shelf: Shelf, plan: Plan, report: Reporter, keep: dict[str, str]) -> None:
        self._shelf, self._plan, self._report, self._keep = shelf, plan, report, keep
        self._tally: Tally

    def run(self) -> Path:
        staging = self._shelf.staging
        with disk_errors(self._shelf.root):
            staging.mkdir(parents=True, exist_ok=True)
            self._forget_other_parts()
            missing = sum(self._missing_bytes(file) for file in self._plan.files)
        self._shelf.check_room(missing)
        self._tally = Tally(self._report, Phase.DOWNLOAD, self._plan.size)
        done = [self._file(file) for file in self._plan.files]
        self._judge(staging)
        return self._shelf.commit(
            Manifest(
                id=self._plan.entry.id,
                source="download",
                origin=self._plan.listing.repository,
                revision=self._plan.commit,
                files=tuple(sorted(done, key=lambda file: file.name)),
            )
        )

    def _judge(self, staging: Path) -> None:
        for path in sorted(staging.rglob("*.safetensors")):
            check_whole(path)
        facts = inspect(staging)
        if facts.family != self._plan.entry.family:
            raise ModelUnsupportedError(
                f"{self._plan.listing.repository} holds a {facts.family} model, not a "
                f"{self._plan.entry.family}.",
                hint=["choose_model"],
            )

    def _part(self, file: hub.RemoteFile) -> Path:
        # Named by content, so that parts of two revisions never meet.
        mark = (file.sha256 or file.git_sha1 or self._plan.commit)[:16]
        path = self._shelf.staging / file.name
        return path.with_name(f"{path.name}.{mark}.part")

    def _forget_other_parts(self) -> None:
        current = {self._part(file) for file in self._plan.files}
        for path in self._shelf.staging.rglob("*.part"):
            if path not in current:
                path.unlink()

    def _missing_bytes(self, file: hub.RemoteFile) -> int:
        whole, part = self._shelf.staging / file.name, self._part(file)
        if whole.is_file() and whole.stat().st_size == file.size:
            return 0
        if self._old(file) is not None:
            return 0
        return file.size - (min(part.stat().st_size, file.size) if part.is_file() else 0)

    def _old(self, file: hub.RemoteFile) -> Path | None:
        """Return the same file of the installed version, as far as its manifest tells."""
        path = self._shelf.home / file.name
        told = self._keep.get(file.name)
        if told is None or (file.sha256 or told) != told or not path.is_file():
            return None
        return path if path.stat().st_size == file.size else None

    def _file(self, file: hub.RemoteFile) -> InstalledFile:
        """Return a file that is whole in the staging folder."""
        target = self._shelf.staging / file.name
        if target.is_file():  # staged in an earlier run
            found = self._accept(file, target)
            if found is not None:
                return found
            with disk_errors(target):
                target.unlink()
        old = self._old(file)
        if old is not None:
            found = self._accept(file, old)
            if found is not None:
                with disk_errors(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _share(old, target)
                return found
        return self._fetch(file, target)

    def _accept(self, file: hub.RemoteFile, path: Path) -> InstalledFile | None:
        before = self._tally.done
        checksum = Checksum(file.size)
        with disk_errors(path):
            if path.stat().st_size == file.size:
                read_through(path, checksum, self._tally)
                if _is_right(checksum, file):
                    return InstalledFile(name=file.name, size=file.size, sha256=checksum.sha256)
        self._tally.add(before - self._tally.done)
        return None

    def _fetch(self, file: hub.RemoteFile, target: Path) -> InstalledFile:
        part = self._part(file)
        with disk_errors(part):
            part.parent.mkdir(parents=True, exist_ok=True)
            old_bytes = part.stat().st_size if part.is_file() else 0
        start = self._tally.done
        checksum = self._stream(file, part)
        if old_bytes and not _is_right(checksum, file):
            # The part of an earlier run may be to blame: once more from the beginning.
            with disk_errors(part):
                part.unlink()
            self._tally.add(start - self._tally.done)
            checksum = self._stream(file, part)
        with disk_errors(part):
            if not _is_right(checksum, file):
                part.unlink()
                raise ModelDamagedError(
                    f"{file.name} arrived damaged from the download server.",
                    hint=["try_again", "use_existing_files"],
                    detail=f"expected {file.sha256 or file.git_sha1}, got {checksum.sha256} "
                    f"(Git: {checksum.git_sha1})",
                )
            with part.open("rb+") as whole:
                os.fsync(whole.fileno())
            part.replace(target)
        return InstalledFile(name=file.name, size=file.size, sha256=checksum.sha256)

    def _stream(self, file: hub.RemoteFile, part: Path) -> Checksum:
        """Bring a part to the file's full size; the bytes may still be wrong."""
        url = hub.address(self._plan.listing, file.name)
        patience = hub.Patience(self._report)
        start = self._tally.done
        checksum = Checksum(file.size)
        with disk_errors(part):
            part.touch()
            if part.stat().st_size > file.size:
                os.truncate(part, 0)
            read_through(part, checksum, self._tally)
            position = farthest = part.stat().st_size
            with part.open("rb+", buffering=0) as out:
                while position < file.size:
                    try:
                        with hub.stream(url, position, patience.timeout_s) as (begin, blocks):
                            if begin != position:  # the server ignores ranges
                                position = begin
                                checksum = Checksum(file.size)
                                self._tally.add(start - self._tally.done)
                                out.truncate(0)
                            out.seek(position)
                            for block in blocks:
                                if position + len(block) > file.size:
                                    block = block[: file.size - position + 1]
                                    checksum.add(block)  # never right: one byte too many
                                    return checksum
                                _write(out.fileno(), block)
                                checksum.add(block)
                                position += len(block)
                                if position > farthest:
                                    farthest = position
                                    patience.renew()
                                self._tally.add(len(block))
                        if position < file.size:
                            patience.failed(EOFError(f"{position} of {file.size} bytes"))
                    except hub.AgainError as error:
                        patience.failed(error)
        return checksum


def _write(handle: int, block: bytes) -> None:
    view = memoryview(block)
    while view:  # the system may take less than it is given, as when the disk fills up
        view = view[os.write(handle, view) :]


def _is_right(checksum: Checksum, file: hub.RemoteFile) -> bool:
    if file.sha256 is not None:
        return checksum.sha256 == file.sha256
    return file.git_sha1 is None or checksum.git_sha1 == file.git_sha1


def _as_known(file: hub.RemoteFile, sha256: str | None) -> hub.RemoteFile:
    if sha256 is None or sha256 == file.sha256:
        return file
    if file.sha256 is not None:
        raise ModelDamagedError(
            f"{file.name} on the download server is not the file that FlowAnchor knows.",
            hint=["use_existing_files"],
            detail=f"server {file.sha256}, registry {sha256}",
        )
    return hub.RemoteFile(file.name, file.size, sha256, file.git_sha1)


def _installed(shelf: Shelf) -> Manifest | None:
    try:
        return read_manifest(shelf.home)
    except ModelDamagedError:  # an unreadable list is replaced like any damaged file
        return None


def _share(old: Path, target: Path) -> None:
    """Give a file a second name; where the file system has no such thing, copy it."""
    if old.is_symlink():
        target.symlink_to(old.resolve())
        return
    try:
        os.link(old, target)
    except OSError:
        shutil.copyfile(old, target)
