"""Wan as the loop's velocity: how many forwards, which under SAR, and the same either way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from flowanchor_engine.demo.scene_clip import demo_shot
from flowanchor_engine.errors import Cancelled, RangeError, SizeError, WordsError
from flowanchor_engine.method import schedule, trajectory
from flowanchor_engine.method.maskgrid import token_rows
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.method.trajectory import Branch, Query
from flowanchor_engine.method.windows import Window, plan_windows
from flowanchor_engine.method.words import diff_spans, token_columns
from flowanchor_engine.wan import latents
from flowanchor_engine.wan import velocity as velocity_module
from flowanchor_engine.wan.capture import WordAttention
from flowanchor_engine.wan.velocity import WanVelocity
from tests.engine.wan.conftest import make_bundle, make_model, make_transformer, make_vae

if TYPE_CHECKING:
    from flowanchor_engine.request import MethodSettings
    from flowanchor_engine.wan.load import WanModel

SHAPE = (16, 2, 4, 4)  # 2 latent frames of 2x2 tokens
ROWS = torch.tensor([0, 1, 0, 0, 0, 1, 1, 0], dtype=torch.bool)


class Spy:
    """Notes how each forward of a transformer ran; changes nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[Any] = []
        original = velocity_module.SarContext.using
        spy = self

        def using(context: Any, plans: Any) -> Any:
            spy.plans.append(tuple(plans))
            return original(context, plans)

        monkeypatch.setattr(velocity_module.SarContext, "using", using)


class DictCache:
    """The simplest cache that keeps the contract."""

    def __init__(self) -> None:
        self.values: dict[Any, Tensor] = {}

    def get(self, step: Any, average: int, window: Window, branch: Branch) -> Tensor | None:
        return self.values.get((step.index, average, window.start, window.stop, branch))

    def put(
        self, step: Any, average: int, window: Window, branch: Branch, velocity: Tensor
    ) -> None:
        assert branch in (Branch.SOURCE_COND, Branch.SOURCE_UNCOND)
        self.values[(step.index, average, window.start, window.stop, branch)] = velocity


