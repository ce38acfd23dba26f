"""The project: timelines, settings, stills. Rendering is in ``render_api``."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

from typing import Any

from tests.doubles.resolve import clips, model
from tests.doubles.resolve.dispatch import Refused
from tests.doubles.resolve.render_api import RenderApi


class Project(RenderApi):
    owner = "Project"
    target: model.Project

    def alive(self) -> bool:
        return self.target in self.double.projects and self.target.name == self.double.current

    def GetName(self) -> str:
        return self.target.name

    def SetName(self, name: str) -> bool:
        if not name or any(p.name == name for p in self.double.projects):
            return False
        if self.double.current == self.target.name:
            self.double.current = name
        self.target.name = name
        return True

    def GetUniqueId(self) -> str:
        return self.target.id

    def GetMediaPool(self) -> Any:
        from tests.doubles.resolve.mediapool import MediaPool

        return MediaPool(self.double, self.target)

    def GetTimelineCount(self) -> int:
        return len(self.target.timelines)

    def GetTimelineByIndex(self, index: int) -> Any:
        if not 1 <= index <= len(self.target.timelines):
            raise Refused
        return self._timeline(self.target.timelines[index - 1])

    def GetCurrentTimeline(self) -> Any:
        timeline = self.target.timeline
        if timeline is None:
            raise Refused
        return self._timeline(timeline)

    def _timeline(self, timeline: model.Timeline) -> Any:
        from tests.doubles.resolve.timeline import Timeline

        return Timeline(self.double, timeline, self.target)

    def SetCurrentTimeline(self, timeline: Timeline) -> bool:  # noqa: F821 - checked by name
        """Switch; the playhead of the timeline that comes up slips one frame back."""
        if timeline.target not in self.target.timelines:
            return False
        if self.target.current != timeline.target.id:
            timeline.target.playhead -= 1
        self.target.current = timeline.target.id
        return True

    def GetSetting(self, name: str = "") -> Any:
        return dict(self.target.settings) if not name else self.target.settings.get(name, "")

    def SetSetting(self, name: str, value: str) -> bool:
        if name not in self.target.settings:
            return False
        if name == "timelineFrameRate" and self.target.timelines:
            return False  # fixed once there is a timeline
        self.target.settings[name] = value
        return True

    def GetSettings(self) -> dict:
        return dict(self.target.settings)

    def SetSettings(self, settings: dict) -> bool:
        return all(self.SetSetting(name, value) for name, value in settings.items())

    def GetPresetList(self) -> list:
        return [{"Name": "Current Project", "Width": 1920, "Height": 1080}]

    def RefreshLUTList(self) -> bool:
        return True

    def ExportCurrentFrameAsStill(self, path: str) -> bool:
        """Write what the viewer shows, which lags behind the playhead."""
        timeline = self.target.timeline
        if timeline is None or "." not in path:
            return False
        shown = self.double.viewer_frame(timeline)
        picture = self.double.engine.picture(self.target, timeline, shown)
        try:
            clips.write_still(self.double.files.check_writable(path), picture)
        except (OSError, ValueError):
            return False
        return True

    def GetColorGroupsList(self) -> list:
        return []
