"""The Resolve object, the project manager and the media storage."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tests.doubles.resolve import model, render_presets
from tests.doubles.resolve.dispatch import Handle, Refused, numbered
from tests.doubles.resolve.project import Project

if TYPE_CHECKING:
    from tests.doubles.resolve.fusion_app import FusionApp
    from tests.doubles.resolve.timeline import Timeline

PAGES = ("media", "cut", "edit", "fusion", "color", "fairlight", "deliver")

_CONSTANTS = {
    "KEYFRAME_MODE_ALL": 0,
    "KEYFRAME_MODE_COLOR": 1,
    "KEYFRAME_MODE_SIZING": 2,
    "AUDIO_SYNC_CHANNEL_AUTOMATIC": -1,
    "AUDIO_SYNC_CHANNEL_MIX": -2,
}
_NAMES = [
    "EXPORT_AAF",
    "EXPORT_DRT",
    "EXPORT_EDL",
    "EXPORT_FCP_7_XML",
    "EXPORT_FCPXML_1_10",
    "EXPORT_OTIO",
    "EXPORT_NONE",
    "EXPORT_LUT_17PTCUBE",
    "EXPORT_LUT_33PTCUBE",
    "EXPORT_LUT_65PTCUBE",
    "AUDIO_SYNC_MODE",
    "AUDIO_SYNC_CHANNEL_NUMBER",
    "AUDIO_SYNC_RETAIN_EMBEDDED_AUDIO",
    "AUDIO_SYNC_RETAIN_VIDEO_METADATA",
    "AUDIO_SYNC_WAVEFORM",
    "AUDIO_SYNC_TIMECODE",
    "CLOUD_SETTING_PROJECT_NAME",
    "SUBTITLE_LANGUAGE",
]


class ResolveApp(Handle):
    """What ``resolve`` is."""

    owner = "Resolve"

    def value(self, name: str) -> tuple[bool, Any]:
        if name in _CONSTANTS:
            return True, _CONSTANTS[name]
        if name in _NAMES:
            return True, 1000.0 + _NAMES.index(name)
        return False, None

    def listing(self) -> list[str]:
        shown = [*_CONSTANTS, *_NAMES]
        return [name for name in shown if not name.startswith("EXPORT_")]

    def Fusion(self) -> FusionApp:
        return self.double.fusion_app()

    def GetMediaStorage(self) -> MediaStorage:
        return MediaStorage(self.double)

    def GetProjectManager(self) -> ProjectManager:
        return ProjectManager(self.double)

    def GetCurrentProject(self) -> Project:
        return Project(self.double, self.double.project)

    def GetCurrentTimeline(self) -> Timeline:
        return self.GetCurrentProject().GetCurrentTimeline()

    def IsStudio(self) -> bool:
        return self.double.edition == "studio"

    def OpenPage(self, page: str) -> bool:
        name = page.lower()
        pages = (*PAGES, "photo") if self.double.version.has("21.0.4") else PAGES
        if name not in pages:
            return False
        if name == "deliver" and self.double.faults.first_deliver:
            self.double.clock.sleep(self.double.faults.first_deliver)
            self.double.faults.first_deliver = 0.0
        self.double.page = name
        return True

    def GetCurrentPage(self) -> str:
        if self.double.faults.page_none:
            raise Refused
        return self.double.page

    def GetProductName(self) -> str:
        return self.double.product

    def GetVersion(self) -> list:
        return self.double.version.listing()

    def GetVersionString(self) -> str:
        return ".".join(str(part) for part in self.double.version.listing()[:4])

    def GetKeyframeMode(self) -> int:
        return self.double.keyframe_mode

    def SetKeyframeMode(self, mode: int) -> bool:
        if mode not in (0, 1, 2):
            return False
        self.double.keyframe_mode = mode
        return True

    def ImportRenderPreset(self, path: str) -> bool:
        """Read a preset file; it becomes the current preset."""
        found = render_presets.read(self.double.files.real(path))
        if found is None:
            return False
        name, settings = found
        render = self.double.project.render
        render.presets[name] = settings
        return render_presets.load(render, name)

    def ExportRenderPreset(self, name: str, path: str) -> bool:
        """Write a preset file; 21.1 takes a folder, older versions a file."""
        presets = self.double.project.render.presets
        if name not in presets:
            return False
        target = self.double.files.real(path)
        if self.double.version.has("21.1"):
            if not target.is_dir():
                return False
            target = target / f"{name}.xml"
        return self.double.files.write_text(target, render_presets.text(name, presets[name]))

    def Quit(self) -> None:
        self.double.die()


class ProjectManager(Handle):
    owner = "ProjectManager"

    def _find(self, name: str) -> model.Project | None:
        return next((p for p in self.double.projects if p.name == name), None)

    def GetCurrentProject(self) -> Project:
        return Project(self.double, self.double.project)

    def CreateProject(self, name: str, media_location: str | None = None) -> Project:
        if not name or self._find(name):
            raise Refused
        self.double.switch_project(name)
        return self.GetCurrentProject()

    def LoadProject(self, name: str) -> Project:
        if self._find(name) is None:
            raise Refused
        self.double.current = name
        return self.GetCurrentProject()

    def SaveProject(self) -> bool:
        """Save; 'Untitled Project' cannot be, and an errored append loses its placements here."""
        project = self.double.project
        if project.name == "Untitled Project" or self.double.faults.save_project != "works":
            return False
        if self.double.faults.disk_full:
            return False
        for timeline in project.timelines:
            for tracks in timeline.tracks.values():
                for track in tracks:
                    track.items = [item for item in track.items if not item.vanishing]
        project.saves += 1
        return True

    def CloseProject(self, project: Project) -> bool:
        self.double.switch_project("Untitled Project")
        return True

    def DeleteProject(self, name: str) -> bool:
        project = self._find(name)
        if project is None or name == self.double.current:
            return False
        self.double.projects.remove(project)
        return True

    def ExportProject(self, name: str, path: str, stills: bool = True) -> bool:
        project = self._find(name)
        if project is None:
            return False
        return self.double.files.write_text(path, json.dumps({"project": name, "id": project.id}))

    def GetProjectListInCurrentFolder(self) -> list:
        return [project.name for project in self.double.projects]

    def GetProjectsInCurrentFolder(self) -> dict:
        return numbered(self.GetProjectListInCurrentFolder())

    def GetFolderListInCurrentFolder(self) -> list:
        return []

    def GetFoldersInCurrentFolder(self) -> dict:
        return {}

    def GotoRootFolder(self) -> bool:
        return True

    def GotoParentFolder(self) -> bool:
        return False

    def GetCurrentFolder(self) -> str:
        return self.double.manager_folder

    def GetCurrentDatabase(self) -> dict:
        return {"DbType": "Disk", "DbName": "Local Database"}

    def GetDatabaseList(self) -> list:
        return [self.GetCurrentDatabase()]


class MediaStorage(Handle):
    owner = "MediaStorage"

    def _entries(self, folder: str) -> list[str]:
        if self.double.platform == "windows" and "/" in folder:
            return []  # wants backslashes there
        real = self.double.files.real(folder)
        if not real.is_dir():
            return []
        return [os.fspath(path) for path in sorted(real.iterdir())]

    def GetMountedVolumeList(self) -> list:
        return [*self.double.files.mapped] or ["/"]

    def GetMountedVolumes(self) -> dict:
        return numbered(self.GetMountedVolumeList())

    def GetSubFolderList(self, folder: str) -> list:
        paths = [path for path in self._entries(folder) if os.path.isdir(path)]
        return [self.double.files.shown(path) for path in paths]

    def GetFileList(self, folder: str) -> list:
        paths = [path for path in self._entries(folder) if os.path.isfile(path)]
        return [self.double.files.shown(path) for path in paths]

    def RevealInStorage(self, path: str) -> bool:
        return self.double.files.exists(path)

    def AddItemListToMediaPool(self, *items: Any) -> list:
        flat = items[0] if len(items) == 1 and isinstance(items[0], list) else list(items)
        pool = Project(self.double, self.double.project).GetMediaPool()
        paths = [entry.get("media") if isinstance(entry, dict) else entry for entry in flat]
        return pool.ImportMedia([path for path in paths if isinstance(path, str)])
