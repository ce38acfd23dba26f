"""The Media Pool: folders, import, timelines. Appending is in ``append``."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

from tests.doubles.resolve import append, imports, model
from tests.doubles.resolve.dispatch import Handle, Refused, numbered
from tests.doubles.resolve.mediaitem import MediaPoolItem
from tests.doubles.resolve.timeline import Timeline


class Folder(Handle):
    owner = "Folder"
    target: model.Folder

    def alive(self) -> bool:
        project: model.Project = self.context[0]
        return project.name == self.double.current and self.target in project.root.walk()

    def GetName(self) -> str:
        return self.target.name

    def GetUniqueId(self) -> str:
        return self.target.id

    def GetClipList(self) -> list:
        return [MediaPoolItem(self.double, media, *self.context) for media in self.target.media]

    def GetClips(self) -> dict:
        return numbered(self.GetClipList())

    def GetSubFolderList(self) -> list:
        return [Folder(self.double, folder, *self.context) for folder in self.target.folders]

    def GetSubFolders(self) -> dict:
        return numbered(self.GetSubFolderList())

    def GetIsFolderStale(self) -> bool:
        return False


class MediaPool(Handle):
    owner = "MediaPool"
    target: model.Project

    def alive(self) -> bool:
        return self.target.name == self.double.current

    def _folder(self, folder: model.Folder) -> Folder:
        return Folder(self.double, folder, self.target)

    def _item(self, media: model.Media) -> MediaPoolItem:
        return MediaPoolItem(self.double, media, self.target)

    def GetUniqueId(self) -> str:
        return f"pool-{self.target.id}"

    # Folders ----
    def GetRootFolder(self) -> Folder:
        return self._folder(self.target.root)

    def GetCurrentFolder(self) -> Folder:
        return self._folder(self.target.folder)

    def SetCurrentFolder(self, folder: Folder) -> bool:
        if folder.target not in self.target.root.walk():
            return False
        self.target.folder = folder.target
        return True

    def AddSubFolder(self, folder: Folder, name: str) -> Folder:
        """Make a folder and go into it; None where the name is taken."""
        if not name or any(other.name == name for other in folder.target.folders):
            raise Refused
        made = model.Folder(self.double.ids.new(), name)
        folder.target.folders.append(made)
        self.target.folder = made
        return self._folder(made)

    def RefreshFolders(self) -> bool:
        return True

    def DeleteFolders(self, folders: list) -> bool:
        for handle in folders:
            if not isinstance(handle, Folder) or handle.target is self.target.root:
                return False
            for parent in self.target.root.walk():
                if handle.target in parent.folders:
                    parent.folders.remove(handle.target)
            if self.target.folder in handle.target.walk():
                self.target.folder = self.target.root
        return bool(folders)

    def MoveClips(self, clips: list, folder: Folder) -> bool:
        for handle in clips:
            self._home(handle.target).media.remove(handle.target)
            folder.target.media.append(handle.target)
        return bool(clips)

    def _home(self, media: model.Media) -> model.Folder:
        for folder in self.target.root.walk():
            if any(other is media for other in folder.media):
                return folder
        raise Refused

    # Media ----
    def ImportMedia(self, items: list) -> list:
        """Import into the current folder what decodes; a missing file is simply not there."""
        if self.double.faults.import_nothing:
            return []
        made = []
        for media in imports.read_all(self.double, items):
            known = next((m for m in self.target.all_media() if m.path == media.path), None)
            if known is not None and self.double.faults.reimport != "new":
                if self.double.faults.reimport == "same":
                    made.append(self._item(known))
                continue
            self.target.folder.media.append(media)
            made.append(self._item(media))
        return made

    def DeleteClips(self, clips: list) -> bool:
        """Delete from the pool; what lies on timelines goes with it."""
        if not clips or not all(isinstance(handle, MediaPoolItem) for handle in clips):
            return False
        for handle in clips:
            home = self._home(handle.target)
            home.media = [media for media in home.media if media is not handle.target]
            for timeline in self.target.timelines:
                for tracks in timeline.tracks.values():
                    for track in tracks:
                        track.items = [i for i in track.items if i.media is not handle.target]
        return True

    def UnlinkClips(self, clips: list) -> bool:
        for handle in clips:
            handle.target.online = False
        return bool(clips)

    def RelinkClips(self, clips: list, folder: str) -> bool:
        for handle in clips:
            name = os.path.basename(handle.target.path.replace("\\", "/"))
            path = os.path.join(folder, name)
            if not self.double.files.exists(path):
                return False
            handle.target.path, handle.target.online = path, True
        return bool(clips)

    def GetSelectedClips(self) -> list:
        chosen = [m for m in self.target.all_media() if m.id in self.target.pool_selection]
        return [self._item(media) for media in chosen]

    def SetSelectedClip(self, media: MediaPoolItem) -> bool:
        self.target.pool_selection = [media.target.id]
        return True

    def AutoSyncAudio(self, clips: list, settings: dict) -> bool:
        """Sync; the keys are constants of ``resolve``, strings are refused."""
        return len(clips) > 1 and all(not isinstance(key, str) for key in settings)

    # Timelines ----
    def AppendToTimeline(self, *clips: Any) -> list:
        flat = clips[0] if len(clips) == 1 and isinstance(clips[0], list) else list(clips)
        return append.append(self, flat)

    def CreateEmptyTimeline(self, name: str) -> Timeline:
        if not name or any(timeline.name == name for timeline in self.target.timelines):
            raise Refused
        timeline = self.double.new_timeline(self.target, name)
        self.target.current = timeline.id
        return Timeline(self.double, timeline, self.target)

    def CreateTimelineFromClips(self, name: str, *clips: Any) -> Timeline:
        """Make a timeline of clips of the current folder; a track field is ignored."""
        flat = clips[0] if len(clips) == 1 and isinstance(clips[0], list) else list(clips)
        entries = [e if isinstance(e, dict) else {"mediaPoolItem": e} for e in flat]
        media = [e.get("mediaPoolItem") for e in entries]
        inside = [
            isinstance(m, MediaPoolItem) and self._home(m.target) is self.target.folder
            for m in media
        ]
        if not entries or not all(inside):
            raise Refused
        made = self.CreateEmptyTimeline(name)
        for entry in entries:
            target = entry["mediaPoolItem"].target
            first = int(entry.get("startFrame", 0))
            last = int(entry.get("endFrame", target.frames))
            item = self.double.make_item(
                "clip", target.name, Fraction(made.target.end()), Fraction(last - first), target
            )
            item.left = Fraction(first)
            made.target.tracks["video"][0].items.append(item)
        return made

    def ImportTimelineFromFile(self, path: str, options: dict | None = None) -> Timeline:
        name = str(
            (options or {}).get("timelineName") or os.path.splitext(os.path.basename(path))[0]
        )
        if not self.double.files.exists(path):
            raise Refused
        return self.CreateEmptyTimeline(name)

    def DeleteTimelines(self, timelines: list) -> bool:
        """Delete timelines, never the current one."""
        targets = [h.target for h in timelines if isinstance(h, Timeline)]
        if not targets or any(target.id == self.target.current for target in targets):
            return False
        for target in targets:
            if target not in self.target.timelines:
                return False
            self.target.timelines.remove(target)
            for folder in self.target.root.walk():
                folder.media = [media for media in folder.media if media.inner is not target]
        return True
