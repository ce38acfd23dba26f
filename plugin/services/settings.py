"""What the panel remembers between starts, apart from jobs and takes: one JSON file."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugin.state.errors import SettingsError

__all__ = ["SCHEMA", "Settings", "WindowPlace", "load_settings", "save_settings"]

_log = logging.getLogger(__name__)
SCHEMA: Final = "flowanchor.Settings.1"


class _Part(BaseModel):
    # A younger panel's fields stay in the file when an older one writes it.
    model_config = ConfigDict(
        extra="allow", validate_assignment=True, populate_by_name=True, defer_build=True
    )


class WindowPlace(_Part):
    """Where a window was; in the screen's own units."""

    x: int
    y: int
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class Settings(_Part):
    """The panel's settings; every default is what a new person gets.

    `places` holds window places by a name of the screen layout (sizes and positions of all
    screens), so that a laptop finds its own after a day at the desk.
    """

    schema_: Annotated[str, Field(alias="schema")] = SCHEMA
    language: str = ""  # '': the system's
    theme: Literal["dark", "contrast"] = "dark"
    text_px: Annotated[int, Field(ge=11, le=20)] = 12  # everything else follows it
    on_top: bool = False
    places: dict[str, WindowPlace] = Field(default_factory=dict)
    viewer_places: dict[str, WindowPlace] = Field(default_factory=dict)
    keys: dict[str, list[str]] = Field(default_factory=dict)

    takes_folder: str = ""  # '': beside the project's media, else the user's films
    models_folder: str = ""  # '': the engine's own
    cache_folder: str = ""
    last_clip_folder: str = ""
    last_matte_folder: str = ""

    model: str = ""  # '': the best one that is there
    quality: Literal["draft", "standard", "fine"] = "standard"
    takes_wanted: Literal[1, 2, 4] = 1
    delivery: Literal["patch", "frame", "take"] = "patch"
    codec: Literal["auto", "prores422hq", "prores4444", "dnxhr", "h264", "png16", "exr"] = "auto"
    crop: Literal["full", "fast", "zoom"] = "full"
    keep_original: bool = True
    match_edge: bool = False
    grow_px: Annotated[float, Field(ge=-256, le=256)] = 8.0
    feather_px: Annotated[float, Field(ge=0, le=256)] = 12.0

    save_memory: bool = False
    remote_engine: str = ""  # a computer that ssh knows; empty: this one
    idle_unload_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 10  # 0: never
    gain: Annotated[float, Field(ge=1, le=16)] = 4.0
    expert_open: bool = False
    previews: bool = True
    report_names: bool = False  # opted in: reports keep project and clip names
    first_run_done: bool = False


def load_settings(path: Path) -> Settings:
    """Read the settings; a field that does not fit keeps its default, the rest is taken.

    A file that is no JSON is put aside under another name, never overwritten.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        _log.warning("the settings cannot be read and are put aside: %s", error)
        _put_aside(path)
        return Settings()
    if not isinstance(data, dict):
        _log.warning("the settings hold no object and are put aside")
        _put_aside(path)
        return Settings()
    return _lenient(data)


def save_settings(path: Path, settings: Settings) -> None:
    """Write the settings whole or not at all.

    Raises
    ------
    SettingsError
        Code ``settings``: the folder or the disk does not take them.
    """
    text = json.dumps(settings.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=1)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise SettingsError(
            f"The settings cannot be kept in {path.parent}.",
            hint=["open_folder"],
            detail=str(error),
        ) from error


def _lenient(data: dict[str, Any]) -> Settings:
    for _ in range(len(data) + 1):
        try:
            return Settings.model_validate(data)
        except ValidationError as error:
            wrong = {str(issue["loc"][0]) for issue in error.errors(include_url=False)}
            _log.warning("settings that do not fit are left out: %s", ", ".join(sorted(wrong)))
            data = {name: value for name, value in data.items() if name not in wrong}
    return Settings()


def _put_aside(path: Path) -> None:
    for number in range(1, 1000):
        aside = path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")
        if not aside.exists():
            try:
                path.replace(aside)
            except OSError as error:
                _log.warning("and could not be put aside: %s", error)
            return
