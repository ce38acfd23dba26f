"""The commands of `python3 -m installer`."""

import argparse
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

LEAST_PYTHON = (3, 11)


def _refuse_old_python() -> None:
    # Runs before anything with newer syntax is imported, so that an old Python gets a
    # sentence and not a syntax error.
    if sys.version_info[:2] < LEAST_PYTHON:
        sys.exit(
            "FlowAnchor needs Python {}.{} or newer; this is {}.{}. "
            "Run the same command with a newer python3.".format(
                *LEAST_PYTHON, *sys.version_info[:2]
            )
        )


def _parser(
    name: str = "python3 -m installer", *, checkout: bool = True
) -> argparse.ArgumentParser:
    about = "look after it, or try it out in this checkout" if checkout else "or look after it"
    parser = argparse.ArgumentParser(prog=name, description=f"Install FlowAnchor, {about}.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def of_checkout(command: str, text: str, epilog: str = "") -> argparse.ArgumentParser:
        # Elsewhere it says why it does not work there, but nobody is led to it.
        shown: dict[str, Any] = {"help": text} if checkout else {}
        return commands.add_parser(command, epilog=epilog, **shown)

    of_checkout(
        "demo",
        "set up this checkout and run the main job",
        "Other options are passed on to `flowanchor demo`.",
    )
    test = of_checkout(
        "test",
        "set up this checkout and run the tests",
        "Other options are passed on to pytest.",
    )
    test.add_argument("--slow", action="store_true", help="run the slow tests instead")
    setup = of_checkout("setup", "only set up this checkout (.venv)")
    setup.add_argument("--dev", action="store_true", help="with what the tests need")

    install = commands.add_parser("install", help="install for daily work, or continue that")
    update = commands.add_parser("update", help="install this copy beside the old one and switch")
    repair = commands.add_parser("repair", help="bring a damaged installation back")
    for each in (install, update, repair):
        _install_options(each)
    doctor = commands.add_parser("doctor", help="look at computer and installation")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.add_argument("--quick", action="store_true", help="without starting the engine")
    check = commands.add_parser("check", help="only look at the computer")
    check.add_argument("--json", action="store_true", help="print JSON")
    uninstall = commands.add_parser("uninstall", help="take it away again")
    uninstall.add_argument("--models", action="store_true", help="the downloaded models too")
    uninstall.add_argument("--yes", "-y", action="store_true", help="ask nothing")
    wheels = commands.add_parser("wheels", help="fill a folder for installing offline")
    wheels.add_argument("wheels_folder", type=Path, metavar="FOLDER")
    wheels.add_argument("--backend", choices=["cpu", "cu126", "cu130", "mps"])
    of_checkout("lock", "renew the lists of exact packages (needs uv)")
    for each in (install, update, repair, doctor, check, uninstall):
        each.add_argument("--folder", type=Path, metavar="FOLDER", help="where FlowAnchor lives")
    return parser


def _install_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--from", dest="source", type=Path, metavar="COPY", help="a checkout or a wheel")
    add("--yes", "-y", action="store_true", help="take every proposal, ask nothing")
    add("--offline", action="store_true", help="touch no network; needs --wheels")
    add("--wheels", type=Path, metavar="FOLDER", help="take every package from this folder")
    add("--tool", choices=["auto", "uv", "pip"], default="auto", help="what fetches packages")
    add("--backend", choices=["cpu", "cu126", "cu130", "mps"], help="instead of the card's own")
    add("--model", default="auto", metavar="ID", help="a model's id, `none`, or `auto`")
    add("--models-folder", type=Path, metavar="FOLDER", help="where models lie")
    add("--import-models", type=Path, metavar="FOLDER", help="use model files that are here")
    add("--no-resolve", action="store_true", help="put nothing into DaVinci Resolve")
    add(
        "--resolve-folder", type=Path, action="append", default=[], metavar="FOLDER",
        help="Resolve's Fusion or Scripts folder, where it is not in the usual place",
    )  # fmt: skip
    add("--all-users", action="store_true", help="scripts for everybody on this computer")
    add("--no-menu", action="store_true", help="make no menu entry")
    add("--no-try", action="store_true", help="skip the small edit at the end")


def main() -> int:
    """Run one command; return its exit status."""
    _refuse_old_python()
    _speak_utf8()
    from installer import commands, disk
    from installer.console import Console, StepFailed, own_command

    parser = _parser(own_command(), checkout=(commands.ROOT / "pyproject.toml").exists())
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in {"demo", "test"}:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if getattr(arguments, "offline", False) and arguments.wheels is None:
        parser.error("--offline needs --wheels FOLDER")
    as_json = getattr(arguments, "json", False)
    named = getattr(arguments, "folder", None)
    console = Console(log=Path(os.devnull), quiet=as_json, folder=named)
    try:
        console = Console(log=commands.log_path(arguments), quiet=as_json, folder=named)
        if _inside_installation():
            return _from_outside()
        return commands.run(arguments, rest, console)
    except StepFailed as failure:
        failed = failure
    except OSError as error:
        by = " with --folder" if hasattr(arguments, "folder") else " for this copy"
        failed = disk.failed(arguments.command.capitalize(), error, by=by)
    except KeyboardInterrupt:
        console.say("Stopped. The same command continues where it was.")
        return 130
    if as_json:
        console.print(json.dumps({"failed": vars(failed)}))
    console.fail(failed)
    return 1


def _speak_utf8() -> None:
    # In a locale of another encoding Python reads a path's bytes as other letters, and those
    # would go into the manifest, the commands and Resolve's scripts. The terminal keeps its own.
    told = "FLOWANCHOR_SETUP_TERMINAL"
    if told in os.environ:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding=os.environ[told], errors="replace")
        del os.environ[told]
        return
    if os.name != "posix" or sys.getfilesystemencoding().lower() in {"utf-8", "utf8"}:
        return
    terminal = (sys.stdout and sys.stdout.encoding) or "ascii"
    env = {**os.environ, "PYTHONUTF8": "1", told: terminal}
    os.execve(sys.executable, [sys.executable, "-m", "installer", *sys.argv[1:]], env)


def _inside_installation() -> bool:
    home = os.environ.get("FLOWANCHOR_HOME", "")
    return home != "" and Path(__file__).resolve().is_relative_to(Path(home).resolve())


def _from_outside() -> int:
    # `flowanchor-setup` runs from the version that it may have to replace or delete: it goes
    # on from a copy of itself, with the Python that the environment was made of.
    import shutil
    import tempfile

    copy = Path(tempfile.mkdtemp(prefix="flowanchor-setup-"))
    shutil.copytree(
        Path(__file__).parent, copy / "installer", ignore=shutil.ignore_patterns("__pycache__")
    )
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-m", "installer", *sys.argv[1:]]
    env = {**os.environ, "PYTHONPATH": str(copy), "FLOWANCHOR_SETUP_COPY": str(copy)}
    if os.name == "posix":
        os.execve(base, command, env)
    with subprocess.Popen(command, env=env) as child:
        return child.wait()


if __name__ == "__main__":
    sys.exit(main())
