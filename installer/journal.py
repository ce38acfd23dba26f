"""What an operation is doing right now, on disk, so that a kill at any point can be mended."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from installer import disk

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SCHEMA", "Journal"]

SCHEMA = "flowanchor.Journal.1"
OPERATIONS = frozenset({"install", "update", "uninstall"})


class Journal:
    """The journal of one folder: at most one operation is under way.

    A step is noted before it begins (`doing`) and after it was verified (`done`). A step found
    under `doing` was cut off or failed in the middle: its work is not trusted. A journal that
    somebody changed into nonsense counts as none: what is whole is told by the versions.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.json"
        self._data: dict[str, Any] = {}
        text = disk.read_text(self.path)
        if text is not None:
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            if _is_sound(found):
                self._data = found

    @property
    def operation(self) -> str:
        """The operation under way, empty when there is none."""
        return str(self._data.get("operation", ""))

    @property
    def version(self) -> str:
        """The version that the operation makes."""
        return str(self._data.get("version", ""))

    @property
    def previous(self) -> str:
        """The version that was current when the operation began; may be empty."""
        return str(self._data.get("previous", ""))

    @property
    def fingerprint(self) -> str:
        """What the operation installs."""
        return str(self._data.get("fingerprint", ""))

    @property
    def doing(self) -> str:
        """The step that was begun and not finished."""
        return str(self._data.get("doing", ""))

    def is_done(self, step: str) -> bool:
        """Whether a step was finished and verified."""
        return step in self._data.get("done", [])

    def begin(self, operation: str, *, version: str, previous: str, fingerprint: str) -> None:
        """Begin an operation."""
        self._data = {
            "schema": SCHEMA,
            "operation": operation,
            "version": version,
            "previous": previous,
            "fingerprint": fingerprint,
            "begun": int(time.time()),
            "done": [],
            "doing": "",
        }
        self._save()

    def start(self, step: str) -> None:
        """Note that a step begins."""
        self._data["doing"] = step
        self._save()

    def finish(self, step: str) -> None:
        """Note that a step is done and verified."""
        self._data |= {"doing": "", "done": [*self._data["done"], step]}
        self._save()

    def forget(self, *steps: str) -> None:
        """Take steps back, so that they are done again."""
        left = [each for each in self._data.get("done", []) if each not in steps]
        self._data |= {"done": left, "doing": ""}
        self._save()

    def close(self) -> None:
        """End the operation."""
        self._data = {}
        disk.remove(self.path)

    def _save(self) -> None:
        disk.write(self.path, json.dumps(self._data, indent=1, ensure_ascii=False))


def _is_sound(data: object) -> bool:
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        return False
    texts = ("operation", "version", "previous", "fingerprint", "doing")
    done = data.get("done")
    return (
        all(isinstance(data.get(name), str) for name in texts)
        and data["operation"] in OPERATIONS
        and not any(set("/\\") & set(data[name]) for name in ("version", "previous"))
        and bool(data["version"]) == (data["operation"] != "uninstall")
        and isinstance(done, list)
        and all(isinstance(each, str) for each in done)
    )
