"""The request is made of everything that stands in the panel, and says why it cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine.protocol import Estimated, MatteDone, ModelInfo, WordsReply
from flowanchor_engine.request import (
    Delivery,
    EditRequest,
    MatteShape,
    MatteSpec,
    MethodSettings,
    ModelSpec,
    SourceSpec,
    Span,
    Working,
)
from plugin.services.store import Store
from plugin.state.job_queue import JobQueue
from plugin.state.links import EngineState, HostState
from plugin.state.prompts import Question
from plugin.state.recipes import build_request
from plugin.state.session import SEEDS, NotReadyError, PanelModel
from plugin.state.shot import ShotView
from tests.panel.store import records

SHOT = ShotView("item", "A012_C004_0812.mov", "/m/A.mov", 10, 81, Fraction(24), 1920, 1080)
NOW = "a man in a grey jacket"
WANTED = "a man in a red leather jacket"
WAN = ModelInfo(
    id="wan2.1-1.3b",
    name="Wan2.1 T2V 1.3B",
    family="wan2.1-t2v",
    installed=True,
    width=832,
    height=480,
    window_frames=81,
)
DEMO = ModelInfo(
    id="demo",
    name="Embedded demo model",
    family="wan2.1-t2v",
    installed=True,
    width=96,
    height=96,
    window_frames=33,
    method={"shift": 3.0, "guidance_source": 1.0, "guidance_target": 2.0, "from_2031": 1},
)


def model_on(store: Store, seed: int = 7) -> PanelModel:
    seeds = iter(range(seed, SEEDS))
    m = PanelModel(store, now=lambda: 1_700_000_000.0, random_seed=lambda: next(seeds))
    m.models.set([WAN, DEMO])
    m.model_id.set(WAN.id)
    m.engine.set(EngineState("ready"))
    m.host.set(HostState("ready"))
    return m


@pytest.fixture
def model(store: Store) -> PanelModel:
    m = model_on(store)
    m.open_shot(SHOT)
    m.matte.use_file("/m/Polygon1.mov", "Polygon1", origin="fusion")
    m.prompts.now.set(NOW)
    m.prompts.wanted.set(WANTED)
    assert m.can_run.value
    return m


def test_the_edit_is_the_whole_shot_by_the_reference(model: PanelModel) -> None:
    request = model.request()
    assert request.method == MethodSettings()
    assert request.source == SourceSpec(path="/m/A.mov", start=10, frames=81)
    assert request.matte == MatteSpec(path="/m/Polygon1.mov")
    assert request.delivery.kind == "patch"
    assert (request.working.width, request.working.height) == (None, None)
    assert request.comment["title"] == "red leather jacket"
    assert request.comment["shot"] == "A012_C004_0812"
    assert request.comment["sliders"]["where"] == 50.0
    assert EditRequest.load(request.dump()) == request


def test_the_test_is_nine_frames_draft_and_half_size(model: PanelModel) -> None:
    request = model.request("test")
    assert request.source == SourceSpec(path="/m/A.mov", start=46, frames=9)
    assert request.matte == MatteSpec(path="/m/Polygon1.mov", start=36)
    assert request.method == MethodSettings(steps=12)
    assert (request.working.width, request.working.height) == (416, 240)
    assert request.delivery.kind == "frame"
    assert request.seed == model.request().seed


@pytest.mark.parametrize(
    ("family", "size", "half"),
    [
        ("wan2.2-ti2v", (832, 480), (416, 256)),
        ("wan2.1-t2v", (96, 96), (48, 48)),
        ("wan2.1-t2v", (16, 16), (16, 16)),
    ],
)
def test_half_the_size_fits_the_models_tokens(
    model: PanelModel, family: str, size: tuple[int, int], half: tuple[int, int]
) -> None:
    info = {"family": family, "width": size[0], "height": size[1]}
    model.models.set([WAN.model_copy(update=info)])
    working = model.request("test").working
    assert (working.width, working.height) == half


def test_a_set_range_limits_the_edit_and_holds_the_test(model: PanelModel) -> None:
    model.viewer.mark_in(20)
    model.viewer.mark_out(49)
    assert model.request().source.frames == 81
    model.edit_marked()
    assert model.request().source == SourceSpec(path="/m/A.mov", start=30, frames=30)
    assert model.request().matte == MatteSpec(path="/m/Polygon1.mov", start=20)
    model.viewer.limit_edit(None)
    assert model.request().source.frames == 81


def test_images_get_the_timelines_rate(model: PanelModel) -> None:
    model.open_shot(replace(SHOT, rate=Fraction(24000, 1001), rate_given=True))
    assert model.request().source.rate == Fraction(24000, 1001)


def test_marked_words_go_along(model: PanelModel) -> None:
    model.prompts.mark_at(WANTED.index("man"))
    assert model.request().prompts.drive == (Span(start=2, stop=5),)


def test_unlinked_numbers_go_along(model: PanelModel) -> None:
    model.strengths.beta1.value.set(0.5)
    assert model.request().method == MethodSettings(beta1=0.5)


# ---- seeds and jobs -------------------------------------------------------------------------


def test_takes_get_seeds_in_a_row_and_new_ones_each_time(model: PanelModel) -> None:
    model.takes_wanted.set(4)
    first = [job.seed for job in model.submit()]
    assert first == list(range(first[0], first[0] + 4))
    assert model.seed.value == first[0]
    assert model.submit()[0].seed != first[0]
    model.seed_locked.set(True)
    model.seed.set(SEEDS - 1)
    assert [job.seed for job in model.submit()] == [SEEDS - 1, 0, 1, 2]
    assert [job.seed for job in model.submit("test")] == [SEEDS - 1]


def test_looking_at_a_request_draws_no_seed(model: PanelModel) -> None:
    assert model.request() == model.request()
    before = model.seed.value
    model.dice()
    assert model.seed.value != before


def test_a_job_carries_title_hash_and_place_and_survives(model: PanelModel, store: Store) -> None:
    model.estimate.set(
        Estimated(id=1, forwards=91, forwards_cached=45, s_per_forward=4, total_s=364)
    )
    (job,) = model.submit()
    request = EditRequest.load(job.request)
    assert job.request_hash == request.key("result")
    assert (job.title, job.shot_id, job.estimate_s) == ("red leather jacket", "item", 364)
    assert (job.place["shot"], job.place["range"]) == ("", [0, 81])
    assert model.prompts.history.value == (WANTED,)
    assert model.file_name(job, 3) == "A012_C004_0812 - red leather jacket - t3.mov"
    again = JobQueue(store)
    again.restore()
    assert again.jobs[0] == job
    copy = model.queue.duplicate(job.id)
    assert copy is not None
    assert EditRequest.load(copy.request) == request.model_copy(update={"seed": request.seed + 1})
    assert copy.request_hash == EditRequest.load(copy.request).key("result")


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("auto", ".mov"), ("h264", ".mp4"), ("png16", ""), ("exr", ""), ("dnxhr", ".mov")],
)
def test_the_name_fits_the_codec(model: PanelModel, codec: Any, suffix: str) -> None:
    model.codec.set(codec)
    (job,) = model.submit()
    assert model.file_name(job, 1).endswith(f"t1{suffix}")


# ---- why not --------------------------------------------------------------------------------


def test_every_missing_thing_is_named_in_order(store: Store) -> None:
    m = model_on(store)
    m.engine.set(EngineState("no_engine"))
    seen = [m.why_not.value]

    def then(step: Any) -> None:
        step()
        seen.append(m.why_not.value)
        assert m.can_run.value == (not m.why_not.value)
        if m.why_not.value:
            with pytest.raises(NotReadyError) as caught:
                m.request()
            assert caught.value.key == m.why_not.value

    then(lambda: m.engine.set(EngineState("ready")))
    then(lambda: m.open_shot(replace(SHOT, frames=4)))
    then(lambda: m.open_shot(replace(SHOT, id="other", kind="title")))
    then(lambda: m.open_shot(SHOT))
    then(lambda: m.matte.use_whole())
    then(lambda: m.prompts.wanted.set(WANTED))
    then(lambda: m.prompts.now.set(WANTED))
    then(lambda: m.prompts.now.set(NOW))
    then(lambda: m.prompts.answer(Question(NOW, WANTED), WordsReply(id=1, code="words")))
    then(lambda: m.prompts.reply.set(None))
    then(lambda: m.prompts.verdict.set(None))
    then(lambda: m.models.set([WAN.model_copy(update={"installed": False})]))
    then(lambda: m.models.set([WAN]))
    then(lambda: m.viewer.limit_edit((3, 7)))
    then(lambda: m.viewer.limit_edit(None))
    then(lambda: m.strengths.skip_share.value.set(0.99))
    then(lambda: m.strengths.reset())
    then(lambda: m.matte.use_file("/m/a.mov"))
    done = MatteDone(job="m", seq=1, path="/p", coverage=(0.0,), empty_frames=(0,))
    then(lambda: m.matte.take(done))
    assert seen == [
        "empty.no_engine",
        "empty.no_clip",
        "empty.short",
        "empty.clip_kind",
        "empty.no_matte_host",
        "check.wanted_empty",
        "",
        "check.words.unchanged",
        "",
        "error.words",
        "error.words",
        "",
        "check.model_missing",
        "",
        "empty.short",
        "",
        "check.all_skipped",
        "",
        "",
        "empty.matte_empty",
    ]


def test_a_test_can_be_too_short_where_the_edit_is_not(model: PanelModel) -> None:
    model.viewer.mark_in(40)
    model.viewer.mark_out(42)
    assert (model.can_run.value, model.can_test.value) == (True, False)
    with pytest.raises(NotReadyError) as caught:
        model.request("test")
    assert caught.value.key == "check.test_short"


def test_the_test_follows_a_drawing_until_a_person_sets_it(model: PanelModel) -> None:
    box = MatteShape(kind="box", frame=70, points=((0.1, 0.1), (0.5, 0.5)))
    model.matte.draw(box)
    model.matte.track.set(True)
    model.matte.draw(box.model_copy(update={"frame": 71}))
    assert model.viewer.range.value == (66, 75)
    request = model.request("test")
    assert request.matte is not None
    assert [shape.frame for shape in request.matte.shapes] == [4, 5]
    model.viewer.mark_in(10)
    model.viewer.mark_out(18)
    assert not model.can_test.value
    with pytest.raises(NotReadyError) as caught:
        model.request("test")
    assert caught.value.key == "check.matte_key_outside"
    model.viewer.centre_range(model.matte.key_frames()[0])
    assert model.can_test.value


def test_tracking_alone_moves_the_untouched_test_too(model: PanelModel) -> None:
    model.matte.draw(MatteShape(kind="box", frame=2, points=((0.1, 0.1), (0.5, 0.5))))
    assert model.viewer.range.value == (36, 45)
    model.matte.track.set(True)
    assert model.can_test.value
    assert model.viewer.range.value == (0, 9)


# ---- models, recipes, time ------------------------------------------------------------------


def test_another_model_is_another_home(model: PanelModel) -> None:
    model.model_id.set("demo")
    assert model.request().method == MethodSettings(
        shift=3.0, guidance_source=1.0, guidance_target=2.0
    )
    assert (model.windows, model.request().model.id) == (4, "demo")


def test_a_take_gives_back_what_is_asked_of_it(model: PanelModel, store: Store) -> None:
    model.strengths.where.set(70)
    model.strengths.gamma.value.set(1.7)
    model.matte.grow_px.set(20)
    model.delivery_kind.set("frame")
    model.prompts.mark_at(WANTED.index("man"))
    (job,) = model.submit()
    made = EditRequest.load(job.request)
    take = records.take(1, shot="item", job=job.id)
    take = replace(take, request=job.request)

    other = model_on(store, 500)
    other.open_shot(SHOT)
    other.matte.use_whole()
    other.apply_take(take, "seed")
    assert (other.seed.value, other.seed_locked.value) == (made.seed, True)
    assert other.prompts.wanted.value == ""
    other.apply_take(take, "prompt")
    assert other.prompts.for_request() == made.prompts
    assert other.request().method == MethodSettings()
    other.apply_take(take, "settings")
    assert other.request().method == made.method
    assert other.strengths.where.value == 70
    assert other.delivery_kind.value == "patch"
    assert other.matte.grow_px.value == 20
    other.apply_take(take, "all")
    assert other.request().key("result") == made.key("result")


def test_a_test_is_no_recipe_for_steps_and_size(model: PanelModel) -> None:
    model.strengths.quality.set("fine")
    made = model.request("test")
    assert made.method.steps == 12
    model.strengths.reset()
    model.apply_request(made, "all")
    assert model.request().method.steps == 40
    assert model.request().source.frames == 81
    assert model.request().working.width is None


def test_the_recipe_of_a_part_brings_its_part_and_matte(model: PanelModel) -> None:
    model.viewer.limit_edit((20, 50))
    made = model.request()
    model.viewer.limit_edit(None)
    model.matte.use_whole()
    model.apply_request(made)
    assert model.viewer.edit_range.value == (20, 50)
    assert model.request().key("result") == made.key("result")


def test_all_of_a_recipe_includes_model_precision_and_size(model: PanelModel) -> None:
    model.model_id.set("demo")
    model.precision.set("fp32")
    model.size.set((64, 64))
    model.crop.set("zoom")
    model.codec.set("prores4444")
    model.keep_original.set(False)
    model.match_edge.set(True)
    made = model.request()
    model.model_id.set(WAN.id)
    model.precision.set("auto")
    model.size.set(None)
    model.codec.set("auto")
    model.apply_request(made, "settings")
    assert model.request().model.id == WAN.id
    model.apply_request(made, "all")
    assert model.request().key("result") == made.key("result")
    model.models.set([WAN])
    model.model_id.set(WAN.id)
    model.apply_request(made, "all")
    assert model.model_id.value == WAN.id  # the recipe's model is not known here


def test_no_field_of_a_recipe_is_forgotten() -> None:
    """A new field of the request has to be built and taken over: say here that it is."""
    fields = {
        kind.__name__: set(kind.model_fields) for kind in (Delivery, Working, ModelSpec, SourceSpec)
    }
    assert fields == {
        "Delivery": {"kind", "codec", "keep_original", "match_edge"},
        # The panel leaves windows to the model.
        "Working": {"crop", "width", "height", "window_latents", "window_overlap"},
        "ModelSpec": {"id", "folder", "revision", "precision"},  # one model by its id
        "SourceSpec": {"path", "start", "frames", "rate", "matrix", "signal_range"},
    }


numbers = st.builds(
    MethodSettings,
    beta1=st.floats(0, 1),
    tau=st.floats(0, 1),
    gamma=st.floats(0, 10),
    steps=st.integers(1, 100),
    skip_share=st.floats(0, 0.9),
    sar=st.booleans(),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(numbers, st.integers(0, SEEDS - 1), st.floats(-256, 256), st.booleans())
def test_any_recipe_comes_back_as_the_same_pixels(
    model: PanelModel, method: MethodSettings, seed: int, grow: float, invert: bool
) -> None:
    # Not `request`: the example before may have skipped every step.
    made = build_request(model, "edit").model_copy(
        update={
            "method": method,
            "seed": seed,
            "matte": MatteSpec(path="/m/x.mov", grow_px=grow, invert=invert),
        }
    )
    model.strengths.where.set(90)
    model.apply_request(EditRequest.load(made.dump()))
    assert build_request(model, "edit").key("result") == made.key("result")


def test_the_outlook(model: PanelModel) -> None:
    assert model.outlook().seconds is None
    told = Estimated(id=1, forwards=91, forwards_cached=45, s_per_forward=4, total_s=200.0)
    model.estimate.set(told)
    assert (model.outlook().seconds, model.outlook().ready_at) == (200.0, None)
    model.takes_wanted.set(4)
    assert model.outlook().ready_at == datetime.fromtimestamp(1_700_000_000 + 800)


def test_every_change_counts_for_a_new_estimate_and_looking_does_not(model: PanelModel) -> None:
    before = model.revision.value
    model.viewer.go(3)
    model.viewer.mode.set("wipe")
    model.request()
    assert model.revision.value == before
    model.strengths.where.set(51)
    model.prompts.wanted.set("a blue coat")
    model.matte.invert.set(True)
    assert model.revision.value == before + 3


def test_another_shot_needs_its_own_matte_and_rereading_keeps_it(model: PanelModel) -> None:
    model.open_shot(SHOT)
    kept = [model.matte.origin.value]
    model.open_shot(replace(SHOT, id="next"))
    assert [*kept, model.matte.origin.value] == ["fusion", "none"]
    assert model.prompts.wanted.value == WANTED
    model.open_shot(None)
    assert model.why_not.value == "empty.no_clip"


def test_the_clips_own_alpha(model: PanelModel) -> None:
    model.use_alpha()
    assert model.request().matte == MatteSpec(path="/m/A.mov", channel="alpha", start=10)


def test_checks_are_gathered(model: PanelModel) -> None:
    model.strengths.strength.set(90)
    model.strengths.preserve.set(90)
    model.prompts.answer(Question(NOW, WANTED), WordsReply(id=1, notes=("long",)))
    done = MatteDone(job="m", seq=1, path="/p", coverage=(0.2,) * 3, drift=(0, 0.2, 0.9))
    model.matte.take(done)
    assert [(c.key, dict(c.values)) for c in model.checks] == [
        ("check.words.long", {}),
        ("check.bold_faithful", {"preserve": 40}),
        ("check.matte_drift", {"frame": 3}),
    ]
    assert model.can_run.value
