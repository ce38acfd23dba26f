"""Edit many generated clips in many ways and judge every one, on all cores, resumably.

A worker process loads the model once and takes whole cases: all variants of a case share the
encoded clip and, where their switches allow, the source's velocities.
"""

from __future__ import annotations

import functools
import json
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from flowanchor_engine.bench.cases import matte as draw_matte
from flowanchor_engine.bench.journal import Journal, Record
from flowanchor_engine.bench.score import FAILED, composited, score
from flowanchor_engine.bench.variants import SOURCE_FIELDS
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import LatentsNonFiniteError, RamError
from flowanchor_engine.wan import load

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from flowanchor_engine.bench.cases import Case
    from flowanchor_engine.bench.metrics import Frames
    from flowanchor_engine.bench.variants import Variant
    from flowanchor_engine.method.schedule import Step
    from flowanchor_engine.method.trajectory import Branch
    from flowanchor_engine.method.windows import Window
    from flowanchor_engine.request import MethodSettings

__all__ = [
    "SHEET_FRAMES",
    "Bench",
    "SourceMemory",
    "load_editor",
    "run_case",
    "strip",
    "unit_pictures",
]

_log = logging.getLogger(__name__)

SHEET_FRAMES = 3
"""Pictures of a result that a contact sheet shows: first, middle, last."""


@dataclass(frozen=True)
class _Task:
    case: Case
    variants: tuple[tuple[Variant, str], ...]  # with their digests
    folder: str
    revision: str
    recommended: MethodSettings
    pictures: Path | None


@dataclass
class SourceMemory:
    """Source velocities of one case in memory; a `wan.velocity.VelocityCache`."""

    known: dict[tuple[object, ...], Tensor] = field(default_factory=dict)

    def get(self, step: Step, average: int, window: Window, branch: Branch) -> Tensor | None:
        """Return what `put` stored, or None."""
        return self.known.get((step.index, average, window.start, window.stop, branch))

    def put(
        self, step: Step, average: int, window: Window, branch: Branch, velocity: Tensor
    ) -> None:
        """Keep a velocity."""
        self.known[(step.index, average, window.start, window.stop, branch)] = velocity


@dataclass
class Bench:
    """Runs cases with one model and remembers what is done.

    Parameters
    ----------
    folder : Path
        The model in diffusers layout.
    recommended : MethodSettings
        Numbers that variants start from.
    journal : Journal
        Finished edits; give one with a file to go on after a stop.
    pictures : Path, optional
        Folder for strips of result pictures (for contact sheets).
    workers : int, >= 1
        Processes. 1 runs in this one.
    on_done : callable, optional
        Called with (finished edits, all edits) as cases finish.
    """

    folder: Path
    recommended: MethodSettings
    journal: Journal
    pictures: Path | None = None
    workers: int = field(default_factory=lambda: max(1, os.cpu_count() or 1))
    on_done: Callable[[int, int], None] | None = None

    @functools.cached_property
    def revision(self) -> str:
        """Hash of the weights, by which records are told apart."""
        return _revision(self.folder)

    def record(self, case: Case, variant: Variant) -> Record:
        """Return a finished edit.

        Raises
        ------
        KeyError
            If `run` has not made it.
        """
        found = self.journal.get(self.revision, case.key, variant.digest(self.recommended))
        if found is None:
            raise KeyError(f"{case.key} was not edited as “{variant.name}”")
        return found

    def picture(self, case: Case, variant: Variant) -> Path | None:
        """Return where the strip of a result lies, if strips are kept."""
        return _picture(self.pictures, case, self.revision, variant.digest(self.recommended))

    def run(self, cases: Sequence[Case], variants: Sequence[Variant], *, pictured: int = 0) -> None:
        """Make every edit that is not in the journal yet.

        Parameters
        ----------
        cases, variants
            All pairs are made.
        pictured : int
            The first so many cases need their strips; an edit without one is made again.
        """
        tasks = []
        for index, case in enumerate(cases):
            keep = self.pictures if index < pictured else None
            missing = self._missing(case, variants, keep)
            if missing:
                tasks.append(
                    _Task(case, missing, str(self.folder), self.revision, self.recommended, keep)
                )
        total = len(cases) * len(variants)
        done = total - sum(len(task.variants) for task in tasks)
        self._tell(done, total)
        for records in self._results(tasks):
            for record in records:
                self.journal.append(record)
            done += len(records)
            self._tell(done, total)

    def _missing(
        self, case: Case, variants: Sequence[Variant], pictures: Path | None
    ) -> tuple[tuple[Variant, str], ...]:
        missing: dict[str, Variant] = {}
        for variant in variants:
            digest = variant.digest(self.recommended)
            strip_file = _picture(pictures, case, self.revision, digest)
            known = self.journal.get(self.revision, case.key, digest)
            if known is None or (strip_file and not known.error and not strip_file.exists()):
                missing.setdefault(digest, variant)
        return tuple((variant, digest) for digest, variant in missing.items())

    def _tell(self, done: int, total: int) -> None:
        if self.on_done is not None:
            self.on_done(done, total)

    def _results(self, tasks: Sequence[_Task]) -> Iterator[list[Record]]:
        if self.workers == 1 or len(tasks) < 2:
            yield from map(run_case, tasks)
            return
        # Long clips first, so that no worker ends with one while the others wait.
        queue = sorted(tasks, key=lambda task: -task.case.frames * len(task.variants))
        with (
            _steady_memory(),
            ProcessPoolExecutor(
                min(self.workers, len(tasks)),
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
            ) as pool,
        ):
            waiting = [pool.submit(run_case, task) for task in queue]
            try:
                for future in as_completed(waiting):
                    yield future.result()
            except BrokenProcessPool as error:
                raise RamError(
                    "A process of the benchmark was stopped from outside, most likely for want "
                    "of memory; finished edits are kept.",
                    hint=["fewer_workers"],
                    detail=str(error),
                ) from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _steady_memory() -> Iterator[None]:
    """Let glibc keep freed buffers in the workers: returning them costs a quarter of the time."""
    wanted = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
    fresh = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(fresh)
    try:
        yield
    finally:
        for name in fresh:
            del os.environ[name]


