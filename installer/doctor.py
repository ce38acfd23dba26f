"""Looks at everything that decides whether the product works here; one line, one way out each."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer import (
    check,
    drives,
    launchers,
    libraries,
    person,
    placing,
    resolve,
    scripts,
    selftest,
    torch_build,
)
from installer import models as modelling
from installer.console import StepFailed, size, typed
from installer.journal import Journal
from installer.locking import at_work
from installer.manifest import Manifest
from installer.versions import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.check import Machine
    from installer.console import Console
    from installer.places import Places

__all__ = ["Finding", "computer", "examine", "show"]

_LEAST_SPARE_GB = 2
_MARKS = {"ok": "✓", "warn": "!", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Parameters
    ----------
    level : str
        ``ok``, ``warn`` (it works, but) or ``bad`` (it does not work).
    subject, text : str
        What was looked at, and what was found.
    action : str
        What to do, empty where nothing is to be done.
    """

    level: str
    subject: str
    text: str
    action: str = ""


def computer(
    machine: Machine, places: Places, *, folder: Path, models: Path, display: bool
) -> list[Finding]:
    """Look at the computer, before or after an installation."""
    return [*_system(machine), *_person(places), *_card(machine), *_memory(machine),
            *_folders(machine, places, folder, models), *_libraries(display),
            *_resolve(places)]  # fmt: skip


def examine(
    folder: Path, *, machine: Machine, places: Places, console: Console, deep: bool = False
) -> list[Finding]:
    """Look at the computer and at the installation in `folder`.

    Parameters
    ----------
    deep : bool
        Also run the wiring test and list the models through the installed product.
    """
    try:
        manifest = Manifest(folder)
    except StepFailed as failure:
        found = computer(
            machine, places, folder=folder, models=places.models, display=_has_display()
        )
        return [*found, Finding("bad", "Installation", failure.reason, failure.way_out)]
    told = manifest.options.get("models_folder")
    models = Path(told) if told else places.models
    found = computer(machine, places, folder=folder, models=models, display=_has_display())
    installation, journal = Installation(folder), Journal(folder)
    found += _installed(installation, journal, manifest)
    current = installation.current()
    if current:
        found += _files(installation, manifest, current, places)
        if deep:
            flowanchor = typed(launchers.command(folder, "flowanchor", places.platform))
            card = machine.driver.best is not None or machine.apple_silicon
            found += _running(
                installation, current, console, Path(told) if told else None,
                flowanchor=flowanchor, card=card,
            )  # fmt: skip
    return found


def show(findings: list[Finding], console: Console) -> None:
    """Show the findings, one line each, the way out below."""
    for each in findings:
        console.say(f"{_MARKS[each.level]} {each.subject}: {each.text}")
        if each.action:
            console.say(f"    → {each.action}")


def _system(machine: Machine) -> Iterator[Finding]:
    try:
        check.require_supported(machine)
    except StepFailed as failure:
        yield Finding("bad", "System", failure.reason, failure.way_out)
        return
    libc = f", glibc {machine.glibc[0]}.{machine.glibc[1]}" if machine.glibc > (0, 0) else ""
    yield Finding(
        "ok", "System", f"{machine.system} {machine.release} {machine.architecture}{libc}"
    )
    way = check.virtual_environments()
    if way is None:
        yield Finding(
            "bad", "Python", f"{machine.python} cannot make private environments",
            "On Debian and Ubuntu: apt install python3-venv",
        )  # fmt: skip
    elif trouble := check.untried(machine):
        yield Finding("warn", "Python", trouble, "If a package has no build for it, use 3.12.")
    else:
        yield Finding("ok", "Python", f"{machine.python}, environments by {way}")


def _person(places: Places) -> Iterator[Finding]:
    if whose := person.somebody_elses(places):
        yield Finding(
            "warn", "User", f"this runs as root; what root installs {whose} could not start",
            f"Run the installer as {whose}, without sudo.",
        )  # fmt: skip


def _card(machine: Machine) -> Iterator[Finding]:
    driver = machine.driver
    if driver.trouble:
        yield Finding("bad", "Graphics", driver.trouble, "Restart, or reinstall the driver.")
    elif driver.best is not None:
        reason = torch_build.why(machine)
        cards = ", ".join(
            f"{card.name} {size(card.memory)} ({size(card.free)} free)" for card in driver.cards
        )
        text = f"{cards}; driver {driver.version}, CUDA {driver.cuda[0]}.{driver.cuda[1]}"
        if reason:
            yield Finding("warn", "Graphics", text, reason)
        else:
            yield Finding("ok", "Graphics", f"{text}; torch {torch_build.choose(machine)}")
    elif machine.apple_silicon:
        yield Finding("ok", "Graphics", "Apple graphics; Wan models share the main memory")
    else:
        yield Finding(
            "warn", "Graphics", "no NVIDIA card: the embedded model runs on the processor",
            "Wan2.1 needs a card with 6 GB or more.",
        )  # fmt: skip


