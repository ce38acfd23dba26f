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
    Delivery,
    EditRequest,
    MethodSettings,
    ModelSpec,
    SourceSpec,
    Working,
)
from plugin.state.checks import Check, checks
from plugin.state.curves import QUALITIES, Strengths, steps_of
from plugin.state.empty import EmptyState, engine_empty, matte_empty, shot_empty
from plugin.state.job_queue import Job, JobQueue, JobStore
from plugin.state.links import EngineState, HostState
from plugin.state.matte import MatteState
from plugin.state.messages import Messages
from plugin.state.naming import take_name, title_of
from plugin.state.observable import Observable, ObservableList
from plugin.state.prompts import Prompts
from plugin.state.shot import LEAST_FRAMES, FrameRange, ShotState, ShotView, middle, window_count
from plugin.state.takes import Take, Takes, TakeStore
from plugin.state.viewer import TEST_FRAMES, ViewerState

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Estimated, ModelInfo

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

Kind = Literal["edit", "test"]
Part = Literal["settings", "seed", "prompt", "all"]
Crop = Literal["full", "fast", "zoom"]
DeliveryKind = Literal["patch", "frame", "take"]
Codec = Literal["auto", "prores422hq", "prores4444", "dnxhr", "h264", "png16", "exr"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
SEEDS: Final = 2**31
_SHOW_END_AFTER_S: Final = 600
_TOKEN_PX: Final = {"wan2.2-ti2v": 32}  # sides are multiples of this; 16 elsewhere


class NotReadyError(ValueError):
    """A request was asked for before there can be one; `key` says why, for the locale."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


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
    ) -> None:
        self.shot = ShotState()
        self.matte = MatteState()
        self.prompts = Prompts()
        self.strengths = Strengths()
        self.viewer = ViewerState()
        self.queue = JobQueue(store, now=now)
        self.takes = Takes(store)
        self.messages = Messages()
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
        shot = self._shot()
        limited = self.viewer.edit_range.value
        if kind == "edit":
            return limited or (0, shot.frames)
        start, stop = self.viewer.range.value
        if stop <= start or stop > shot.frames:
            start, stop = middle(shot.frames, TEST_FRAMES, limited)
        return start, stop

    def request(self, kind: Kind = "edit") -> EditRequest:
        """Return the request as everything stands now, with the seed that is shown.

        Raises
        ------
        NotReadyError
            Something is missing; `why_not` says the same.
        """
        if key := self._obstacle(kind)[0]:
            raise NotReadyError(key)
        return self._build(kind)

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
        """Put what is wanted into the queue and the texts into the history."""
        requests = self.requests(kind)
        seconds = self.estimate.value.total_s if self.estimate.value and kind == "edit" else None
        shot = self._shot()
        place = {
            "shot": shot.record,
            "extract": shot.extract,
            "range": list(self.part(kind)),
        }
        jobs = tuple(
            self.queue.add(
                request.dump(),
                request.key("result"),
                kind=kind,
                shot_id=shot.id,
                title=self.title,
                estimate_s=seconds,
                place=place,
            )
            for request in requests
        )
        self.prompts.remember()
        return jobs

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
        """Take over a recipe: its numbers, not its slider positions.

        Parameters
        ----------
        what : {'settings', 'seed', 'prompt', 'all'}
            ``settings``: numbers, texts and border of the matte; ``seed``: the seed, locked;
            ``all``: both, how it was delivered and, if it was made of this very clip, its
            matte and range.
        """
        if what in ("settings", "prompt", "all"):
            self.prompts.apply(request.prompts)
        if what in ("settings", "all"):
            positions = request.comment.get("sliders")
            positions = positions if isinstance(positions, Mapping) else {}
            self.strengths.apply(self._method_of(request, positions), positions)
            self.crop.set(request.working.crop)
            if request.matte is not None:
                self.matte.grow_px.set(request.matte.grow_px)
                self.matte.feather_px.set(request.matte.feather_px)
                self.matte.smooth_frames.set(request.matte.smooth_frames)
                self.matte.invert.set(request.matte.invert)
        if what in ("seed", "all"):
            self.seed.set(request.seed % SEEDS)
            self.seed_locked.set(True)
        if what == "all":
            self._apply_place(request)

    def use_alpha(self) -> None:
        """Take the clip's own alpha channel as its matte."""
        shot = self._shot()
        self.matte.use_file(shot.path, shot.name, origin="alpha", start=shot.start)

    def edit_marked(self) -> None:
        """Limit the edit to the marks I and O (the button "Set range")."""
        self.viewer.limit_edit(self.viewer.range.value)

    def test_at_matte(self) -> None:
        """Put the test's frames around the first frame on which the matte was drawn."""
        if frames := self.matte.key_frames():
            self.viewer.centre_range(frames[0])

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

    def _build(self, kind: Kind) -> EditRequest:
        shot = self._shot()
        part = self.part(kind)
        start, stop = part
        method = self.strengths.settings()
        width, height = self.size.value or (None, None)
        delivery = Delivery(
            kind=self.delivery_kind.value,
            codec=self.codec.value,
            keep_original=self.keep_original.value,
            match_edge=self.match_edge.value,
        )
        if kind == "test":
            steps = steps_of("draft", self.strengths.reference.value)
            method = method.model_copy(update={"steps": min(steps, method.steps)})
            width, height = self._half_size()
            delivery = Delivery(kind="frame")
        return EditRequest(
            source=SourceSpec(
                path=shot.path,
                start=shot.start + start,
                frames=stop - start,
                rate=shot.rate if shot.rate_given else None,
            ),
            matte=self.matte.spec(part),
            prompts=self.prompts.for_request(),
            method=method,
            model=ModelSpec(id=self.model_id.value, precision=self.precision.value),
            working=Working(crop=self.crop.value, width=width, height=height),
            delivery=delivery,
            seed=self.seed.value,
            comment={
                "title": self.title,
                "shot": self.shot.name,
                "sliders": self.strengths.positions(),
                "kind": kind,
                "matte": self.matte.label.value,
            },
        )

    def _method_of(self, request: EditRequest, positions: Mapping[str, Any]) -> MethodSettings:
        """Return a recipe's numbers; a test's steps were its own and not the person's."""
        quality = positions.get("quality")
        if request.comment.get("kind") != "test" or quality not in QUALITIES:
            return request.method
        steps = steps_of(quality, self.strengths.reference.value)
        return request.method.model_copy(update={"steps": steps})

    def _apply_place(self, request: EditRequest) -> None:
        if request.comment.get("kind") != "test":
            self.delivery_kind.set(request.delivery.kind)
            self.codec.set(request.delivery.codec)
            self.keep_original.set(request.delivery.keep_original)
            self.match_edge.set(request.delivery.match_edge)
        shot = self.shot.shot.value
        if shot is None or request.source.path != shot.path or request.source.frames is None:
            return
        first = request.source.start - shot.start
        if first < 0 or first + request.source.frames > shot.frames:
            return
        matte = request.matte
        if matte is not None and matte.path is not None:
            matte = matte.model_copy(update={"start": max(0, matte.start - first)})
        elif matte is not None:
            shapes = [s.model_copy(update={"frame": s.frame + first}) for s in matte.shapes]
            matte = matte.model_copy(update={"shapes": tuple(shapes)})
        self.matte.apply(matte)
        if request.comment.get("kind") != "test":
            self.viewer.limit_edit((first, first + request.source.frames))

    def _half_size(self) -> tuple[int | None, int | None]:
        """Return half the working size, on the model's grid of tokens."""
        model = self.model
        width, height = self.size.value or (
            (model.width, model.height) if model is not None else (0, 0)
        )
        if not width or not height:
            return None, None
        unit = _TOKEN_PX.get(model.family if model is not None else "", 16)

        def half(side: int) -> int:
            return max(unit, (side // 2 + unit // 2) // unit * unit)

        return half(width), half(height)

    def _shot(self) -> ShotView:
        shot = self.shot.shot.value
        if shot is None:
            raise NotReadyError("empty.no_clip")
        return shot

    def _obstacle(self, kind: Kind) -> tuple[str, EmptyState | None]:
        shot = self.shot.shot.value
        limited = self.viewer.edit_range.value
        states = (
            engine_empty(self.engine.value),
            shot_empty(
                shot,
                self.host.value,
                window_frames=self.window_frames,
                limited=limited[1] - limited[0] if limited else None,
            ),
            matte_empty(self.matte, shot),
        )
        for state in states:
            if state is not None and state.blocking:
                return state.key, state
        part = self.part(kind)
        if part[1] - part[0] < LEAST_FRAMES:
            key = "check.test_short" if kind == "test" else "empty.short"
            return key, EmptyState(key, (), {"least": LEAST_FRAMES, "frames": part[1] - part[0]})
        if not self.matte.covers(part):
            frame = self.matte.key_frames()[0] + 1
            key = "check.matte_key_outside"
            return key, EmptyState(key, ("test_at_matte",), {"frame": frame}, place="matte")
        model = self.model
        if model is not None and not model.installed:
            key = "check.model_missing"
            return key, EmptyState(
                key, ("download_model", "choose_model"), {"model": model.name}, place="engine"
            )
        if self.strengths.skipped.value[0] >= self.strengths.skipped.value[1]:
            return "check.all_skipped", None
        return self.prompts.why_not, None

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
        key, state = self._obstacle("edit")
        self.why_not.set(key)
        self.blocking.set(state)
        self.can_run.set(not key)
        self.can_test.set(not self._obstacle("test")[0])
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