def _start_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    """Leave when the pool's process is gone: nobody would read the result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@functools.lru_cache(maxsize=1)
def load_editor(folder: str) -> Editor:
    """Return the model of this process, loaded once."""
    return Editor(load.load(folder, device="cpu"))


@functools.lru_cache(maxsize=4)
def _revision(folder: Path) -> str:
    return str(load.load(folder, device="cpu").revision)


@torch.no_grad()
def run_case(task: _Task) -> list[Record]:
    """Edit one case in all its variants, in this process."""
    editor = load_editor(task.folder)
    case, shot = task.case, task.case.shot()
    matte = draw_matte(shot, case.matte, case.seed)
    x_src = editor.encode(unit_pictures(shot.frames))
    unedited = _pictures(editor, x_src, case.frames)
    memories: dict[str, SourceMemory] = {}
    records = []
    for variant, digest in task.variants:
        begun, forwards, saved, failure = time.perf_counter(), 0, 0, ""
        edited: Frames | None = None
        if variant.shows == "unedited":
            edited = unedited
        elif variant.shows == "truth":
            edited = _pictures(editor, editor.encode(unit_pictures(shot.truth_frames)), case.frames)
        else:
            settings = variant.settings(task.recommended)
            try:
                outcome = editor.edit(
                    x_src,
                    matte,
                    shot.prompts,
                    settings,
                    seed=case.seed,
                    cache=memories.setdefault(_source_key(settings), SourceMemory()),
                )
            except LatentsNonFiniteError as error:
                failure = error.code  # an outcome of these switches, not a fault of the run
            else:
                edited = _pictures(editor, outcome.latent, case.frames)
                forwards, saved = outcome.forwards, outcome.forwards_saved
        seconds = time.perf_counter() - begun
        raw, laid = dict(FAILED), dict(FAILED)
        if edited is not None:
            raw = score(shot, edited, unedited, matte)
            over = composited(edited, shot.frames, matte)
            laid = score(shot, over, shot.frames, matte)
            file = _picture(task.pictures, case, task.revision, digest)
            if file is not None:
                _save_strip(edited, file)
        records.append(
            Record(task.revision, case.key, digest, raw, laid, seconds, forwards, saved, failure)
        )
    return records


def strip(frames: Frames) -> Frames:
    """Return first, middle and last picture side by side, uint8 (H, 3 W, 3)."""
    picks = np.linspace(0, len(frames) - 1, SHEET_FRAMES).round().astype(int)
    return np.concatenate([frames[index] for index in picks], axis=1)


def _source_key(settings: MethodSettings) -> str:
    return json.dumps({name: getattr(settings, name) for name in SOURCE_FIELDS})


def unit_pictures(frames: Frames) -> NDArray[np.float32]:
    """Return 8-bit pictures as the model takes them, float32 in [-1, 1]."""
    return np.asarray(frames, np.float32) / np.float32(127.5) - 1


def _pictures(editor: Editor, latent: Tensor, frames: int) -> Frames:
    decoded = np.concatenate(list(editor.decode(latent, frames)))
    whole: NDArray[Any] = np.clip(np.rint((decoded + 1) * 127.5), 0, 255)
    return whole.astype(np.uint8)


def _picture(folder: Path | None, case: Case, revision: str, digest: str) -> Path | None:
    return None if folder is None else folder / revision[:12] / f"{case.key}.{digest}.png"


def _save_strip(edited: Frames, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{os.getpid()}.{file.name}")
    cv2.imwrite(str(temporary), strip(edited)[..., ::-1])
    temporary.replace(file)
