"""The report bundle: what a developer needs, without what belongs to the person.

Versions, system, card, Resolve, the recipe of a failed job and the end of every log. It is
shown before it is copied, and nothing is sent.
"""

from __future__ import annotations

import ctypes
import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from flowanchor_engine.protocol import PROTOCOL
from plugin.services.redaction import BLOCK, Redactor, Secrets
from plugin.state.naming import safe_name, shot_name

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Device
    from plugin.state.job_queue import Job
    from plugin.state.links import EngineState, HostState

__all__ = ["LOG_LINES", "MOST", "Facts", "driver_version", "report", "secrets_of", "versions"]

MOST: Final = 60_000  # characters: what an issue takes
LOG_LINES: Final = 300
_LINE: Final = 1_000
_PACKAGES: Final = ("flowanchor", "PySide6-Essentials", "numpy", "pydantic", "torch", "diffusers",
                    "transformers", "av", "opencv-python-headless")  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What a report tells.

    Attributes
    ----------
    versions : mapping of str to str
    engine, host : EngineState, HostState
    device : Device or None
        As the engine's greeting told it.
    job : Job or None
        The failed one.
    logs : tuple of Path
    places : mapping of str to Path
        Folders whose free space matters, by what they hold.
    """

    engine: EngineState
    host: HostState
    versions: Mapping[str, str] = field(default_factory=dict)
    device: Device | None = None
    job: Job | None = None
    logs: tuple[Path, ...] = ()
    places: Mapping[str, Path] = field(default_factory=dict)


def report(facts: Facts, secrets: Secrets, parts: Iterable[str] = (), *, most: int = MOST) -> str:
    """Return the report as text of at most `most` characters.

    Parameters
    ----------
    parts : iterable of {'names', 'prompts'}
        What the person wants in; user, computer, home folder and keys never are.
    """
    wanted = frozenset(parts)
    redactor = Redactor(secrets, names="names" in wanted, prompts="prompts" in wanted)
    head = "\n".join([*_versions(facts), *_computer(facts), *_host(facts), *_engine(facts)])
    job = "\n".join(_job(facts.job)) if facts.job is not None else ""
    begin = redactor.clean("\n\n".join(part for part in (head, job) if part))
    logs = [
        (redactor.clean(f"\n\n## Log {path.name}\n"), redactor.clean(_tail(path)))
        for path in facts.logs
    ]
    return _fitted(begin, logs, most, redactor.clean(f"({BLOCK} the rest is left out)"))


def secrets_of(
    jobs: Iterable[Job], *, names: Iterable[str] = (), paths: Iterable[str] = ()
) -> Secrets:
    """Return what jobs tell of the person, and the names and paths that are known besides.

    Parameters
    ----------
    names : iterable of str
        Project, timeline, bin and clip names.
    """
    found_paths = {str(path) for path in paths if str(path)}
    found_names = {name for name in names if name}
    texts: set[str] = set()
    for job in jobs:
        request = job.request
        for part in ("source", "matte"):
            spec = request.get(part)
            if isinstance(spec, Mapping) and spec.get("path"):
                found_paths.add(str(spec["path"]))
        prompts = request.get("prompts")
        if isinstance(prompts, Mapping):
            texts.update(str(prompts.get(key, "")) for key in ("now", "wanted"))
        comment = request.get("comment")
        if isinstance(comment, Mapping):
            texts.add(str(comment.get("title", "")))
            found_names.update(str(comment.get(key, "")) for key in ("shot", "matte"))
        texts.update((job.title, job.title.rstrip("…"), safe_name(job.title.rstrip("…"))))
        found_names.update(_named(job.place))
    for path in tuple(found_paths):
        clean = path.replace("\\", "/").rstrip("/")
        found_names.update((clean.rpartition("/")[2], shot_name(path)))
    found_names = {n for n in found_names if n and not n.replace(".", "").isdigit()}
    return Secrets.here(
        paths=sorted(found_paths),
        names=sorted(found_names),
        texts=sorted(text for text in texts if text),
    )


_NAMING: Final = re.compile(
    r"name|title|project|timeline|\bbin|path|file|folder|comp|tool|clip|media|comment|label"
)


def _named(data: Any, *, naming: bool = False) -> Iterable[str]:
    """Yield the texts of a record that stand under naming keys."""
    if isinstance(data, str):
        if naming and len(data) > 2:
            yield data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _named(value, naming=_NAMING.search(str(key).lower()) is not None)
    elif isinstance(data, Sequence):
        for value in data:
            yield from _named(value, naming=naming)


# ---- sections ------------------------------------------------------------------------------


def versions() -> dict[str, str]:
    """Return the versions of what is installed beside the panel."""
    found = {"Python": platform.python_version(), "protocol": str(PROTOCOL)}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _versions(facts: Facts) -> list[str]:
    return ["## Versions", *(f"{name}: {value}" for name, value in facts.versions.items())]


def _computer(facts: Facts) -> list[str]:
    memory = psutil.virtual_memory()
    lines = [
        "",
        "## Computer",
        f"system: {platform.system()} {platform.release()} ({platform.version()})",
        f"processor: {platform.machine()}, {psutil.cpu_count(logical=True)} threads",
        f"memory: {memory.total / 2**30:.1f} GB, {memory.available / 2**30:.1f} free",
    ]
    if facts.device is not None:
        device = facts.device
        lines.append(f"device: {device.name} ({device.kind}), {device.memory_mb} MB")
        lines.append(f"compute: {device.compute or '-'}, driver: {driver_version() or '-'}")
    for what, path in facts.places.items():
        try:
            lines.append(f"free for {what}: {psutil.disk_usage(str(path)).free / 10**9:.1f} GB")
        except OSError as error:
            lines.append(f"free for {what}: {error.strerror}")
    return lines


def driver_version() -> str:
    """Return the version of NVIDIA's driver, '' where there is none."""
    name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return ""
    if library.nvmlInit_v2() != 0:
        return ""
    text = ctypes.create_string_buffer(80)
    known = library.nvmlSystemGetDriverVersion(text, ctypes.c_uint(len(text))) == 0
    library.nvmlShutdown()
    return text.value.decode("utf-8", "replace") if known else ""


