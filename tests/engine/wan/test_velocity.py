"""Wan as the loop's velocity: the same either way, and the model as it was afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from flowanchor_engine.errors import Cancelled, SizeError, WordsError
from flowanchor_engine.method import schedule
from flowanchor_engine.method.trajectory import Branch, Query
from flowanchor_engine.method.windows import Window, plan_windows
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan.capture import WordAttention
from flowanchor_engine.wan.load import WanModel
from tests.engine.wan.conftest import make_bundle
from tests.engine.wan.loop import DictCache, Spy, clip_latent, make_velocity, run


def test_batched_branches_are_serial_branches(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    numbers = settings(steps=1, skip_share=0.0)
    plan = schedule.build(numbers)
    z, moved = clip_latent(), clip_latent(seed=5)
    window = Window(0, 2, torch.ones(2, dtype=torch.float64))
    queries = [
        Query(moved if branch.value.startswith("target") else z, plan.steps[0], 0, branch,
              branch is Branch.TARGET_COND, window)
        for branch in Branch
    ]  # fmt: skip
    serial = make_velocity(model, numbers)
    batched = make_velocity(model, numbers, batch=True)
    for a, b in zip(serial(queries), batched(queries), strict=True):
        assert float((a - b).abs().max()) < 1e-6 * max(1.0, float(a.abs().max()))
    assert serial.forwards == batched.forwards == 4


def test_windows_take_their_part_of_the_matte(
    model: WanModel,
    settings: Callable[..., MethodSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy, numbers = Spy(monkeypatch), settings(steps=2)
    x = clip_latent((16, 6, 4, 4))
    rows = torch.arange(24) % 5 == 0
    spans = plan_windows(6, size=4, overlap=2)
    assert [(span.start, span.stop) for span in spans] == [(0, 4), (2, 6)]
    run(make_velocity(model, numbers, rows=rows), numbers, x, spans)
    seen = [plans[0].rows for plans in spy.plans if plans[0].rows is not None]
    assert torch.equal(seen[0], rows[:16])
    assert torch.equal(seen[1], rows[8:])


def test_a_matte_of_another_clip_is_refused(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    numbers = settings(steps=2)
    with pytest.raises(SizeError, match="matte"):
        run(make_velocity(model, numbers, rows=torch.ones(7, dtype=torch.bool)), numbers)


def test_captured_words_cover_the_clip(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    numbers, words = settings(steps=2), WordAttention(24, 13)
    x = clip_latent((16, 6, 4, 4))
    velocity = make_velocity(model, numbers, rows=torch.arange(24) % 5 == 0, capture=words)
    run(velocity, numbers, x, plan_windows(6, size=4, overlap=2))
    assert torch.allclose(words.mean().sum(1), torch.ones(24), atol=1e-5)


@pytest.mark.parametrize("batch", [False, True])
def test_equal_texts_leave_the_clip_exactly_as_it_is(
    model: WanModel, settings: Callable[..., MethodSettings], batch: bool
) -> None:
    numbers = settings(sar=False, guidance_source=4.0, guidance_target=4.0, gamma=1.0)
    same = make_bundle(9, 1)
    x = clip_latent()
    velocity = make_velocity(model, numbers, source=same, target=same, batch=batch)
    assert torch.equal(run(velocity, numbers, x), x)


def test_a_cancelled_edit_leaves_the_model_as_it_was(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    numbers, cache = settings(), DictCache()
    before = list(model.transformer.attn_processors.values())
    calls = iter(range(100))

    def check() -> None:
        if next(calls) == 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(make_velocity(model, numbers, check=check, cache=cache), numbers)
    after = model.transformer.attn_processors.values()
    assert all(a is b for a, b in zip(after, before, strict=True))
    assert all(value.isfinite().all() for value in cache.values.values())


def test_an_error_inside_a_block_leaves_the_model_as_it_was(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    numbers = settings()
    before = list(model.transformer.attn_processors.values())

    def fail(*_: object) -> None:
        raise FloatingPointError

    hook = model.transformer.blocks[1].register_forward_pre_hook(fail)
    velocity = make_velocity(model, numbers)
    with pytest.raises(FloatingPointError):
        run(velocity, numbers)
    hook.remove()
    after = model.transformer.attn_processors.values()
    assert all(a is b for a, b in zip(after, before, strict=True))
    assert torch.equal(run(velocity, numbers), run(make_velocity(model, numbers), numbers))


def test_sar_without_driving_words_is_refused(
    model: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    with pytest.raises(WordsError):
        make_velocity(model, settings(), columns=())
    with pytest.raises(WordsError, match="present text"):
        make_velocity(model, settings(sar_branches="+source_cond"))


@pytest.mark.parametrize("column", [-1, 11, 12, 300])
def test_end_and_padding_never_drive(
    model: WanModel, settings: Callable[..., MethodSettings], column: int
) -> None:
    with pytest.raises(WordsError):
        make_velocity(model, settings(), columns=(column,))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((16, 2, 5, 4), "multiples of 16"),
        ((8, 2, 4, 4), "16 latent channels"),
        ((16, 65, 4, 4), "positions"),
    ],
)
def test_latents_that_do_not_fit_are_refused(
    model: WanModel,
    settings: Callable[..., MethodSettings],
    shape: tuple[int, ...],
    message: str,
) -> None:
    numbers = settings(steps=2)
    with pytest.raises(SizeError, match=message):
        run(make_velocity(model, numbers, rows=None, columns=()), numbers, clip_latent(shape))
