"""The product that is installed: a checkout or a wheel, its version and its identity."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer import disk
from installer.console import StepFailed, way_out_of
from installer.packages import clean_env, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Product", "lock_file"]

_STEP = "Read the product"
_IGNORED = frozenset({"__pycache__", "tests", "docs", "out", "build", "dist"})
_BUILD = (
    "import importlib, sys; sys.path[:0] = sys.argv[3:]; "
    "print(importlib.import_module(sys.argv[1]).build_wheel(sys.argv[2]))"
)


@dataclass(frozen=True)
class Product:
    """Where the product comes from.

    Parameters
    ----------
    source : Path
        A checkout (a folder with ``pyproject.toml``) or a wheel.
    version : str
    """

    source: Path
    version: str

    @classmethod
    def at(cls, source: Path) -> Product:
        """Read which version lies at `source`.

        Raises
        ------
        StepFailed
            There is no FlowAnchor there.
        """
        way_out = "Name a checkout of FlowAnchor or its wheel with --from."
        try:
            if source.suffix == ".whl":
                with zipfile.ZipFile(source) as archive:
                    if not any(n.startswith("flowanchor_engine/") for n in archive.namelist()):
                        raise StepFailed(_STEP, f"{source.name} is another product", way_out)
                named = re.match(r"flowanchor-([^-]+)-", source.name)
                return cls(source, named[1] if named else "0")
            facts = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
            if facts["project"]["name"] != "flowanchor":
                raise StepFailed(_STEP, f"{source} is another product", way_out)
            return cls(source, str(facts["project"]["version"]))
        except (OSError, KeyError, zipfile.BadZipFile, tomllib.TOMLDecodeError) as error:
            raise StepFailed(_STEP, f"{source}: {error}", way_out) from error

    def is_older_than(self, other: str) -> bool:
        """Whether another version's number is higher; False where they cannot be compared."""
        mine, theirs = _release(self.version), _release(other)
        return bool(mine and theirs) and mine < theirs

    def digest(self) -> str:
        """Return a checksum of everything that is installed from here."""
        total = hashlib.sha256()
        if self.source.suffix == ".whl":
            with zipfile.ZipFile(self.source) as archive:
                for name in sorted(archive.namelist()):
                    if not name.endswith("/RECORD"):
                        total.update(name.encode() + hashlib.sha256(archive.read(name)).digest())
        else:
            for path in sorted(self._files()):
                name = path.relative_to(self.source).as_posix()
                total.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()

    def wheel(self, env: Path, folder: Path) -> Path:
        """Return the product's wheel in `folder`: copied, or built by the environment.

        Raises
        ------
        StepFailed
        """
        step = "Build the product"
        folder.mkdir(parents=True, exist_ok=True)
        if self.source.suffix == ".whl":
            target = folder / self.source.name
            disk.write(target, self.source.read_bytes())
            return target
        # Built in a copy: the checkout may be read-only, and old build folders in it would
        # put deleted modules back into the wheel.
        with tempfile.TemporaryDirectory(prefix="flowanchor-build-") as place:
            staged = Path(place)
            for path in self._files():
                copy = staged / path.relative_to(self.source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            facts = tomllib.loads((staged / "pyproject.toml").read_text(encoding="utf-8"))
            system = facts.get("build-system", {})
            backend = system.get("build-backend", "setuptools.build_meta")
            paths = [str(staged / each) for each in system.get("backend-path", [])]
            done = subprocess.run(
                [str(interpreter(env)), "-c", _BUILD, backend, str(folder), *paths],
                cwd=staged, env=clean_env(), stdin=subprocess.DEVNULL, capture_output=True,
                encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        wheels = sorted(folder.glob("flowanchor-*.whl"))
        if done.returncode != 0 or not wheels:
            last = (done.stderr or done.stdout).strip().splitlines()
            reason = last[-1][:300] if last else "nothing was built"
            fresh = "Get a fresh copy of the product and run this again."
            raise StepFailed(step, reason, way_out_of(reason, fresh))
        return wheels[-1]

    def _files(self) -> Iterator[Path]:
        for path in sorted(self.source.iterdir()):
            named = path.name in {"pyproject.toml", "README.md", "LICENSE"}
            if path.is_file() and (named or path.suffix == ".py"):
                yield path
            elif path.is_dir() and path.name not in _IGNORED and (path / "__init__.py").exists():
                for inner in sorted(path.rglob("*")):
                    hidden = any(
                        part == "__pycache__" or part.startswith(".")
                        for part in inner.relative_to(path).parts
                    )
                    if inner.is_file() and not hidden:
                        yield inner


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at the end: 1.2.0rc1 is 1.2."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(each) for each in found[0].split(".")] if found else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def lock_file(source: Path, *, glibc: tuple[int, int]) -> Path:
    """Return the list of exact packages with checksums that fits this system.

    Parameters
    ----------
    source : Path
        A checkout, whose own lists count; for a wheel those of this installer.
    glibc : tuple of int
        Qt's newest wheels need 2.34 on Linux; older systems get an older Qt.
    """
    own = source / "installer" / "requirements"
    folder = own if own.is_dir() else Path(__file__).with_name("requirements")
    old = sys.platform.startswith("linux") and glibc < (2, 34)
    return folder / ("lock-glibc-2.28.txt" if old else "lock.txt")
