"""Memory plans are chosen by what a model needs and a card has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.errors import GuardError
from flowanchor_engine.wan.footprint import RESERVE_BYTES, footprint
from flowanchor_engine.wan.plan import Budget, Plan, allowed_attention, step_down
from tests.engine.wan.plans import GB, card, chosen, published


@pytest.mark.parametrize(
    ("model", "free_gb", "name", "transformer", "text", "vae"),
    [
        ("1.3B", 5.2, "6-8 GB", "group_offload", "cpu", "tiled"),
        ("1.3B", 7.4, "6-8 GB", "resident", "cpu", "tiled"),
        ("1.3B", 11.3, "12 GB", "resident", "cpu", "tiled"),
        ("1.3B", 15.8, "16-24 GB", "resident", "stage", "untiled"),
        ("1.3B", 24.5, "16-24 GB", "resident", "stage", "untiled"),
        ("14B", 11.3, "12 GB", "group_offload", "cpu", "tiled"),
        ("14B", 24.5, "16-24 GB", "group_offload", "stage", "untiled"),
        ("14B", 48.0, "48 GB", "resident", "stage", "untiled"),
        ("14B", 79.0, "80 GB", "resident", "resident", "untiled"),
        ("A14B", 48.0, "48 GB", "group_offload", "stage", "untiled"),
        ("A14B", 78.0, "80 GB", "resident", "stage", "untiled"),
        ("5B", 24.5, "16-24 GB", "resident", "stage", "untiled"),
    ],
)
def test_every_class_of_cards_gets_its_preset(
    tmp_path: Path, model: str, free_gb: float, name: str, transformer: str, text: str, vae: str
) -> None:
    plan = chosen(published(tmp_path, model), card(free_gb, ram_gb=128))
    assert (plan.name, plan.transformer, plan.text, plan.vae) == (name, transformer, text, vae)
    assert plan.fits
    assert plan.precision == "bf16"
    assert not plan.batch


def test_weights_that_fit_nowhere_are_stored_in_8_bits(tmp_path: Path) -> None:
    plan = chosen(published(tmp_path, "14B"), card(24.5, ram_gb=24))
    assert (plan.transformer, plan.vae) == ("layerwise_fp8", "tiled")
    assert "changes pixels" in plan.sentence


def test_nothing_is_refused_on_an_estimate(tmp_path: Path) -> None:
    plan = chosen(published(tmp_path, "14B"), card(2))
    assert not plan.fits
    assert (plan.transformer, plan.text, plan.vae) == ("group_offload", "cpu", "tiled")
    assert "tight" in plan.sentence


def test_other_devices(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    metal = chosen(facts, Budget("mps", 48 * GB, 40 * GB, 40 * GB))
    assert (metal.name, metal.transformer, metal.attention) == ("Metal", "resident", "default")
    assert (metal.vae, metal.precision) == ("untiled", "bf16")
    assert chosen(facts, Budget("mps", 16 * GB, 10 * GB, 10 * GB)).vae == "tiled"
    plain = chosen(facts, Budget("cpu", 64 * GB, 60 * GB, 60 * GB))
    assert (plain.name, plain.precision, plain.text) == ("processor", "fp32", "stage")
    assert chosen(facts, card(11, (7, 5))).precision == "fp16"
    assert chosen(facts, card(11, (7, 5)), precision="fp32").precision == "fp32"


def test_batches_only_where_exactness_is_given_up(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    assert not chosen(facts, card(24), frames=5).batch
    assert chosen(facts, card(24), frames=5, exact=False).batch
    assert not chosen(facts, card(24), frames=41, exact=False).batch  # 17 160 tokens fill a card


def test_a_frugal_plan_needs_less_wherever_something_can_be_spared(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    for gigabytes in (8, 11.5, 22, 46, 78):
        usual, frugal = (chosen(facts, card(gigabytes), frugal=want) for want in (False, True))
        assert (frugal.transformer, frugal.vae, frugal.text) == ("group_offload", "tiled", "cpu")
        assert frugal.need_bytes < usual.need_bytes
        assert not frugal.compiled
        assert step_down(frugal) is None
    processor = Budget("cpu", 64 * GB, 60 * GB, 60 * GB)
    assert chosen(facts, processor).vae == "untiled"
    assert chosen(facts, processor, frugal=True).vae == "tiled"


def test_back_ends_come_from_the_list_of_the_architecture(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    assert chosen(facts, card(24)).attention == "native"  # no flash package is installed here
    assert chosen(facts, card(24, (12, 0)), attention="sage").attention == "sage"
    for capability in ((9, 0), (8, 9), (7, 5), None):
        with pytest.raises(GuardError, match="sage"):
            chosen(facts, card(24, capability), attention="sage")
    assert allowed_attention((9, 0))[0] == "_flash_3"
    assert not any(
        "hub" in name for key in ((8, 0), (9, 0), (12, 0)) for name in allowed_attention(key)
    )


def test_only_a_large_resident_hopper_compiles_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    facts = published(tmp_path, "14B")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert chosen(facts, card(79, (9, 0))).compiled
    assert not chosen(facts, card(79, (9, 0)), compiled=False).compiled
    assert not chosen(facts, card(79, (8, 0))).compiled
    assert not chosen(facts, card(24, (9, 0), ram_gb=128), compiled=True).compiled  # it moves


RANK = [
    ("resident", "untiled"),
    ("resident", "tiled"),
    ("group_offload", "untiled"),
    ("group_offload", "tiled"),
    ("layerwise_fp8", "tiled"),
]


@settings(max_examples=60, deadline=None)
@given(
    few=st.integers(1, 90_000),
    more=st.integers(0, 60_000),
    model=st.sampled_from(["1.3B", "14B", "A14B", "5B"]),
    frames=st.sampled_from([5, 41, 81]),
)
def test_more_memory_never_gives_a_lesser_plan(
    tmp_path_factory: pytest.TempPathFactory, few: int, more: int, model: str, frames: int
) -> None:
    facts = published(tmp_path_factory.mktemp("model"), model)
    low = chosen(facts, card(few / 1000, ram_gb=200), frames)
    high = chosen(facts, card((few + more) / 1000, ram_gb=200), frames)
    if low.fits:
        assert high.fits
        assert RANK.index((high.transformer, high.vae)) <= RANK.index((low.transformer, low.vae))
    need = footprint(facts, number_bytes=2, kind="cuda", size=(832, 480), frames=frames)
    if low.text == "resident":
        together = need.transformer + need.text + need.vae + RESERVE_BYTES
        assert together + max(need.work, need.decode) <= low.free_bytes
    below: Plan | None = low
    for _ in range(4):  # the way down ends, and every step needs less
        after = step_down(below)
        if after is None:
            break
        assert after.need_bytes < below.need_bytes
        below = after
    else:
        pytest.fail("no end")
