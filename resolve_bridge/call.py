"""The one wrapper around every call to Resolve.

A `Session` sends batches of allow-listed calls and judges the answers: existence by `callable()` on
the far side, the version gate on this side, time-outs, and, after an unexpected False or None, a
repeat of known-good reads: when those fail too, a dialog is open in Resolve.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resolve_bridge.allowed import MAX_STEPS, METHODS
from resolve_bridge.editions import Edition
from resolve_bridge.errors.link import CallRefusedError, ModalError, ProtocolError, StaleObjectError
from resolve_bridge.errors.shot import NoProjectError, NoTimelineError
from resolve_bridge.transport import PatientTransport

if TYPE_CHECKING:
    from resolve_bridge.transport import Hello, Transport

__all__ = ["MISSING", "Batch", "Missing", "Ref", "Session", "Slot"]

QUICK_S = 15.0
"""Time-out of ordinary calls; the first opening of a page or a big project can take seconds."""

PATIENCE_S = 30.0
"""How long a look may wait for a change before it is answered all the same."""

SLOW_S = 120.0
"""Time-out of calls that legitimately take long: page switches, imports, duplicates, saving."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An object inside Resolve: a handle of this session, and the identity that outlives it."""

    handle: str
    kind: str
    uid: str


class Missing:
    """What a method that this Resolve does not have answers."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class Slot:
    """One answer of a batch, there after `run`."""

    def __init__(self, index: int, kind: str, what: str) -> None:
        self.index = index
        self.kind = kind
        self.what = what
        self._value: Any = None
        self._problem: str | None = None
        self._done = False

    @property
    def value(self) -> Any:
        """The answer; `MISSING` where this Resolve lacks the method.

        Raises
        ------
        StaleObjectError
            The call failed: its object is gone.
        """
        if not self._done:
            raise ProtocolError(detail=f"{self.what} was not run")
        if self._problem is not None:
            raise _problem(self.what, self._problem)
        return self._value

    def get(self, default: Any) -> Any:
        """Return the answer, or `default` where it is missing, None or failed."""
        if not self._done or self._problem is not None or self._value in (None, MISSING):
            return default
        return self._value

    def settle(self, value: Any, problem: str | None = None) -> None:
        """Take the answer."""
        self._value, self._problem, self._done = value, problem, True


class Batch:
    """Calls that travel together; each is still one single call on the far side."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._steps: list[dict[str, Any]] = []
        self._slots: list[Slot] = []

    def call(self, on: str | Ref | Slot, method: str, *args: object) -> Slot:
        """Add a call on a root, an object, or the answer of an earlier call.

        Where the earlier answer is a list of objects, the call is made on each of them.

        Raises
        ------
        ProtocolError
            The method is not on the allow-list: a mistake in this program.
        """
        kind = on if isinstance(on, str) else on.kind
        shape = METHODS.get(kind, {}).get(method)
        if shape is None:
            raise ProtocolError(detail=f"{kind}.{method} is not allowed")
        slot = Slot(0, shape.rstrip("*"), f"{kind}.{method}")
        lost = isinstance(on, Slot) and on.index == 0
        if lost or not self._session.edition.has(kind, method):
            slot.settle(MISSING)
            return slot
        place: object = on
        if isinstance(on, Ref):
            place = on.handle
        elif isinstance(on, Slot):
            place = on.index
        self._steps.append(
            {"on": place, "call": method, "args": [_out(arg) for arg in args], "n": len(args)}
        )
        slot.index = len(self._steps)
        self._slots.append(slot)
        return slot

    def run(self, *, timeout_s: float = QUICK_S, reset: bool = False) -> None:
        """Send everything.

        Parameters
        ----------
        timeout_s : float
            For the whole batch.
        reset : bool
            First forget every object of before.
        """
        if len(self._steps) > MAX_STEPS:
            raise ProtocolError(detail=f"{len(self._steps)} steps")
        if not self._steps and not reset:
            return
        payload: dict[str, Any] = {"steps": self._steps}
        if reset:
            payload["reset"] = True
        answers = self._session.ask("calls", payload, timeout_s=timeout_s)
        if not isinstance(answers, list) or len(answers) != len(self._slots):
            raise ProtocolError(detail=repr(answers)[:300])
        for slot, answer in zip(self._slots, answers, strict=True):
            if "l" in answer:
                slot.settle([_settled(each) for each in answer["l"]])
            elif "e" in answer:
                slot.settle(None, str(answer["e"]))
            else:
                slot.settle(_settled(answer))


