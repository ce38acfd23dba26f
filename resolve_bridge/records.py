"""Frozen facts as plain data and back: what the queue, the journal and markers keep.

Every record begins with a label such as ``flowanchor.Shot.1``. Unknown fields are ignored on the
way in, so that a younger panel's record still reads.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from fractions import Fraction
from typing import Any, TypeVar

T = TypeVar("T")


def dump(record: object, version: int = 1) -> dict[str, Any]:
    """Return a dataclass as a dictionary that JSON can carry."""
    data: dict[str, Any] = {"schema": f"flowanchor.{type(record).__name__}.{version}"}
    data.update(_plain_fields(record))
    return data


def load(kind: type[T], data: object) -> T:
    """Return the dataclass that `dump` wrote.

    Raises
    ------
    ValueError
        Another schema, a missing field, or a value of another kind.
    """
    if not isinstance(data, dict):
        raise ValueError(f"not a record: {type(data).__name__}")  # noqa: TRY004 - bad data, not code
    schema = str(data.get("schema", ""))
    if schema.rpartition(".")[0] != f"flowanchor.{kind.__name__}":
        raise ValueError(f"a record of {schema or 'no schema'}, not {kind.__name__}")
    return typing.cast("T", _read(kind, data))


def _plain_fields(record: object) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(record, field.name))
        for field in dataclasses.fields(typing.cast("Any", record))
    }


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain_fields(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, (tuple, list, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"not plain: {type(value).__name__}")


def _read(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        choices = [each for each in typing.get_args(kind) if each is not type(None)]
        return None if value is None else _read(choices[0], value)
    if origin in (tuple, frozenset):
        inner = typing.get_args(kind)
        if not isinstance(value, list):
            raise ValueError("a list is missing")
        if origin is frozenset or (len(inner) == 2 and inner[1] is Ellipsis):
            return origin(_read(inner[0], item) for item in value)
        if len(inner) != len(value):
            raise ValueError(f"{len(value)} values, not {len(inner)}")
        return tuple(_read(each, item) for each, item in zip(inner, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError("a dictionary is missing")
        return {key: _read(typing.get_args(kind)[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _read_record(typing.cast("type[Any]", kind), value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    if kind is Fraction:
        return Fraction(str(value))
    if isinstance(kind, type) and (
        not isinstance(value, kind) or (kind is int and isinstance(value, bool))
    ):
        raise ValueError(f"{value!r} is not {kind.__name__}")
    return value


def _read_record(kind: type[Any], value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("a record is missing")  # noqa: TRY004 - bad data, not code
    hints = typing.get_type_hints(kind)
    given: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            given[field.name] = _read(hints[field.name], value[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{kind.__name__}.{field.name} is missing")
    return kind(**given)
