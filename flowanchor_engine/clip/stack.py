"""Pictures of a shot that are made when asked for, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.clip.colour import Float

__all__ = ["Stack"]


class Stack:
    """Pictures of a shot that are made when asked for.

    Behaves like an array along its first axis (`len`, `shape`, integers and slices) and
    becomes one with `numpy.asarray`; slicing keeps memory flat for long clips.
    """

    def __init__(
        self, make: Callable[[int], Float], frames: int, shape: tuple[int, ...], start: int = 0
    ) -> None:
        self._make, self._frames, self._one, self._start = make, frames, shape, start

    @property
    def shape(self) -> tuple[int, ...]:
        """(F, ...) like an array's."""
        return (self._frames, *self._one)

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Always float32."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self._frames

    @overload
    def __getitem__(self, key: int) -> Float: ...

    @overload
    def __getitem__(self, key: slice) -> Float: ...

    def __getitem__(self, key: int | slice) -> Float:
        """Return one picture, or a slice of them as one array."""
        if isinstance(key, slice):
            numbers = range(self._frames)[key]
            result = np.empty((len(numbers), *self._one), np.float32)
            for place, number in enumerate(numbers):
                result[place] = self._make(number)
            return result
        return self._make(range(self._frames)[key])

    def __iter__(self) -> Iterator[Float]:
        return (self._make(number) for number in range(self._frames))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype or np.float32, copy=False)
