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

    ``spare`` lists copies in the folder ``backup`` that nothing needs: written but not yet named,
    or given back. Only these may be deleted there.

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
        self.spare: list[str] = []
        try:
            raw = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raw = None
        except OSError as error:  # unreadable is not absent
            raise disk.failed("Read what is installed", error) from error
        self.exists = raw is not None
        if raw is not None:
            try:
                data = json.loads(raw.decode("utf-8"))
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
                    "Restore it from a backup. Without one: rename it, run repair, which writes it "
                    "again; files of your own that were set aside stay in the folder backup.",
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
            "spare": self.spare,
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
        self.options = _options(data["options"])
        self.folders = [_whole_path(each) for each in data["folders"]]
        self.spare = [_plain_name(each) for each in data.get("spare", [])]
        self.files = {
            _whole_path(path): Entry(
                ours=[str(each) for each in facts["ours"]],
                backups=[_backup(each) for each in facts["backups"]],
                kind=str(facts["kind"]),
            )
            for path, facts in data["files"].items()
        }
        known = {"schema", "id", "product", "options", "folders", "files", "spare"}
        self._rest = {name: value for name, value in data.items() if name not in known}


# What a person edited by hand is read as strictly as what a disk tore: paths from here are
# deleted, so a name that leads elsewhere makes the whole list untrustworthy.


def _whole_path(value: Any) -> str:
    if not isinstance(value, str) or not Path(value).is_absolute():
        raise ValueError(value)
    return value


def _plain_name(value: Any) -> str:
    if not isinstance(value, str) or value in {"", ".", ".."} or set("/\\") & set(value):
        raise ValueError(value)
    return value


def _backup(facts: Mapping[str, Any]) -> Backup:
    backup = Backup(**facts)
    if backup.stored:
        _plain_name(backup.stored)
    elif not isinstance(backup.link, str) or not backup.link:
        raise ValueError(facts)
    return backup


def _options(facts: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(facts)
    for name in ("resolve", "menu", "all_users"):
        if not isinstance(options.get(name, False), bool):
            raise TypeError(name)
    if options.get("models_folder") is not None:
        _whole_path(options["models_folder"])
    custom = options.get("resolve_folders", [])
    if not isinstance(custom, list):
        raise TypeError(custom)
    for each in custom:
        _whole_path(each)
    return options
