"""Shows steps, their progress and their failure on a terminal or in a log."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO, TextIO

__all__ = ["YES", "Console", "StepFailed", "bar", "own_command", "size", "typed", "way_out_of"]

YES = frozenset({"yes", "y", "ja", "j"})  # answers that consent

_NAME = "python3 -m installer"  # as texts say it
_PROPOSED = re.compile(rf"{_NAME}(?P<command> (?:install|update|repair|doctor|check|uninstall)\b)?")
_TICK_S = 1
_QUIET_S = 15  # without a terminal: one line of life per this many seconds
_PIP_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")
_PIP_FILE = re.compile(r"^\s*Downloading (\S+)")
_TOLD = re.compile(r"(^|\W)(error|failed|not find|no solution|because)(\W|$)", re.IGNORECASE)
_FULL = re.compile(r"no space left|not enough space|quota exceeded", re.IGNORECASE)
_PIP_NETWORK = re.compile(r"connection broken by '(?:\w+\('([^']*)')?.*?(?:\] ([^')]+))?'\)+': ")


class StepFailed(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A step of the installation failed.

    Parameters
    ----------
    step, reason, way_out : str
        What was being done, why it failed, what the person can do.
    """

    def __init__(self, step: str, reason: str, way_out: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason
        self.way_out = way_out


class Console:
    """One line per step; the full output of every command goes to `log`.

    Parameters
    ----------
    log : Path
    quiet : bool
        Show no lines.
    folder : Path or None
        What the person named by ``--folder``: every command that a line proposes needs it too.
    """

    def __init__(self, log: Path, *, quiet: bool = False, folder: Path | None = None) -> None:
        self.log = log
        self._folder = folder
        # What children keep open: the lock, so that it holds while an orphan still writes.
        self.kept_open: tuple[int, ...] = ()
        # Without a standard output (pythonw, a service) there is nobody to show bars to.
        self._live = sys.stdout is not None and sys.stdout.isatty() and not quiet
        self._quiet = quiet
        self._logged = False  # what an earlier run left there tells nothing of this one

    def say(self, text: str) -> None:
        """Show a line."""
        if self._quiet:
            return
        self.print(("\r\033[K" if self._live else "") + text)

    def print(self, text: str) -> None:
        """Write a line to the standard output, asked to be quiet or not."""
        _write(sys.stdout, _as_called(text, self._folder) + "\n")

    def fail(self, failure: StepFailed) -> None:
        """Show which step failed, why, and what helps."""
        text = f"\n✗ {failure.step}: {failure.reason}\n  {failure.way_out}\n"
        if self._logged:
            text += f"  Full log: {self.log}\n"
        _write(sys.stderr, _as_called(text, self._folder))

    def ask(self, question: str, *, default: str) -> str:
        """Ask the person; without a terminal the default is the answer."""
        if sys.stdin is None or not (sys.stdin.isatty() and self._live):
            return default
        _write(sys.stdout, f"{question} [{default}] ")
        answer = sys.stdin.readline()
        if not answer:  # closed by Ctrl+D: no answer at all, not a consent
            raise KeyboardInterrupt
        return answer.strip() or default

    def run(
        self,
        step: str,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        way_out: str,
        own_bars: bool = False,
    ) -> None:
        """Run a command as one step, showing its progress while it works.

        Parameters
        ----------
        own_bars : bool
            The command draws bars of its own on stderr if that is a terminal: let it.

        Raises
        ------
        StepFailed
            The command could not be started or ended with a status other than 0.
        """
        begun = time.monotonic()
        tail: deque[str] = deque(maxlen=40)
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            log = self.log.open("a", encoding="utf-8")
        except OSError as error:
            raise StepFailed(step, f"the log {self.log} cannot be written: {error.strerror}",
                             "Free some space or choose another --folder.") from error  # fmt: skip
        with log:
            self._logged = True
            log.write(f"\n== {step}\n$ {' '.join(command)}\n")
            log.flush()
            try:
                child = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=None if own_bars and self._live else subprocess.STDOUT,
                    encoding="utf-8",
                    errors="replace",
                    pass_fds=self.kept_open,
                )
            except OSError as error:
                raise StepFailed(step, str(error), way_out) from error
            with child:
                assert child.stdout is not None
                spoken, shown = begun, _Shown()
                for line in _lines(child.stdout):
                    now = time.monotonic()
                    if line and not shown.hear(line, now):
                        log.write(line)
                        if line.strip():
                            tail.append(line.rstrip())
                    if self._live:
                        if line or not own_bars:
                            self._show_live(step, now - begun, shown.text(now))
                    elif now - spoken >= _QUIET_S:
                        spoken = now
                        said = shown.text(now)[:80]
                        self.say(
                            f"  … {step} ({now - begun:.0f} s)" + (f": {said}" if said else "")
                        )
                status = child.wait()
        if self._live:
            _write(sys.stdout, "\r\033[K")
        if status != 0:
            shown_above = "see what is said above" if own_bars and self._live else ""
            reason = _reason(tail) or shown_above or f"ended with status {status}"
            raise StepFailed(step, reason, way_out_of(reason, way_out))
        self.say(f"✓ {step} ({time.monotonic() - begun:.0f} s)")

    def attach(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
        """Run a command that shows its own progress on this terminal; return its status."""
        if self._live:
            return subprocess.run(command, cwd=cwd, env=dict(env), check=False).returncode
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as log:
            self._logged = True
            log.write(f"\n$ {' '.join(command)}\n")
            log.flush()
            begun = time.monotonic()
            with subprocess.Popen(
                command, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT,
            ) as child:  # fmt: skip
                try:
                    while True:
                        try:
                            return child.wait(timeout=_QUIET_S)
                        except subprocess.TimeoutExpired:
                            self.say(f"  … {time.monotonic() - begun:.0f} s, see {self.log}")
                except BaseException:
                    child.kill()
                    raise

    def _show_live(self, step: str, seconds: float, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        _write(sys.stdout, "\r\033[K" + f"… {step} ({seconds:.0f} s) {line}"[:width])


def _lines(stream: IO[str]) -> Iterator[str]:
    """Yield what a child says, line by line, and an empty text in each second without a word."""
    said: queue.Queue[str | None] = queue.Queue()

    def hear() -> None:
        with contextlib.suppress(OSError, ValueError):  # closed by whoever gave up listening
            for line in stream:
                said.put(line)
        said.put(None)

    threading.Thread(target=hear, daemon=True).start()
    while True:
        try:
            line = said.get(timeout=_TICK_S)
        except queue.Empty:
            line = ""
        if line is None:
            return
        yield line


def own_command() -> str:
    """Return what the person types to start this program once more."""
    home = os.environ.get("FLOWANCHOR_HOME", "")
    name = "flowanchor-setup.cmd" if os.name == "nt" else "flowanchor-setup"
    installed = os.path.join(home, "bin", name)
    if home and os.path.exists(installed):  # the copy that it came from may be gone
        return typed(installed)
    return "py -m installer" if os.name == "nt" else _NAME


def typed(path: Path | str) -> str:
    """Return a path as it is typed in a command."""
    return f'"{path}"' if " " in str(path) else str(path)


def way_out_of(reason: str, usual: str) -> str:
    """Return what helps where a child says its reason: a full disk needs room and nothing else."""
    full = _FULL.search(reason)
    return "Free some space and run the same command again; it continues." if full else usual


def _as_called(text: str, folder: Path | None) -> str:
    def called(found: re.Match[str]) -> str:
        where = f" --folder {typed(folder)}" if folder and found["command"] else ""
        return f"{own_command()}{found['command'] or ''}{where}"

    return _PROPOSED.sub(called, text)


def _write(stream: TextIO | None, text: str) -> None:
    """Write to the terminal or whatever stands for it; never ends an installation.

    A console of another code page may lack a tick, the reader of a pipe may have gone, the disk
    behind a redirected output may be full: what is being done goes on, and the log has it.
    """
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):
        # Nothing arrives there any more. What is buffered would fail once more at the end.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class _Shown:
    """What a package tool says, as one line: its last sentence or a bar with bytes and time."""

    def __init__(self) -> None:
        self._line = ""
        self._file = ""
        self._begun = 0.0
        self._done = self._total = 0

    def hear(self, line: str, now: float) -> bool:
        """Take a line; return whether it was a mere number of bytes."""
        if counted := _PIP_PROGRESS.match(line.strip()):
            done, total = int(counted[1]), int(counted[2])
            if total != self._total or done < self._done:
                self._begun = now
            self._done, self._total = done, total
            return True
        self._total = 0
        if line.strip():
            self._line = line.strip()
        if named := _PIP_FILE.match(line):
            self._file = named[1].rpartition("/")[2].split("-")[0]
        return False

    def text(self, now: float) -> str:
        if self._total:
            return f"{self._file} {bar(self._done, self._total, now - self._begun)}"
        return self._line


def bar(done: int, total: int, seconds: float) -> str:
    """Return a bar with bytes, speed and the time left.

    Parameters
    ----------
    done, total : int
        Bytes.
    seconds : float
        Since the first of them.
    """
    share = min(done / total, 1.0) if total else 0.0
    filled = round(share * 20)
    text = f"{'█' * filled}{'░' * (20 - filled)} {size(done)} of {size(total)}"
    if seconds > 0.5 and done:
        speed = done / seconds
        left = (total - done) / speed
        text += f", {size(speed)}/s, {left // 60:.0f}:{left % 60:02.0f} left"
    return text


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count:.0f} bytes"


def _reason(tail: deque[str]) -> str:
    """Return the lines in which a failed command says why: the last that tells an error."""
    # uv tells what failed first and the root of it last; pip tells the network's fault only
    # where it tries again, and then that no version was found.
    causes = [line.strip()[6:].strip() for line in tail if line.strip().startswith("cause:")]
    failed = next((line.strip() for line in tail if line.strip().startswith("error:")), "")
    if failed and causes:
        fetched = next((each for each in causes if each.startswith("Failed to fetch")), "")
        return ": ".join(dict.fromkeys((fetched or failed[6:].strip(), causes[-1])))
    network = [found for line in tail if (found := _PIP_NETWORK.search(line))]
    if network:
        words = [each for each in network[-1].groups() if each]
        return " ".join(words) or "the connection broke"
    for line in reversed(tail):
        if "ERROR" in line or line.lstrip().lower().startswith(("error:", "× ")):
            return line.strip()
    return next((line.strip() for line in reversed(tail) if _TOLD.search(line)), "")
