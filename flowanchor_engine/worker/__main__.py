"""Start an end of the lines: `python -m flowanchor_engine.worker` (or `flowanchor-engine`).

Without a choice it is the engine, which edits and has the device for itself; `--media` is
the media end for viewers, words and models, of which several may run; `--mock` plays a script.
"""

from __future__ import annotations

import argparse
import atexit
import os
import sys
from pathlib import Path
from typing import IO, NoReturn

from flowanchor_engine.folders import keep_compiled
from flowanchor_engine.threads import share_processors
from flowanchor_engine.worker.channel import Channel, claim_stdout


def run() -> NoReturn:
    """Serve, and end the process without tearing native libraries down.

    Everything of ours is closed by then. What is left are pools of threads of native
    libraries, which once in a few hundred ends abort while static objects are destroyed, and
    a panel takes that for a crash.
    """
    status = main()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(status)


def main() -> int:
    """Serve on stdin and stdout until shutdown or the end of stdin; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="flowanchor-engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stdio", action="store_true", help="the only way there is; for ssh")
    parser.add_argument("--idle-s", type=float, default=600.0, help="free the model after this")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--media", action="store_true", help="viewer, words and models; no edits")
    end.add_argument("--mock", type=Path, metavar="SCRIPT", help="play a script, no model")
    arguments = parser.parse_args()
    share_processors()
    keep_compiled()
    out = claim_stdout()
    source = os.fdopen(0, "rb", buffering=0, closefd=False)

    from flowanchor_engine.worker import conversation, life

    conversation.configure_logging()
    life.raise_limits()
    kept = life.die_with_parent()
    try:
        return _serve(arguments, source, out)
    finally:
        del kept


def _serve(arguments: argparse.Namespace, source: IO[bytes], out: IO[bytes]) -> int:
    if arguments.mock is not None:
        from flowanchor_engine.worker import mock

        return mock.Mock(source, out, mock.read_script(arguments.mock)).serve()
    if arguments.media:
        from flowanchor_engine.worker.media.end import MediaEnd

        return MediaEnd(source, out).serve()

    from flowanchor_engine.errors import FlowAnchorError
    from flowanchor_engine.protocol import Refused
    from flowanchor_engine.worker import device, server

    try:
        held = device.lock()
    except FlowAnchorError as error:
        Channel(out).send(
            Refused(code=error.code, user_message=error.user_message, hint=error.hint)
        )
        return 3
    try:
        return server.Server(source, out, idle_s=arguments.idle_s).serve()
    finally:
        held.release()


if __name__ == "__main__":
    run()
