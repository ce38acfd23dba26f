# ruff: noqa: E501 - compositions read best on one line
"""Which mask is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.choice import Ask, Chosen, NoMask, Why, choose
from resolve_bridge.fusion.mask import evaluate
from resolve_bridge.fusion.model import from_text, load
from resolve_bridge.fusion.verdict import NotAnalytic

CORPUS = Path(__file__).parent / "corpus"


def tools(text: str):  # type: ignore[no-untyped-def]
    return from_text(f"{{ Tools = ordered() {{ {text} }} }}")


def wire(source: str, output: str = "Output") -> str:
    return f'Input {{ SourceOp = "{source}", Source = "{output}" }}'


PATH = (
    f"MediaIn1 = MediaIn {{ }}, Blur1 = Blur {{ Inputs = {{ Input = {wire('MediaIn1')},"
    f" EffectMask = {wire('Polygon1', 'Mask')} }} }},"
    f"MediaOut1 = MediaOut {{ Inputs = {{ Input = {wire('Blur1')} }} }}, Polygon1 = PolylineMask {{ }}"
)


def chosen(text: str, picked: str | None = None) -> tuple[str, Why]:
    found = choose(tools(text), picked)
    assert isinstance(found, Chosen), found
    return found.mask.tool, found.mask.why


def asked(text: str, picked: str | None = None) -> set[str]:
    found = choose(tools(text), picked)
    assert isinstance(found, Ask), found
    assert found.sentence
    return {mask.tool for mask in found.candidates}


def test_the_right_clicked_mask_wins_over_everything() -> None:
    assert chosen(f"{PATH}, AI_Face = EllipseMask {{ }}, E = EllipseMask {{ }}", "E") == (
        "E",
        Why.PICKED,
    )


def test_a_right_clicked_effect_means_its_one_mask() -> None:
    assert chosen(f"{PATH}, E = EllipseMask {{ }}", "Blur1") == ("Polygon1", Why.MASKS_PICKED)


def test_a_right_clicked_effect_with_two_masks_asks() -> None:
    keyer = (f"K = DeltaKeyer {{ Inputs = {{ GarbageMatte = {wire('A', 'Mask')}, SolidMatte = {wire('B', 'Mask')} }} }},"
             " A = EllipseMask { }, B = EllipseMask { }")  # fmt: skip
    assert asked(keyer, "K") == {"A", "B"}


def test_a_right_clicked_tool_without_a_mask_is_said_so() -> None:
    found = choose(tools(PATH), "MediaOut1")
    assert isinstance(found, NoMask)
    assert "MediaOut1" in found.sentence


def test_an_unknown_right_clicked_tool_is_a_coded_error() -> None:
    with pytest.raises(MaskRequestError):
        choose(tools(PATH), "Gone")


def test_the_mask_in_force_on_the_way_out_is_meant() -> None:
    assert chosen(f"{PATH}, Loose = EllipseMask {{ }}") == ("Polygon1", Why.IN_FORCE)


def test_the_top_of_a_chain_is_the_mask() -> None:
    found = choose(load(CORPUS / "chain.comp"))
    assert isinstance(found, Chosen)
    assert (found.mask.tool, found.mask.consumers) == ("Triangle1", ("ColorCorrector1",))
    assert found.mask.is_inverted_there


def test_two_masks_in_force_ask_unless_one_is_named_for_us() -> None:
    second = f"B2 = Blur {{ Inputs = {{ Input = {wire('MediaIn1')}, EffectMask = {wire('NAME', 'Mask')} }} }}, NAME = EllipseMask {{ }}"
    text = PATH.replace(f"Input = {wire('MediaIn1')},", f"Input = {wire('B2')},", 1)
    assert asked(f"{text}, {second.replace('NAME', 'Vignette')}") == {"Polygon1", "Vignette"}
    assert chosen(f"{text}, {second.replace('NAME', 'AI_Shirt')}") == ("AI_Shirt", Why.NAMED)


def test_a_mask_named_for_us_beside_one_in_force_asks() -> None:
    assert asked(f"{PATH}, EditHere = EllipseMask {{ }}") == {"Polygon1", "EditHere"}


@pytest.mark.parametrize(
    "name", ["AI", "AI_1", "MaskAI", "my_ai_mask", "EDIT2", "EditMask", "SkyEDIT", "aiFace"]
)
def test_names_for_us(name: str) -> None:
    assert chosen(f"{name} = EllipseMask {{ }}, Other = EllipseMask {{ }}") == (name, Why.NAMED)


@pytest.mark.parametrize("name", ["Rain1", "Credits", "Editor", "Daisy", "Paint", "AIR"])
def test_names_that_only_look_like_ours(name: str) -> None:
    assert asked(f"{name} = EllipseMask {{ }}, Other = EllipseMask {{ }}") == {name, "Other"}


def test_a_single_loose_mask_is_meant_and_two_ask() -> None:
    assert chosen("E = EllipseMask { }, MediaOut1 = MediaOut { }") == ("E", Why.LOOSE)
    assert asked("E = EllipseMask { }, F = EllipseMask { }") == {"E", "F"}


def test_no_mask_is_said_so() -> None:
    assert isinstance(choose(tools("MediaIn1 = MediaIn { }")), NoMask)


def test_a_switched_off_effect_does_not_count_but_what_lies_behind_it_does() -> None:
    text = (
        f"MediaIn1 = MediaIn {{ }}, A = Blur {{ Inputs = {{ Input = {wire('MediaIn1')}, EffectMask = {wire('M1', 'Mask')} }} }},"
        f"B = Blur {{ PassThrough = true, Inputs = {{ Input = {wire('A')}, EffectMask = {wire('M2', 'Mask')} }} }},"
        f"MediaOut1 = MediaOut {{ Inputs = {{ Input = {wire('B')} }} }}, M1 = EllipseMask {{ }}, M2 = EllipseMask {{ }}"
    )
    assert chosen(text) == ("M1", Why.IN_FORCE)


def test_a_switched_off_mask_hands_over_to_the_one_below() -> None:
    text = PATH.replace("Polygon1 = PolylineMask { }",
                        f"Polygon1 = PolylineMask {{ PassThrough = true, Inputs = {{ EffectMask = {wire('E', 'Mask')} }} }},"
                        " E = EllipseMask { }")  # fmt: skip
    assert chosen(text) == ("E", Why.IN_FORCE)


def test_only_the_first_media_out_counts() -> None:
    text = (
        f"{PATH}, MediaOut2 = MediaOut {{ Inputs = {{ Input = {wire('C')} }} }},"
        f"C = Blur {{ Inputs = {{ EffectMask = {wire('M2', 'Mask')} }} }}, M2 = EllipseMask {{ }}"
    )
    assert chosen(text) == ("Polygon1", Why.IN_FORCE)


def test_a_matte_of_an_unknown_kind_is_chosen_and_then_named() -> None:
    comp = tools("Odd = SomeNewMask { }")
    found = choose(comp, "Odd")
    assert isinstance(found, Chosen)
    verdict = evaluate(comp, found.mask.tool, times=(0,), width=16, height=9)
    assert isinstance(verdict, NotAnalytic)
    assert "SomeNewMask" in verdict.sentence


def test_a_matte_of_an_unknown_kind_on_the_way_out_is_not_overlooked() -> None:
    text = PATH.replace("Polygon1 = PolylineMask { }", "Polygon1 = Fuse.NewMatte { }")
    assert chosen(f"{text}, Loose = EllipseMask {{ }}") == ("Polygon1", Why.IN_FORCE)
    assert chosen(text, "Blur1") == ("Polygon1", Why.MASKS_PICKED)
    assert chosen(text, "Polygon1") == ("Polygon1", Why.PICKED)
    assert isinstance(choose(tools(text), "MediaIn1"), NoMask)


def test_the_same_name_in_two_groups_is_told_apart() -> None:
    found = choose(load(CORPUS / "groups_instances.setting"))
    assert isinstance(found, Chosen)
    assert found.mask.tool == "Look/Ellipse1"


def test_circles_of_wires_end() -> None:
    text = (f"A = Merge {{ Inputs = {{ Background = {wire('B')} }} }}, B = Merge {{ Inputs = {{ Background = {wire('A')} }} }},"
            f"MediaOut1 = MediaOut {{ Inputs = {{ Input = {wire('A')} }} }}")  # fmt: skip
    assert isinstance(choose(tools(text)), NoMask)