def _host(facts: Facts) -> list[str]:
    host = facts.host
    edition = "" if not host.product else ", Studio" if host.studio else ", free"
    said = f"{host.product} {host.version}{edition}".strip(" ,") or "-"
    return ["", "## Resolve", f"link: {host.kind}", f"product: {said}", f"code: {host.code or '-'}"]


def _engine(facts: Facts) -> list[str]:
    engine = facts.engine
    return [
        "",
        "## Engine",
        f"phase: {engine.phase}, code: {engine.code or '-'}",
        f"memory: {engine.memory_used_mb} of {engine.memory_total_mb} MB",
        f"features: {', '.join(engine.features) or '-'}",
        *([engine.sentence] if engine.sentence else []),
    ]


def _job(job: Job) -> list[str]:
    recipe = json.dumps(dict(job.request), ensure_ascii=False, indent=1, default=str)
    return [
        "",
        "## Job",
        f"state: {job.state}, kind: {job.kind}, attempts: {job.attempts}",
        f"phase: {job.phase or '-'} {job.done}/{job.total}",
        f"code: {job.code or '-'}: {job.sentence}",
        *([job.detail] if job.detail else []),
        *(["last lines:", *job.last_lines] if job.last_lines else []),
        "recipe:",
        recipe,
    ]


def _tail(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"({error.strerror})"
    return "\n".join(line[:_LINE] for line in text.splitlines()[-LOG_LINES:])


# ---- size ----------------------------------------------------------------------------------


def _fitted(begin: str, logs: Sequence[tuple[str, str]], most: int, note: str) -> str:
    """Put it together; each log may use what smaller ones leave over, newest lines kept.

    Cut is only after redaction, so no half of a secret is left at an edge.
    """
    if len(begin) > most:
        return f"{begin[: max(0, most - len(note) - 1)]}\n{note}"[:most]
    room = most - len(begin)
    texts: dict[int, str] = {}
    by_size = sorted(range(len(logs)), key=lambda number: len(logs[number][1]))
    for done, number in enumerate(by_size):
        head, text = logs[number]
        share = room // (len(logs) - done)
        if share <= len(head) + len(note) + 1:
            continue
        texts[number] = head + _last(text, share - len(head), note)
        room -= len(texts[number])
    return "".join([begin, *(texts[number] for number in sorted(texts))])


def _last(text: str, most: int, note: str) -> str:
    """Return the last whole lines of a text that fit, below a note that some are missing."""
    if len(text) <= most:
        return text
    room = most - len(note)
    kept: list[str] = []
    for line in reversed(text.split("\n")):
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([note, *reversed(kept)])
