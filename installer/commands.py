"""What each command does, once its arguments are read."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import shutil
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from installer import (
    check,
    computer,
    disk,
    doctor,
    drives,
    environment,
    launchers,
    libraries,
    person,
    relocking,
    torch_build,
    wheels,
)
from installer import models as modelling
from installer.console import YES, StepFailed, size, typed
from installer.journal import Journal
from installer.locking import Lock
from installer.manifest import Manifest
from installer.options import Options
from installer.places import Places
from installer.product import lock_file
from installer.removal import require_removable, uninstall
from installer.setup import Setup
from installer.versions import Installation

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from installer.check import Machine
    from installer.console import Console

__all__ = ["folder_of", "log_path", "run"]

ROOT = Path(__file__).resolve().parent.parent
_OTHER_PACKAGES = (600_000_000, 1_900_000_000)  # roughly: downloaded, unpacked


def folder_of(arguments: Namespace) -> Path:
    """Return the installation folder of a command."""
    given = getattr(arguments, "folder", None) or os.environ.get("FLOWANCHOR_HOME")
    return Path(given).expanduser().absolute() if given else Places.here().folder


def log_path(arguments: Namespace) -> Path:
    """Return where a command keeps the full output of what it starts."""
    if arguments.command in {"install", "update", "repair"}:
        return folder_of(arguments) / "logs" / "install.log"
    return ROOT / ".build" / "install.log"


def run(arguments: Namespace, rest: Sequence[str], console: Console) -> int:
    """Run one command; return its exit status.

    Raises
    ------
    StepFailed
    """
    if copy := os.environ.pop("FLOWANCHOR_SETUP_COPY", None):
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        os.environ.pop("PYTHONPATH", None)
    name = arguments.command
    if name in {"demo", "test", "setup", "lock"} and not (ROOT / "pyproject.toml").exists():
        raise StepFailed(
            "Begin", f"`{name}` works in a copy of the repository, not in an installation",
            f"Clone the repository and run this there: python3 -m installer {name}",
        )  # fmt: skip
    if name in {"demo", "test", "setup"}:
        return _checkout(arguments, rest, console)
    if name in {"install", "update", "repair"}:
        return _install(arguments, console)
    if name == "uninstall":
        return _uninstall(arguments, console)
    if name in {"doctor", "check"}:
        return _look(arguments, console)
    if name == "wheels":
        machine = check.look(ROOT)
        backend = arguments.backend or torch_build.choose(machine)
        lock = lock_file(ROOT, glibc=machine.glibc)
        target = arguments.wheels_folder.absolute()
        wheels.collect(target, lock=lock, backend=backend, machine=machine, console=console)
        console.say(f"✓ Install with: python3 -m installer install --offline --wheels {target}")
        return 0
    relocking.relock(ROOT)
    console.say("✓ The lists of packages are renewed")
    return 0


# In the checkout ----------------------------------------------------------------------------


def _checkout(arguments: Namespace, rest: Sequence[str], console: Console) -> int:
    check.require_environments()
    machine = check.look(ROOT)
    check.require_supported(machine)
    if not (ROOT / ".venv").exists():
        check.require_space(ROOT)
    console.say(machine.describe())
    extras = environment.PRODUCT
    if arguments.command == "test" or getattr(arguments, "dev", False):
        extras = environment.PRODUCT_AND_TESTS
        if missing := libraries.missing(display=False):
            console.say(f"! The panel's tests need {', '.join(missing)}:")
            console.say(f"    {libraries.command(missing)}")
    with Lock(ROOT / ".build") as lock:
        console.kept_open = lock.handles
        env = environment.make(ROOT, extras=extras, machine=machine, console=console)
    if arguments.command == "demo":
        return env.run(["-m", "flowanchor_engine.cli", "demo", *rest])
    if arguments.command == "test":
        marks = "slow" if arguments.slow else "not slow"
        # Two processes, a file each: their tests share fixtures.
        spread = ["-n", "2", "--dist", "loadfile"]
        return env.run(["-m", "pytest", "-q", "-m", marks, *spread, *rest])
    console.say(f"Ready: {env.python}")
    return 0


# Installing -----------------------------------------------------------------------------------


def _install(arguments: Namespace, console: Console) -> int:
    places, folder = Places.here(), folder_of(arguments)
    machine = check.look(folder)
    console.say(f"FlowAnchor goes into {folder}")
    console.say(machine.describe())
    if whose := person.somebody_elses(places):
        console.say(f"! This runs as root: the files would belong to root, and {whose} could "
                    "not start, update or remove it")  # fmt: skip
        console.say(f"    Stop it by Ctrl+C and run it as {whose}, without sudo")
    manifest = Manifest(folder)
    options = _options(arguments, folder, manifest)
    check.require_supported(machine)
    check.require_environments()
    _require_folders(options, machine, places, console)
    if missing := libraries.missing(display=bool(os.environ.get("DISPLAY"))):
        console.say(f"! The panel needs {', '.join(missing)}:")
        console.say(f"    {libraries.command(missing)}")
    if trouble := check.untried(machine):
        console.say(f"! {trouble}; if a package has no build for it, use 3.12")
    if reason := torch_build.why(machine):
        console.say(f"! {reason}")
    try:
        with Lock(folder) as lock:
            console.kept_open = lock.handles
            Installation(folder).require_ours()
            setup = Setup(options, machine=machine, places=places, console=console)
            if arguments.command == "update" and not setup.installation.current():
                raise StepFailed(
                    "Update", f"FlowAnchor is not installed in {folder}",
                    "Run python3 -m installer install.",
                )  # fmt: skip
            repairing = arguments.command == "repair"
            version = setup.repair() if repairing else setup.install()
            _models(options, setup, version, machine, console, repairing=repairing)
    except OSError as error:
        raise disk.failed("Begin", error) from error
    panel = typed(launchers.panel_command(folder, places.platform))
    keeper = typed(launchers.command(folder, "flowanchor-setup", places.platform))
    console.say("")
    console.say(f"Ready. Start it {'from the menu, or ' if options.menu else ''}by {panel}")
    if options.resolve:
        console.say("In Resolve: Workspace > Scripts > FlowAnchor links the two.")
    # Not this copy's own command: the person may delete the copy, and the folder is known there.
    console.say(f"Look after it: {keeper} doctor, repair or uninstall")
    return 0


def _options(arguments: Namespace, folder: Path, manifest: Manifest) -> Options:
    source = arguments.source
    if source is None and (ROOT / "pyproject.toml").exists():
        source = ROOT
    # What an earlier command was told holds until a later one says otherwise.
    told = manifest.options
    models = arguments.models_folder or told.get("models_folder")
    custom = arguments.resolve_folder or [Path(p) for p in told.get("resolve_folders", [])]
    again = arguments.command != "install"
    return Options(
        folder=folder,
        source=source.absolute() if source else None,
        wheels=arguments.wheels.absolute() if arguments.wheels else None,
        tool=arguments.tool,
        backend=arguments.backend,
        model=arguments.model,
        models_folder=Path(models).expanduser().absolute() if models else None,
        import_models=arguments.import_models.absolute() if arguments.import_models else None,
        resolve=not arguments.no_resolve and (not again or bool(told.get("resolve", True))),
        menu=not arguments.no_menu and (not again or bool(told.get("menu", True))),
        try_edit=not arguments.no_try,
        resolve_folders=tuple(path.absolute() for path in custom),
        all_users=arguments.all_users or bool(told.get("all_users", False)),
        yes=arguments.yes,
    )


def _require_folders(options: Options, machine: Machine, places: Places, console: Console) -> None:
    models = options.models_folder or places.models
    for path in (options.folder, models, places.home):
        # Neither a list nor a command nor a menu entry could name such a folder.
        if any(unicodedata.category(each) in {"Cc", "Cs"} for each in str(path)):
            raise StepFailed(
                "Check the folders", f"{path!r} holds characters that are no text",
                "Rename that folder, or name others with --folder and --models-folder.",
            )  # fmt: skip
    for what, path in (("program", options.folder), ("models", models)):
        if service := drives.sync_service(path, places.env):
            raise StepFailed(
                "Check the folders",
                f"{path} is synchronised by {service}, which would tear the {what} folder apart",
                "Name another folder with --folder or --models-folder.",
            )
        if drives.is_network(path):
            console.say(f"! {path} lies on the network: it works, slowly")
    if options.source is not None and options.folder.is_relative_to(options.source):
        raise StepFailed(
            "Check the folders", f"{options.folder} lies inside the copy it is installed from",
            "Name another folder with --folder.",
        )  # fmt: skip
    for option, given in (("--wheels", options.wheels), ("--import-models", options.import_models)):
        if given is not None and not given.is_dir():
            raise StepFailed(
                "Check the folders", f"{given} is no folder", f"Name one that is there by {option}."
            )
    if Installation(options.folder).current():
        return
    backend = options.backend or torch_build.choose(machine)
    parts: tuple[int, ...] = (*torch_build.DOWNLOAD_BYTES[backend], *_OTHER_PACKAGES)
    if options.wheels is not None:
        # Carried over, they are only unpacked; the folder may hold those of other systems too.
        parts = (min(wheels.unpacked_bytes(options.wheels), sum(parts)),)
    needed = drives.needed_bytes(*parts)
    free = drives.free_bytes(options.folder)
    if options.wheels is None:
        download = torch_build.DOWNLOAD_BYTES[backend][0] + _OTHER_PACKAGES[0]
        console.say(f"Engine: about {size(download)} to download, {size(needed)} of the disk "
                    "with some to spare")  # fmt: skip
    if free < needed:
        raise StepFailed(
            "Check the disk", f"{size(free)} free, {size(needed)} needed in {options.folder}",
            "Free some space or name another folder with --folder.",
        )  # fmt: skip


def _models(
    options: Options, setup: Setup, version: str, machine: Machine, console: Console,
    *, repairing: bool,
) -> None:  # fmt: skip
    wheel = setup.installation.wheel(version)
    if wheel is None:
        return
    known = modelling.read_registry(wheel)
    models = modelling.Models(console, setup.installation.env(version), options.models_folder)
    root = options.models_folder or Places.here().models
    if options.import_models is not None:
        models.take(options.import_models, None if options.model == "auto" else options.model)
        return
    wanted = _chosen(options, known, machine, console)
    if repairing:
        here = models.here()
        for name, state in here.items():
            if state in {"damaged", "unfinished"}:
                models.get(name, root)
        return
    if wanted == modelling.EMBEDDED:
        command = launchers.command(options.folder, "flowanchor", Places.here().platform)
        console.say("✓ Model: the embedded one, for trying out")
        console.say(f"    others: {typed(command)} models list")
        return
    if models.here().get(wanted) == "yes":
        console.say(f"✓ Model: {wanted} is there")
        return
    models.get(wanted, root)
    models.verify(wanted)


def _chosen(
    options: Options, known: tuple[modelling.Model, ...], machine: Machine, console: Console
) -> str:
    if options.model == "none" or (options.wheels is not None and options.model == "auto"):
        return modelling.EMBEDDED
    if options.model != "auto":
        if options.model not in {each.id for each in known}:
            raise StepFailed(
                "Choose the model", f"there is no model “{options.model}”",
                f"Known: {', '.join(each.id for each in known)}.",
            )  # fmt: skip
        return options.model
    proposed = modelling.recommended(known, machine)
    fitting = modelling.fitting(known, machine)
    if proposed.id == modelling.EMBEDDED:
        return proposed.id
    for each in fitting:
        mark = "→" if each is proposed else " "
        rough = f"about {size(each.rough_bytes)}" if each.rough_bytes else "embedded"
        console.say(f" {mark} {each.id:<14} {rough:<16} {each.about}")
    if options.yes:
        return proposed.id
    answer = console.ask("Which model? (`none` to decide later)", default=proposed.id)
    if answer == "none":
        return modelling.EMBEDDED
    return _chosen(dataclasses.replace(options, model=answer), known, machine, console)


# Looking and leaving ----------------------------------------------------------------------------


def _look(arguments: Namespace, console: Console) -> int:
    places, folder = Places.here(), folder_of(arguments)
    machine = check.look(folder)
    if arguments.command == "check":
        found = computer.computer(
            machine, places, folder=folder, models=places.models,
            display=bool(os.environ.get("DISPLAY")),
        )  # fmt: skip
    else:
        found = doctor.examine(
            folder, machine=machine, places=places, console=console, deep=not arguments.quick
        )
    if arguments.json:
        rows = [dataclasses.asdict(each) for each in found]
        console.print(json.dumps({"schema": "flowanchor.Doctor.1", "findings": rows}))
    else:
        doctor.show(found, console)
    return 1 if any(each.level == "bad" for each in found) else 0


def _uninstall(arguments: Namespace, console: Console) -> int:
    folder = folder_of(arguments)
    if not folder.is_dir():
        raise StepFailed(
            "Uninstall", f"FlowAnchor is not installed in {folder}", "Name it with --folder."
        )
    with Lock(folder):
        installation, journal, manifest = Installation(folder), Journal(folder), Manifest(folder)
        require_removable(installation, manifest, journal)
        if not arguments.yes:
            answer = console.ask(f"Uninstall FlowAnchor from {folder}? (yes/no)", default="yes")
            if answer.lower() not in YES:
                return 1
        told = manifest.options.get("models_folder")
        root = Path(told) if told else Places.here().models
        current = installation.current()
        if arguments.models:
            if not current:
                raise StepFailed(
                    "Remove the models", "the engine that knows them is not whole",
                    f"Run repair first, or delete {root} by hand.",
                )  # fmt: skip
            models = modelling.Models(
                console, installation.env(current), Path(told) if told else None
            )
            for name, state in models.here().items():
                if state != "no" and name != modelling.EMBEDDED:
                    models.remove(name)
                    console.say(f"✓ Model {name} removed")
        own = sorted(Path(name) for name, entry in manifest.files.items() if entry.backups)
        left = uninstall(installation, manifest, journal, console)
    for path in left:
        console.say(f"  left in place, not ours: {path}")
    for path in own:
        if path not in left:
            console.say(f"  your own is back: {path}")
    with contextlib.suppress(OSError):
        folder.rmdir()
        Places.here().data.rmdir()  # only where nothing else is in it
    if folder.is_dir():
        console.say(f"  the folder stays: {folder}")
    for cache in Places.here().caches:
        if cache.is_dir() and any(cache.iterdir()):
            console.say(f"  a cache stays: {cache} (may be deleted at any time)")
    if not arguments.models and root.is_dir() and any(root.iterdir()):
        console.say(f"  the models stay: {root} (uninstall --models deletes them)")
    return 0
