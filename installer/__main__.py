"""The commands `python3 -m installer demo` and `python3 -m installer test`."""

import argparse
import sys
from pathlib import Path

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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m installer",
        description="Set FlowAnchor up in a private environment (.venv) of this checkout.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "demo",
        help="install what is needed and run the main job",
        epilog="Other options are passed on to `flowanchor demo`.",
    )
    test = commands.add_parser(
        "test",
        help="install what is needed and run the tests",
        epilog="Other options are passed on to pytest.",
    )
    test.add_argument("--slow", action="store_true", help="run the slow tests instead")
    setup = commands.add_parser("setup", help="only install")
    setup.add_argument("--dev", action="store_true", help="with what the tests need")
    commands.add_parser("check", help="only look at the machine")
    return parser


def main() -> int:
    """Run one command; return its exit status."""
    _refuse_old_python()
    from installer import check, environment
    from installer.console import Console, StepFailed

    parser = _parser()
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in {"demo", "test"}:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    root = Path(__file__).resolve().parent.parent
    console = Console(log=root / ".build" / "install.log")
    try:
        machine = check.look(root)
        console.say(machine.describe())
        if arguments.command == "check":
            return 0
        extras = environment.ENGINE
        if arguments.command == "test" or getattr(arguments, "dev", False):
            extras = environment.ENGINE_AND_TESTS
        env = environment.make(root, extras=extras, machine=machine, console=console)
        if arguments.command == "demo":
            return env.run(["-m", "flowanchor_engine.cli", "demo", *rest])
        if arguments.command == "test":
            marks = "slow" if arguments.slow else "not slow"
            return env.run(["-m", "pytest", "-q", "-m", marks, *rest])
    except StepFailed as failure:
        console.fail(failure)
        return 1
    except KeyboardInterrupt:
        console.say("Stopped. The same command continues where it was.")
        return 130
    console.say(f"Ready: {env.python}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
