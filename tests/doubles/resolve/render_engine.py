"""The render queue at work: real frames into real files, a little at every tick.

Rendering goes on when a script waits or asks: three ticks per job, so that a poller sees Ready,
Rendering and Complete, and nothing depends on a thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from tests.doubles.resolve import clips, frames, mask_paint, model, picture

if TYPE_CHECKING:
    from tests.doubles.resolve.clips import Picture
    from tests.doubles.resolve.double import Double

STEPS = 3
_SEQUENCES = {"tif", "dpx", "exr"}


class Engine:
    def __init__(self, double: Double) -> None:
        self.double = double
        self._work: Iterator[None] | None = None
        self._jobs: list[model.Job] = []

    # Pictures ----
    def picture(self, project: model.Project, timeline: model.Timeline, number: int) -> Picture:
        """One frame over black."""
        shown = picture.frame(self.double, timeline, number)
        shown[..., :3] *= shown[..., 3:]
        shown[..., 3] = 1.0
        return shown

    def thumbnail(self, shown: Picture) -> dict[str, Any]:
        """The 288x162 picture of ``GetCurrentClipThumbnailImage``."""
        small = cv2.resize(shown[..., :3], (288, 162), interpolation=cv2.INTER_AREA)
        data = (np.clip(small, 0, 1) * 255).astype(np.uint8).tobytes().hex()
        return {"width": 288, "height": 162, "format": "RGB 8 bit", "data": data}

    # What a job means ----
    def range_of(self, settings: dict[str, Any], timeline: model.Timeline) -> tuple[int, int]:
        """First and last frame, both included."""
        if settings.get("SelectAllFrames", True) and "video" not in timeline.marks:
            return timeline.start, timeline.end() - 1
        marks = timeline.marks.get("video", {})
        first = int(settings.get("MarkIn", marks.get("in", timeline.start)))
        last = int(settings.get("MarkOut", marks.get("out", timeline.end() - 1)))
        return first, last

    def output_size(self, settings: dict[str, Any], timeline: model.Timeline) -> tuple[int, int]:
        width, height = timeline.size
        return settings.get("FormatWidth") or width, settings.get("FormatHeight") or height

    def file_name(self, job: model.Job, timeline: model.Timeline) -> str:
        name = job.settings.get("CustomName") or timeline.name
        return f"{Path(name).stem if name.endswith('.' + job.format) else name}.{job.format}"

    # The queue ----
    @property
    def busy(self) -> bool:
        return self._work is not None

    def start(self, project: model.Project, jobs: list[model.Job]) -> None:
        self._jobs = list(jobs)
        for job in jobs:
            job.status, job.percent, job.error = "Ready", 0, ""
            if self.double.faults.wedged:
                job.status = "Ready for background render"
        self._work = self._run_all(project, jobs)

    def cancel(self) -> None:
        if self._work is not None:
            self._work.close()
            self._work = None
            for job in self._jobs:
                if job.status not in ("Complete", "Failed"):
                    job.status, job.percent = "Cancelled", job.percent

    def advance(self) -> None:
        """Render a little."""
        if self._work is None or self.double.faults.wedged:
            return
        try:
            next(self._work)
        except StopIteration:
            self._work = None

    def _run_all(self, project: model.Project, jobs: list[model.Job]) -> Iterator[None]:
        for job in jobs:
            yield
            try:
                yield from self._run(project, job)
            except (OSError, ValueError) as problem:
                job.status = "Failed"
                job.error = f"The render job failed: {problem}"
        return

    def _run(self, project: model.Project, job: model.Job) -> Iterator[None]:
        faults = self.double.faults
        timeline = next((t for t in project.timelines if t.id == job.timeline), None)
        if timeline is None:
            raise ValueError("the timeline is gone")
        job.status = "Rendering"
        if faults.modal_mid_render:
            self.double.modal = "a dialog came up while rendering"
        comps = [c for i in timeline.all_items() if i.kind == "clip" for c in i.comps]
        if faults.unrooted == "fails" and not all(mask_paint.rooted(comp) for comp in comps):
            raise ValueError("a Fusion composition has no path from MediaIn to MediaOut")
        if faults.render_error:
            job.percent = 33
            yield
            job.status, job.error = "Failed", faults.render_error
            return
        parts = self._parts(job, timeline)
        total = max(1, sum(len(numbers) for _, numbers, _ in parts))
        chunk, done = math.ceil(total / STEPS), 0
        for path, numbers, only in parts:
            output = _Output(self, job, timeline, path)
            try:
                for number in numbers[: len(numbers) - faults.render_short]:
                    output.add(number, only)
                    done += 1
                    if done % chunk == 0 and done < total:
                        job.percent = 100 * done // total
                        yield
            finally:
                output.close()
            job.files.append(str(path))
        job.status, job.percent = "Complete", 100

    def _parts(
        self, job: model.Job, timeline: model.Timeline
    ) -> list[tuple[Path, range, model.Item | None]]:
        settings = job.settings
        folder = self.double.files.real(settings["TargetDir"])
        stem = Path(self.file_name(job, timeline)).stem
        if self.double.faults.nested_output:
            folder = folder / stem
        first, last = settings["MarkIn"], settings["MarkOut"]
        if job.mode == 1:
            return [
                (self._free(folder / f"{stem}.{job.format}", job), range(first, last + 1), None)
            ]
        parts: list[tuple[Path, range, model.Item | None]] = []
        handles = int(settings.get("AddFrameHandles", 0))
        items = [i for t in timeline.tracks["video"] if t.enabled for i in t.items]
        for index, item in enumerate(i for i in items if i.start <= last and i.end > first):
            path = folder / f"{stem}_{index + 1:02d}.{job.format}"
            left = max(int(item.start) - handles, int(item.start) - int(item.left))
            parts.append((self._free(path, job), range(left, int(item.end) + handles), item))
        return parts

    def _free(self, path: Path, job: model.Job) -> Path:
        if path.exists() and not job.settings.get("ReplaceExistingFilesInPlace"):
            return path.with_name(f"{path.stem}_0{path.suffix}")
        return path


class _Output:
    """One file, or one numbered sequence, being rendered."""

    def __init__(
        self, engine: Engine, job: model.Job, timeline: model.Timeline, path: Path
    ) -> None:
        self.engine, self.job, self.timeline, self.path = engine, job, timeline, path
        self.double = engine.double
        self.writer: clips.VideoWriter | None = None
        self.silent = self.double.faults.complete_without_file
        settings = job.settings
        self.alpha = bool(settings.get("ExportAlpha"))
        self.premultiplied = settings.get("AlphaMode") == 0
        self.video = bool(settings.get("ExportVideo", True)) and not settings.get("_audio_only")

    def add(self, number: int, only: model.Item | None) -> None:
        if self.silent:
            return
        self.double.files.check_writable(self.path)
        shown = self._picture(number, only)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.job.format in _SEQUENCES:
            target = self.path.with_name(f"{self.path.stem}{number:08d}.{self.job.format}")
            clips.write_still(target, shown)
            return
        if self.writer is None:
            audio = 2 if self.job.settings.get("ExportAudio", True) else 0
            self.writer = clips.VideoWriter(
                self.path,
                frames.exact(self.timeline.rate),
                self.job.codec or "H264",
                alpha=self.alpha,
                timecode=self.double.timecode(self.timeline, number),
                channels=audio if self.video else 2,
                video=self.video,
            )
        self.writer.add(shown)

    def _picture(self, number: int, only: model.Item | None) -> Picture:
        shown = picture.frame(self.double, self.timeline, number, only)
        if not self.alpha or self.premultiplied:
            shown[..., :3] *= shown[..., 3:]
        if not self.alpha:
            shown[..., 3] = 1.0
        width, height = self.engine.output_size(self.job.settings, self.timeline)
        if shown.shape[:2] != (height, width):
            shown = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
        return shown

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
