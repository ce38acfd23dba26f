"""The disk as Resolve sees it: shown paths, a full disk, folders that cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.doubles.resolve.double import Double


class Files:
    """Every file the double touches goes through here."""

    def __init__(self, double: Double) -> None:
        self.double = double
        self.mapped: dict[str, Path] = {}

    def map(self, shown: str, real: Path) -> None:
        """Show a real folder under another name, such as ``C:\\Media`` or ``\\\\nas\\share``."""
        self.mapped[shown.rstrip("\\/")] = real

    def real(self, shown: str | Path) -> Path:
        """Give the file behind a path as Resolve shows it."""
        text = str(shown)
        for prefix, folder in self.mapped.items():
            if text == prefix or text.startswith((prefix + "\\", prefix + "/")):
                rest = PureWindowsPath(text[len(prefix) :].lstrip("\\/"))
                return folder.joinpath(*rest.parts)
        return Path(text)

    def shown(self, real: str | Path) -> str:
        """Give the path Resolve would show for a real file."""
        path = Path(real)
        for prefix, folder in self.mapped.items():
            with contextlib.suppress(ValueError):
                rest = path.relative_to(folder)
                return "\\".join([prefix, *rest.parts])
        return str(path)

    def check_writable(self, shown: str | Path) -> Path:
        """Give the real path, or raise what the system would raise."""
        path = self.real(shown)
        if self.double.faults.disk_full:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        for folder in self.double.faults.read_only:
            if path.is_relative_to(self.real(folder)):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return path

    def exists(self, shown: str) -> bool:
        return self.real(shown).exists()

    def is_dir(self, shown: str) -> bool:
        return self.real(shown).is_dir()

    def make_dir(self, shown: str) -> bool:
        with contextlib.suppress(OSError):
            self.check_writable(shown).mkdir(parents=True, exist_ok=True)
            return True
        return False

    def read_text(self, shown: str) -> str | None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self.real(shown).read_text(encoding="utf-8")
        return None

    def write_text(self, shown: str | Path, text: str) -> bool:
        with contextlib.suppress(OSError):
            self.check_writable(shown).write_text(text, encoding="utf-8")
            return True
        return False

    def write_atomically(self, path: Path, text: str) -> bool:
        """Write beside and rename, as Fusion does with its preferences: a new inode each time."""
        try:
            self.check_writable(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(name, 0o666)
            os.replace(name, path)
        except OSError:
            return False
        return True

    def remove(self, shown: str) -> bool:
        with contextlib.suppress(OSError):
            self.real(shown).unlink()
            return True
        return False

    def rename(self, old: str, new: str) -> bool:
        with contextlib.suppress(OSError):
            source, target = self.real(old), self.check_writable(new)
            if self.double.platform == "windows" and target.exists():
                return False
            os.replace(source, target)
            return True
        return False
