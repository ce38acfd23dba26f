"""The request decides pixels: it survives storage, refuses what it does not know."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.errors import RequestError
from flowanchor_engine.request import (
    Delivery,
    EditRequest,
    MatteShape,
    MatteSpec,
    MethodSettings,
    Prompts,
    Sliders,
    SourceSpec,
    Span,
    Working,
    upgrade,
)

BOX = {"kind": "box", "points": [[0, 0], [1, 1]]}

finite = st.floats(0, 1, allow_nan=False)
requests = st.builds(
    EditRequest,
    source=st.builds(
        SourceSpec,
        path=st.text(min_size=1, max_size=20),
        start=st.integers(0, 10**6),
        frames=st.none() | st.integers(1, 10**6),
        rate=st.none() | st.fractions(min_value=1, max_value=240, max_denominator=1001),
    ),
    matte=st.none()
    | st.builds(MatteSpec, path=st.just("matte.mov"), invert=st.booleans())
    | st.builds(
        MatteSpec,
        shapes=st.lists(
            st.builds(
                MatteShape,
                kind=st.just("box"),
                frame=st.integers(0, 99),
                points=st.tuples(st.tuples(finite, finite), st.tuples(finite, finite)),
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    prompts=st.builds(
        Prompts,
        now=st.text(max_size=30),
        wanted=st.text(max_size=30),
        drive=st.lists(st.integers(0, 20).map(lambda i: Span(start=i, stop=i + 3)), max_size=2).map(
            tuple
        ),
    ),
    method=st.builds(
        MethodSettings,
        beta1=finite,
        tau=finite,
        gamma=st.floats(0, 10),
        steps=st.integers(1, 200),
        noise=st.sampled_from(["fresh", "shared", "annealed"]),
    ),
    working=st.builds(Working, crop=st.sampled_from(["full", "fast", "zoom"])),
    delivery=st.builds(Delivery, kind=st.sampled_from(["patch", "frame", "take"])),
    seed=st.integers(0, 2**63 - 1),
)


@given(requests)
def test_a_request_survives_json(request: EditRequest) -> None:
    assert EditRequest.load(json.loads(json.dumps(request.dump()))) == request


@given(requests)
def test_comments_never_decide_pixels(request: EditRequest) -> None:
    commented = request.model_copy(update={"comment": {"where": 62}})
    stages = ("text", "latents", "source", "result")
    assert [request.key(s) for s in stages] == [commented.key(s) for s in stages]


def base(**method: object) -> EditRequest:
    return EditRequest.faithful(
        source=SourceSpec(path="a.mov", rate=Fraction(24000, 1001)),
        matte=MatteSpec(path="m.png"),
        prompts=Prompts(now="a red ball", wanted="a blue ball"),
    ).model_copy(update={"method": MethodSettings(**method)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"guidance_source": 1.0},
        {"guidance_target": 3.0},
        {"beta1": 0.1},
        {"beta2": 0.1},
        {"tau": 0.4},
        {"gamma": 0.0},
        {"amm_map": "abs"},
        {"sar": False},
        {"skip_share": 0.3},
    ],
)
def test_what_the_source_side_does_not_see_keeps_its_key(change: dict[str, object]) -> None:
    assert base(**change).key("source") == base().key("source")
    assert base(**change).key("result") != base().key("result")


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 12},
        {"shift": 3.0},
        {"negative_prompt": ""},
        {"noise": "shared"},
        {"noise_rho": 0.1},
        {"noise_averages": 2},
        {"source_level": "previous"},
        {"int_timesteps": True},
    ],
)
def test_what_the_source_side_sees_changes_its_key(change: dict[str, object]) -> None:
    assert base(**change).key("source") != base().key("source")


def test_matte_moves_the_source_key_only_when_it_places_the_crop() -> None:
    def with_matte(crop: str, path: str) -> str:
        request = base().model_copy(
            update={"working": Working(crop=crop), "matte": MatteSpec(path=path)}  # type: ignore[arg-type]
        )
        return request.key("source")

    assert with_matte("full", "a.png") == with_matte("full", "b.png")
    assert with_matte("zoom", "a.png") != with_matte("zoom", "b.png")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unknown": 1}, "unknown"),
        ({"seed": -1}, "seed"),
        ({"method": {"beta1": 1.5}}, "beta1"),
        ({"method": {"tau": float("nan")}}, "tau"),
        ({"source": {"path": "a", "rate": 23.976}}, "rate"),
        ({"matte": {}}, "matte"),
        (
            {"matte": {"path": "m", "shapes": [{"kind": "box", "points": [[0, 0], [1, 1]]}]}},
            "matte",
        ),
        ({"matte": {"shapes": [{"kind": "lasso", "points": [[0, 0], [1, 1]]}]}}, "lasso"),
        ({"schema": "flowanchor.EditRequest.9"}, "newer"),
        ({"schema": "somebody.Else.1"}, "not a FlowAnchor request"),
    ],
)
def test_a_wrong_request_is_one_coded_sentence(change: dict[str, object], words: str) -> None:
    data = {**base().dump(), **change}
    with pytest.raises(RequestError) as caught:
        EditRequest.load(data)
    assert caught.value.code == "request"
    assert words in caught.value.user_message
    assert caught.value.user_message.endswith(".")


@pytest.mark.parametrize("text", ["", "not json", "[1, 2]", '{"a": '])
def test_a_wrong_file_is_one_coded_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "request.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RequestError) as caught:
        EditRequest.load_file(path)
    assert "request" in caught.value.user_message
    with pytest.raises(RequestError):
        EditRequest.load_file(tmp_path / "missing.json")


def test_the_stored_first_version_still_loads() -> None:
    stored = json.loads((Path(__file__).parent / "request-1.json").read_text(encoding="utf-8"))
    request = EditRequest.load(stored)
    assert request.dump() == stored
    assert upgrade(stored) == stored
    assert request.source.rate == Fraction(24000, 1001)


def test_sliders_at_the_middle_are_the_published_numbers() -> None:
    assert Sliders().numbers() == MethodSettings()
    other = MethodSettings(guidance_target=3, gamma=0.2, beta1=0.2)
    assert Sliders().numbers(other) == other


@pytest.mark.parametrize(
    ("sliders", "expected"),
    [
        (Sliders(where=0), {"beta1": 0.05, "beta2": 0.05, "tau": 0.9}),
        (Sliders(where=100), {"beta1": 0.70, "beta2": 0.80, "tau": 0.3}),
        (Sliders(strength=0), {"gamma": 0.25, "guidance_target": 6}),
        (Sliders(strength=100), {"gamma": 2.0, "guidance_target": 14}),
        (Sliders(preserve=0), {"skip_share": 0.0}),
        (Sliders(preserve=100), {"skip_share": 0.40}),
    ],
)
def test_slider_ends(sliders: Sliders, expected: dict[str, float]) -> None:
    numbers = sliders.numbers()
    for name, value in expected.items():
        assert getattr(numbers, name) == pytest.approx(value, abs=1e-12)


@given(st.floats(0, 100), st.floats(0, 100))
def test_sliders_move_one_way(low: float, high: float) -> None:
    low, high = sorted((low, high))
    a, b = (Sliders(where=x, strength=x, preserve=x).numbers() for x in (low, high))
    assert a.beta1 <= b.beta1 + 1e-12
    assert a.beta2 <= b.beta2 + 1e-12
    assert a.tau + 1e-12 >= b.tau
    assert a.gamma <= b.gamma + 1e-12
    assert a.guidance_target <= b.guidance_target + 1e-12
    assert a.skip_share <= b.skip_share + 1e-12


def test_a_negative_zero_is_the_same_request() -> None:
    def made(grow_px: float) -> EditRequest:
        return EditRequest(
            source=SourceSpec(path="a.mov"),
            matte=MatteSpec(path="m.mov", grow_px=grow_px),
            prompts=Prompts(now="a", wanted="b"),
        )

    assert made(-0.0) == made(0.0)
    assert made(-0.0).key("result") == made(0.0).key("result")
    assert made(-0.5).key("result") != made(0.5).key("result")


@pytest.mark.parametrize(
    "rate", ["0/1", "-24/1", "1/0", "1e9999999999", "9" * 30, "1/" + "9" * 15, "x", "", True, 0]
)
def test_a_rate_that_no_file_can_have_is_refused(rate: object) -> None:
    data = EditRequest(source=SourceSpec(path="a"), prompts=Prompts(now="", wanted="b")).dump()
    data["source"]["rate"] = rate
    with pytest.raises(RequestError, match=r"source\.rate"):
        EditRequest.load(data)


@pytest.mark.parametrize("rate", ["24000/1001", "25", 25, "23.976"])
def test_a_rate_may_be_written_in_these_ways(rate: object) -> None:
    data = EditRequest(source=SourceSpec(path="a"), prompts=Prompts(now="", wanted="b")).dump()
    data["source"]["rate"] = rate
    assert EditRequest.load(data).source.rate == Fraction(rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["²", "9" * 5000, "0", "01", "-1", "1.", ""])
def test_a_label_with_an_odd_number_is_foreign(number: str) -> None:
    with pytest.raises(RequestError, match=r"schema label|newer FlowAnchor"):
        upgrade({"schema": f"flowanchor.EditRequest.{number}"})


def test_a_comment_that_no_recipe_could_hold_is_refused() -> None:
    data = EditRequest(source=SourceSpec(path="a"), prompts=Prompts(now="", wanted="b")).dump()
    for depth, fits in ((20, True), (40, False), (900, False)):
        inner: object = 1
        for _ in range(depth):
            inner = [inner] if depth % 40 else {"a": inner}
        data["comment"] = {"a": inner}
        if fits:
            assert EditRequest.load(data).dump()["comment"] == data["comment"]
        else:
            with pytest.raises(RequestError, match="deep"):
                EditRequest.load(data)
