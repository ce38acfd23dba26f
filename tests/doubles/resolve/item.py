"""The timeline item: where it is, what it shows, how it looks. Takes are in ``takes``."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

from tests.doubles.resolve import model, source
from tests.doubles.resolve.dispatch import Absent, Refused, numbered
from tests.doubles.resolve.graph import Graph
from tests.doubles.resolve.item_props import Properties
from tests.doubles.resolve.markers import Labels, Markers
from tests.doubles.resolve.takes import Takes

#: 'AI' kinds that have a picture but no media behind them.
PICTURED = ("title", "fusion_title", "generator", "adjustment", "fusion_comp")


class TimelineItem(Takes, Properties, Markers, Labels):
    owner = "TimelineItem"
    target: model.Item
    nameless = False
    """An item that came back from an append without an id."""

    @property
    def timeline(self) -> model.Timeline:
        found: model.Timeline = self.context[0]
        return found

    @property
    def project(self) -> model.Project:
        found: model.Project = self.context[1]
        return found

    @property
    def current(self) -> bool:
        return self.project.current == self.timeline.id

    def alive(self) -> bool:
        here = self.project.name == self.double.current
        return here and self.timeline in self.project.timelines and self._place() is not None

    def _place(self) -> tuple[str, int] | None:
        return self.timeline.place(self.target)

    def _length(self) -> int:
        return int(self.target.duration)

    def _colourable(self) -> bool:
        return self.target.kind == "clip"

    def _number(self, value: Any, precise: bool) -> Any:
        if precise and self.double.version.has("19.0"):
            return float(value)
        return int(value)

    # Who and where ----
    def GetName(self) -> str:
        return self.target.name

    def SetName(self, name: str) -> bool:
        self.target.name = name
        return True

    def GetUniqueId(self) -> str:
        return "" if self.nameless else self.target.id

    def GetStart(self, subframe_precision: bool = False) -> Any:
        return self._number(self.target.start, subframe_precision)

    def GetEnd(self, subframe_precision: bool = False) -> Any:
        return self._number(self.target.end, subframe_precision)

    def GetDuration(self, subframe_precision: bool = False) -> Any:
        return self._number(self.target.duration, subframe_precision)

    def GetTrackTypeAndIndex(self) -> list:
        place = self._place()
        if place is None:
            raise Refused
        return list(place)

    def GetLinkedItems(self) -> list:
        if self.target.link is None:
            return []
        group = [i for i in self.timeline.all_items() if i.link == self.target.link]
        return [
            TimelineItem(self.double, item, *self.context)
            for item in group
            if item is not self.target
        ]

    def GetType(self) -> str:
        if self.target.kind == "transition":
            return "transition"
        place = self._place()
        if place is not None and place[0] == "audio":
            return "audio"
        return "video" if self.target.media is not None else "generator"

    def GetMediaPoolItem(self) -> Any:
        from tests.doubles.resolve.mediaitem import MediaPoolItem

        if self.target.media is None:
            raise Refused
        return MediaPoolItem(self.double, self.target.media, self.project)

    def GetClipEnabled(self) -> bool:
        return self.target.enabled

    def SetClipEnabled(self, on: bool) -> bool:
        self.target.enabled = on
        return True

    # Source frames ----
    def _audio(self) -> bool:
        place = self._place()
        return place is not None and place[0] == "audio"

    def GetLeftOffset(self, subframe_precision: bool = False) -> Any:
        value = source.left_offset(self.target, self.timeline.rate, audio=self._audio())
        if self.double.faults.left_offset == "absolute" and self.target.media is not None:
            value += self.target.media.first
        return self._number(value, subframe_precision)

    def GetRightOffset(self, subframe_precision: bool = False) -> Any:
        return self._number(
            source.right_offset(self.target, self.timeline.rate), subframe_precision
        )

    def GetSourceStartFrame(self) -> int:
        return source.start_frame(self.target, self.timeline.rate)

    def GetSourceEndFrame(self) -> int:
        return source.end_frame(self.target, self.timeline.rate)

    def GetSourceStartTime(self) -> float:
        return source.start_time(self.target, self.timeline.rate)

    def GetSourceEndTime(self) -> float:
        return source.end_time(self.target, self.timeline.rate)

    def GetSpeed(self) -> float:
        return float(self.target.speed * 100)

    def SetSpeed(self, speed: float) -> bool:
        if speed == 0 or self.target.media is None:
            return False
        self.target.speed = Fraction(speed).limit_denominator(10000) / 100
        return True

    def GetFades(self) -> dict:
        return {"fadeIn": 0, "fadeOut": 0}

    # Grade ----
    def GetNodeGraph(self, layer: int = 1) -> Graph:
        if layer != 1 or self.target.kind == "transition":
            raise Refused
        return Graph(self.double, self.target)

    def GetNumNodes(self) -> int:
        return len(self.target.nodes)

    def CopyGrades(self, items: list) -> bool:
        """Copy the grade to items of the same timeline."""
        if not items or not all(isinstance(item, TimelineItem) for item in items):
            return False
        for handle in items:
            if handle._place() is None:
                return False
            handle.target.versions[handle.target.version] = copy.deepcopy(self.target.nodes)
        return True

    def SetCDL(self, cdl: dict) -> bool:
        """Take a CDL map whose numbers are strings."""
        index, slope = cdl.get("NodeIndex"), cdl.get("Slope")
        if not isinstance(slope, str) or not str(index).isdigit():
            return False
        red, green, blue = (float(part) for part in slope.split())
        number = int(str(index))
        if not 1 <= number <= len(self.target.nodes):
            return False
        self.target.nodes[number - 1].gain = (red, green, blue)
        return True

    def AddVersion(self, name: str, kind: int) -> bool:
        if kind != 0 or name in self.target.versions:
            return False
        self.target.versions[name] = copy.deepcopy(self.target.nodes)
        self.target.version = name
        return True

    def GetCurrentVersion(self) -> dict:
        return {"versionName": self.target.version, "versionType": 0}

    def GetVersionNameList(self, kind: int) -> list:
        return list(self.target.versions) if kind == 0 else []

    def GetVersionNames(self, kind: int) -> dict:
        return numbered(self.GetVersionNameList(kind))

    def LoadVersionByName(self, name: str, kind: int) -> bool:
        if kind != 0 or name not in self.target.versions:
            return False
        self.target.version = name
        return True

    def DeleteVersionByName(self, name: str, kind: int) -> bool:
        """Delete a version, never the current one."""
        if kind != 0 or name not in self.target.versions or name == self.target.version:
            return False
        del self.target.versions[name]
        return True

    # Fusion ----
    def _comp(self, index: int) -> Any:
        from tests.doubles.resolve.comp import FusionComp

        if not 1 <= index <= len(self.target.comps) or not self.double.faults.scripted_comps:
            raise Refused
        return FusionComp(self.double, self.target.comps[index - 1], self.target, *self.context)

    def _comp_index(self, name: str) -> int:
        names = [comp.name for comp in self.target.comps]
        if name not in names:
            raise Refused
        return names.index(name) + 1

    def GetFusionCompCount(self) -> int:
        return len(self.target.comps)

    def GetFusionCompNameList(self) -> list:
        return [comp.name for comp in self.target.comps]

    def GetFusionCompNames(self) -> dict:
        return numbered(self.GetFusionCompNameList())

    def GetFusionCompByIndex(self, index: int) -> Any:
        return self._comp(index)

    def GetFusionCompByName(self, name: str) -> Any:
        return self._comp(self._comp_index(name))

    def LoadFusionCompByName(self, name: str) -> Any:
        index = self._comp_index(name)
        self.target.active_comp = index - 1
        return self._comp(index)

    def AddFusionComp(self) -> Any:
        from tests.doubles.resolve import comp_text

        number = len(self.target.comps) + 1
        document = comp_text.parse(comp_text.empty_comp(self.double.comp_span(self.target)))
        self.target.comps.append(model.Comp(f"Composition {number}", document))
        return self._comp(number)

    def ImportFusionComp(self, path: str) -> Any:
        from tests.doubles.resolve import comp_text

        text = self.double.files.read_text(path)
        document = comp_text.parse(text) if text is not None else None
        if document is None:
            raise Refused
        self.target.comps.append(model.Comp(f"Composition {len(self.target.comps) + 1}", document))
        return self._comp(len(self.target.comps))

    def ExportFusionComp(self, path: str, index: int) -> bool:
        """Write the composition's text; no composition is a None, not a False."""
        if not self.target.comps:
            raise Absent
        if not 1 <= index <= len(self.target.comps) or self.double.faults.export_comp_fails:
            return False
        return self.double.files.write_text(path, self.target.comps[index - 1].document.text())

    def DeleteFusionCompByName(self, name: str) -> bool:
        del self.target.comps[self._comp_index(name) - 1]
        self.target.active_comp = 0
        return True

    def RenameFusionCompByName(self, old: str, new: str) -> bool:
        self.target.comps[self._comp_index(old) - 1].name = new
        return True
