"""Jobs and takes for the tests of the store."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from plugin.state.takes import Take, recipe_key


def request(seed: int = 1, wanted: str = "a red leather jacket") -> dict[str, Any]:
    return {
        "schema": "flowanchor.EditRequest.1",
        "source": {"path": "/media/A012_C004.mov", "start": 0, "frames": 81},
        "prompts": {"now": "a grey jacket", "wanted": wanted},
        "seed": seed,
    }


def take(
    number: int = 0,
    *,
    job: str = "",
    shot: str = "shot",
    seed: int = 1,
    wanted: str = "a red leather jacket",
    **more: Any,
) -> Take:
    data = request(seed, wanted)
    name = more.pop("id", f"take-{shot}-{job or seed}-{wanted}")
    return Take(
        id=name,
        job=job,
        number=number,
        shot_id=shot,
        file=more.pop("file", f"/takes/{name}.mov"),
        sha256="0" * 64,
        request=data,
        request_hash=f"hash-{seed}-{wanted}",
        recipe_key=recipe_key(data),
        title=more.pop("title", wanted),
        **more,
    )


def counter(prefix: str) -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"