class Session:
    """A link to one running Resolve.

    Parameters
    ----------
    transport : Transport
        Mailbox or helper.
    timeout_s : float
        How long to wait for somebody to answer at all.

    Attributes
    ----------
    owed : (float, float) or None
        When the question was asked, `time.monotonic`, to which an answer is still to come, and how
        long that may take.
    """

    def __init__(self, transport: Transport, *, timeout_s: float = 3.0) -> None:
        self.transport = transport
        self.hello: Hello = transport.connect(timeout_s=timeout_s)
        self.edition = Edition.read(self.hello.product, self.hello.resolve)
        self.owed: tuple[float, float] | None = None

    def ask(self, operation: str, payload: Mapping[str, Any], *, timeout_s: float) -> Any:
        """Send one operation and return its value.

        Raises
        ------
        ProtocolError
            The far side could not carry it out.
        """
        self.owed = (time.monotonic(), timeout_s)
        try:
            answer = self.transport.request(operation, payload, timeout_s=timeout_s)
        finally:
            self.owed = None
        if not answer.get("ok"):
            raise _problem(operation, str(answer.get("e")))
        return answer.get("v")

    def watch(
        self, seen: Mapping[str, str], *, timeout_s: float, called_off: Callable[[], bool]
    ) -> dict[str, str] | None:
        """Return what is open once it differs from `seen`, or after a while; None if called off.

        Only where `can_watch`.
        """
        assert isinstance(self.transport, PatientTransport)
        answer = self.transport.wait(
            "watch",
            {"seen": dict(seen), "patience": PATIENCE_S},
            timeout_s=PATIENCE_S + timeout_s,
            called_off=called_off,
        )
        if answer is None:
            return None
        found = answer.get("v")
        if not answer.get("ok") or not isinstance(found, dict):
            raise _problem("watch", str(answer.get("e")))
        return {key: str(found.get(key) or "") for key in ("project", "timeline", "item")}

    @property
    def can_watch(self) -> bool:
        """Whether to wait for changes, as where every answer costs a write of the preferences."""
        patient = isinstance(self.transport, PatientTransport)
        return patient and self.hello.channel == "prefs" and "watch" in self.hello.operations

    def batch(self) -> Batch:
        """Return an empty batch."""
        return Batch(self)

    def has(self, kind: str, method: str) -> bool:
        """Whether this version has the method by the table."""
        return self.edition.has(kind, method)

    def call(self, on: str | Ref, method: str, *args: object, timeout_s: float = QUICK_S) -> Any:
        """Make one call and return its answer, whatever it is."""
        batch = self.batch()
        slot = batch.call(on, method, *args)
        batch.run(timeout_s=timeout_s)
        return slot.value

    def must(self, on: str | Ref, method: str, *args: object, timeout_s: float = QUICK_S) -> Any:
        """Make one call whose answer has to be there.

        Raises
        ------
        ModalError
            Known-good reads fail as well: a dialog is open.
        CallRefusedError
            Resolve simply said no.
        """
        value = self.call(on, method, *args, timeout_s=timeout_s)
        if value is None or value is False or value is MISSING or value == "":
            self.suspect_dialog()
            raise CallRefusedError(
                what=_plain_name(method), detail=f"{method}{args!r} -> {value!r}"
            )
        return value

    def suspect_dialog(self) -> None:
        """Repeat reads that always work.

        Raises
        ------
        ModalError
            They fail: a dialog is open in Resolve.
        """
        batch = self.batch()
        version = batch.call("resolve", "GetVersionString")
        name = batch.call("resolve", "GetProductName")
        batch.run()
        if not version.get("") or not name.get(""):
            raise ModalError(detail=f"{version.get(None)!r} {name.get(None)!r}")


def _settled(answer: Mapping[str, Any]) -> Any:
    if answer.get("m"):
        return MISSING
    if "e" in answer:
        return None
    return _in(answer.get("v"))


def _in(value: Any) -> Any:
    if isinstance(value, dict):
        if "$" in value:
            return Ref(str(value["$"]), str(value["k"]), str(value.get("id") or ""))
        return {key: _in(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in(item) for item in value]
    return value


def _out(value: object) -> object:
    if isinstance(value, Ref):
        return {"$": value.handle}
    if isinstance(value, Mapping):
        return {key: _out(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_out(item) for item in value]
    return value


def _problem(what: str, text: str) -> Exception:
    detail = f"{what}: {text}"
    if text.startswith(("no project", "no pool")):
        return NoProjectError(detail=detail)
    if text.startswith("no timeline"):
        return NoTimelineError(detail=detail)
    if "not allowed" in text:
        return ProtocolError(detail=detail)
    return StaleObjectError(detail=detail)


def _plain_name(method: str) -> str:
    """Turn `SetTrackEnable` into `set track enable`: understood by people, found by developers."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in method)
    return words.strip()
