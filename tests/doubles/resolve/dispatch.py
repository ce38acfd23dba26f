"""How a call reaches the double: one door for Python and Lua alike.

A :class:`Handle` is one view of one object of the model. Its methods carry Resolve's names; the
annotations of their parameters are checked here, because Resolve answers a bad argument with a
silent False or None and never says why.
"""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.doubles.resolve import signatures, versions
from tests.doubles.resolve.faults import NotReproducedError, ResolveGoneError

if TYPE_CHECKING:
    from tests.doubles.resolve.double import Double


class Refused(Exception):  # noqa: N818 - not an error: Resolve's silent refusal
    """Answer this call with its failing value: False for a bool, None for the rest."""


class Absent(Exception):  # noqa: N818 - not an error: an answer
    """Answer None even where the method promises a bool."""


@dataclass(frozen=True)
class Call:
    """One line of ``double.calls``."""

    number: int
    owner: str
    target: str
    method: str
    args: tuple[Any, ...]
    result: Any = None

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.method}"


class CallLog(list[Call]):
    """Every call in order, with the questions tests ask."""

    def names(self) -> list[str]:
        return [call.name for call in self]

    def of(self, *names: str) -> list[Call]:
        return [call for call in self if call.name in names or call.method in names]

    def unknown(self) -> list[str]:
        """Calls that neither the stub nor the version table has: the guard test's question."""
        found = set()
        for call in self:
            if call.name in versions.YOUNGER_THAN_STUB or call.name in versions.REMOVED_IN:
                continue
            problem = signatures.check(call.owner, call.method, len(call.args))
            if problem:
                found.add(problem)
        return sorted(found)


class Handle:
    """One view of one object; the same object has many."""

    owner = ""
    hidden_in_dir: frozenset[str] = frozenset()

    def __init__(self, double: Double, target: Any = None, *context: Any) -> None:
        self.double = double
        self.target = target
        self.context = context

    # What a subclass may replace ----
    def alive(self) -> bool:
        """Whether the object behind still exists."""
        return True

    def identity(self) -> str:
        return str(getattr(self.target, "id", "") or getattr(self.target, "name", ""))

    def value(self, name: str) -> tuple[bool, Any]:
        """Give a plain attribute (constants, inputs of a tool) as (known, value)."""
        return False, None

    def assign(self, name: str, value: Any) -> None:
        """Take ``proxy.name = value``; most objects ignore it without a word."""

    def get_item(self, key: Any) -> Any:
        """Give ``proxy[key]``."""
        return None

    def set_item(self, key: Any, value: Any) -> None:
        """Take ``proxy[key] = value``."""

    def listing(self) -> list[str]:
        """What ``dir()`` shows beside the methods."""
        return []

    # Shared ----
    def has_method(self, name: str) -> bool:
        """Whether the name is a method here; names no version has are noted for guard tests."""
        if versions.exists(self.owner, name, self.double.version):
            return True
        if versions.invented(self.owner, name) and not self.value(name)[0]:
            self.double.invented.add(f"{self.owner}.{name}")
        return False

    def dir(self) -> list[str]:
        names = versions.methods(self.owner, self.double.version)
        return sorted({*names, *self.listing()} - self.hidden_in_dir)

    def __repr__(self) -> str:
        return f"<{self.owner} {self.identity()}>"


def fail_value(handle: Handle, name: str) -> Any:
    """What this method answers when it refuses."""
    method = getattr(type(handle), name, None)
    returns = str(getattr(method, "__annotations__", {}).get("return", "")) if method else ""
    if not returns:
        signature = signatures.table().get(handle.owner, {}).get(name)
        returns = signature.returns if signature else ""
    return False if returns == "bool" else None


