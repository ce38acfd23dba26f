"""What Python's ``scriptapp`` gives: proxies that lie the way the real ones lie.

``hasattr`` is always True, an unknown name reads None (calling it is a TypeError), every call
makes a new proxy, two proxies of one object are not equal, ``dir()`` lists methods.
"""

from __future__ import annotations

from typing import Any

from tests.doubles.resolve import dispatch

_HANDLE = "_PyRemoteObject__handle"


class PyRemoteObject:
    """A proxy of one object of the double."""

    __slots__ = ("__handle",)

    def __init__(self, handle: dispatch.Handle) -> None:
        object.__setattr__(self, _HANDLE, handle)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        handle = handle_of(self)
        with handle.double.lock:
            if handle.has_method(name):
                return RemoteMethod(handle, name)
            known, value = handle.value(name)
            if known:
                return to_python(value)
            if handle.double.faults.fabricated:
                return RemoteMethod(handle, name)
        return None

    def __setattr__(self, name: str, value: Any) -> None:
        handle_of(self).assign(name, from_python(value))

    def __getitem__(self, key: Any) -> Any:
        return to_python(handle_of(self).get_item(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        handle_of(self).set_item(key, from_python(value))

    def __dir__(self) -> list[str]:
        return handle_of(self).dir()

    def __repr__(self) -> str:
        handle = handle_of(self)
        return f"{handle.owner} (0x{id(self):016x}) [App: 'Resolve' on 127.0.0.1]"


class RemoteMethod:
    """A method read from a proxy."""

    __slots__ = ("handle", "name")

    def __init__(self, handle: dispatch.Handle, name: str) -> None:
        self.handle = handle
        self.name = name

    def __call__(self, *args: Any, **named: Any) -> Any:
        given = [*args, *named.values()]
        result = dispatch.invoke(self.handle, self.name, tuple(from_python(a) for a in given))
        return to_python(result)


def handle_of(proxy: PyRemoteObject) -> dispatch.Handle:
    """Give the double's own object behind a proxy (for tests)."""
    handle: dispatch.Handle = object.__getattribute__(proxy, _HANDLE)
    return handle


def to_python(value: Any) -> Any:
    """Give a result as Python sees it, with new proxies."""
    if isinstance(value, dispatch.Handle):
        return PyRemoteObject(value)
    if isinstance(value, dict):
        return {key: to_python(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_python(item) for item in value]
    return value


def from_python(value: Any) -> Any:
    """Unwrap the proxies in an argument."""
    if isinstance(value, PyRemoteObject):
        return handle_of(value)
    if isinstance(value, dict):
        return {key: from_python(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_python(item) for item in value]
    return value
