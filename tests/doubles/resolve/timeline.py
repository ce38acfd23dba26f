"""The timeline: tracks, playhead, marks, settings, and what lies on it."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

from tests.doubles.resolve import frames, model
from tests.doubles.resolve.dispatch import Refused, numbered
from tests.doubles.resolve.graph import Graph
from tests.doubles.resolve.item import TimelineItem
from tests.doubles.resolve.markers import Markers

_LABELS = {"video": "Video", "audio": "Audio", "subtitle": "Subtitle"}


class Timeline(Markers):
    owner = "Timeline"
    target: model.Timeline

    @property
    def project(self) -> model.Project:
        found: model.Project = self.context[0]
        return found

    def alive(self) -> bool:
        open_project = self.project.name == self.double.current
        return open_project and self.target in self.project.timelines

    @property
    def current(self) -> bool:
        return self.project.current == self.target.id

    def _item(self, item: model.Item) -> TimelineItem:
        return TimelineItem(self.double, item, self.target, self.project)

    def _track(self, kind: str, index: int) -> model.Track:
        tracks = self.target.tracks.get(kind)
        if tracks is None or not 1 <= index <= len(tracks):
            raise Refused
        return tracks[index - 1]

    # Names and frames ----
    def GetName(self) -> str:
        return self.target.name

    def SetName(self, name: str) -> bool:
        if not name or any(t.name == name for t in self.project.timelines):
            return False
        self.target.name = name
        return True

    def GetUniqueId(self) -> str:
        return self.target.id

    def GetStartFrame(self) -> int:
        return self.target.start

    def GetEndFrame(self) -> int:
        return self.target.end()

    def GetStartTimecode(self) -> str:
        return self.double.timecode(self.target, self.target.start)

    def SetStartTimecode(self, timecode: str) -> bool:
        frame = frames.parse(timecode, self.target.rate)
        if frame is None:
            return False
        shift = frame - self.target.start
        self.target.start = frame
        self.target.playhead += shift
        for item in self.target.all_items():
            item.start += shift
        return True

    # Playhead ----
    def GetCurrentTimecode(self) -> str:
        if self.double.page in ("media", "fusion"):
            raise Refused
        return self.double.timecode(self.target, self.target.playhead)

    def SetCurrentTimecode(self, timecode: str) -> bool:
        frame = frames.parse(timecode, self.target.rate)
        if frame is None or self.double.page in ("media", "fusion"):
            return False
        self.double.move_playhead(self.target, frame)
        return True

    def GetCurrentVideoItem(self) -> TimelineItem:
        """Give the topmost item of an enabled track under the playhead."""
        for track in reversed(self.target.tracks["video"]):
            for item in track.items:
                under = item.start <= self.target.playhead < item.end
                if track.enabled and under and item.kind != "transition":
                    return self._item(item)
        raise Refused

    def GetCurrentClipThumbnailImage(self) -> dict:
        """Give the picture of the clip; only on the Color page."""
        if self.double.page != "color":
            raise Refused
        picture = self.double.engine.picture(self.project, self.target, self.target.playhead)
        return self.double.engine.thumbnail(picture)

    def GetSelectedClips(self) -> list:
        order = {item.id: item for item in self.target.all_items()}
        picked = [order[key] for key in self.target.selection if key in order]
        if self.double.faults.link_selected_audio:
            links = {item.link for item in picked if item.link is not None}
            picked += [i for i in order.values() if i.link in links and i not in picked]
        return [self._item(item) for item in picked]

    # Tracks ----
    def GetTrackCount(self, kind: str) -> int:
        return len(self.target.tracks.get(kind, []))

    def AddTrack(self, kind: str, option: str | dict = "") -> bool:
        tracks = self.target.tracks.get(kind)
        if tracks is None:
            return False
        position = len(tracks)
        if isinstance(option, dict):
            if not self.double.version.has("19.0"):
                return False
            position = int(option.get("index", position + 1)) - 1
        number = len(tracks) + 1
        subtype = option if isinstance(option, str) else str(option.get("audiotype", ""))
        if kind == "audio" and not subtype:
            subtype = "stereo"
        tracks.insert(
            min(max(position, 0), len(tracks)),
            model.Track(f"{_LABELS[kind]} {number}", subtype=subtype),
        )
        return True

    def DeleteTrack(self, kind: str, index: int) -> bool:
        track = self._track(kind, index)
        self.target.tracks[kind].remove(track)
        return True

    def GetTrackName(self, kind: str, index: int) -> str:
        return self._track(kind, index).name

    def SetTrackName(self, kind: str, index: int, name: str) -> bool:
        self._track(kind, index).name = name
        return True

    def GetTrackSubType(self, kind: str, index: int) -> str:
        return self._track(kind, index).subtype

    def SetTrackEnable(self, kind: str, index: int, on: bool) -> bool:
        """Switch a track; the timeline must be current."""
        track = self._track(kind, index)
        elsewhere = self.double.faults.track_enable == "edit" and self.double.page != "edit"
        if not self.current or elsewhere:
            return False
        track.enabled = on
        return True

    def GetIsTrackEnabled(self, kind: str, index: int) -> bool:
        """Tell the truth only of the current timeline."""
        return self._track(kind, index).enabled and self.current

    def SetTrackLock(self, kind: str, index: int, on: bool) -> bool:
        track = self._track(kind, index)
        if not self.current:
            return False
        track.locked = on
        return True

    def GetIsTrackLocked(self, kind: str, index: int) -> bool:
        return self._track(kind, index).locked and self.current

    def GetItemListInTrack(self, kind: str, index: int) -> list:
        track = self._track(kind, index)
        return [self._item(item) for item in sorted(track.items, key=lambda i: (i.start, i.id))]

    def GetItemsInTrack(self, kind: str, index: int) -> dict:
        return numbered(self.GetItemListInTrack(kind, index))

    # Items ----
    def DeleteClips(self, items: list, ripple: bool = False) -> bool:
        """Remove items: False off the Edit page, sometimes once on it; linked audio stays."""
        if self.double.page != "edit":
            return False
        if self.double.faults.delete_clips_refusals > 0:
            self.double.faults.delete_clips_refusals -= 1
            return False
        removed = False
        for handle in items:
            if not isinstance(handle, TimelineItem) or handle.context[0] is not self.target:
                return False
            place = self.target.place(handle.target)
            if place is None or self._track(*place).locked:
                continue
            track = self._track(*place)
            track.items = [item for item in track.items if item is not handle.target]
            removed = True
            if ripple:
                for item in track.items:
                    if item.start >= handle.target.end:
                        item.start -= handle.target.duration
        return removed

    def SetClipsLinked(self, items: list, on: bool) -> bool:
        group = None
        if on:
            self.target.links += 1
            group = self.target.links
        for handle in items:
            if not isinstance(handle, TimelineItem):
                return False
            handle.target.link = group
        return True

    def DuplicateTimeline(self, name: str = "") -> Timeline:
        """Copy the timeline with new ids."""
        name = name or f"{self.target.name} copy"
        if any(t.name == name for t in self.project.timelines):
            raise Refused
        media = {id(m): m for m in self.project.all_media()}
        for item in self.target.all_items():
            if item.media is not None:
                media[id(item.media)] = item.media
        memo: dict[int, Any] = dict(media)
        twin = copy.deepcopy(self.target, memo)
        twin.id, twin.name = self.double.ids.new(), name
        for item in twin.all_items():
            item.id = self.double.ids.new()
        twin.selection = []
        self.project.timelines.append(twin)
        self.double.pool_timeline(self.project, twin)
        if self.double.faults.duplicate_current:
            self.project.current = twin.id
        return Timeline(self.double, twin, self.project)

    def CreateCompoundClip(self, items: list, info: dict | None = None) -> TimelineItem:
        """Put items into a compound clip that takes their place."""
        chosen = [h.target for h in items if isinstance(h, TimelineItem)]
        if not chosen or self.double.page not in ("edit", "cut"):
            raise Refused
        place = self.target.place(chosen[0])
        if place is None:
            raise Refused
        start = min(item.start for item in chosen)
        end = max(item.end for item in chosen)
        name = str((info or {}).get("name", "Compound Clip 1"))
        media = self.double.compound_media(self.project, self.target, name, chosen, start, end)
        for tracks in self.target.tracks.values():
            for track in tracks:
                track.items = [item for item in track.items if item not in chosen]
        item = model.Item(self.double.ids.new(), "clip", name, start, end - start, media)
        self._track(*place).items.append(item)
        return self._item(item)

    def InsertTitleIntoTimeline(self, name: str) -> TimelineItem:
        return self._insert("title", name)

    def InsertGeneratorIntoTimeline(self, name: str) -> TimelineItem:
        return self._insert("generator", name)

    def InsertFusionCompositionIntoTimeline(self) -> TimelineItem:
        return self._insert("fusion_comp", "Fusion Composition")

    def InsertFusionTitleIntoTimeline(self, name: str) -> TimelineItem:
        return self._insert("fusion_title", name)

    def _insert(self, kind: str, name: str) -> TimelineItem:
        if not name or self.double.page not in ("edit", "cut"):
            raise Refused
        length = 5 * frames.nominal(self.target.rate)
        start = Fraction(self.target.playhead)
        item = self.double.make_item(kind, name, start, Fraction(length))
        self.target.tracks["video"][0].items.append(item)
        return self._item(item)

    # Marks, settings, grade ----
    def GetMarkInOut(self) -> dict:
        return copy.deepcopy(self.target.marks)

    def SetMarkInOut(self, mark_in: int, mark_out: int, kind: str = "all") -> bool:
        if mark_in > mark_out or kind not in ("video", "audio", "all"):
            return False
        for name in ("video", "audio") if kind == "all" else (kind,):
            self.target.marks[name] = {"in": mark_in, "out": mark_out}
        return True

    def ClearMarkInOut(self, kind: str = "all") -> bool:
        for name in ("video", "audio") if kind == "all" else (kind,):
            self.target.marks.pop(name, None)
        return True

    def GetSetting(self, name: str = "") -> Any:
        settings = self.project.settings | self.target.settings
        return settings if not name else settings.get(name, "")

    def SetSetting(self, name: str, value: str) -> bool:
        """Take a string; size and rate have no effect, and yet True, without own settings."""
        known = self.project.settings | self.target.settings
        if name not in known:
            return False
        owned = self.target.settings.get("useCustomSettings", "0") == "1"
        if name.startswith(("timelineResolution", "timelineFrameRate")) and not owned:
            self.target.inert[name] = value
            return True
        if name == "timelineFrameRate" and self.target.all_items():
            return False
        self.target.settings[name] = value
        width = int(self.GetSetting("timelineResolutionWidth"))
        height = int(self.GetSetting("timelineResolutionHeight"))
        self.target.size = (width, height)
        if name == "timelineFrameRate":
            self.target.rate = value
        return True

    def GetSettings(self) -> dict:
        return self.project.settings | self.target.settings

    def SetSettings(self, settings: dict) -> bool:
        return all(self.SetSetting(name, value) for name, value in settings.items())

    def GetNodeGraph(self) -> Graph:
        return Graph(self.double, self.target, self.target.nodes)

    def GetMediaPoolItem(self) -> Any:
        from tests.doubles.resolve.mediaitem import MediaPoolItem

        for media in self.project.all_media():
            if media.inner is self.target:
                return MediaPoolItem(self.double, media, self.project)
        raise Refused

    def Export(self, path: str, kind: float, subtype: float = 0.0) -> bool:
        return self.double.files.write_text(path, f"timeline {self.target.name}\n")
