"""When previews come and which frame they show: the limits that a panel is promised."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.method import schedule
from flowanchor_engine.method.trajectory import StepReport
from flowanchor_engine.progress import Phase, Rough, Silent, stands_for
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.stepper import Shown, Stepper
from flowanchor_engine.wan.preview import LatentRGB

STEP = schedule.build(MethodSettings()).steps[0]
LATENTS, FRAMES = 6, 19  # the last latent frame stands for two real frames and two repeats


class Ear(Silent):
    """Keeps previews; watches what it is told to."""

    def __init__(self) -> None:
        self.seen: list[Rough] = []
        self.steps: list[int] = []
        self.frame: int | None = None

    def preview(self, rough: Rough) -> None:
        self.seen.append(rough)

    def phase(self, phase: Phase, done: int, total: int) -> None:
        self.steps.append(done)

    def watched(self) -> int | None:
        return self.frame


def report(done: int, latent: torch.Tensor) -> StepReport:
    return StepReport(STEP, done, 99, latent, 0.0, 1.0, 1.0)


class Edit:
    """Steps at given times; latent frame j is of the grey value j."""

    def __init__(self, shown: Shown | None = None) -> None:
        self.ear = Ear()
        self.now = 1000.0
        colours = LatentRGB(torch.full((3, 1), 2 / 255), torch.full((3,), -1.0))
        self.stepper = Stepper(
            self.ear, colours, None, shown or Shown(FRAMES), clock=lambda: self.now
        )
        self.latent = torch.arange(LATENTS).float().view(1, LATENTS, 1, 1).expand(-1, -1, 2, 3)
        self.done = 0

    def step(self, seconds: float) -> None:
        self.now += seconds
        self.done += 1
        self.stepper(report(self.done, self.latent))

    def run(self, lengths: Sequence[float]) -> list[float]:
        """Return when previews came."""
        times = []
        for seconds in lengths:
            before = len(self.ear.seen)
            self.step(seconds)
            times += [self.now] * (len(self.ear.seen) - before)
        return times


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_never_more_than_two_a_second_and_the_first_at_once(lengths: list[float]) -> None:
    edit = Edit()
    times = edit.run(lengths)
    assert edit.ear.seen[0].step == 1
    assert all(after - before >= 0.5 for before, after in pairwise(times))
    assert edit.ear.steps == list(range(1, len(lengths) + 1))


@given(st.lists(st.floats(0.25, 3), min_size=2, max_size=60))
def test_at_least_every_other_step_where_two_a_second_allow_it(lengths: list[float]) -> None:
    edit = Edit()
    edit.run(lengths)
    steps = [rough.step for rough in edit.ear.seen]
    assert all(after - before <= 2 for before, after in pairwise(steps))
    assert edit.done - steps[-1] < 2


def test_slow_steps_are_shown_one_by_one() -> None:
    edit = Edit()
    assert len(edit.run([0.5] * 9)) == 9


def test_the_watched_frame_is_shown_after_the_next_step() -> None:
    edit = Edit()
    wishes = (None, 0, 1, 4, 5, 12, 17, 18, 500)
    for wish in wishes:
        edit.ear.frame = wish
        edit.step(1)
    told = [(rough.frame, rough.start, rough.stop) for rough in edit.ear.seen]
    assert told == [
        *((9, 9, 13), (0, 0, 1), (1, 1, 5), (4, 1, 5), (5, 5, 9), (12, 9, 13)),
        *((17, 17, 19), (18, 17, 19), (18, 17, 19)),
    ]
    greys = [int(rough.picture[0, 0, 0]) for rough in edit.ear.seen]
    assert greys == [3, 0, 1, 1, 2, 3, 5, 5, 5]


def test_a_picture_lies_where_the_model_looked_on_that_frame() -> None:
    edit = Edit(Shown(FRAMES, lambda frame: (frame / 100, 0.0, 0.5 + frame / 100, 1.0)))
    edit.ear.frame = 7
    edit.step(1)
    assert edit.ear.seen[0].share == pytest.approx((0.07, 0.0, 0.57, 1.0))


@given(st.integers(1, 200), st.data())
def test_every_frame_is_shown_by_the_latent_that_holds_it(frames: int, data: st.DataObject) -> None:
    wish = data.draw(st.integers(-5, frames + 5))
    frame, latent, start, stop = stands_for(wish, frames)
    assert frame == min(max(wish, 0), frames - 1)
    assert start <= frame < stop <= frames
    assert latent == (0 if frame == 0 else -(-frame // 4))
    group = {0} if latent == 0 else set(range(4 * latent - 3, 4 * latent + 1))
    assert set(range(start, stop)) == {number for number in group if number < frames}


def test_without_a_map_there_are_no_pictures() -> None:
    ear = Ear()
    Stepper(ear, None, None)(report(1, torch.zeros(1, 2, 1, 1)))
    assert (ear.seen, ear.steps) == ([], [1])


@pytest.mark.parametrize("latents", [1, 2, 7])
def test_the_latent_alone_says_how_many_frames_there_are(latents: int) -> None:
    ear = Ear()
    ear.frame = 10**6
    colours = LatentRGB(torch.zeros(3, 1), torch.zeros(3))
    Stepper(ear, colours, None)(report(1, torch.zeros(1, latents, 1, 1)))
    assert ear.seen[0].frame == 4 * (latents - 1)
