"""Captions speak only words the tokenizer knows, and differ only where scenes differ."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.demo.captions import VOCABULARY, plain_caption, training_caption
from flowanchor_engine.demo.scenes import EDIT_KINDS, random_counterfactual, sample_scene

SEEDS = st.integers(0, 2**31)


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+|[,.]", text)


@given(seed=SEEDS)
@settings(max_examples=200, deadline=None)
def test_plain_captions_use_the_vocabulary_and_name_every_object(seed: int) -> None:
    scene = sample_scene(seed, frames=1)
    text = plain_caption(scene)
    assert set(words_of(text)) <= set(VOCABULARY)
    for item in scene.objects:
        assert f"{item.colour} " in text
        assert item.shape in text
        assert (item.material in text) == (item.material != "plain")
    assert text.endswith(f"{scene.background.colour} background")


def test_plain_captions_read_naturally() -> None:
    texts = [plain_caption(sample_scene(s, objects=3, frames=1)) for s in range(20)]
    pattern = r"an? [a-z ]+, an? [a-z ]+ and an? [a-z ]+ on an? [a-z ]+ background"
    assert all(re.fullmatch(pattern, text) for text in texts)
    for text in texts:
        for article, word in re.findall(r"\b(an?) ([a-z]+)", text):
            # The words of `on a … background` keep `a`: none of its words starts with a vowel.
            assert article == ("an" if word[0] in "aeiou" else "a")


@given(seed=SEEDS, style=SEEDS)
@settings(max_examples=300, deadline=None)
def test_training_captions_hold_at_most_one_unknown_word(seed: int, style: int) -> None:
    scene = sample_scene(seed, frames=1)
    text = training_caption(scene, np.random.default_rng(style))
    assert sum(word not in VOCABULARY for word in words_of(text)) <= 1


def test_all_caption_styles_occur() -> None:
    texts = [
        training_caption(sample_scene(i, frames=1), np.random.default_rng(i)) for i in range(2000)
    ]
    share_empty = sum(not text for text in texts) / len(texts)
    assert 0.07 < share_empty < 0.13
    for mark in (
        "a video of",
        "to the left of",
        "to the right of",
        "above",
        "below",
        "on the left",
        "in the center",
        "at the top",
        "at the bottom",
        ", ",
        "noisy",
        "gradient",
    ):
        assert any(mark in text for text in texts), mark
    assert 0.1 < sum(text.endswith(".") for text in texts) / len(texts) < 0.2
    assert 0.2 < sum("background" not in text for text in texts if text) / len(texts) < 0.4


@given(seed=SEEDS, style=SEEDS, kind=st.sampled_from(EDIT_KINDS))
@settings(max_examples=200, deadline=None)
def test_a_pair_in_one_style_differs_in_its_attribute_alone(
    seed: int, style: int, kind: str
) -> None:
    scene = sample_scene(seed, frames=1)
    truth, index = random_counterfactual(scene, kind, np.random.default_rng(seed))
    first = training_caption(scene, np.random.default_rng(style))
    second = training_caption(truth, np.random.default_rng(style))
    old, new = scene.objects[index], truth.objects[index]
    values = {
        "colour": {old.colour, new.colour, "a", "an"},
        "shape": {old.shape, new.shape, "a", "an"},
        "material": {old.material, new.material},
        "background": {scene.background.colour, truth.background.colour},
    }[kind]
    # A dropped colour lets the next word decide between `a` and `an`.
    assert set(words_of(first)) ^ set(words_of(second)) <= values | {"a", "an"}


@given(seed=SEEDS, style=SEEDS)
@settings(max_examples=100, deadline=None)
def test_positions_in_captions_are_true(seed: int, style: int) -> None:
    scene = sample_scene(seed, objects=2, same_shape=False, frames=5)
    text = training_caption(scene, np.random.default_rng(style), empty=0)
    place = {item.shape: item.mean_position for item in scene.objects}
    found = re.search(
        r"(\w+) (?:to the (left|right) of|(above|below)) (?:\w+ )*?(\w+)(?:[ .]|$)", text
    )
    if not found or found[1] not in place:
        return
    other = next(s for s in place if s != found[1])
    (x0, y0), (x1, y1) = place[found[1]], place[other]
    truth = {"left": x0 < x1, "right": x0 > x1, "above": y0 < y1, "below": y0 > y1}
    assert truth[found[2] or found[3]]
