"""Looks at the installation and at the computer it is on; one line, one way out each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from installer import drives, launchers, libraries, placing, resolve, scripts, selftest
from installer import models as modelling
from installer.computer import Finding, computer
from installer.console import StepFailed, typed
from installer.journal import Journal
from installer.locking import at_work
from installer.manifest import Manifest
from installer.versions import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.check import Machine
    from installer.console import Console
    from installer.places import Places

__all__ = ["examine", "show"]

_MARKS = {"ok": "✓", "warn": "!", "bad": "✗"}


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
    found = computer(
        machine, places, folder=folder, models=models, display=_has_display(),
        put_scripts=bool(manifest.options.get("resolve", True)),
        resolve_folders=[Path(each) for each in manifest.options.get("resolve_folders", [])],
        all_users=bool(manifest.options.get("all_users")),
    )  # fmt: skip
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
