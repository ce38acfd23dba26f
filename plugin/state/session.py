"""Everything that the panel knows, and the request that it makes of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pydantic import ValidationError

from flowanchor_engine.request import (
    EditRequest,
    MethodSettings,
)
from plugin.state.checks import Check, checks
from plugin.state.curves import Strengths
from plugin.state.job_queue import Job, JobQueue, JobStore
from plugin.state.links import EngineState, HostState
from plugin.state.matte import MatteState
from plugin.state.messages import Messages
from plugin.state.naming import take_name, title_of
from plugin.state.observable import Observable, ObservableList
from plugin.state.prompts import Prompts
from plugin.state.readiness import NotReadyError, obstacle
from plugin.state.recipes import SEEDS, Kind, Part, apply_recipe, build_request
from plugin.state.repeats import Look, Repeats, Wish
from plugin.state.shot import FrameRange, ShotState, ShotView, middle, window_count
from plugin.state.takes import Take, Takes, TakeStore
from plugin.state.viewer import TEST_FRAMES, ViewerState

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Estimated, ModelInfo
    from plugin.state.empty import EmptyState

__all__ = [
    "SEEDS",
    "EngineState",
    "HostState",
    "Kind",
    "NotReadyError",
    "Outlook",
    "PanelModel",
    "Part",
]

Crop = Literal["full", "fast", "zoom"]
DeliveryKind = Literal["patch", "frame", "take"]
Codec = Literal["auto", "prores422hq", "prores4444", "dnxhr", "h264", "png16", "exr"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
_SHOW_END_AFTER_S: Final = 600


class PanelStore(JobStore, TakeStore, Protocol):
    """What the panel needs to be kept."""


@dataclass(frozen=True)
class Outlook:
    """How long the whole wish takes: seconds for all takes wanted, None before any measurement.

    Parameters
    ----------
    ready_at : datetime or None
        Local time of the end, said only beyond ten minutes.
    """

    seconds: float | None
    windows: int = 1
    forwards: int = 0
    ready_at: datetime | None = None


class PanelModel:
    """All models of the panel, joined.

    Parameters
    ----------
    store
        Keeps jobs and takes.
    now : callable
        Seconds since 1970.
    random_seed : callable
        Gives a number ``0 <= n < 2**31``.
    look : callable
        Says by what a file is known now (`plugin.state.repeats.Look`).

    Attributes
    ----------
    can_run, can_test : Observable of bool
    why_not : Observable of str
        Locale key (``empty.*``, ``check.*`` or ``error.*``) of what keeps an edit from being
        made, '' if nothing does.
    blocking : Observable of EmptyState or None
        The same with its actions, where it is an empty state.
    estimate : Observable of Estimated or None
        The engine's answer about one edit as it stands.
    """

    def __init__(
        self,
        store: PanelStore,
        *,
        now: Callable[[], float] = time.time,
        random_seed: Callable[[], int] = lambda: random.SystemRandom().randrange(SEEDS),
        look: Look = lambda path: None,
    ) -> None:
        self.shot = ShotState()
        self.matte = MatteState()
        self.prompts = Prompts()
        self.strengths = Strengths()
        self.viewer = ViewerState()
        self.queue = JobQueue(store, now=now)
        self.takes = Takes(store)
        self.messages = Messages()
        self.repeats = Repeats(self.queue, self.takes, self.messages, look)
        self.host: Observable[HostState] = Observable(HostState())
        self.engine: Observable[EngineState] = Observable(EngineState())
        self.models: ObservableList[ModelInfo] = ObservableList()
        self.model_id: Observable[str] = Observable("demo")
        self.precision: Observable[Precision] = Observable("auto")

        self.seed: Observable[int] = Observable(random_seed())
        self.seed_locked: Observable[bool] = Observable(False)
        self.takes_wanted: Observable[int] = Observable(1)
        self.delivery_kind: Observable[DeliveryKind] = Observable("patch")
        self.codec: Observable[Codec] = Observable("auto")
        self.keep_original: Observable[bool] = Observable(True)
        self.match_edge: Observable[bool] = Observable(False)
        self.crop: Observable[Crop] = Observable("full")
        self.size: Observable[tuple[int, int] | None] = Observable(None)  # None: the model's own
        self.save_memory: Observable[bool] = Observable(False)

        self.estimate: Observable[Estimated | None] = Observable(None)
        self.can_run: Observable[bool] = Observable(False)
        self.can_test: Observable[bool] = Observable(False)
        self.why_not: Observable[str] = Observable("")
        self.blocking: Observable[EmptyState | None] = Observable(None)
        self.checks: ObservableList[Check] = ObservableList()
        # Counts every change of what a request would hold: ask for an estimate anew.
        self.revision: Observable[int] = Observable(0)

        self._now = now
        self._random_seed = random_seed
        self._shot_id = ""
        self._watch()
        self._look()

    # ---- the request ------------------------------------------------------------------------

    def part(self, kind: Kind = "edit") -> FrameRange:
        """Return the frames of the shot that would be worked on, half-open.

        Raises
        ------
        NotReadyError
            There is no shot.
        """
        shot = self.the_shot()
        limited = self.viewer.edit_range.value
        if kind == "edit":
            return limited or (0, shot.frames)
        start, stop = self.viewer.range.value
        if stop <= start or stop > shot.frames:
            start, stop = middle(shot.frames, TEST_FRAMES, limited)
        return start, stop

    def the_shot(self) -> ShotView:
        """Return the shot.

        Raises
        ------
        NotReadyError
            There is none.
        """
        shot = self.shot.shot.value
        if shot is None:
            raise NotReadyError("empty.no_clip")
        return shot

    def request(self, kind: Kind = "edit") -> EditRequest:
        """Return the request as everything stands now, with the seed that is shown.

        Raises
        ------
        NotReadyError
            Something is missing; `why_not` says the same.
        """
        if key := obstacle(self, kind)[0]:
            raise NotReadyError(key)
        return build_request(self, kind)

    def requests(self, kind: Kind = "edit") -> tuple[EditRequest, ...]:
        """Return the requests of one press: as many takes as wanted, seeds in a row.

        Unless it is locked, the seed is drawn anew and shown. A test is always one.
        """
        first = self.request(kind)
        if not self.seed_locked.value:
            self.seed.set(self._random_seed() % SEEDS)
        count = 1 if kind == "test" else self.takes_wanted.value
        seeds = [(self.seed.value + i) % SEEDS for i in range(count)]
        return tuple(first.model_copy(update={"seed": seed}) for seed in seeds)

    def submit(self, kind: Kind = "edit") -> tuple[Job, ...]:
        """Put what is wanted into the queue and the texts into the history.

        Of what was made already, or is about to be, the take or job is shown instead.

        Returns
        -------
        tuple of Job
            The new ones.
        """
        requests = self.requests(kind)
        seconds = self.estimate.value.total_s if self.estimate.value and kind == "edit" else None
        shot, part = self.the_shot(), self.part(kind)
        place = {"shot": shot.record, "extract": shot.extract, "range": list(part)}
        jobs, known = [], []
        for request in requests:
            wish = Wish(request.dump(), request.key("result"), kind, shot.id, part)
            if (found := self.repeats.find(wish)) is not None:
                known.append(found)
                continue
            job = self.queue.add(
                wish.request,
                wish.key,
                kind=kind,
                shot_id=shot.id,
                title=self.title,
                estimate_s=seconds,
                place=place,
            )
            jobs.append(job)
        self.prompts.remember()
        self.repeats.tell(known, len(jobs))
        return tuple(jobs)

    @property
    def title(self) -> str:
        """What the edit is called: its driving words."""
        wanted = self.prompts.wanted.value
        return title_of(wanted, self.prompts.title_spans())

    def file_name(self, job: Job, number: int) -> str:
        """Return the name of a job's file; `number` comes from the store."""
        comment = job.request.get("comment")
        shot = str(comment.get("shot", "")) if isinstance(comment, Mapping) else ""
        delivery = job.request.get("delivery")
        codec = delivery.get("codec") if isinstance(delivery, Mapping) else "auto"
        suffix = {"h264": ".mp4", "png16": "", "exr": ""}.get(str(codec), ".mov")
        return take_name(shot, job.title, number, suffix)

    # ---- seed -------------------------------------------------------------------------------

    def dice(self) -> None:
        """Draw another seed."""
        self.seed.set(self._random_seed() % SEEDS)

    # ---- takes and jobs as recipes ----------------------------------------------------------

    def apply_take(self, take: Take, what: Part = "settings") -> None:
        """Take something over from a take (see `apply_request`)."""
        self.apply_request(EditRequest.load(take.request), what)

    def apply_request(self, request: EditRequest, what: Part = "all") -> None:
        """Take over a recipe (see `plugin.state.recipes.apply_recipe`)."""
        apply_recipe(self, request, what)

    def use_alpha(self) -> None:
        """Take the clip's own alpha channel as its matte."""
        shot = self.the_shot()
        self.matte.use_file(shot.path, shot.name, origin="alpha", start=shot.start)

    def edit_marked(self) -> None:
        """Limit the edit to the marks I and O (the button "Set range")."""
        self.viewer.limit_edit(self.viewer.range.value)

    # ---- time -------------------------------------------------------------------------------

    def outlook(self) -> Outlook:
        """Return how long the wish would take, takes included."""
        told = self.estimate.value
        if told is None:
            return Outlook(None, self.windows)
        if told.total_s is None:
            return Outlook(None, told.windows, told.forwards)
        seconds = told.total_s * self.takes_wanted.value
        end = None
        if seconds > _SHOW_END_AFTER_S:
            end = datetime.fromtimestamp(self._now()) + timedelta(seconds=seconds)
        return Outlook(seconds, told.windows, told.forwards, end)

    @property
    def windows(self) -> int:
        """In how many windows the model would see the edit."""
        shot = self.shot.shot.value
        if shot is None:
            return 1
        start, stop = self.part()
        return window_count(stop - start, self.window_frames)

    @property
    def model(self) -> ModelInfo | None:
        """What is known of the chosen model."""
        return next((each for each in self.models if each.id == self.model_id.value), None)

    @property
    def window_frames(self) -> int:
        """Pictures that the chosen model sees at once."""
        return self.model.window_frames if self.model is not None else 81

    # ---- shots ------------------------------------------------------------------------------

    def open_shot(self, shot: ShotView | None) -> None:
        """Work on another shot, or on the same one as it was read anew."""
        same = shot is not None and shot.id == self._shot_id
        self._shot_id = shot.id if shot is not None else ""
        if not same:
            self.matte.clear()
            self.prompts.fresh()
        self.shot.show(shot)
        self.viewer.show_shot(shot.frames if shot is not None else 0)
        self.takes.show_shot(self._shot_id)
        self.estimate.set(None)
        self._look()

    # ---- within -----------------------------------------------------------------------------

    def _watch(self) -> None:
        for signal in (
            *(self.shot.shot.changed, self.viewer.range.changed, self.viewer.edit_range.changed),
            *(self.matte.changed, self.prompts.changed, self.strengths.changed),
            *(self.model_id.changed, self.models.changed, self.precision.changed),
            *(self.takes_wanted.changed, self.delivery_kind.changed, self.codec.changed),
            *(self.keep_original.changed, self.match_edge.changed, self.crop.changed),
            *(self.size.changed, self.save_memory.changed),
        ):
            signal.connect(self._touched)
        for other in (self.host.changed, self.engine.changed, self.prompts.chips.changed):
            other.connect(lambda _: self._look())
        self.matte.measured.connect(lambda _: self._look())
        self.model_id.changed.connect(lambda _: self._take_reference())
        self.models.changed.connect(lambda _: self._take_reference())
        self.matte.changed.connect(self._follow_drawing)

    def _touched(self, _: object) -> None:
        self.revision.set(self.revision.value + 1)
        self._look()

    def _look(self) -> None:
        key, state = obstacle(self, "edit")
        self.why_not.set(key)
        self.blocking.set(state)
        self.can_run.set(not key)
        self.can_test.set(not obstacle(self, "test")[0])
        self.checks.set(checks(self.prompts, self.strengths, self.matte))

    def _take_reference(self) -> None:
        model = self.model
        if model is None:
            return
        try:
            reference = MethodSettings.model_validate(model.method)
        except ValidationError:  # a newer engine's field: what this panel knows of it counts
            known: dict[str, Any] = {
                name: value
                for name, value in model.method.items()
                if name in MethodSettings.model_fields
            }
            reference = MethodSettings.model_validate(known)
        self.strengths.reference.set(reference)

    def _follow_drawing(self, _: object) -> None:
        """Keep the untouched test range around the frame on which the matte was drawn."""
        frames = self.matte.key_frames()
        if frames and not self.viewer.range_is_own and not self.matte.covers(self.part("test")):
            self.viewer.centre_range(frames[0])
