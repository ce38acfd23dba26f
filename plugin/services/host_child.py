"""The host child: `python -m plugin.services.host_child --work FOLDER`.

Owns everything that talks to Resolve, so that the panel never blocks on it and never loads what
it needs. Speaks `plugin.services.host_line` on stdin and stdout, and ends with its stdin.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NoReturn

from flowanchor_engine.protocol import LineError, write_line
from plugin.services import host_commands as cmd
from plugin.services import host_events as evt
from plugin.services.host_link import Link, Rhythm
from plugin.services.host_presence import RESOLVE_NAMES
from plugin.services.host_work import Work
from plugin.services.lines import LineCutter

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["main"]

_log = logging.getLogger(__name__)
_PIECE_BYTES: Final = 1 << 16
_FINISH_S: Final = 20.0  # for a placing that Resolve is in the middle of, once the panel is gone
_CLOSE_S: Final = 3.0


class Voice:
    """Writes messages, whole, from any thread; once nobody listens they are dropped."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._lock = threading.Lock()

    def say(self, message: BaseModel) -> None:
        """Write one message."""
        try:
            data = memoryview(write_line(message))
        except LineError as error:
            number = getattr(message, "id", 0)
            data = memoryview(
                write_line(evt.Failed(id=number, code=error.code, user_message=error.user_message))
            )
        with self._lock:
            try:
                while data:
                    data = data[self._out.write(data) or 0 :]
            except (OSError, ValueError):
                return  # the panel is gone: the end of stdin says so as well


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until stdin ends or `Close`."""
    options = _options(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr
    )
    out = _claim_stdout()
    _die_with_parent()
    voice = Voice(out)
    work: Path = options.work.resolve()
    voice.say(evt.Started(pid=os.getpid()))
    link = Link(
        work,
        voice.say,
        folders=options.mailbox or None,
        preferences=options.preferences or None,
        names=options.resolve_name or tuple(RESOLVE_NAMES),
        rhythm=Rhythm(
            watch_s=options.watch_s, silent_s=options.silent_s, presence_s=options.presence_s
        ),
    )
    hands = Work(link, voice.say, work)
    for left in ("comps", "mattes"):  # of an earlier life: nobody reads them any more
        shutil.rmtree(work / left, ignore_errors=True)
    try:
        link.start()
        closing = _serve(hands, voice)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it leaves already, and in order
    except (KeyboardInterrupt, SystemExit):
        closing = None
    hands.finish(_FINISH_S if closing is None else _CLOSE_S)
    link.stop(stop_agent=closing is not None)
    if closing is not None:
        voice.say(evt.Done(id=closing))
    sys.stderr.flush()
    # Threads may hang inside a call of Resolve's: no interpreter waits for those.
    os._exit(0)


def _serve(hands: Work, voice: Voice) -> int | None:
    """Take commands; return the number of `Close`, or None at the end of stdin."""
    for line in _lines():
        try:
            if isinstance(line, LineError):
                raise line
            command = cmd.read_command(line)
        except LineError as error:
            voice.say(
                evt.Failed(
                    id=_number(line) if isinstance(line, bytes) else 0,
                    code=error.code,
                    user_message=error.user_message,
                    detail=error.detail,
                )
            )
            continue
        if isinstance(command, cmd.Close):
            return command.id
        hands.take(command)
    return None


def _lines() -> Iterator[bytes | LineError]:
    cutter = LineCutter()
    while piece := os.read(0, _PIECE_BYTES):
        yield from cutter.feed(piece)


def _number(line: bytes) -> int:
    """Return the number that a line which is no command seems to carry, else 0."""
    try:
        found = json.loads(line)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


def _claim_stdout() -> IO[bytes]:
    """Keep the real stdout for the protocol; what anybody prints lands on stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "wb", buffering=0)


def _die_with_parent() -> None:
    """Ask Linux to tell of the parent's death; the end of stdin tells it everywhere."""

    def leave(_signal: int, _frame: object) -> NoReturn:
        # Once: a killed panel is told of by the end of stdin as well.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        pr_set_pdeathsig = 1
        if libc.prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0) != 0:
            _log.warning("PDEATHSIG refused: errno %d", ctypes.get_errno())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="flowanchor-host", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="the bridge's private folder")
    parser.add_argument("--mailbox", type=Path, action="append", help="instead of the usual ones")
    parser.add_argument("--preferences", type=Path, action="append", help="Fusion.prefs to read")
    parser.add_argument("--resolve-name", action="append", help="process name of Resolve's")
    parser.add_argument("--watch-s", type=float, default=Rhythm.watch_s)
    parser.add_argument("--silent-s", type=float, default=Rhythm.silent_s)
    parser.add_argument("--presence-s", type=float, default=Rhythm.presence_s)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