def clip_latent(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_velocity(model: WanModel, settings: MethodSettings, **more: Any) -> WanVelocity:
    fields: dict[str, Any] = {
        "source": make_bundle(9, 1),
        "target": make_bundle(12, 2),
        "negative": make_bundle(5, 3),
        "rows": ROWS,
        "columns": (2, 4),
    }
    return WanVelocity(model, settings=settings, **{**fields, **more})


def run(
    velocity: Callable[[Sequence[Query]], Sequence[Tensor]],
    settings: MethodSettings,
    x: Tensor | None = None,
    windows: Sequence[Window] | None = None,
) -> Tensor:
    x = clip_latent() if x is None else x
    channels, frames, height, width = x.shape
    noise = NoiseField((channels, frames, height, width), 7, "fresh", 0.5)
    return trajectory.edit(x, velocity, schedule.build(settings), noise, settings, windows=windows)


@pytest.fixture
def model() -> WanModel:
    return make_model(make_transformer())


# ---- invariants 13, 14 --------------------------------------------------------------------


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


# ---- invariant 21, windows, averages ------------------------------------------------------


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


# ---- invariant 2 --------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [False, True])
def test_equal_texts_leave_the_clip_exactly_as_it_is(
    model: WanModel, settings: Callable[..., MethodSettings], batch: bool
) -> None:
    numbers = settings(sar=False, guidance_source=4.0, guidance_target=4.0, gamma=1.0)
    same = make_bundle(9, 1)
    x = clip_latent()
    velocity = make_velocity(model, numbers, source=same, target=same, batch=batch)
    assert torch.equal(run(velocity, numbers, x), x)


# ---- invariant 27 -------------------------------------------------------------------------


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


# ---- families -----------------------------------------------------------------------------


def test_two_experts_share_the_levels_at_the_boundary(
    settings: Callable[..., MethodSettings],
) -> None:
    high, low = make_transformer(0), make_transformer(1)
    model = make_model(high, low, family="wan2.2-a14b")
    numbers = settings()
    seen: list[tuple[str, float]] = []
    for name, part in (("high", high), ("low", low)):
        part.register_forward_pre_hook(
            lambda _module, _args, kwargs, name=name: seen.append(
                (name, float(kwargs["timestep"][0]))
            ),
            with_kwargs=True,
        )
    velocity = make_velocity(model, numbers)
    run(velocity, numbers)
    assert velocity.forwards == len(seen) == 91
    assert all((name == "high") == (timestep >= 875) for name, timestep in seen)
    levels = {timestep for name, timestep in seen if name == "high"}
    assert len(levels) == 11 - 2  # 11 of 25 at shift 5, of which 2 are skipped
    assert model.expert(0.875) is high
    assert model.expert(0.8749) is low


def test_an_edit_below_the_boundary_never_asks_the_high_noise_expert(
    settings: Callable[..., MethodSettings],
) -> None:
    high, low = make_transformer(0), make_transformer(1)
    high.register_forward_pre_hook(lambda *_: pytest.fail("high-noise expert"))
    numbers = settings(skip_share=0.5)
    run(make_velocity(make_model(high, low), numbers), numbers)


def test_each_expert_has_its_own_keys(settings: Callable[..., MethodSettings]) -> None:
    """A text's keys of one expert are never used in the other."""
    numbers = settings(steps=6)
    mixed = make_model(make_transformer(0), make_transformer(1))
    low = make_model(make_transformer(1))
    plan = schedule.build(numbers)
    step = next(step for step in plan.steps if step.sigma < 0.875)
    window = Window(0, 2, torch.ones(2, dtype=torch.float64))
    velocity = make_velocity(mixed, numbers)
    first = Query(clip_latent(), plan.steps[0], 0, Branch.TARGET_COND, False, window)
    later = replace(first, step=step)
    velocity([first])
    assert torch.equal(velocity([later])[0], make_velocity(low, numbers)([later])[0])


def test_a_scalar_timestep_is_the_timestep_of_every_token() -> None:
    """Invariant 25: TI2V-5B was trained with one per token; an edit needs no more than one."""
    transformer = make_transformer(in_channels=48, out_channels=48)
    z, text = clip_latent((48, 2, 4, 4))[None], make_bundle(9).collapsed(512)[None]
    with torch.no_grad():
        one, each = (
            transformer(z, timestep, text, return_dict=False)[0]
            for timestep in (torch.full((1,), 613.5), torch.full((1, 8), 613.5))
        )
    assert float((one - each).abs().max()) < 1e-6 * float(each.abs().max())


def test_ti2v_5b_edits_through_its_own_vae(settings: Callable[..., MethodSettings]) -> None:
    from flowanchor_engine.wan import latents

    vae = make_vae(patchified=True)
    model = make_model(
        make_transformer(in_channels=48, out_channels=48),
        vae=vae,
        family="wan2.2-ti2v",
        spatial_stride=16,
        expand_timesteps=True,
    )
    assert model.facts.token_px == 32
    x = latents.encode(vae, torch.zeros(5, 64, 64, 3))
    assert x.shape == (48, 2, 4, 4)
    numbers = settings(steps=4)
    timesteps = []
    model.transformer.register_forward_pre_hook(
        lambda _m, _a, kwargs: timesteps.append(kwargs["timestep"].shape), with_kwargs=True
    )
    edited = run(make_velocity(model, numbers), numbers, x)
    assert set(timesteps) == {(1,)}
    assert sum(len(part) for part in latents.decode(vae, edited, frames=5)) == 5


# ---- refusals -----------------------------------------------------------------------------


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


# ---- the embedded model -------------------------------------------------------------------


def embedded_edit(
    demo: WanModel, settings: MethodSettings, now: str, wanted: str, columns: Sequence[int]
) -> tuple[Tensor, Tensor]:
    x = clip_latent((16, 3, 12, 12), seed=3)
    rows = torch.zeros(3, 6, 6, dtype=torch.bool)
    rows[:, 2:4, 1:4] = True
    with demo.text_stage() as stage:
        source, target, negative = stage.encode([now, wanted, ""])
    velocity = WanVelocity(
        demo, source=source, target=target, negative=negative, rows=rows.flatten(),
        settings=settings, columns=columns,
    )  # fmt: skip
    return x, run(velocity, settings, x)


def test_the_embedded_model_leaves_equal_texts_alone(
    demo: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    text = "a red ball on a blue background"
    numbers = settings(sar=False, shift=3.0, steps=6, guidance_source=3.0, guidance_target=3.0)
    x, edited = embedded_edit(demo, numbers, text, text, ())
    assert torch.equal(edited, x)


def test_the_embedded_model_edits_inside_the_matte(
    demo: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    shot = demo_shot(3, size=(96, 96))
    x = latents.encode(demo.vae, shot.frames.astype(np.float32) / 127.5 - 1)
    rows = token_rows(torch.from_numpy(shot.mask.astype(np.float32)))
    with demo.text_stage() as stage:
        source, target, negative = stage.encode([shot.now, shot.wanted, ""])
    spans = diff_spans(source.text, target.text)
    numbers = settings(
        shift=3.0, steps=12, skip_share=0.3, guidance_source=1.0, guidance_target=3.0
    )
    velocity = WanVelocity(
        demo, source=source, target=target, negative=negative, rows=rows, settings=numbers,
        columns=token_columns(spans, target.offsets),
    )  # fmt: skip
    change = (run(velocity, numbers, x) - x).square().mean(0)
    tokens = functional.avg_pool2d(change, 2).flatten()
    assert float(tokens[rows].mean()) > 3 * float(tokens[~rows].mean())
