"""Values that tell when they change: the ground of every model of the panel.

Callbacks run at once, in the thread that sets; the panel sets from its one UI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar, overload

__all__ = ["Connection", "Observable", "ObservableList", "Signal"]

T = TypeVar("T")
Callback = Callable[[T], object]


class Connection:
    """One callback on one signal; `disconnect` may be called twice."""

    def __init__(self, undo: Callable[[], None]) -> None:
        self._undo: Callable[[], None] | None = undo

    def disconnect(self) -> None:
        """Stop the callback; also while the signal is being emitted."""
        if self._undo is not None:
            self._undo()
            self._undo = None


class Signal(Generic[T]):
    """Plain callbacks in the order of connection."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Callback[T]] = {}
        self._next = 0

    def connect(self, callback: Callback[T]) -> Connection:
        """Call `callback(value)` on every emission until disconnected."""
        number = self._next
        self._next += 1
        self._callbacks[number] = callback

        def undo() -> None:
            self._callbacks.pop(number, None)

        return Connection(undo)

    def emit(self, value: T) -> None:
        """Call everyone who is connected now and still is when their turn comes."""
        for number in tuple(self._callbacks):
            callback = self._callbacks.get(number)
            if callback is not None:
                callback(value)

    def __len__(self) -> int:
        return len(self._callbacks)


class Observable(Generic[T]):
    """A value; setting an equal one is silent."""

    def __init__(self, value: T) -> None:
        self._value = value
        self.changed: Signal[T] = Signal()

    @property
    def value(self) -> T:
        """The value now."""
        return self._value

    def set(self, value: T) -> None:
        """Take a value and tell of it if it differs."""
        if type(value) is type(self._value) and value == self._value:
            return
        self._value = value
        self.changed.emit(value)

    def watch(self, callback: Callback[T]) -> Connection:
        """Call now and on every change."""
        connection = self.changed.connect(callback)
        callback(self._value)
        return connection


class ObservableList(Generic[T]):
    """A sequence that tells of every change by its whole new content, a tuple."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items: tuple[T, ...] = tuple(items)
        self.changed: Signal[tuple[T, ...]] = Signal()

    @property
    def value(self) -> tuple[T, ...]:
        """The items now."""
        return self._items

    def set(self, items: Iterable[T]) -> None:
        """Take new content and tell of it if it differs."""
        new = tuple(items)
        if new == self._items:
            return
        self._items = new
        self.changed.emit(new)

    def append(self, item: T) -> None:
        """Add an item at the end."""
        self.set((*self._items, item))

    def watch(self, callback: Callback[tuple[T, ...]]) -> Connection:
        """Call now and on every change."""
        connection = self.changed.connect(callback)
        callback(self._items)
        return connection

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self._items[index]
