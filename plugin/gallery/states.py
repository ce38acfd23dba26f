"""Every state of the panel by a name: how to bring it about, and what is photographed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine.protocol import MatteDone
from flowanchor_engine.request import MatteShape
from plugin.gallery import mock
from plugin.gallery.scene import FRAMES
from plugin.gallery.windows import first_run, settings, window
from plugin.state.errors import BUTTONS, message_of
from plugin.state.links import EngineState, HostState
from plugin.state.messages import Button
from plugin.state.takes import UnderWay
from plugin.state.viewer import PreviewPicture
from plugin.ui.desk import MatteOffer

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from flowanchor_engine.protocol.proxies import WordMap
    from plugin.gallery.stage import Stage

__all__ = ["ERRORS", "STATES", "State"]

TALL: Final = 1360
SHORT: Final = 900

# What panel.md's table of errors names, with the engine's own sentence for it.
ERRORS: Final = {
    "vram": "Not enough graphics memory (needed 11.8, had 9.6 GB).",
    "vram_busy": "Resolve is using 7 GB of this card.",
    "ram": "The computer ran out of memory.",
    "driver": "The graphics driver stopped. The engine has been restarted.",
    "engine_died": "The engine stopped twice on this shot.",
    "disk": "2.1 GB free, 4 GB needed on D:.",
    "host_lost": "Resolve closed. The take is saved and can be placed later.",
    "host_changed": "The shot moved since you started.",
    "place_unconfirmed": "Resolve did not confirm the placement.",
    "matte_mismatch": "The matte has 80 frames, the shot 81.",
    "words": "“windbreaker” cannot be found in the wanted text.",
    "model_damaged": "One model file is damaged.",
    "net": "No connection to the download server.",
    "version": "Panel 0.5 and engine 0.4 do not match.",
}


@dataclass(frozen=True)
class State:
    """One picture.

    Parameters
    ----------
    bring : callable
        Brings a stage about and returns the widget that is photographed.
    size : (int, int) or None
        Of the widget, in points; None: as it wishes.
    parts : dict
        For `Stage`: without a shot, a matte or words.
    """

    name: str
    bring: Callable[[Stage], QWidget]
    size: tuple[int, int] | None = (420, SHORT)
    parts: dict[str, bool] = field(default_factory=dict)


# ---- states of work ------------------------------------------------------------------------


def _ready(stage: Stage) -> QWidget:
    stage.model.viewer.mode.set("before")
    stage.model.viewer.go(30)
    return stage.panel


def _queue(stage: Stage) -> None:
    model = stage.model
    for seed in (4217, 4218, 4219):
        model.seed.set(seed)
        model.seed_locked.set(True)
        model.submit()
    first = model.queue.jobs[0].id
    model.queue.start(first)
    model.queue.progress(first, "edit", 12, 23, 130)
    model.engine.set(mock.ready_engine(phase="busy"))


def _running(stage: Stage) -> QWidget:
    model = stage.model
    _queue(stage)
    path = mock.write_picture(mock.SCENE.rough(30, 0.6), stage.folder / "preview.png")
    model.viewer.go(30)
    model.viewer.mode.set("after")
    model.viewer.preview.set(PreviewPicture(model.queue.jobs[0].id, path, 30, 12, 23))
    return stage.panel


def _result(mode: Any) -> Callable[[Stage], QWidget]:
    def bring(stage: Stage) -> QWidget:
        stage.takes(3)
        model = stage.model
        model.takes.select("take-1")
        model.viewer.show_takes("take-1")
        model.viewer.mode.set(mode)
        model.viewer.go(38)
        return stage.panel

    return bring


def _two_takes(stage: Stage) -> QWidget:
    bring = _result("side")(stage)
    stage.model.takes.select("take-2", also=True)
    stage.model.viewer.show_takes("take-1", "take-2")
    return bring


def _matte_overlay(stage: Stage) -> QWidget:
    widget = _result("after")(stage)
    stage.model.viewer.overlay.set(True)
    return widget


def _words_overlay(stage: Stage) -> QWidget:
    widget = _result("after")(stage)
    header = mock.SceneMaps().header
    stage.model.prompts.show_attention(header.words)
    texts = [chip.text for chip in stage.model.prompts.chips]
    stage.book.chips.set(stage.model.prompts.chips.value)
    stage.model.viewer.words_overlay.set(texts.index("leather"))
    return widget


def _word_little(stage: Stage) -> QWidget:
    widget = _result("wipe")(stage)
    weak: list[WordMap] = []
    for word in mock.SceneMaps().header.words:
        share = 0.02 if word.text == "leather" else word.share
        weak.append(word.model_copy(update={"share": share}))
    stage.model.prompts.show_attention(weak)
    return widget


def _takes(stage: Stage) -> QWidget:
    _result("wipe")(stage)
    stage.takes(3, test=True)
    _queue(stage)
    stage.model.takes.select("take-1")
    stage.model.messages.say("say.take.test_not_placed", tone="warn", buttons=(), about="take-test")
    return stage.panel


def _placing(stage: Stage) -> QWidget:
    """Place a take; meanwhile the next one is ready, and offers the same."""
    _result("wipe")(stage)
    takes = stage.model.takes
    takes.under_way.set(UnderWay("take-1", "place"))
    stage.model.messages.say(
        "say.take.ready",
        tone="done",
        buttons=(Button("place", "button.place", "take-3"),),
        about="take-3",
        number=3,
        title=mock.WANTED,
    )
    return stage.panel


def _asked_again(stage: Stage) -> QWidget:
    """Ask once more for the edit that waits."""
    panel = stage.panel
    _queue(stage)
    stage.model.submit()
    return panel


def _queue_states(stage: Stage) -> QWidget:
    model = stage.model
    _queue(stage)
    queue = model.queue
    queue.fail(queue.jobs[0].id, "vram", ERRORS["vram"], ("save_memory", "set_range"), "CUDA error")
    queue.cancel(queue.jobs[1].id)
    third = queue.jobs[2].id
    queue.start(third)
    queue.progress(third, "load", 3, 8, None)
    model.seed_locked.set(False)
    model.submit()
    queue.pause()
    return stage.panel


def _stopping(stage: Stage) -> QWidget:
    _queue(stage)
    queue = stage.model.queue
    queue.cancel(queue.jobs[0].id)
    row = stage.panel.queue.jobs_rows()[0]
    row.force.show()
    return stage.panel


def _drawn(stage: Stage) -> QWidget:
    model = stage.model
    box = MatteShape(kind="box", frame=30, points=((0.34, 0.36), (0.5, 0.72)))
    model.matte.clear()
    model.matte.draw(box)
    model.matte.track.set(True)
    drift = tuple(min(1.0, abs(i - 30) / 60) ** 1.6 * 1.4 for i in range(FRAMES))
    shares = tuple(0.07 for _ in range(FRAMES))
    model.matte.take(MatteDone(job="m", seq=2, path="/cache/m", coverage=shares, drift=drift))
    stage.book.shapes.set((box,))
    model.viewer.go(30)
    model.viewer.overlay.set(True)
    model.viewer.mode.set("before")
    return stage.panel


def _tracking(stage: Stage) -> QWidget:
    widget = _drawn(stage)
    stage.model.matte.drift.set(())
    stage.desk.matte_progress.set((34, FRAMES))
    return widget


def _matte_menu(stage: Stage) -> QWidget:
    stage.desk.matte_offers.set(
        (MatteOffer("Polygon1"), MatteOffer("Ellipse2"), MatteOffer("MagicMask1", usable=False))
    )
    stage.panel.matte.fill_menu()
    return stage.panel.matte.menu


def _expert(stage: Stage) -> QWidget:
    stage.panel.how.expert.set_value(True)
    stage.model.strengths.where.set(70)
    stage.model.strengths.strength.set(85)
    stage.model.strengths.preserve.set(90)
    return stage.panel


def _long(stage: Stage) -> QWidget:
    stage.model.open_shot(mock.shot(id="long", frames=193, timecode_out="01:02:19:05"))
    mock.fill_matte(stage.model)
    return stage.panel


# ---- empty states --------------------------------------------------------------------------


def _host(kind: Any) -> Callable[[Stage], QWidget]:
    def bring(stage: Stage) -> QWidget:
        stage.model.host.set(HostState(kind))
        return stage.panel

    return bring


def _kind(**changes: Any) -> Callable[[Stage], QWidget]:
    def bring(stage: Stage) -> QWidget:
        stage.model.open_shot(mock.shot(id="other", **changes))
        return stage.panel

    return bring


def _matte_state(shares: float, empty: int) -> Callable[[Stage], QWidget]:
    def bring(stage: Stage) -> QWidget:
        coverage = tuple(0.0 if i < empty else shares for i in range(FRAMES))
        frames = tuple(range(empty))
        stage.model.matte.take(
            MatteDone(job="m", seq=3, path="/cache/e", coverage=coverage, empty_frames=frames)
        )
        return stage.panel

    return bring


def _engine(state: EngineState) -> Callable[[Stage], QWidget]:
    def bring(stage: Stage) -> QWidget:
        stage.model.engine.set(state)
        return stage.panel

    return bring


def _error(code: str) -> Callable[[Stage], QWidget]:
    def bring(stage: Stage) -> QWidget:
        panel = stage.panel  # it knows which buttons act
        stage.takes(1)
        _queue(stage)
        queue = stage.model.queue
        sentence = ERRORS[code]
        queue.fail(queue.jobs[0].id, code, sentence, (), "native text")
        stage.model.messages.show(
            message_of(code, sentence, (), "native text", handled=stage.actions.can)
        )
        return panel

    assert code in BUTTONS
    return bring


NO_SHOT: Final = {"with_shot": False}
NO_MATTE: Final = {"with_matte": False, "with_words": False}

STATES: Final[tuple[State, ...]] = (
    State("ready", _ready, (420, TALL)),
    State("running", _running, (420, TALL)),
    State("result-wipe", _result("wipe"), (420, TALL)),
    *(State(f"result-{mode}", _result(mode)) for mode in ("before", "after", "side", "difference")),
    State("result-two-takes", _two_takes),
    State("matte-overlay", _matte_overlay),
    State("words-overlay", _words_overlay),
    State("word-little", _word_little),
    State("takes", _takes, (420, 1560)),
    State("takes-placing", _placing, (420, TALL)),
    State("queue-states", _queue_states, (420, 1500)),
    State("queue-stopping", _stopping, (420, TALL)),
    State("queue-asked-again", _asked_again, (420, TALL)),
    State("matte-drawn", _drawn),
    State("matte-tracking", _tracking),
    State("matte-menu", _matte_menu, None),
    State("expert", _expert, (420, TALL)),
    State("long-clip", _long),
    State("narrow", _result("wipe"), (370, SHORT)),
    State("small-screen", _result("wipe"), (370, 640)),
    *(
        State(f"empty-host-{kind}", _host(kind), (420, SHORT), NO_SHOT)
        for kind in ("closed", "no_link", "silent", "restarted", "old", "none", "ready")
    ),
    State("empty-clip-kind", _kind(kind="title")),
    State("empty-retimed", _kind(retimed=True)),
    State("empty-short", _kind(frames=3)),
    State("empty-no-matte", _ready, (420, SHORT), NO_MATTE),
    State("empty-no-matte-file", _kind(how="file", track="")),
    State("empty-matte-empty", _matte_state(0.0, FRAMES)),
    State("empty-matte-partly", _matte_state(0.05, 12)),
    State("empty-matte-full", _matte_state(1.0, 0)),
    State("empty-no-engine", _engine(EngineState("no_engine")), (420, SHORT), NO_SHOT),
    State("engine-mismatch", _engine(EngineState("mismatch", code="version"))),
    State("engine-crashed", _engine(EngineState("crashed", code="driver"))),
    *(State(f"error-{code}", _error(code), (420, TALL)) for code in ERRORS),
    *(
        State(f"first-{step}", first_run(step), (420, 760))
        for step in ("hello", "check", "choose", "get", "try", "done")
    ),
    *(
        State(f"settings-{page}", settings(page), None)
        for page in ("look", "folders", "models", "engine", "keys", "check")
    ),
    State("report", window("report"), None),
    State("about", window("about"), None),
    State("log", window("log"), None),
    State("details", window("details"), None),
    State("help", window("help"), None),
    State("help-mattes", window("help", "mattes"), None),
)