def _memory(machine: Machine) -> Iterator[Finding]:
    free = f", {machine.spare_gb:.0f} GB of it free" if machine.spare_gb else ""
    if not machine.memory_gb:
        yield Finding("warn", "Memory", "this system does not tell")
    elif machine.memory_gb < 7.5:
        yield Finding(
            "bad" if machine.memory_gb < 3.5 else "warn", "Memory",
            f"{machine.memory_gb:.0f} GB{free}",
            "8 GB are needed beside Resolve, 16 GB for Wan2.1.",
        )  # fmt: skip
    elif 0 < machine.spare_gb < _LEAST_SPARE_GB:
        yield Finding(
            "warn", "Memory", f"{machine.memory_gb:.0f} GB{free}",
            "Close other programs before you edit; the embedded model takes 2 GB, Wan2.1 more.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Memory", f"{machine.memory_gb:.0f} GB{free}")


def _folders(machine: Machine, places: Places, folder: Path, models: Path) -> Iterator[Finding]:
    engine = sum(torch_build.DOWNLOAD_BYTES[torch_build.choose(machine)]) + 2_500_000_000
    installed = Installation(folder).current()
    for name, path, needed in (
        ("Program folder", folder, 500_000_000 if installed else engine),
        ("Models folder", models, 0),
    ):
        if service := drives.sync_service(path, places.env):
            yield Finding(
                "bad", name, f"{path} is synchronised by {service}", "Name another folder."
            )
            continue
        if person.unwritable(there := drives.nearest(path)):
            yield Finding(
                "bad", name, f"{there} cannot be written by this user",
                "Name another folder, or have it given to you; an installation by sudo made it "
                "root's.",
            )  # fmt: skip
            continue
        free = drives.free_bytes(path)
        text = f"{path}, {size(free)} free"
        if free < drives.needed_bytes(needed):
            yield Finding(
                "bad", name, text, f"{size(drives.needed_bytes(needed))} are needed, a fifth of "
                "it to spare. Free some space or name another folder.",
            )  # fmt: skip
        elif drives.is_network(path):
            yield Finding(
                "warn", name, f"{text}; on the network",
                "It works, slowly; a disk of this computer is better.",
            )  # fmt: skip
        else:
            yield Finding("ok", name, text)


def _libraries(display: bool) -> Iterator[Finding]:
    missing = libraries.missing(display=display)
    if missing:
        yield Finding(
            "bad", "Window system", f"missing: {', '.join(missing)}", libraries.command(missing)
        )
    elif sys.platform.startswith("linux"):
        yield Finding("ok", "Window system", "every library that the panel needs is here")


def _resolve(places: Places) -> Iterator[Finding]:
    found = resolve.find(places)
    if found.program is None and not resolve.trees(places):
        yield Finding(
            "warn", "Resolve", "not found; clip files can be edited without it",
            "In an unusual place? Name its Fusion folder with --resolve-folder.",
        )  # fmt: skip
        return
    if found.program is None:
        yield Finding(
            "ok", "Resolve", "its folder for scripts is there; the program is in no usual place"
        )
        return
    old = found.version and tuple(int(p) for p in found.version.split(".")[:2]) < (18, 5)
    if old:
        yield Finding("bad", "Resolve", found.describe(), "FlowAnchor needs Resolve 18.5 or later.")
    else:
        yield Finding("ok", "Resolve", found.describe())


def _installed(
    installation: Installation, journal: Journal, manifest: Manifest
) -> Iterator[Finding]:
    if journal.operation and (process := at_work(installation.folder)):
        yield Finding(
            "warn", "Installation", f"an installer is at work (process {process})",
            "Wait until it has finished.",
        )  # fmt: skip
    elif journal.operation:
        # Without the copy that was being installed the installed command can still repair.
        again = "repair" if installation.pointed() else "install"
        again = "uninstall" if journal.operation == "uninstall" else again
        yield Finding(
            "bad", "Installation", f"an interrupted {journal.operation}"
            + (f" at “{journal.doing}”" if journal.doing else ""),
            f"Continue it: python3 -m installer {again}",
        )  # fmt: skip
    current, pointed = installation.current(), installation.pointed()
    if current and not manifest.exists:
        yield Finding(
            "bad", "Installation", f"{manifest.path}, the list of what belongs to it, is gone",
            "Run python3 -m installer repair, which writes it again.",
        )  # fmt: skip
    if not current:
        if pointed:
            yield Finding("bad", "Engine", f"version {pointed} is not whole",
                          "Run python3 -m installer repair.")  # fmt: skip
        elif not journal.operation:
            yield Finding("warn", "Engine", f"not installed in {installation.folder}",
                          "Run python3 -m installer install.")  # fmt: skip
        return
    facts = installation.ready(current) or {}
    if wrong := installation.damage(current):
        yield Finding(
            "bad", "Engine", f"{len(wrong)} files are missing or changed, e.g. {wrong[0]}",
            "Run python3 -m installer repair.",
        )  # fmt: skip
    elif not installation.starts(current):
        yield Finding(
            "bad", "Engine", "its Python does not start; an update of the system may have "
            "taken away the one that it stands on",
            "Run python3 -m installer repair with the Python that is here now.",
        )  # fmt: skip
    else:
        tried = facts.get("tried") or {}
        speed = (
            f", {tried['seconds_per_forward'] * 1000:.0f} ms per pass of the small model"
            if tried.get("seconds_per_forward") else ""
        )  # fmt: skip
        yield Finding(
            "ok", "Engine", f"FlowAnchor {facts.get('product')}, torch {facts.get('torch')}, "
            f"Python {facts.get('python')}{speed}",
        )  # fmt: skip


