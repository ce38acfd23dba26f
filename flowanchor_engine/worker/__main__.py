"""Start an end of the lines: `python -m flowanchor_engine.worker` (or `flowanchor-engine`).

Without a choice it is the engine, which edits and has the device for itself; `--media` is
the media end for viewers, words and models, of which several may run; `--mock` plays a script.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from flowanchor_engine.threads import share_processors
from flowanchor_engine.worker.channel import Channel, claim_stdout


def main() -> None:
    """Serve on stdin and stdout until shutdown or the end of stdin."""
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
    out = claim_stdout()
    source = os.fdopen(0, "rb", buffering=0, closefd=False)

    from flowanchor_engine.worker import conversation, life

    conversation.configure_logging()
    life.raise_limits()
    kept = life.die_with_parent()
    if arguments.mock is not None:
        from flowanchor_engine.worker import mock

        sys.exit(mock.Mock(source, out, mock.read_script(arguments.mock)).serve())
    if arguments.media:
        from flowanchor_engine.worker.media.end import MediaEnd

        sys.exit(MediaEnd(source, out).serve())

    from flowanchor_engine.errors import FlowAnchorError
    from flowanchor_engine.protocol import Refused
    from flowanchor_engine.worker import device, server

    try:
        held = device.lock()
    except FlowAnchorError as error:
        Channel(out).send(
            Refused(code=error.code, user_message=error.user_message, hint=error.hint)
        )
        sys.exit(3)
    try:
        sys.exit(server.Server(source, out, idle_s=arguments.idle_s).serve())
    finally:
        held.release()
        del kept


if __name__ == "__main__":
    main()
