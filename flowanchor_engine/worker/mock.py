"""An engine and a media end without a model: the same lines, played from a script.

Tests, the panel's 'Test the wiring' and a person who wants to see an error state use the
same one. A script is a JSON list of acts, played for every `run`, or an object with a list
for every type of command, such as ``{"run": [...], "matte": [...], "words": [...]}``; what it
leaves out behaves well by itself.

Acts of jobs: ``{"event": {...}}`` sends an event of the running job, `job` and `seq` filled
in; ``{"wait_s": 0.2}`` waits, ending early on cancel; ``{"raw": "text"}`` writes a line as it
is (malformed on purpose); ``{"silence_s": 5}`` waits without heartbeats; ``{"hold": "/file"}``
stays for as long as there is such a file, in silence too; ``{"exit": 137}``
dies at once with that status; ``{"preview": {"step": 3}}`` shows a generated picture of the
watched frame, or of the `frame` given; ``{"copy": true}`` or ``{"result": {...}}`` writes the
job's source file as its result, with a recipe and a sheet, and announces it (the fields given
replace those made up);
``{"busy": {"need_mb": 9000, "total_mb": 12288, "free_mb": [1000, 11000]}}`` fails with
``vram_busy``, perhaps naming a `program`, unless the command says `anyway` or the card, whose
free memory goes on in that list with every `status`, has room by now.
``{"play": {...}}`` does what the command does by itself, with `frames`, `width`, `height` or
`s_per_frame` of its pictures replaced; after each of them it stays for as long as there is a file
called `hold`, so that whoever watches decides when it goes on.

Acts of questions (`words`, `models`, `estimate`): ``wait_s`` and ``exit`` as above;
``{"reply": {...}}`` replaces fields of the answer; ``{"refuse": {"code": ...}}`` refuses.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final, get_args

from flowanchor_engine import protocol
from flowanchor_engine.errors import RequestError
from flowanchor_engine.worker import mock_jobs
from flowanchor_engine.worker.conversation import Conversation
from flowanchor_engine.worker.job import run_to_end

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flowanchor_engine.worker.job import Job

__all__ = ["DEFAULT_SCRIPT", "Mock", "Script", "read_script"]

Act = dict[str, Any]
Script = dict[str, list[Act]]

DEFAULT_SCRIPT: Final[Script] = {
    "run": [
        *(
            {"event": {"type": "phase", "phase": name, "done": 1, "total": 1}}
            for name in ("load", "read", "text", "encode")
        ),
        *(
            act
            for done in range(1, 6)
            for act in (
                {"wait_s": 0.1},
                {"event": {"type": "phase", "phase": "edit", "done": done, "total": 5}},
                {"preview": {"step": done}},
            )
        ),
        {"event": {"type": "phase", "phase": "decode", "done": 1, "total": 1}},
        {"result": {}},
    ],
}


def read_script(path: Path) -> Script:
    """Read a script; `-` stands for the built-in one.

    Raises
    ------
    RequestError
        The file is neither a JSON list of acts nor an object of such lists.
    """
    if str(path) == "-":
        return DEFAULT_SCRIPT
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} is not a readable script.", detail=str(error)) from error
    script = {"run": data} if isinstance(data, list) else data
    if not isinstance(script, dict) or not script or not all(_is_acts(a) for a in script.values()):
        raise RequestError(f"{path} does not hold a list of acts.")
    known = {kind.model_fields["type"].default for kind in (*_JOBS, *_QUESTIONS)}
    if odd := sorted(set(script) - known):
        raise RequestError(
            f"{path} has acts for “{odd[0]}”, which is no command that is played.",
            detail=", ".join(sorted(known)),
        )
    return {**DEFAULT_SCRIPT, **script}


def _is_acts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(act, dict) for act in value)


_JOBS: Final = get_args(protocol.JobCommand)
_QUESTIONS: Final = (protocol.Words, protocol.Models, protocol.Estimate)


class Mock(Conversation):
    """Plays a script on the protocol's lines.

    Parameters
    ----------
    source, out : binary files
    script : dict of str to list of acts
        Acts by type of command, see the module.
    """

    name: ClassVar[str] = "the mock"
    features: ClassVar[tuple[str, ...]] = (
        *("mock", "cancel.block", "estimate", "precompute", "preview.frame", "release", "room"),
        *(
            "memory.low",
            "preview.latent_rgb",
            "resume",
            "windows",
            "matte",
            "measure",
            "models",
            "proxy",
            "words",
            "attention",
        ),
    )
    runs: ClassVar[tuple[type[BaseModel], ...]] = _JOBS

    def __init__(self, source: IO[bytes], out: IO[bytes], script: Script) -> None:
        super().__init__(source, out)
        self._script = script
        self._stage = mock_jobs.Stage()

    @property
    def version(self) -> str:
        """It says what it is."""
        return "mock"

    @property
    def free_mb(self) -> int | None:
        """What the script's card has free, one entry of its list on."""
        return self._stage.free_mb()

    @property
    def device(self) -> protocol.Device:
        """No device at all."""
        return protocol.Device(name="mock", kind="cpu", memory_mb=0)

    # ---- jobs

    def perform(self, job: Job) -> None:
        """Play the acts of a job; without any, do what the command asks, made up."""
        acts = self._script.get(job.command.type, [{"play": {}}])

        def play() -> None:
            for act in acts:
                job.check()
                self._act(job, act)

        run_to_end(job, play)

    def _act(self, job: Job, act: Act) -> None:
        match act:
            case {"wait_s": seconds}:
                job.pause(float(seconds))
                job.check()
            case {"silence_s": seconds}:
                self.heart.muted = True
                job.pause(float(seconds))
                mock_jobs.hold(job, act.get("hold"))
                self.heart.muted = False
            case {"hold": file}:
                mock_jobs.hold(job, file)
            case {"raw": text}:
                self._channel.write(str(text).encode() + b"\n")
            case {"exit": status}:
                os._exit(int(status))
            case {"event": dict() as event}:
                job.tell_as_is(event)
            case {"preview": dict() as asked}:
                self._stage.preview(job, asked)
            case {"copy": _}:
                self._stage.result(job, {})
            case {"result": dict() as fields}:
                self._stage.result(job, fields)
            case {"busy": dict() as card}:
                self._stage.busy(job, card)
            case {"play": dict() as numbers}:
                self._stage.play(job, numbers)
            case _:
                raise RequestError(f"{sorted(act)} is no act.", detail=json.dumps(act))

    # ---- questions

    def answer(self, command: protocol.Command) -> bool:
        """Answer as a healthy end would, but for what the script says."""
        if isinstance(command, protocol.Release):
            self.send(protocol.Accepted(id=command.id))
            return True
        if not isinstance(command, _QUESTIONS):
            return False
        changed: dict[str, Any] = {}
        for act in self._script.get(command.type, []):
            match act:
                case {"wait_s": seconds}:
                    self._ending.wait(float(seconds))
                case {"exit": status}:
                    os._exit(int(status))
                case {"reply": dict() as fields}:
                    changed.update(fields)
                case {"refuse": dict() as fields}:
                    error = {"code": "mock", "user_message": "", **fields}
                    self.send(protocol.Refused(id=command.id, **error))
                    return True
                case _:
                    raise RequestError(f"{sorted(act)} is no act.", detail=json.dumps(act))
        reply = self._stage.reply(command)
        self.send(type(reply).model_validate({**reply.model_dump(), **changed}))
        return True