def _files(
    installation: Installation, manifest: Manifest, current: str, places: Places
) -> Iterator[Finding]:
    for path, text in launchers.commands(
        installation.folder, models=_models_folder(manifest), platform=places.platform
    ):
        if _raw(path) != text.encode():
            yield Finding("bad", "Commands", f"{path} is missing or changed",
                          "Run python3 -m installer repair.")  # fmt: skip
            break
    else:
        yield Finding("ok", "Commands", f"{installation.folder / 'bin'}")
    if not manifest.options.get("resolve", True):
        yield Finding("warn", "Scripts in Resolve", "left out at installation",
                      "Run python3 -m installer install without --no-resolve.")  # fmt: skip
        return
    custom = [Path(each) for each in manifest.options.get("resolve_folders", [])]
    trees = resolve.trees(places, custom=custom, all_users=bool(manifest.options.get("all_users")))
    wheel = installation.wheel(current)
    if not trees or wheel is None:
        return
    version = str((installation.ready(current) or {}).get("product", ""))
    wanted = scripts.wanted(
        trees, scripts.read_agent(wheel), version=version,
        panel=launchers.panel_command(installation.folder, places.platform),
    )  # fmt: skip
    if wrong := placing.in_order(wanted, manifest):
        yield Finding(
            "bad", "Scripts in Resolve", f"{wrong[0].path} is missing or another version",
            "Run python3 -m installer repair.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Scripts in Resolve", f"version {version} in {len(trees)} folder(s)")
    for box in sorted({tree.mailbox for tree in trees}):
        parent = drives.nearest(box)
        if not os.access(parent, os.W_OK):
            yield Finding("bad", "Mailbox", f"{box} cannot be written by this user",
                          "Run FlowAnchor as the user who owns that folder.")  # fmt: skip
        elif places.platform == "win32" and not str(box).isascii():
            yield Finding("bad", "Mailbox", f"{box}: Resolve cannot read such a path",
                          "Set FLOWANCHOR_MAILBOX to a plain folder.")  # fmt: skip


def _running(
    installation: Installation, current: str, console: Console, models: Path | None, *,
    flowanchor: str, card: bool,
) -> Iterator[Finding]:  # fmt: skip
    env = installation.env(current)
    try:
        selftest.wiring(env)
        yield Finding("ok", "Wiring", "a job went to the engine and came back")
    except StepFailed as failure:
        yield Finding("bad", "Wiring", failure.reason, "Run python3 -m installer repair.")
    if trouble := selftest.window_trouble(env):
        missing = libraries.missing(display=False)
        yield Finding(
            "bad", "Window", trouble,
            libraries.command(missing) if missing else "Run python3 -m installer repair.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Window", "Qt loads")
    try:
        here = modelling.Models(console, env, models).here()
    except StepFailed as failure:
        yield Finding("bad", "Models", failure.reason, failure.way_out)
        return
    for name, state in here.items():
        if state in {"damaged", "unfinished"}:
            yield Finding("bad", "Models", f"{name} is {state}",
                          f"Run {flowanchor} models get {name}.")  # fmt: skip
    ready = [name for name, state in here.items() if state == "yes"]
    if ready == [modelling.EMBEDDED]:
        get = f"{flowanchor} models get wan2.1-1.3b" if card else "a card with 6 GB or more"
        yield Finding("warn", "Models", "the embedded one only; it knows a small drawn world",
                      f"Real footage needs Wan2.1: {get}")  # fmt: skip
    else:
        yield Finding("ok", "Models", ", ".join(ready))


def _models_folder(manifest: Manifest) -> Path | None:
    told = manifest.options.get("models_folder")
    return Path(told) if told else None


def _raw(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")
