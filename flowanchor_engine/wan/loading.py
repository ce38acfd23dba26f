"""Hearing of a load while it runs: between shards and tensors, to count and to stop.

Both libraries load in one call that may take minutes from a slow disk. transformers offers a
hook for its progress bars; diffusers has none, so its bar is exchanged for the time of a load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

__all__ = ["between_shards", "between_tensors"]


@contextmanager
def between_shards(check: Callable[[], None]) -> Iterator[None]:
    """Call `check` before each shard that diffusers reads; what it raises ends the load."""
    bar = diffusers_logging.tqdm
    diffusers_logging.tqdm = _checking(check)  # type: ignore[assignment]
    try:
        yield
    finally:
        diffusers_logging.tqdm = bar


@contextmanager
def between_tensors(check: Callable[[], None]) -> Iterator[None]:
    """Call `check` before each tensor that transformers places."""
    bar = _checking(check)
    before = transformers_logging.set_tqdm_hook(
        lambda factory, arguments, options: bar(*arguments, **options)
    )
    try:
        yield
    finally:
        transformers_logging.set_tqdm_hook(before)


def _checking(check: Callable[[], None]) -> Callable[..., Any]:
    def bar(items: Iterable[Any] = (), **options: Any) -> Iterator[Any]:
        del options
        for item in items:
            check()
            yield item

    return bar