def invoke(handle: Handle, name: str, args: tuple[Any, ...], via: str = "python") -> Any:
    """Run one API call: faults, gates, checks, the method, the log."""
    double = handle.double
    with double.lock:
        double.via = via
        if double.dead:
            return _dead(double)
        double.count_down()
        if double.dead:
            return _dead(double)
        qualified = f"{handle.owner}.{name}"
        number = len(double.calls)
        shown = plain(args)
        double.calls.append(Call(number, handle.owner, handle.identity(), name, shown))
        _delay(double, qualified, name)
        double.before(qualified)
        if double.dead:
            return _dead(double)
        result = _answer(double, handle, name, args)
        double.calls[number] = Call(
            number, handle.owner, handle.identity(), name, shown, plain(result)
        )
        double.after(qualified)
        return result


def _answer(double: Double, handle: Handle, name: str, args: tuple[Any, ...]) -> Any:
    while double.modal is not None:
        if not double.faults.modal_blocks:
            return False
        if double.dead:
            return _dead(double)
        time.sleep(0.005)  # only a person can end this
    if double.faults.dead_handles:
        return None
    if not handle.alive():
        if double.faults.stale == "raise":
            raise ResolveGoneError(f"{handle.owner}.{name}: the object is gone")
        return fail_value(handle, name)
    if double.edition == "free" and f"{handle.owner}.{name}" in versions.STUDIO_ONLY:
        double.modal = f"{name} needs DaVinci Resolve Studio"
        return False
    method = getattr(handle, name, None)
    if method is None:
        if not versions.exists(handle.owner, name, double.version):
            return None  # a fabricated callable
        raise NotReproducedError(f"the double does not reproduce {handle.owner}.{name}")
    try:
        result = method(*_checked(method, args))
    except Refused:
        return fail_value(handle, name)
    except Absent:
        return None
    return None if result == [] and double.faults.empty_as_none else result


def _dead(double: Double) -> Any:
    if double.faults.death == "raise":
        raise ResolveGoneError("Resolve is gone")
    return None


def _delay(double: Double, qualified: str, name: str) -> None:
    faults = double.faults
    seconds = faults.slow.get(qualified, faults.slow.get(name, 0.0))
    if seconds:
        double.clock.sleep(seconds)
    if {qualified, name} & faults.hang:
        double.hanging = qualified
        while {qualified, name} & faults.hang and not double.dead:
            time.sleep(0.005)
        double.hanging = None


def _checked(method: Any, args: tuple[Any, ...]) -> list[Any]:
    """Bind and check arguments against the method's annotations, or refuse."""
    parameters = list(inspect.signature(method).parameters.values())
    rest = bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL
    if len(args) > len(parameters) and not rest:
        raise Refused
    checked = []
    for index, value in enumerate(args):
        parameter = parameters[min(index, len(parameters) - 1)]
        if value is None and parameter.default is not inspect.Parameter.empty:
            checked.append(parameter.default)
        else:
            checked.append(_fit(value, str(parameter.annotation)))
    needed = sum(
        p.default is inspect.Parameter.empty and p.kind is not inspect.Parameter.VAR_POSITIONAL
        for p in parameters
    )
    if len(args) < needed:
        raise Refused
    return checked


def _fit(value: Any, annotation: str) -> Any:
    for kind in annotation.split(" | "):
        match kind:
            case "Any":
                return value
            case "str" if isinstance(value, str):
                return value
            case "bool" if isinstance(value, bool):
                return value
            case "int" if isinstance(value, int) and not isinstance(value, bool):
                return value
            case "int" if isinstance(value, float) and value.is_integer():
                return int(value)
            case "float" if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
            case "list" if isinstance(value, (list, tuple)):
                return list(value)
            case "dict" if isinstance(value, dict):
                return value
            case "dict" if isinstance(value, list) and not value:
                return {}  # an empty Lua table is both
            case "None" if value is None:
                return value
            case _ if isinstance(value, Handle) and value.owner == kind:
                return value
    raise Refused


def plain(value: Any) -> Any:
    """Give a value of a call as plain data for the log."""
    if isinstance(value, Handle):
        return repr(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def numbered(items: list[Any]) -> dict[float, Any]:
    """Give what the old ``GetXInY`` methods give: a dict keyed 1.0, 2.0, ..."""
    return {float(index): item for index, item in enumerate(items, 1)}
