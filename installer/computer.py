"""Looks at the computer, before or after an installation; one line, one way out each."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer import check, drives, libraries, person, resolve, torch_build
from installer.console import StepFailed, size
from installer.versions import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from installer.check import Machine
    from installer.places import Places

__all__ = ["Finding", "computer"]

_LEAST_SPARE_GB = 2


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
    machine: Machine,
    places: Places,
    *,
    folder: Path,
    models: Path,
    display: bool,
    put_scripts: bool = True,
    resolve_folders: Sequence[Path] = (),
    all_users: bool = False,
) -> list[Finding]:
    """Look at the computer, before or after an installation.

    Parameters
    ----------
    folder, models : Path
        Where the product and its models lie, or would.
    display : bool
        Whether the panel's window is an X11 one.
    put_scripts, resolve_folders, all_users : bool, sequence of Path, bool
        What the person said about the scripts for Resolve.
    """
    return [*_system(machine), *_person(places), *_card(machine), *_memory(machine),
            *_folders(machine, places, folder, models), *_libraries(display),
            *_resolve(places, resolve_folders, all_users=all_users,
                      put_scripts=put_scripts)]  # fmt: skip


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


def _resolve(
    places: Places, folders: Sequence[Path] = (), *, all_users: bool = False,
    put_scripts: bool = True,
) -> Iterator[Finding]:  # fmt: skip
    found = resolve.find(places)
    trees = resolve.trees(places, custom=folders, all_users=all_users)
    if found.program is None and not trees:
        yield Finding(
            "warn", "Resolve", "not found; clip files can be edited without it",
            "In an unusual place? Name its Fusion folder with --resolve-folder.",
        )  # fmt: skip
        return
    if found.program is None:
        yield Finding(
            "ok", "Resolve", "its folder for scripts is there; the program is in no usual place"
        )
    elif found.version and tuple(int(p) for p in found.version.split(".")[:2]) < (18, 5):
        yield Finding("bad", "Resolve", found.describe(), "FlowAnchor needs Resolve 18.5 or later.")
    else:
        yield Finding("ok", "Resolve", found.describe())
    for tree in trees if put_scripts else ():
        there = drives.nearest(tree.fusion)
        if person.unwritable(there):
            yield Finding(
                "bad", "Resolve's scripts", f"{there} cannot be written by this user",
                "Without --all-users they go into a folder of your own."
                if tree.kind == "system" else "Have that folder given to you.",
            )  # fmt: skip
        else:
            yield Finding("ok", "Resolve's scripts", f"they go into {tree.fusion} ({tree.kind})")
