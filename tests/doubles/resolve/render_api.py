"""The render half of the project: formats, settings, presets, queue."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import copy
import os
from typing import Any

from tests.doubles.resolve import frames, model, render_presets
from tests.doubles.resolve.dispatch import Handle, Refused, numbered

#: What free renders at most.
_UHD, _FASTEST = (3840, 2160), 60

#: Job states in the languages Resolve speaks to scripts.
STATES: dict[str, dict[str, str]] = {
    "en": {},
    "es": {"Complete": "Finalizado", "Failed": "Error", "Rendering": "Renderizando"},
    "pt": {"Complete": "Concluído", "Failed": "Falhou", "Rendering": "Renderizando"},
    "ru": {"Complete": "Завершено", "Failed": "Ошибка", "Rendering": "Рендеринг"},
    "de": {"Complete": "Abgeschlossen", "Failed": "Fehlgeschlagen", "Ready": "Bereit"},
}

FORMATS = {
    "QuickTime": "mov",
    "MP4": "mp4",
    "TIFF": "tif",
    "DPX": "dpx",
    "EXR": "exr",
    "Wave": "wav",
    "HLS": "m3u8",
}


def codecs(version: Any, platform: str) -> dict[str, dict[str, str]]:
    """Extension -> description -> id; descriptions drift between versions, ids do not."""
    new = version.has("20.3")
    mov = {
        "Avid DNxHR HQ 12-bit" if new else "DNxHR HQ": "DNxHRHQ",
        "Avid DNxHR HQX 10-bit" if new else "DNxHR HQX": "DNxHRHQX_10",
        "Avid DNxHR 444 12-bit" if new else "DNxHR 444": "DNxHR444_12",
        "GoPro CineForm YUV 10-bit": "CineFormYUV10",
        "H.264": "H264",
        "H.265": "H265",
    }
    if platform == "mac" or new:
        mov = {
            "Apple ProRes 422 HQ": "ProRes422HQ",
            "Apple ProRes 422": "ProRes422",
            "Apple ProRes 4444": "ProRes4444",
        } | mov
    return {
        "mov": mov,
        "mp4": {"H.264": "H264", "H.265": "H265"},
        "tif": {"RGB 16 bits LZW": "RGB16LZW", "RGB 8 bits": "RGB8"},
        "dpx": {"RGB 10-bit": "RGB10"},
        "exr": {"RGB half": "RGBHalf", "RGB float": "RGBFloat"},
        "wav": {},
        "m3u8": {"H.264": "H264"},
    }


class RenderApi(Handle):
    target: model.Project

    @property
    def render(self) -> model.Render:
        return self.target.render

    # Format ----
    def GetRenderFormats(self) -> dict:
        return dict(FORMATS)

    def GetRenderCodecs(self, extension: str) -> dict:
        """Give description -> id; {} for an unknown format, and for some known ones."""
        return codecs(self.double.version, self.double.platform).get(extension, {})

    def GetCurrentRenderFormatAndCodec(self) -> dict:
        if self.double.faults.format_unknown or not self.render.format:
            return {"format": "unknown", "codec": "unknown"}
        return {"format": self.render.format, "codec": self.render.codec}

    def SetCurrentRenderFormatAndCodec(self, extension: str, codec: str) -> bool:
        """Take an extension and a codec id; descriptions are refused, and m3u8 is too."""
        known = codecs(self.double.version, self.double.platform)
        if extension == "m3u8" or codec not in known.get(extension, {}).values():
            return False
        self.render.format, self.render.codec = extension, codec
        return True

    def GetCurrentRenderMode(self) -> int:
        return self.render.mode

    def SetCurrentRenderMode(self, mode: int) -> bool:
        if mode not in (0, 1):
            return False
        self.render.mode = mode
        return True

    def GetRenderResolutions(self, extension: str = "", codec: str = "") -> list:
        return [{"Width": 1920, "Height": 1080}, {"Width": 3840, "Height": 2160}]

    # Settings and presets ----
    def SetRenderSettings(self, settings: dict) -> bool:
        """Lay settings over the hidden state of the Deliver page, which nothing reads back."""
        self._on_deliver()
        keys = dict(render_presets.KEYS)
        if self.double.version.has("21.0.4"):
            keys |= render_presets.NEW_IN_21_0_4
        for name, value in settings.items():
            kind = keys.get(name)
            if kind is None or not isinstance(value, kind):
                return False
            if kind is int and isinstance(value, bool):
                return False
            if name == "AddFrameHandles" and value < 0:
                return False
        self.render.settings |= settings
        self.render.preset = ""
        timeline = self.target.timeline
        if timeline is not None:
            self._clobber_marks(timeline, settings)
        return True

    def _clobber_marks(self, timeline: model.Timeline, settings: dict[str, Any]) -> None:
        if settings.get("SelectAllFrames"):
            timeline.marks.clear()
        if {"MarkIn", "MarkOut"} & set(settings):
            self.render.settings["SelectAllFrames"] = False
            merged = self.render.settings
            first = int(merged.get("MarkIn", timeline.start))
            last = int(merged.get("MarkOut", timeline.end() - 1))
            for kind in ("video", "audio"):
                timeline.marks[kind] = {"in": first, "out": last}

    def GetRenderPresetList(self) -> list:
        return list(self.render.presets)

    def GetRenderPresets(self) -> dict:
        return numbered(self.GetRenderPresetList())

    def _on_deliver(self) -> None:
        if self.double.faults.needs_deliver and self.double.page != "deliver":
            raise Refused

    def LoadRenderPreset(self, name: str) -> bool:
        self._on_deliver()
        return render_presets.load(self.render, name)

    def SaveAsNewRenderPreset(self, name: str) -> bool:
        if not name or name in self.render.presets:
            return False
        self.render.presets[name] = render_presets.snapshot(self.render)
        return True

    def DeleteRenderPreset(self, name: str) -> bool:
        if name in render_presets.BUILT_IN:
            return False
        if self.render.preset == name:
            self.render.preset = ""
        return self.render.presets.pop(name, None) is not None

    # Queue ----
    def AddRenderJob(self) -> str:
        """Queue what is set now; '' or None where that cannot be."""
        timeline = self.target.timeline
        settings = copy.deepcopy(self.render.settings)
        if self.double.faults.add_job == "none":
            raise Refused
        folder = settings.get("TargetDir", "")
        unusable = timeline is None or not folder or not self.render.format
        if unusable or self.double.faults.add_job == "empty":
            return ""
        assert timeline is not None
        size = self.double.engine.output_size(settings, timeline)
        too_big = size[0] > _UHD[0] or size[1] > _UHD[1]
        too_fast = frames.exact(timeline.rate) > _FASTEST
        if self.double.edition == "free" and (too_big or too_fast):
            return ""
        settings["_audio_only"] = self.render.audio_only
        first, last = self.double.engine.range_of(settings, timeline)
        settings["MarkIn"], settings["MarkOut"] = first, last
        job = model.Job(
            self.double.ids.new(),
            timeline.id,
            settings,
            self.render.format,
            self.render.codec,
            self.render.mode,
        )
        self.render.jobs.append(job)
        return job.id

    def _job(self, job_id: str) -> model.Job:
        for job in self.render.jobs:
            if job.id == job_id:
                return job
        raise Refused

    def DeleteRenderJob(self, job_id: str) -> bool:
        job = self._job(job_id)
        if job.status == "Rendering":
            return False
        self.render.jobs.remove(job)
        return True

    def DeleteAllRenderJobs(self) -> bool:
        self.render.jobs.clear()
        return True

    def GetRenderJobList(self) -> list:
        return [self._shown(job) for job in self.render.jobs]

    def GetRenderJobs(self) -> dict:
        return numbered(self.GetRenderJobList())

    def _shown(self, job: model.Job) -> dict[str, Any]:
        timeline = next((t for t in self.target.timelines if t.id == job.timeline), None)
        size = self.double.engine.output_size(job.settings, timeline) if timeline else (0, 0)
        name = self.double.engine.file_name(job, timeline) if timeline else ""
        shown = {
            "JobId": job.id,
            "RenderJobName": f"Job {self.render.jobs.index(job) + 1}",
            "TimelineName": timeline.name if timeline else "",
            "TargetDir": job.settings.get("TargetDir", ""),
            "OutputFilename": name,
            "RenderMode": "Single clip" if job.mode == 1 else "Individual clips",
            "PresetName": "Custom",
            "IsExportVideo": bool(job.settings.get("ExportVideo", True)),
            "IsExportAudio": bool(job.settings.get("ExportAudio", True)),
            "FormatWidth": size[0],
            "FormatHeight": size[1],
            "MarkIn": job.settings["MarkIn"],
            "MarkOut": job.settings["MarkOut"],
            "FrameRate": timeline.rate if timeline else "",
            "VideoFormat": job.format,
            "VideoCodec": job.codec,
        }
        as_told = {"str": str, "float": float}.get(self.double.faults.job_numbers, int)
        for key in ("FormatWidth", "FormatHeight", "MarkIn", "MarkOut"):
            shown[key] = as_told(shown[key])
        return shown

    def StartRendering(self, *args: Any) -> bool:
        """Start jobs by id; without ids, everybody's jobs."""
        flat: list[Any] = []
        for arg in args:
            flat += arg if isinstance(arg, list) else [arg]
        ids = [arg for arg in flat if not isinstance(arg, bool)]
        if not all(isinstance(arg, str) for arg in ids):
            return False
        jobs = [self._job(arg) for arg in ids]
        if not ids:
            jobs = [job for job in self.render.jobs if job.status == "Ready"]
        if not jobs or self.double.engine.busy:
            return False
        self.double.engine.start(self.target, jobs)
        return True

    def StopRendering(self) -> None:
        self.double.engine.cancel()

    def IsRenderingInProgress(self) -> bool:
        self.double.tick()
        return self.double.engine.busy

    def GetRenderJobStatus(self, job_id: str) -> dict:
        """Give the state in the language of the user interface, and an int percentage."""
        job = self._job(job_id)
        self.double.tick()
        words = STATES.get(self.double.locale, {})
        status: dict[str, Any] = {
            "JobStatus": words.get(job.status, job.status),
            "CompletionPercentage": int(job.percent),
        }
        if job.status == "Complete":
            status["TimeTakenToRenderInMs"] = 40 * (
                job.settings["MarkOut"] - job.settings["MarkIn"]
            )
        if job.status == "Rendering":
            status["EstimatedTimeRemainingInMs"] = 1000
        if job.error:
            status["Error"] = job.error
        return status

    def GetQuickExportRenderPresets(self) -> list:
        return ["H.264", "ProRes", "YouTube"]

    def RenderWithQuickExport(self, preset: str, options: dict) -> dict:
        """Render the whole timeline, always to a .mov, and come back only then."""
        timeline = self.target.timeline
        if timeline is None or not options.get("TargetDir"):
            raise Refused
        settings = {"TargetDir": options["TargetDir"], "_audio_only": False}
        settings["CustomName"] = os.path.splitext(options.get("CustomName", timeline.name))[0]
        settings["MarkIn"], settings["MarkOut"] = timeline.start, timeline.end() - 1
        job = model.Job("quick", timeline.id, settings, "mov", "H264", 1)
        self.double.engine.start(self.target, [job])
        while self.double.engine.busy:
            self.double.tick()
        return {"JobStatus": job.status, "CompletionPercentage": job.percent}
