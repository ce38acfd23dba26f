"""Shot, matte, viewer, messages, and what is said when something is missing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.method.windows import plan_windows
from flowanchor_engine.protocol import ClipFacts, MatteDone
from flowanchor_engine.request import MatteShape, MatteSpec
from plugin.state.empty import engine_empty, matte_empty, shot_empty, takes_empty
from plugin.state.links import EngineState, HostState
from plugin.state.matte import MatteState
from plugin.state.messages import Message, Messages
from plugin.state.shot import ShotState, ShotView, middle, window_count
from plugin.state.viewer import ViewerState

SHOT = ShotView("item", "A012_C004_0812.mov", "/m/A.mov", 0, 81, Fraction(24), 1920, 1080)
LASSO = MatteShape(kind="box", frame=40, points=((0.1, 0.1), (0.5, 0.5)))


# ---- shot -----------------------------------------------------------------------------------


@given(st.integers(5, 2000), st.sampled_from([9, 33, 41, 81, 121]))
def test_windows_are_counted_as_the_engine_does(frames: int, window: int) -> None:
    size = (window - 1) // 4 + 1
    latents = -(-(frames - 1) // 4) + 1
    if size > 5:
        assert window_count(frames, window) == len(plan_windows(latents, size=size, overlap=5))


def test_193_frames_are_3_windows() -> None:
    assert [window_count(frames) for frames in (1, 81, 82, 193)] == [1, 1, 2, 3]


@given(st.integers(0, 300), st.integers(0, 20))
def test_the_middle_is_in_the_middle(frames: int, count: int) -> None:
    start, stop = middle(frames, count)
    assert stop - start == min(frames, count)
    assert abs(start - (frames - stop)) <= 1


def test_a_shot_is_called_after_its_file() -> None:
    facts = ClipFacts(
        path="/m/ä clip.mov", start=0, frames=24, width=96, height=96, rate="24000/1001"
    )
    view = ShotView("f", "ä clip.mov", facts.path, 0, 24, Fraction(24000, 1001), 96, 96)
    state = ShotState()
    assert state.name == ""
    state.show(view, facts)
    assert state.name == "ä clip"
    assert state.facts.value == facts


# ---- matte ----------------------------------------------------------------------------------


def test_a_matte_file_starts_later_for_a_part() -> None:
    m = MatteState()
    assert m.spec() is None
    m.use_file("/m/Polygon1.mov", "Polygon1", origin="fusion", start=3)
    assert m.spec() == MatteSpec(path="/m/Polygon1.mov", start=3)
    assert m.spec((36, 45)) == MatteSpec(path="/m/Polygon1.mov", start=39)
    m.use_file("/m/clip.mov", origin="alpha")
    assert (m.label.value, m.channel.value) == ("clip.mov", "alpha")


def test_a_drawn_matte_needs_its_key_frame_where_it_is_tracked() -> None:
    m = MatteState()
    m.draw(LASSO)
    assert m.spec((10, 19)) == MatteSpec(shapes=(LASSO.model_copy(update={"frame": 0}),))
    m.track.set(True)
    assert not m.covers((10, 19))
    assert m.covers((36, 45))
    spec = m.spec((36, 45))
    assert spec is not None
    assert [shape.frame for shape in spec.shapes] == [4]
    m.draw(LASSO.model_copy(update={"frame": 60}))
    assert m.key_frames() == (40, 60)
    m.erase(0)
    m.erase(0)
    assert m.origin.value == "none"


def test_a_change_forgets_what_was_measured_and_tells_once() -> None:
    m = MatteState()
    m.use_file("/m/a.mov")
    m.take(
        MatteDone(
            job="m",
            seq=1,
            path="/p",
            coverage=(0.2, 0.0),
            empty_frames=(1,),
            drift=(0.1, 0.9),
        )
    )
    assert (m.problem, m.drifted, m.mean_coverage) == ("partly_empty", (1,), 0.1)
    told: list[None] = []
    m.changed.connect(told.append)
    m.grow_px.set(9)
    assert (len(told), m.problem, m.mean_coverage) == (1, "", None)
    m.use_whole()
    assert len(told) == 2
    m.grow_px.set(999)
    assert m.grow_px.value == 256


def test_a_recipe_brings_its_matte() -> None:
    for spec in (
        MatteSpec(path="/m/a.png", channel="luma", start=2, grow_px=-3, invert=True),
        MatteSpec(shapes=(LASSO,), track=True, feather_px=0, smooth_frames=2),
    ):
        m = MatteState()
        told: list[None] = []
        m.changed.connect(told.append)
        m.apply(spec)
        assert m.spec() == spec
        assert len(told) == 1
    m.apply(None)
    assert (m.origin.value, m.spec()) == ("whole", None)


# ---- viewer ---------------------------------------------------------------------------------


def test_j_k_l() -> None:
    v = ViewerState()
    v.show_shot(81)
    speeds = []
    for _ in range(6):
        v.play(1)
        speeds.append(v.playing.value)
    assert speeds == [1, 2, 4, 8, 8, 8]
    v.play(-1)
    v.play(-1)
    assert v.playing.value == -2
    v.stop()
    assert not v.advance()


@given(st.integers(1, 100), st.lists(st.integers(-200, 200), max_size=20))
def test_the_frame_stays_in_the_shot(frames: int, steps: list[int]) -> None:
    v = ViewerState()
    v.show_shot(frames)
    for step in steps:
        v.step(step)
        assert 0 <= v.frame.value < frames
        v.play(1 if step >= 0 else -1)
        v.advance(abs(step) % 9)
        assert 0 <= v.frame.value < frames


def test_marks_are_the_middle_nine_until_set() -> None:
    v = ViewerState()
    v.show_shot(81)
    assert (v.range.value, v.frame.value, v.range_is_own) == ((36, 45), 36, False)
    v.mark_in(50)
    assert v.range.value == (50, 59)
    v.mark_out(54)
    assert (v.range.value, v.range_is_own) == ((50, 55), True)
    v.mark_out(10)
    assert v.range.value == (2, 11)
    v.mark_in(80)
    assert v.range.value == (80, 81)
    v.reset_range()
    assert v.range.value == (36, 45)
    v.show_shot(4)
    assert v.range.value == (0, 4)


def test_the_edit_is_limited_only_on_purpose() -> None:
    v = ViewerState()
    v.show_shot(81)
    assert v.edit_range.value is None
    v.limit_edit((10, 200))
    assert v.edit_range.value == (10, 81)
    v.limit_edit((0, 81))
    assert v.edit_range.value is None


def test_the_first_take_opens_the_wipe() -> None:
    v = ViewerState()
    v.show_takes("t1")
    assert v.mode.value == "wipe"
    v.mode.set("after")
    v.show_takes("t2", "t1")
    assert (v.mode.value, v.compare.value) == ("after", ("t2", "t1"))


# ---- messages -------------------------------------------------------------------------------


def test_messages_replace_each_other_and_are_remembered() -> None:
    m = Messages()
    m.say("check.no_driving", tone="warn")
    m.show(Message("error.vram", about="job"))
    m.show(Message("error.vram", about="job"))
    assert [each.key for each in m.history] == ["error.vram", "check.no_driving"]
    m.dismiss("other")
    assert m.current.value is not None
    m.dismiss("job")
    assert m.current.value is None


# ---- empty states ---------------------------------------------------------------------------

READY = HostState("ready")


@pytest.mark.parametrize(
    ("host", "key"),
    [
        (HostState("none"), "empty.no_file"),
        (HostState("closed"), "empty.host_closed"),
        (HostState("no_link"), "empty.host_no_link"),
        (HostState("silent"), "empty.host_silent"),
        (HostState("restarted"), "empty.host_restarted"),
        (HostState("old"), "empty.host_old"),
        (READY, "empty.no_clip"),
    ],
)
def test_without_a_shot_the_host_says_what_to_do(host: HostState, key: str) -> None:
    state = shot_empty(None, host)
    assert state is not None
    assert (state.key, state.blocking) == (key, True)
    assert state.actions
    assert shot_empty(SHOT, host) is None  # a shot that is there can be edited all the same


def test_what_is_said_about_the_shot() -> None:
    def key(**more: object) -> tuple[str, bool] | None:
        state = shot_empty(replace(SHOT, **more), READY)  # type: ignore[arg-type]
        return (state.key, state.blocking) if state else None

    assert key() is None
    assert key(kind="title") == ("empty.clip_kind", True)
    assert key(frames=4) == ("empty.short", True)
    assert key(frames=5) is None
    assert key(retimed=True) == ("empty.retimed", False)
    long = shot_empty(replace(SHOT, frames=193), READY)
    assert long is not None
    assert (long.key, dict(long.values)) == ("empty.long", {"frames": 193, "windows": 3})
    limited = shot_empty(SHOT, READY, limited=4)
    assert limited is not None
    assert (limited.key, limited.actions) == ("empty.short", ("whole_shot",))


def test_what_is_said_about_the_matte() -> None:
    m = MatteState()
    assert matte_empty(m, None) is None
    state = matte_empty(m, SHOT)
    assert state is not None
    assert state.key == "empty.no_matte_host"
    state = matte_empty(m, replace(SHOT, how="file"))
    assert state is not None
    assert (state.key, state.blocking) == ("empty.no_matte_file", True)
    m.use_file("/m/a.mov")
    assert matte_empty(m, SHOT) is None
    for coverage, empty, key in (
        ((0.0, 0.0), (0, 1), "empty.matte_empty"),
        ((0.5, 0.0), (1,), "empty.matte_partly"),
        ((1.0, 1.0), (), "empty.matte_full"),
    ):
        m.take(MatteDone(job="m", seq=1, path="/p", coverage=coverage, empty_frames=empty))
        state = matte_empty(m, SHOT)
        assert state is not None
        assert state.key == key
        assert state.blocking == (key == "empty.matte_empty")
    m.use_whole()
    m.take(MatteDone(job="m", seq=1, path="/p", coverage=(1.0,)))
    assert matte_empty(m, SHOT) is None


def test_what_is_said_about_takes_and_engine() -> None:
    assert takes_empty(1) is None
    assert [s.key for s in (takes_empty(0), takes_empty(0, searching=True)) if s] == [
        "empty.no_takes",
        "empty.no_takes_found",
    ]
    assert engine_empty(EngineState("ready")) is None
    for phase, key in (("no_engine", "empty.no_engine"), ("mismatch", "empty.engine_mismatch")):
        state = engine_empty(EngineState(phase))  # type: ignore[arg-type]
        assert state is not None
        assert state.key == key
