"""Joining one observable value to one control; the echo is stopped here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, SignalInstance
from shiboken6 import isValid

from plugin.state.observable import Connection, Observable, Signal

__all__ = ["Control", "bind", "follow", "listen"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Control(Protocol[T]):
    """A widget that holds one value and tells when a person changes it."""

    @property
    def value_changed(self) -> SignalInstance:
        """Emits the new value."""

    @property
    def destroyed(self) -> SignalInstance:
        """Comes with every QObject."""

    def value(self) -> T:
        """Return what the control shows."""

    def set_value(self, value: T, /) -> None:
        """Show a value."""


def bind(observable: Observable[T], control: Control[T]) -> Connection:
    """Keep a value and a control equal, until the control is destroyed or the end is asked for.

    A value that the model rounds or refuses is shown as the model has it.
    """
    showing = False

    def show(value: T) -> None:
        nonlocal showing
        if not showing and control.value() != value:
            showing = True
            try:
                control.set_value(value)
            finally:
                showing = False

    def take(value: T) -> None:
        nonlocal showing
        if showing:
            return
        showing = True
        try:
            observable.set(value)
        finally:
            showing = False
        show(observable.value)

    show(observable.value)
    model = observable.changed.connect(show)
    control.value_changed.connect(take)

    def part() -> None:
        model.disconnect()
        if isinstance(control, QObject) and isValid(control):
            control.value_changed.disconnect(take)

    connection = Connection(part)
    control.destroyed.connect(lambda: model.disconnect())  # a bound method would be held weakly
    return connection


def listen(owner: QObject, signal: Signal[T], callback: Callable[[T], object]) -> Connection:
    """Call back on every emission for as long as `owner` lives."""
    connection: Connection

    def call(value: T) -> None:
        if isValid(owner):
            callback(value)
        else:
            connection.disconnect()

    connection = signal.connect(call)
    owner.destroyed.connect(lambda: connection.disconnect())
    return connection


class _Watched(Protocol[T_co]):
    """An `Observable` or an `ObservableList`."""

    @property
    def value(self) -> T_co:
        """What there is now."""

    def watch(self, callback: Callable[[T_co], object]) -> Connection:
        """Call now and on every change."""


def follow(owner: QObject, observable: _Watched[T], callback: Callable[[T], object]) -> Connection:
    """Call back now and on every change for as long as `owner` lives."""
    connection: Connection | None = None

    def call(value: T) -> None:
        if isValid(owner):
            callback(value)
        elif connection is not None:
            connection.disconnect()

    watching = connection = observable.watch(call)
    owner.destroyed.connect(lambda: watching.disconnect())
    return watching
