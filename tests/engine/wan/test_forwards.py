"""How many forwards an edit takes, which of them under SAR, and which from the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from flowanchor_engine.errors import RangeError
from flowanchor_engine.method import schedule
from flowanchor_engine.method.trajectory import Query
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan.load import WanModel
from flowanchor_engine.wan.velocity import WanVelocity
from tests.engine.wan.conftest import make_bundle
from tests.engine.wan.loop import ROWS, DictCache, Spy, make_velocity, run


def test_an_edit_takes_91_forwards_and_45_from_the_cache(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    """23 steps x 4, less the unconditional forward that the first step shares."""
    cache, numbers = DictCache(), settings()
    cold = make_velocity(model, numbers, cache=cache)
    first = run(cold, numbers)
    assert cold.forwards == 91
    assert len(cache.values) == 46
    warm = make_velocity(model, numbers, cache=cache)
    second = run(warm, numbers)
    assert warm.forwards == 45
    assert torch.equal(first, second)


def test_without_shared_objects_it_is_92_and_46(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    cache, numbers = DictCache(), settings()

    def apart(velocity: WanVelocity) -> Callable[[Sequence[Query]], Sequence[Tensor]]:
        return lambda queries: velocity([replace(query, z=query.z.clone()) for query in queries])

    cold = make_velocity(model, numbers, cache=cache)
    first = run(apart(cold), numbers)
    assert cold.forwards == 92
    warm = make_velocity(model, numbers, cache=cache)
    assert torch.equal(run(apart(warm), numbers), first)
    assert warm.forwards == 46


@pytest.mark.parametrize(
    ("branches", "anchored"),
    [
        ("target_cond", {"target": 18}),
        ("+source_cond", {"target": 18, "source": 18}),
        ("+uncond", {"target": 18, "negative": 18}),
    ],
)
def test_sar_acts_in_18_of_23_steps_and_only_where_it_is_asked(
    model: WanModel,
    settings: Callable[..., MethodSettings],
    monkeypatch: pytest.MonkeyPatch,
    branches: Any,
    anchored: dict[str, int],
) -> None:
    spy, numbers = Spy(monkeypatch), settings(sar_branches=branches)
    velocity = make_velocity(model, numbers, source_columns=(1,))
    run(velocity, numbers)
    names = {9: "source", 12: "target", 5: "negative"}  # told apart by their length
    used = Counter(names[plans[0].columns.real] for plans in spy.plans if plans[0].rows is not None)
    assert used == anchored
    assert len(spy.plans) == velocity.forwards
    assert all(torch.equal(plans[0].rows, ROWS) for plans in spy.plans if plans[0].rows is not None)


def test_twelve_steps_skipping_one_anchor_nine_of_eleven(
    model: WanModel,
    settings: Callable[..., MethodSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy, numbers = Spy(monkeypatch), settings(steps=12)
    velocity = make_velocity(model, numbers)
    run(velocity, numbers)
    assert velocity.forwards == 43
    assert sum(plans[0].rows is not None for plans in spy.plans) == 9


@pytest.mark.parametrize("rows", [None, torch.zeros(8, dtype=torch.bool)])
def test_an_empty_matte_switches_sar_off(
    model: WanModel,
    settings: Callable[..., MethodSettings],
    monkeypatch: pytest.MonkeyPatch,
    rows: Tensor | None,
) -> None:
    spy, numbers = Spy(monkeypatch), settings(steps=4)
    plain = run(make_velocity(model, numbers, rows=rows, columns=()), numbers)
    assert all(plans[0].rows is None for plans in spy.plans)
    off = settings(steps=4, sar=False)
    assert torch.equal(plain, run(make_velocity(model, off), off))
    assert not torch.equal(plain, run(make_velocity(model, numbers), numbers))


def test_changing_the_matte_words_or_betas_never_misses_the_cache(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    """Invariant 30 on the model's side."""
    cache, numbers = DictCache(), settings(steps=6)
    run(make_velocity(model, numbers, cache=cache), numbers)
    steps = len(schedule.build(numbers).steps)
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"rows": ~ROWS}, {}),
        ({"columns": (3,)}, {}),
        ({"target": make_bundle(20, 9)}, {}),
        ({}, {"beta1": 0.5, "beta2": 0.1, "tau": 0.9, "gamma": 0.7}),
        ({}, {"guidance_source": 3.0, "guidance_target": 4.0}),
    ]
    for more, switches in changes:
        changed = settings(steps=6, **switches)
        velocity = make_velocity(model, changed, cache=cache, **more)
        run(velocity, changed)
        assert velocity.forwards == 2 * steps - 1


def test_an_anchored_source_is_never_cached(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    cache, numbers = DictCache(), settings(sar_branches="+source_cond")
    run(make_velocity(model, numbers, cache=cache, source_columns=(1,)), numbers)
    assert len(cache.values) == 23 + 5  # all unconditional, conditional only below tau


def test_a_stored_velocity_of_another_size_is_refused(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    cache, numbers = DictCache(), settings(steps=2)
    run(make_velocity(model, numbers, cache=cache), numbers)
    cache.values = {key: value[:, :1] for key, value in cache.values.items()}
    with pytest.raises(RangeError, match="another size"):
        run(make_velocity(model, numbers, cache=cache), numbers)
