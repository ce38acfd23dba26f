"""What was installed: the list that lies in every installed model's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from flowanchor_engine.errors import ModelDamagedError, ModelIncompleteError
from flowanchor_engine.models.layout import is_safe_name

__all__ = [
    "FOLDER_VARIABLE",
    "MANIFEST",
    "InstalledFile",
    "Manifest",
    "check_present",
    "installed",
    "models_root",
    "read_manifest",
]

# Where downloaded models live, if not in the user's data folder.
FOLDER_VARIABLE = "FLOWANCHOR_MODELS"
MANIFEST = "flowanchor-model.json"
SCHEMA: Literal["flowanchor.InstalledModel.1"] = "flowanchor.InstalledModel.1"


class InstalledFile(BaseModel):
    """One file as it was when it was verified; `size` in bytes, `sha256` in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    @field_validator("name")
    @classmethod
    def _inside(cls, value: str) -> str:
        if not is_safe_name(value):
            msg = "file names stay inside the model's folder"
            raise ValueError(msg)
        return value


class Manifest(BaseModel):
    """What was installed, and from where.

    Attributes
    ----------
    source : {'download', 'copy', 'link'}
        How the files came; linked ones lie elsewhere and belong to the person.
    origin : str
        The repository, or the folder that was imported.
    revision : str
        The repository's commit; empty for a folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_: Annotated[Literal["flowanchor.InstalledModel.1"], Field(alias="schema")] = SCHEMA
    id: str
    source: Literal["download", "copy", "link"]
    origin: str
    revision: str
    files: tuple[InstalledFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def models_root() -> Path:
    """Return the models folder: ``FLOWANCHOR_MODELS``, or in the user's data folder."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser()
    return platformdirs.user_data_path("FlowAnchor", appauthor=False) / "models"


def read_manifest(home: Path) -> Manifest | None:
    """Return the manifest of an installed model, None where FlowAnchor installed nothing.

    Raises
    ------
    ModelDamagedError
        There is a manifest, but it cannot be read.
    """
    try:
        text = (home / MANIFEST).read_text(encoding="utf-8")
        return Manifest.model_validate_json(text)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelDamagedError(
            f"The list of files of the model {home.name} is damaged.",
            hint=["download_model"],
            detail=f"{home / MANIFEST}: {error}",
        ) from error


def check_present(home: Path, manifest: Manifest) -> None:
    """Check in milliseconds that every listed file is there in its full size.

    Raises
    ------
    ModelIncompleteError
        Names the first file that is missing or cut off.
    """
    for file in manifest.files:
        try:
            size = (home / file.name).stat().st_size
        except OSError as error:
            raise ModelIncompleteError(
                f"The model {home.name} is incomplete: {file.name} is missing.",
                hint=["download_model"],
                detail=f"{home / file.name}: {error}",
            ) from error
        if size != file.size:
            raise ModelIncompleteError(
                f"The model {home.name} is incomplete: {file.name} has {size} bytes of "
                f"{file.size}.",
                hint=["download_model"],
                detail=str(home / file.name),
            )


def installed(root: Path | None = None) -> dict[str, Manifest | None]:
    """Return what lies in the models folder by name; None for a manifest that is damaged."""
    home = models_root() if root is None else root
    found: dict[str, Manifest | None] = {}
    if not home.is_dir():
        return found
    for path in sorted(home.iterdir()):
        if not (path / MANIFEST).is_file() or path.name.startswith("."):
            continue
        try:
            found[path.name] = read_manifest(path)
        except ModelDamagedError:
            found[path.name] = None
    return found
