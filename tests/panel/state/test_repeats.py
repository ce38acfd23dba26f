"""An equal request is answered by what is there, and only where its files are what they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from flowanchor_engine.protocol import ModelInfo
from plugin.services.store import Store
from plugin.state.job_queue import Job
from plugin.state.links import EngineState, HostState
from plugin.state.repeats import marks_of, read_by
from plugin.state.session import Kind, PanelModel
from plugin.state.shot import ShotView
from plugin.state.takes import Take

CLIP, MATTE = "/m/A.mov", "/m/P.mov"
SHOT = ShotView("item", "A.mov", CLIP, 10, 81, Fraction(24), 1920, 1080)
WAN = ModelInfo(id="demo", name="Demo", family="demo", installed=True, width=96, height=96)


class Bench:
    """A panel whose files and engine the test plays."""

    def __init__(self, store: Store) -> None:
        self.files: dict[str, str] = {CLIP: "c1", MATTE: "m1"}
        self.model = m = PanelModel(store, look=lambda path: self.files.get(path))
        m.models.set([WAN])
        m.engine.set(EngineState("ready"))
        m.host.set(HostState("ready"))
        m.open_shot(SHOT)
        m.matte.use_file(MATTE, "P", origin="fusion")
        m.prompts.now.set("a grey jacket")
        m.prompts.wanted.set("a red jacket")
        m.seed_locked.set(True)
        m.seed.set(5)

    def look(self, path: str) -> str | None:
        return self.files.get(path)

    def begin(self, job: Job) -> None:
        self.model.queue.start(job.id)
        self.model.queue.note_place(
            job.id, number=1, path="", marks=marks_of(self.look, read_by(job.request))
        )

    def end(self, job: Job) -> Take:
        """Let the engine finish a job, as `FileDeliveries` keeps it."""
        known = self.model.queue.get(job.id)
        assert known is not None
        file = f"/takes/{job.id}.mov"
        self.files[file] = "t1"
        marks = {**known.place["marks"], **marks_of(self.look, [file])}
        take = Take(
            id=f"take-{job.id}", job=job.id, number=0, shot_id=job.shot_id, file=file, sha256="",
            request=dict(job.request), request_hash=job.request_hash, kind=job.kind,
            title=job.title, origin={"shot": "", "range": job.place["range"], "marks": marks},
        )  # fmt: skip
        kept = self.model.queue.finish(job.id, take)
        assert kept is not None
        self.model.takes.added(kept)
        return kept

    def make(self, kind: Kind = "edit") -> Take:
        (job,) = self.model.submit(kind)
        self.begin(job)
        return self.end(job)

    @property
    def said(self) -> tuple[str, list[str]]:
        message = self.model.messages.current.value
        assert message is not None
        return message.key, [button.action for button in message.buttons]


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    store = Store(tmp_path / "panel.sqlite")
    yield Bench(store)
    store.close()


def test_an_equal_edit_shows_its_take_and_makes_nothing(bench: Bench) -> None:
    take, model = bench.make(), bench.model
    model.seed.set(6)
    bench.make()
    model.takes.find.set("something else")
    model.seed.set(5)
    assert model.submit() == ()
    assert [job.state for job in model.queue.jobs] == ["done", "done"]
    assert model.takes.selected.value == (take.id,)
    assert take.id in [each.id for each in model.takes.shown], "a search does not hide it"
    assert bench.said == ("say.repeat.take", ["new_seed", "retry_job"])
    message = model.messages.current.value
    assert message is not None
    assert (message.values, message.about) == ({"number": 1}, take.id)


def test_it_is_also_known_after_a_restart_and_without_its_job(bench: Bench) -> None:
    take, model = bench.make(), bench.model
    model.queue.clear_finished()
    model.open_shot(None)
    model.open_shot(SHOT)
    model.matte.use_file(MATTE, "P", origin="fusion")
    model.prompts.now.set("a grey jacket")
    model.prompts.wanted.set("a red jacket")
    assert model.submit() == ()
    assert model.takes.selected.value == (take.id,)


@pytest.mark.parametrize("gone", [CLIP, MATTE, "take"])
@pytest.mark.parametrize("state", [None, "changed"])
def test_a_file_that_changed_or_went_is_worked_on_again(
    bench: Bench, gone: str, state: str | None
) -> None:
    take = bench.make()
    path = take.file if gone == "take" else gone
    if state is None:
        del bench.files[path]
    else:
        bench.files[path] = state
    assert len(bench.model.submit()) == 1
    assert bench.model.messages.current.value is None


def test_a_take_of_an_older_panel_proves_nothing(bench: Bench) -> None:
    take = bench.make()
    bench.model.takes._write(replace(take, origin={"shot": "", "range": [0, 81]}))
    assert len(bench.model.submit()) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.strengths.where.set(70),
        lambda m: m.prompts.wanted.set("a blue jacket"),
        lambda m: m.delivery_kind.set("frame"),
        lambda m: m.matte.grow_px.set(20),
        lambda m: m.seed_locked.set(False),
        lambda m: m.open_shot(replace(SHOT, id="other")),
    ],
)
def test_whatever_decides_pixels_or_place_makes_a_new_one(
    bench: Bench, change: Callable[[PanelModel], object]
) -> None:
    bench.make()
    change(bench.model)
    if bench.model.shot.shot.value.id == "other":  # type: ignore[union-attr]
        bench.model.matte.use_file(MATTE, "P", origin="fusion")
        bench.model.prompts.now.set("a grey jacket")
        bench.model.prompts.wanted.set("a red jacket")
    assert len(bench.model.submit()) == 1


def test_equal_frames_of_a_clip_that_was_trimmed_lie_elsewhere(bench: Bench) -> None:
    model = bench.model
    model.viewer.limit_edit((5, 81))
    bench.make()
    model.viewer.limit_edit(None)
    model.open_shot(replace(SHOT, start=15, frames=76))
    model.matte.start.set(5)
    assert model.request().source.start == 15
    assert len(model.submit()) == 1


def test_a_test_is_no_edit_and_says_what_it_is(bench: Bench) -> None:
    bench.make("test")
    assert bench.model.submit("test") == ()
    assert bench.said == ("say.repeat.test", ["new_seed", "retry_job"])
    assert len(bench.model.submit("edit")) == 1


def test_of_several_takes_only_new_ones_are_made(bench: Bench) -> None:
    bench.make()
    bench.model.takes_wanted.set(4)
    jobs = bench.model.submit()
    assert [job.seed for job in jobs] == [6, 7, 8]
    assert bench.said == ("say.repeat.some", [])
    for job in jobs:
        bench.begin(job)
        bench.end(job)
    assert bench.model.submit() == ()
    assert bench.said == ("say.repeat.takes", ["new_seed"])


def test_what_waits_or_runs_is_pointed_at(bench: Bench) -> None:
    model = bench.model
    (job,) = model.submit()
    for _ in range(2):
        assert model.submit() == ()
        message = model.messages.current.value
        assert message is not None
        assert message.about == job.id
        assert bench.said == ("say.repeat.job", ["new_seed"])
        bench.begin(job)
    bench.files[MATTE] = "drawn anew while it runs"
    assert len(model.submit()) == 1


@pytest.mark.parametrize("end", ["stop", "fail", "stopping"])
def test_what_ended_without_a_take_is_made_again(bench: Bench, end: str) -> None:
    (job,) = bench.model.submit()
    if end == "stop":
        bench.model.queue.cancel(job.id)
    else:
        bench.begin(job)
        if end == "fail":
            bench.model.queue.fail(job.id, "vram")
        else:
            bench.model.queue.cancel(job.id)
    assert len(bench.model.submit()) == 1


def test_the_sentence_goes_with_the_next_press_that_makes_something(bench: Bench) -> None:
    bench.make()
    bench.model.submit()
    bench.model.seed.set(9)
    bench.model.submit()
    assert bench.model.messages.current.value is None
