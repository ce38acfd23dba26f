"""What belongs to an installation: what may be deleted again, and nothing else."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer import disk
from installer.console import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEMA", "Backup", "Entry", "Manifest"]

SCHEMA = "flowanchor.Installation.1"


@dataclass(frozen=True)
class Backup:
    """A file of the person's that lay where one of ours had to go.

    Parameters
    ----------
    stored : str
        Its name in the folder ``backup``, or empty for a link.
    link : str
        Where the link pointed.
    """

    stored: str = ""
    link: str = ""


@dataclass
class Entry:
    """One file outside the installation folder.

    Parameters
    ----------
    ours : list of str
        Every checksum that we have ever put there.
    backups : list of Backup
        Oldest first.
    kind : str
        ``script`` or ``menu``.
    """

    ours: list[str] = field(default_factory=list)
    backups: list[Backup] = field(default_factory=list)
    kind: str = "script"


class Manifest:
    """The manifest of one installation folder; every change is on disk before it happens.

    Raises
    ------
    StepFailed
        There is a manifest, but it cannot be read: nothing may be deleted then.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "installation.json"
        self.id = secrets.token_hex(8)
        self.product = ""
        self.options: dict[str, Any] = {}
        self.files: dict[str, Entry] = {}
        self.folders: list[str] = []
        self._rest: dict[str, Any] = {}
        text = disk.read_text(self.path)
        self.exists = text is not None
        if text is not None:
            try:
                data = json.loads(text)
                schema = str(data["schema"])
                if schema != SCHEMA and schema.startswith(SCHEMA.rpartition(".")[0]):
                    raise StepFailed(
                        "Read what is installed",
                        f"{self.path} was written by a newer installer ({schema})",
                        "Use the flowanchor-setup of that installation, or a newer clone.",
                    )
                self._load(data)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise StepFailed(
                    "Read what is installed",
                    f"{self.path} is damaged",
                    "Restore it from a backup, or delete the folder by hand.",
                ) from error

    def entry(self, path: Path) -> Entry | None:
        """Return the entry of a file, None for one that is not ours."""
        return self.files.get(str(path))

    def save(self) -> None:
        """Write the manifest."""
        data = {
            **self._rest,
            "schema": SCHEMA,
            "id": self.id,
            "product": self.product,
            "options": self.options,
            "folders": self.folders,
            "files": {
                path: {
                    "kind": entry.kind,
                    "ours": entry.ours,
                    "backups": [vars(each) for each in entry.backups],
                }
                for path, entry in self.files.items()
            },
        }
        disk.write(self.path, json.dumps(data, indent=1, ensure_ascii=False))
        self.exists = True

    def _load(self, data: Mapping[str, Any]) -> None:
        if data["schema"] != SCHEMA:
            raise ValueError(data["schema"])
        self.id = str(data["id"])
        self.product = str(data["product"])
        self.options = dict(data["options"])
        self.folders = [str(each) for each in data["folders"]]
        self.files = {
            str(path): Entry(
                ours=[str(each) for each in facts["ours"]],
                backups=[Backup(**each) for each in facts["backups"]],
                kind=str(facts["kind"]),
            )
            for path, facts in data["files"].items()
        }
        known = {"schema", "id", "product", "options", "folders", "files"}
        self._rest = {name: value for name, value in data.items() if name not in known}
