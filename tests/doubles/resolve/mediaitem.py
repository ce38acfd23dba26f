"""The item of the Media Pool: a file, a sequence, a still, or something made of others."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

import copy
import os
from fractions import Fraction
from typing import Any

from tests.doubles.resolve import frames, imports, model
from tests.doubles.resolve.dispatch import Refused
from tests.doubles.resolve.markers import Labels, Markers

_TYPES = {
    "video": "Video",
    "still": "Still",
    "sequence": "Video",
    "audio": "Audio",
    "compound": "Compound",
    "timeline": "Timeline",
    "multicam": "Multicam",
    "fusion": "Fusion",
    "generator": "Generator",
}

#: Properties that take certain words only; another spelling is False and nothing says which.
WORDS: dict[str, tuple[str, ...]] = {
    "Data Level": ("Auto", "Video", "Full"),
    "Alpha mode": ("None", "Straight", "Premultiplied"),
    "Field Dominance": ("Auto", "Upper Field", "Lower Field", "Progressive"),
    "PAR": ("Square", "4:3 NTSC", "16:9 NTSC", "Anamorphic", "2:1"),
    "IDT": ("Project", "No Input Transform", "Rec.709 (Camera)", "sRGB", "ACEScct"),
    "Input Color Space": (
        "Project",
        "Rec.709 (Scene)",
        "Rec.709 Gamma 2.4",
        "Rec.709-A",
        "sRGB",
        "Linear",
        "ARRI LogC3",
        "S-Gamut3.Cine/S-Log3",
        "Blackmagic Design Film Gen 5",
    ),
    "Input Gamma": ("Project", "Gamma 2.4", "Linear", "S-Log3"),
    "Super Scale": ("1", "2", "3", "4"),
    "H-FLIP": ("Off", "On"),
    "V-FLIP": ("Off", "On"),
}
#: The rates of the menu in Clip Attributes.
RATES = (
    *("16", "18", "23.976", "24", "25", "29.97", "30", "47.952", "48", "50", "59.94", "60"),
    *("72", "95.904", "96", "100", "119.88", "120"),
)
_FREE_TEXT = ("Clip Name", "Reel Name", "Input LUT", "Shot", "Scene", "Comments", "Proxy")


def properties(double: Any, media: model.Media) -> dict[str, str]:
    """Every clip property, all of them strings."""
    made = media.kind in ("compound", "timeline", "multicam", "fusion")
    kind = _TYPES[media.kind]
    if media.kind in ("video", "sequence") and media.channels:
        kind = "Video + Audio"
    rate = media.rate
    first = media.kind == "sequence" and double.faults.sequence_path == "first"
    values = {
        "File Path": "" if made else media.files[0] if first else media.path,
        "File Name": "" if made else os.path.basename(media.path.replace("\\", "/")),
        "Clip Name": media.name,
        "Type": kind,
        "FPS": rate.removesuffix(" DF"),
        "Frames": str(media.frames),
        "Start": str(media.first),
        "End": str(media.first + media.frames - 1),
        "Start TC": frames.timecode(media.start, rate),
        "End TC": frames.timecode(media.start + media.frames, rate),
        "Duration": frames.timecode(media.frames, rate),
        "Resolution": f"{media.size[0]}x{media.size[1]}" if media.size[0] else "",
        "PAR": "Square",
        "Video Codec": media.codec,
        "Format": os.path.splitext(media.path)[1].lstrip(".").upper(),
        "Bit Depth": "10",
        "Data Level": "Auto",
        "Input Color Space": "Project",
        "Input LUT": "",
        "Alpha mode": _alpha_mode(media),
        "Field Dominance": "Auto",
        "Proxy": "None",
        "Usage": {"late": "0", "empty": ""}.get(double.faults.usage, str(_usage(double, media))),
        "IDT": "Project",
        "Reel Name": "",
        "H-FLIP": "Off",
        "V-FLIP": "Off",
        "Super Scale": "1",
        "Online Status": "Online" if media.online else "Offline",
    }
    return values | media.props


def _alpha_mode(media: model.Media) -> str:
    if not media.alpha:
        return "None"
    return "Premultiplied" if media.path.lower().endswith(".exr") else "Straight"


def _usage(double: Any, media: model.Media) -> int:
    lists = [t.all_items() for project in double.projects for t in project.timelines]
    return sum(item.media is media for items in lists for item in items)


class MediaPoolItem(Markers, Labels):
    owner = "MediaPoolItem"
    target: model.Media

    @property
    def project(self) -> model.Project:
        found: model.Project = self.context[0]
        return found

    def alive(self) -> bool:
        here = self.project.name == self.double.current
        return here and any(media is self.target for media in self.project.all_media())

    def GetName(self) -> str:
        return self.target.name

    def SetName(self, name: str) -> bool:
        self.target.name = name
        return True

    def GetUniqueId(self) -> str:
        return self.target.id

    def GetMediaId(self) -> str:
        return self.target.media_id

    def GetTimeline(self) -> Any:
        from tests.doubles.resolve.timeline import Timeline

        if self.target.kind != "timeline" or self.target.inner not in self.project.timelines:
            raise Refused
        return Timeline(self.double, self.target.inner, self.project)

    # Properties ----
    def GetClipProperty(self, name: str = "") -> Any:
        values: dict[str, Any] = dict(properties(self.double, self.target))
        if self.double.faults.fps_number:
            values["FPS"] = float(values["FPS"])
        return values if not name else values.get(name, "")

    def SetClipProperty(self, name: str, value: Any) -> bool:
        """Set a property: an unknown spelling is False; a reel name is dropped."""
        text = str(value) if name == "Super Scale" and isinstance(value, int) else value
        if not isinstance(text, str):
            return False
        if name in ("Start", "End", "In", "Out"):
            self.target.out_written |= name == "Out"
            return True
        if name == "FPS":
            return self._set_rate(text)
        if name in _FREE_TEXT:
            if name == "Clip Name":
                self.target.name = text
            elif name != "Reel Name":
                self.target.props[name] = text
            return True
        if text not in WORDS.get(name, ()):
            return False
        self.target.props[name] = text
        return True

    def _set_rate(self, text: str) -> bool:
        """Let a clip play at another rate: one of the menu's, and only before it is used."""
        fixed = self.target.kind not in ("video", "sequence") or _usage(self.double, self.target)
        if fixed or text not in RATES or self.double.faults.fps == "refused":
            return False
        if self.double.faults.fps != "ignored":
            self.target.rate = text
        return True

    def GetMetadata(self, name: str = "") -> Any:
        return dict(self.target.metadata) if not name else self.target.metadata.get(name, "")

    def SetMetadata(self, name: str | dict, value: str = "") -> bool:
        self.target.metadata.update(name if isinstance(name, dict) else {name: value})
        return True

    def GetThirdPartyMetadata(self, name: str = "") -> Any:
        stored = self.target.third_party
        return dict(stored) if not name else stored.get(name, "")

    def SetThirdPartyMetadata(self, name: str | dict, value: str = "") -> bool:
        pairs = name if isinstance(name, dict) else {name: value}
        if not all(isinstance(text, str) for text in pairs.values()):
            return False
        self.target.third_party.update(pairs)
        return True

    def GetMarkInOut(self) -> dict:
        return copy.deepcopy(self.target.marks)

    def SetMarkInOut(self, mark_in: int, mark_out: int, kind: str = "all") -> bool:
        if mark_in > mark_out:
            return False
        for name in ("video", "audio") if kind == "all" else (kind,):
            self.target.marks[name] = {"in": mark_in, "out": mark_out}
        self.target.out_written = True
        return True

    def ClearMarkInOut(self, kind: str = "all") -> bool:
        for name in ("video", "audio") if kind == "all" else (kind,):
            self.target.marks.pop(name, None)
        return True

    # Files ----
    def ReplaceClip(self, path: str) -> bool:
        """Put another file behind every instance, and rename them all."""
        found = imports.read(self.double, path)
        if found is None:
            return False
        for field in ("path", "frames", "rate", "size", "alpha", "codec", "channels", "kind"):
            setattr(self.target, field, getattr(found, field))
        self.target.name = found.name
        for timeline in self.project.timelines:
            for item in timeline.all_items():
                if item.media is self.target:
                    item.name = found.name
                    item.left = min(item.left, Fraction(max(found.frames - 1, 0)))
        return True

    def LinkProxyMedia(self, path: str) -> bool:
        if not self.double.files.exists(path):
            return False
        self.target.props["Proxy"] = path
        return True

    def UnlinkProxyMedia(self) -> bool:
        return self.target.props.pop("Proxy", None) is not None

    def GetAudioMapping(self) -> str:
        return f'{{"embedded_audio_channels": {self.target.channels}, "linked_audio": {{}}}}'
