"""Sliders and the numbers behind them: home is exact, recipes come back to the last bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.request import MethodSettings, Sliders, skipped_steps
from plugin.state.curves import DRIVES, QUALITIES, Curve, Strengths, steps_of

positions = st.floats(0, 100, allow_nan=False)
REGISTRY = Path(__file__).parents[3] / "flowanchor_engine" / "models" / "registry.json"
REFERENCES = [
    MethodSettings.model_validate(entry["recommended"])
    for entry in json.loads(REGISTRY.read_text(encoding="utf-8"))["models"]
]
references = st.sampled_from(REFERENCES)


@pytest.mark.parametrize("reference", REFERENCES)
def test_home_is_the_reference_in_full(reference: MethodSettings) -> None:
    assert Strengths(reference).settings() == reference


def test_home_of_the_paper_anchors_eighteen_of_twenty_three_steps() -> None:
    s = Strengths()
    settings = s.settings()
    assert s.skipped.value == (2, 25)
    t = [1 - i / settings.steps for i in range(settings.steps)]
    sigmas = [settings.shift * x / (1 + (settings.shift - 1) * x) for x in t][2:]
    assert len(sigmas) == 23
    assert sum(sigma >= settings.tau for sigma in sigmas) == 18


@pytest.mark.parametrize("name", list(DRIVES))
@pytest.mark.parametrize("at", [0.0, 50.0, 100.0])
def test_anchors_are_those_of_the_engine(name: str, at: float) -> None:
    s = Strengths()
    s.slider(name).set(at)  # type: ignore[arg-type]
    want = Sliders(**{name: at}).numbers()
    for field in DRIVES[name]:  # type: ignore[index]
        assert getattr(s.settings(), field) == getattr(want, field)


@given(positions, positions, references)
def test_numbers_are_the_engines_at_every_position(
    where: float, strength: float, reference: MethodSettings
) -> None:
    s = Strengths(reference)
    s.where.set(where)
    s.strength.set(strength)
    assert s.settings() == Sliders(where=where, strength=strength).numbers(reference)


@given(positions, st.sampled_from(QUALITIES), references)
def test_preserve_rests_on_whole_steps(at: float, quality: str, reference: MethodSettings) -> None:
    s = Strengths(reference)
    s.quality.set(quality)  # type: ignore[arg-type]
    s.preserve.set(at)
    stops = s.stops()
    assert s.preserve.value in stops
    assert abs(s.preserve.value - at) == min(abs(stop - at) for stop in stops)
    steps = steps_of(s.quality.value, reference)
    counts = []
    for stop in stops:
        s.preserve.set(stop)
        assert s.preserve.value == stop
        counts.append(s.skipped.value[0])
        assert s.skipped.value == (skipped_steps(steps, s.settings().skip_share), steps)
    assert counts == list(range(counts[0], counts[-1] + 1))


def test_the_words_of_preserve_follow_quality_and_nothing_else_does() -> None:
    s = Strengths()
    seen = {}
    for quality in QUALITIES:
        s.quality.set(quality)
        seen[quality] = s.skipped.value
        assert s.settings() == MethodSettings(steps=seen[quality][1])
    assert seen == {"draft": (1, 12), "standard": (2, 25), "fine": (3, 40)}


def test_quality_does_not_move_preserve() -> None:
    s = Strengths()
    s.preserve.set(57)
    assert (s.preserve.value, s.skipped.value) == (56.25, (3, 25))
    s.quality.set("draft")
    s.quality.set("standard")
    assert (s.preserve.value, s.skipped.value) == (56.25, (3, 25))


def test_steps_scale_with_the_models_own() -> None:
    reference = MethodSettings(steps=50)
    assert [steps_of(quality, reference) for quality in QUALITIES] == [24, 50, 80]
    assert [steps_of(quality, MethodSettings(steps=1)) for quality in QUALITIES] == [1, 1, 2]


def test_typing_unlinks_and_the_slider_says_about() -> None:
    s = Strengths()
    told: list[MethodSettings] = []
    s.changed.connect(lambda _: told.append(s.settings()))
    s.beta1.value.set(0.396)
    assert (s.beta1.linked.value, s.all_linked.value) == (False, False)
    assert s.settings() == MethodSettings(beta1=0.396)
    assert s.about_where.value == pytest.approx((62 + 50 + 50) / 3)
    s.beta2.value.set(0.42)
    s.tau.value.set(0.528)
    assert s.about_where.value == pytest.approx(62)
    assert (s.where.value, s.about_strength.value, s.about_preserve.value) == (50.0, None, None)
    assert len(told) == 3
    assert told[-1] == s.settings()

    s.where.set(80)
    assert s.settings().beta1 == 0.396
    s.beta1.relink()
    assert s.settings().beta1 == Sliders(where=80).numbers().beta1
    s.relink_all()
    assert s.settings() == Sliders(where=80).numbers()
    assert s.about_where.value is None


def test_typing_what_is_there_already_keeps_the_link() -> None:
    s = Strengths()
    s.beta1.value.set(0.3)
    assert s.beta1.linked.value


def test_typed_numbers_stay_in_their_range_and_steps_whole() -> None:
    s = Strengths()
    s.beta1.value.set(7)
    s.steps.value.set(30.4)
    s.gamma.value.set(float("nan"))
    assert (s.settings().beta1, s.settings().steps, s.settings().gamma) == (1.0, 30, 1.0)
    assert isinstance(s.settings().steps, int)
    assert s.gamma.linked.value


@given(positions, positions, positions, references)
def test_a_curve_is_inverted_exactly_enough(
    where: float, strength: float, preserve: float, reference: MethodSettings
) -> None:
    at = {"where": where, "strength": strength, "preserve": preserve}
    numbers = Sliders(**at).numbers(reference)
    for slider, names in DRIVES.items():
        for name in names:
            curve = Curve(slider, name, reference)
            place = curve.position(getattr(numbers, name))
            if place is None:
                assert len(set(curve.anchors)) == 1
                continue
            again = getattr(Sliders(**{slider: place}).numbers(reference), name)
            assert again == pytest.approx(getattr(numbers, name), abs=1e-9)


def test_the_position_of_a_number_out_of_reach_is_an_end() -> None:
    curve = Curve("where", "beta1", MethodSettings())
    assert (curve.position(0.0), curve.position(1.0)) == (0.0, 100.0)
    flat = Curve("strength", "gamma", MethodSettings(gamma=0.0))
    assert flat.position(0.3) is None


unit = st.floats(0, 1, allow_nan=False)
recipes = st.builds(
    MethodSettings,
    beta1=unit,
    beta2=unit,
    tau=unit,
    gamma=st.floats(0, 10),
    guidance_target=st.floats(0, 50),
    guidance_source=st.floats(0, 50),
    steps=st.integers(1, 200),
    skip_share=st.floats(0, 0.99),
    shift=st.floats(0.1, 50),
    sar=st.booleans(),
    solver=st.sampled_from(["euler", "unipc_on_delta"]),
    negative_prompt=st.sampled_from(["", "blurry"]),
)


@given(recipes, references)
def test_any_recipe_comes_back_to_the_last_bit(
    recipe: MethodSettings, reference: MethodSettings
) -> None:
    s = Strengths(reference)
    s.apply(recipe)
    assert s.settings() == recipe


@given(positions, positions, positions, st.sampled_from(QUALITIES), st.booleans(), references)
def test_slider_positions_come_back_linked(
    where: float,
    strength: float,
    preserve: float,
    quality: str,
    told: bool,
    reference: MethodSettings,
) -> None:
    first = Strengths(reference)
    first.quality.set(quality)  # type: ignore[arg-type]
    first.where.set(round(where))
    first.strength.set(round(strength))
    first.preserve.set(preserve)
    second = Strengths(reference)
    second.apply(first.settings(), first.positions() if told else None)
    assert second.settings() == first.settings()
    assert second.all_linked.value
    assert second.quality.value == quality
    assert second.where.value == round(where)


def test_a_recipe_believes_numbers_and_not_positions() -> None:
    s = Strengths()
    s.apply(Sliders(where=70).numbers(), {"where": 20, "strength": "x", "quality": "fine"})
    assert (s.where.value, s.strength.value, s.quality.value) == (70.0, 50.0, "standard")


def test_a_recipe_of_another_quality_keeps_its_place_between_stops() -> None:
    first = Strengths()
    first.preserve.set(56.25)
    first.quality.set("draft")
    second = Strengths()
    second.apply(first.settings(), first.positions())
    assert second.settings() == first.settings()
    assert (second.preserve.value, second.all_linked.value) == (56.25, True)


def test_reset_goes_home_from_everywhere() -> None:
    s = Strengths()
    s.apply(MethodSettings(beta1=0.9, steps=33, sar=False, shift=3.0))
    told: list[None] = []
    s.changed.connect(told.append)
    s.reset()
    assert s.settings() == MethodSettings()
    assert s.all_linked.value
    assert len(told) == 1


def test_another_model_moves_linked_numbers_only() -> None:
    s = Strengths()
    s.shift.value.set(7)
    s.reference.set(MethodSettings(shift=3.0, guidance_source=1.0, guidance_target=2.0))
    assert s.settings() == MethodSettings(shift=7.0, guidance_source=1.0, guidance_target=2.0)


def test_switches_are_kept_and_go_home() -> None:
    s = Strengths()
    s.apply(MethodSettings(sar=False))
    assert s.switches.value == (("sar", False),)
    assert s.settings() == MethodSettings(sar=False)
    s.apply(MethodSettings())
    assert s.switches.value == ()


def test_bold_and_faithful_pull_apart() -> None:
    s = Strengths()
    s.strength.set(80)
    assert not s.warnings.value
    s.preserve.set(80)
    assert s.warnings.value == (("check.bold_faithful", {"preserve": 40}),)
    s.preserve.set(40)
    assert not s.warnings.value


def test_skipping_everything_is_told() -> None:
    s = Strengths()
    s.skip_share.value.set(0.99)
    assert s.skipped.value == (25, 25)
    assert s.warnings.value == (("check.all_skipped", {"steps": 25}),)
