"""An installation folder: versions side by side, one of them current, each whole or not at all.

``versions/<name>/env``         the private environment
``versions/<name>/product``     the product's wheel and the list of packages it was made with
``versions/<name>/files.txt``   every file of it with its size, for doctor and for removal
``versions/<name>/ready.json``  written last: without it the version does not count
``current``                     the name of the version that the commands start
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer import disk
from installer.console import StepFailed
from installer.launchers import COMMANDS
from installer.packages import clean_env, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGE_BYTES", "Installation"]

LARGE_BYTES = 12_000_000  # an unexpected file above this is taken for somebody's work
_SCHEMA = "flowanchor.Version.1"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]*-[0-9]+")  # as `new_name` makes them
_HOLDS = frozenset({"env", "product", "files.txt", "ready.json"})
_OURS = frozenset(
    {
        "versions",
        "bin",
        "logs",
        "backup",
        "current",
        "journal.json",
        "installation.json",
        ".installer-lock",
        ".installer-lock.owner",
    }
)
_KEPT = {
    "bin": tuple(f"{name}{end}" for name in COMMANDS for end in ("", ".cmd")),
    "logs": ("install.log",),
}


class Installation:
    """One installation folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backups = folder / "backup"
        self.log = folder / "logs" / "install.log"
        self._versions = folder / "versions"
        self._pointer = folder / "current"

    # Which version ---------------------------------------------------------------------------

    def pointed(self) -> str:
        """Return what ``current`` names, whole or not; empty where there is nothing."""
        folder, _, name = (disk.read_text(self._pointer) or "").strip().partition("/")
        return name if folder == "versions" and _NAME.fullmatch(name) else ""

    def current(self) -> str:
        """Return the current version if it is whole, else an empty text."""
        name = self.pointed()
        return name if name and self.ready(name) else ""

    def point(self, name: str) -> None:
        """Make a version current: one rename."""
        disk.write(self._pointer, f"versions/{name}\n")

    def unpoint(self) -> None:
        """Make no version current."""
        disk.remove(self._pointer)

    def names(self) -> list[str]:
        """Return every version folder, whole or not; a folder of the person's is none."""
        if not self._versions.is_dir():
            return []
        return sorted(each.name for each in self._versions.iterdir() if _is_version(each))

    def new_name(self, product: str) -> str:
        """Return a name for a new version that no folder has."""
        number = 1
        while os.path.lexists(self.home(f"{product}-{number}")):
            number += 1
        return f"{product}-{number}"

    def home(self, name: str) -> Path:
        """Return the folder of a version."""
        return self._versions / name

    def env(self, name: str) -> Path:
        """Return the environment of a version."""
        return self.home(name) / "env"

    def wheel(self, name: str) -> Path | None:
        """Return the wheel that a version was made from."""
        return next(iter(sorted((self.home(name) / "product").glob("*.whl"))), None)

    # Whole or not ----------------------------------------------------------------------------

    def ready(self, name: str) -> dict[str, Any] | None:
        """Return the facts of a whole version, None for anything else."""
        text = disk.read_text(self.home(name) / "ready.json") if name else None
        try:
            facts = json.loads(text or "")
        except ValueError:
            return None
        return facts if isinstance(facts, dict) and facts.get("schema") == _SCHEMA else None

    def seal(self, name: str, facts: dict[str, Any]) -> None:
        """Declare a version whole: list its files, then write the marker."""
        home = self.home(name)
        rows = sorted(f"{size}\t{path}" for path, size in _tree(home) if path != "ready.json")
        disk.write(home / "files.txt", "\n".join(rows) + "\n")
        text = json.dumps({"schema": _SCHEMA, **facts}, indent=1, ensure_ascii=False)
        disk.write(home / "ready.json", text)

    def damage(self, name: str) -> list[str]:
        """Return the files of a version that are missing or of another size."""
        listed = self._listed(name)
        if not listed:
            return ["files.txt"]
        home = str(self.home(name))
        wrong = []
        for path, count in listed.items():
            try:
                facts = os.lstat(f"{home}/{path}")
            except OSError:
                wrong.append(path)
                continue
            if facts.st_size != count:
                wrong.append(path)
        return wrong

    def starts(self, name: str) -> bool:
        """Whether the version's Python starts: the system's, that it stands on, may be gone."""
        try:
            done = subprocess.run(
                [str(interpreter(self.env(name))), "-c", "import encodings"],
                env=clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=120, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    # Removal ---------------------------------------------------------------------------------

    def unexpected(self) -> list[tuple[Path, int]]:
        """Return the files in the folder that are not of the installation, with their sizes."""
        found = []
        for name in self.names():
            listed = self._listed(name)
            if not listed:
                continue  # never finished: everything in it was put there by an installer
            known = {*listed, "files.txt", "ready.json"}
            found += [
                (self.home(name) / path, count)
                for path, count in _tree(self.home(name))
                if path not in known
            ]
        ours = set(self.names())
        if self._versions.is_dir():
            for each in sorted(self._versions.iterdir()):
                if each.name not in ours and not _is_gone(each) and not _is_temporary(each):
                    found += _all_of(each)
        if self.folder.is_dir():
            for each in sorted(self.folder.iterdir()):
                if _is_temporary(each):
                    continue
                if each.name in _OURS:
                    found += [
                        (each / path, count)
                        for path, count in (_tree(each) if each.name in _KEPT else ())
                        if path not in _KEPT[each.name]
                    ]
                    continue
                found += _all_of(each)
        return found

    def remove_own(self) -> None:
        """Delete the commands and the log, and their folders if nothing else is in them."""
        for folder, names in _KEPT.items():
            for name in names:
                disk.remove(self.folder / folder / name)
            with contextlib.suppress(OSError):
                (self.folder / folder).rmdir()

    def remove_version(self, name: str) -> None:
        """Delete what a version is listed to hold; a whole one stops counting first."""
        home = self.home(name)
        if not _NAME.fullmatch(name) or not _is_version(home):
            return
        listed = self._listed(name)
        if not listed:
            disk.remove_tree(home)
            return
        disk.remove(home / "ready.json")
        for path in listed:
            disk.remove(home / path)
        for folder, folders, files in os.walk(home, topdown=False):
            base = Path(folder)
            if base.name == "__pycache__":
                for file in files:
                    disk.remove(base / file)
            for file in files:
                if _is_temporary(base / file):
                    disk.remove(base / file)
            for inner in folders:
                if not (base / inner).is_symlink():
                    with contextlib.suppress(OSError):
                        (base / inner).rmdir()
        disk.remove(home / "files.txt")
        with contextlib.suppress(OSError):
            # A version that was moved to another disk leaves the person's folder there.
            home.unlink() if home.is_symlink() and not any(home.iterdir()) else home.rmdir()

    def sweep(self) -> None:
        """Delete what an interrupted removal or write has left."""
        inner = [self.folder / name for name in _KEPT]
        for base in (self.folder, self._versions, self.backups, *inner):
            if base.is_dir():
                for each in base.iterdir():
                    if base == self._versions and _is_gone(each):
                        disk.remove_tree(each)
                    elif _is_temporary(each) and (each.is_symlink() or not each.is_dir()):
                        disk.remove(each)

    def in_use(self, name: str | None = None) -> list[int]:
        """Return the processes that run from a version, or from any."""
        folder = self.home(name) if name else self._versions
        inside = {f"{folder}{os.sep}", f"{folder.resolve()}{os.sep}"}
        return [
            process
            for process, command in _processes()
            if process != os.getpid() and any(each in command for each in inside)
        ]

    def require_ours(self) -> None:
        """Refuse a folder that holds other things.

        Raises
        ------
        StepFailed
        """
        if not self.folder.is_dir() or (self.folder / "installation.json").exists():
            return
        others = [
            each.name
            for each in self.folder.iterdir()
            if each.name not in _OURS and not _is_temporary(each)
        ]
        if others:
            raise StepFailed(
                "Check the folder",
                f"{self.folder} holds other files ({', '.join(sorted(others)[:3])})",
                "Name a folder of its own with --folder.",
            )

    def _listed(self, name: str) -> dict[str, int]:
        found = {}
        for line in (disk.read_text(self.home(name) / "files.txt") or "").splitlines():
            count, tab, path = line.partition("\t")
            # What is listed is deleted: a path that leads out of the version is none of its files.
            inside = not os.path.isabs(path) and ".." not in path.split("/")
            if tab and count.isdigit() and inside:
                found[path] = int(count)
        return found


def _is_version(folder: Path) -> bool:
    """Whether a folder is a version of ours, finished or not, by its name and what it holds."""
    if not _NAME.fullmatch(folder.name) or not folder.is_dir():
        return False
    holds = {each.name for each in folder.iterdir() if not _is_temporary(each)}
    return "files.txt" in holds or holds <= _HOLDS


def _is_gone(path: Path) -> bool:
    """Whether this is a version that `disk.remove_tree` was deleting."""
    name, _, process = path.name.removeprefix(".gone-").rpartition("-")
    return path.name.startswith(".gone-") and process.isdigit() and bool(_NAME.fullmatch(name))


def _all_of(path: Path) -> list[tuple[Path, int]]:
    if path.is_dir() and not path.is_symlink():
        return [(path / inner, count) for inner, count in _tree(path)]
    return [(path, path.lstat().st_size)]


def _tree(root: Path) -> Iterator[tuple[str, int]]:
    """Yield every file and link below `root` but Python's own caches, with its size."""
    top = str(root)
    for folder, folders, files in os.walk(top):
        if os.path.basename(folder) == "__pycache__":
            folders.clear()
            if all(name.endswith((".pyc", ".nbc", ".nbi")) for name in files):
                continue
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in [*files, *links]:
            if name.startswith(".") and name.endswith(disk.TEMPORARY):
                continue
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                yield os.path.relpath(path, top).replace(os.sep, "/"), os.lstat(path).st_size


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(disk.TEMPORARY)


def _processes() -> list[tuple[int, str]]:
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        found = []
        for entry in proc.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    raw = (entry / "cmdline").read_bytes()
                    found.append((int(entry.name), raw.split(b"\0")[0].decode("utf-8", "replace")))
        return found
    if os.name == "nt":
        query = 'Get-CimInstance Win32_Process | % { "$($_.ProcessId) $($_.ExecutablePath)" }'
        command = ["powershell", "-NoProfile", "-Command", query]
    else:
        command = ["ps", "-axo", "pid=,args="]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=30,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.strip().partition(" ") for line in done.stdout.splitlines()]
    return [(int(first), rest) for first, _, rest in rows if first.isdigit()]
