"""Markers, flags and clip colours: the same on timelines, items and media."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

from typing import Any

from tests.doubles.resolve import model
from tests.doubles.resolve.dispatch import Handle

CLIP_COLORS = [
    "Orange",
    "Apricot",
    "Yellow",
    "Lime",
    "Olive",
    "Green",
    "Teal",
    "Navy",
    "Blue",
    "Purple",
    "Violet",
    "Pink",
    "Tan",
    "Beige",
    "Brown",
    "Chocolate",
]
MARKER_COLORS = [
    "Blue",
    "Cyan",
    "Green",
    "Yellow",
    "Red",
    "Pink",
    "Purple",
    "Fuchsia",
    "Rose",
    "Lavender",
    "Sky",
    "Mint",
    "Lemon",
    "Sand",
    "Cocoa",
    "Cream",
]


def shown(marker: model.Marker) -> dict[str, Any]:
    return {
        "color": marker.color,
        "duration": float(marker.duration),
        "note": marker.note,
        "name": marker.name,
        "customData": marker.custom,
    }


class Markers(Handle):
    """Markers relative to the start of what carries them; keys read back as floats."""

    def _markers(self) -> dict[int, model.Marker]:
        found: dict[int, model.Marker] = self.target.markers
        return found

    def _length(self) -> int:
        return 1 << 30

    def AddMarker(
        self,
        frame: float,
        color: str,
        name: str,
        note: str,
        duration: float,
        custom: str = "",
    ) -> bool:
        key = int(frame)
        if color not in MARKER_COLORS or duration < 1 or not 0 <= key < self._length():
            return False
        if key in self._markers():
            return False  # an occupied frame refuses
        self._markers()[key] = model.Marker(color, name, note, duration, custom)
        return True

    def GetMarkers(self) -> dict:
        return {float(key): shown(marker) for key, marker in sorted(self._markers().items())}

    def GetMarkerByCustomData(self, custom: str) -> dict:
        for key, marker in sorted(self._markers().items()):
            if marker.custom == custom:
                return {float(key): shown(marker)}
        return {}

    def UpdateMarkerCustomData(self, frame: float, custom: str) -> bool:
        marker = self._markers().get(int(frame))
        if marker is None:
            return False
        marker.custom = custom
        return True

    def GetMarkerCustomData(self, frame: float) -> str:
        marker = self._markers().get(int(frame))
        return marker.custom if marker else ""

    def DeleteMarkersByColor(self, color: str) -> bool:
        doomed = [k for k, m in self._markers().items() if color in (m.color, "All")]
        for key in doomed:
            del self._markers()[key]
        return bool(doomed)

    def DeleteMarkerAtFrame(self, frame: float) -> bool:
        return self._markers().pop(int(frame), None) is not None

    def DeleteMarkerByCustomData(self, custom: str) -> bool:
        for key, marker in sorted(self._markers().items()):
            if marker.custom == custom:
                del self._markers()[key]
                return True
        return False


class Labels(Handle):
    """Flags and the clip colour; a wrong name is a bare False."""

    def _colourable(self) -> bool:
        return True

    def AddFlag(self, color: str) -> bool:
        if color not in MARKER_COLORS:
            return False
        if color not in self.target.flags:
            self.target.flags.append(color)
        return True

    def GetFlagList(self) -> list:
        return list(self.target.flags)

    def ClearFlags(self, color: str) -> bool:
        before = len(self.target.flags)
        self.target.flags[:] = [f for f in self.target.flags if color not in (f, "All")]
        return len(self.target.flags) < before

    def GetClipColor(self) -> str:
        return self.target.color

    def SetClipColor(self, color: str) -> bool:
        if color not in CLIP_COLORS:
            return False
        if self._colourable():
            self.target.color = color
        return True

    def ClearClipColor(self) -> bool:
        self.target.color = ""
        return True
