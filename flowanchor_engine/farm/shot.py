"""One shot of a farm: what its job file asks, with the paths of this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine.errors import RequestError
from flowanchor_engine.request import EditRequest

if TYPE_CHECKING:
    from flowanchor_engine.farm.path_mapping import PathRules

__all__ = ["Shot", "inputs_of", "own_input", "read_request", "read_shot"]

_RECIPE: Final = "flowanchor.Recipe."
_VIDEO: Final = (".mov", ".mp4", ".mkv")


@dataclass(frozen=True)
class Shot:
    """A shot to be edited.

    Parameters
    ----------
    name : str
        For people: the job file's.
    request : EditRequest
        With the paths of this machine.
    key : str
        Hash of the request as it was written, the same on every machine.
    out : Path
        The result to write, absolute; without a suffix it gets the codec's.
    """

    name: str
    request: EditRequest
    key: str
    out: Path


def read_request(job: Path) -> EditRequest:
    """Read a job file: a request, or the recipe of an earlier result.

    Raises
    ------
    RequestError
    """
    try:
        data = json.loads(job.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return EditRequest.load_file(job)  # words the same failure
    if isinstance(data, dict) and str(data.get("schema", "")).startswith(_RECIPE):
        request = data.get("request")
        if not isinstance(request, dict):
            raise RequestError(f"{job.name} is a recipe without its request.")
        return EditRequest.load(request)
    return EditRequest.load_file(job)


def read_shot(job: Path, out: Path, rules: PathRules) -> Shot:
    """Read a job file and find its clip, matte, model folder and result on this machine.

    All paths, the job file's own among them, go through the rules. A relative path in a job
    file counts from the job file: where a task happens to be started means nothing.

    Raises
    ------
    RequestError
        The job file is no request, or its result would replace what it is made from.
    """
    here = Path(rules.apply(str(job))).absolute()
    request = read_request(here)

    def found(path: str) -> str:
        mapped = rules.apply(path)
        if PurePosixPath(mapped).is_absolute() or PureWindowsPath(mapped).is_absolute():
            return mapped
        return str(here.parent / mapped)

    data: dict[str, Any] = request.dump()
    for part, field in (("source", "path"), ("matte", "path"), ("model", "folder")):
        if data[part] is not None and data[part][field]:
            data[part][field] = found(data[part][field])
    shot = Shot(
        name=here.stem,
        request=EditRequest.load(data),
        key=request.key("result"),
        out=Path(rules.apply(str(out))).absolute(),
    )
    _refuse_own_input(shot)
    return shot


def inputs_of(shot: Shot) -> list[Path]:
    """Return the files that a shot is made from: its clip, and its matte if that is a file."""
    matte = shot.request.matte
    paths = (shot.request.source.path, None if matte is None else matte.path)
    return [Path(path) for path in paths if path]


def own_input(path: Path) -> RequestError:
    """Return the error that says that a result would replace what it is made from."""
    return RequestError(
        "The result would replace the clip or the matte that it is made from.",
        hint=["choose_folder"],
        detail=str(path),
    )


def _refuse_own_input(shot: Shot) -> None:
    """Refuse to replace the clip or the matte before hours are spent: codecs add suffixes."""
    out = shot.out
    names = {out.name, *(out.name + suffix for suffix in _VIDEO)}
    if out.suffix.lower() in (".png", ".exr"):  # a folder of pictures is named without it
        names.add(out.stem)
    results = {out.with_name(name).resolve() for name in names}
    for path in inputs_of(shot):
        if results & {path.resolve(), path.resolve().parent}:
            raise own_input(path)
