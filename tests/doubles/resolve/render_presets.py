"""Render presets: what a project starts with, and their files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.doubles.resolve import model

#: Every setting a script may write, with the type of its value.
KEYS: dict[str, type | tuple[type, ...]] = {
    "SelectAllFrames": bool,
    "MarkIn": int,
    "MarkOut": int,
    "TargetDir": str,
    "CustomName": str,
    "UniqueFilenameStyle": int,
    "ExportVideo": bool,
    "ExportAudio": bool,
    "FormatWidth": int,
    "FormatHeight": int,
    "FrameRate": (int, float),
    "PixelAspectRatio": str,
    "VideoQuality": (int, str),
    "AudioCodec": str,
    "AudioBitDepth": int,
    "AudioSampleRate": int,
    "ColorSpaceTag": str,
    "GammaTag": str,
    "ExportAlpha": bool,
    "EncodingProfile": str,
    "MultiPassEncode": bool,
    "AlphaMode": int,
    "NetworkOptimization": bool,
    "ClipStartFrame": int,
    "TimelineStartTimecode": str,
    "ReplaceExistingFilesInPlace": bool,
    "ExportSubtitle": bool,
    "SubtitleFormat": str,
}
NEW_IN_21_0_4: dict[str, type | tuple[type, ...]] = {
    "UseFullExtents": bool,
    "AddFrameHandles": int,
    "DataBurnIn": str,
}

_VIDEO = {"ExportVideo": True, "ExportAudio": True, "SelectAllFrames": True}

BUILT_IN: dict[str, dict[str, Any]] = {
    "H.264 Master": _VIDEO | {"_format": "mp4", "_codec": "H264"},
    "ProRes 422 HQ": _VIDEO | {"_format": "mov", "_codec": "ProRes422HQ"},
    "FCP - Final Cut Pro 7": _VIDEO | {"_format": "mov", "_codec": "ProRes422HQ", "_mode": 0},
    "Audio Only": {"ExportVideo": False, "ExportAudio": True, "_format": "wav", "_codec": ""},
}


def load(render: model.Render, name: str) -> bool:
    """Make a preset current: it replaces everything, TargetDir and CustomName too."""
    preset = render.presets.get(name)
    if preset is None:
        return False
    render.settings = {k: v for k, v in preset.items() if not k.startswith("_")}
    render.settings.setdefault("TargetDir", "")
    render.settings.setdefault("CustomName", "")
    if "_format" in preset:
        render.format, render.codec = preset["_format"], preset.get("_codec", "")
    render.mode = preset.get("_mode", render.mode)
    render.audio_only = preset.get("_audio_only", not preset.get("ExportVideo", True))
    render.preset = name
    return True


def snapshot(render: model.Render) -> dict[str, Any]:
    """Give a preset of everything that is set now."""
    hidden = {"_format": render.format, "_codec": render.codec, "_mode": render.mode}
    return dict(render.settings) | hidden | {"_audio_only": render.audio_only}


def text(name: str, preset: dict[str, Any]) -> str:
    """Write a preset as the XML of a preset file."""
    root = ET.Element("RenderPreset", name=name)
    for key, value in preset.items():
        ET.SubElement(root, key, type=type(value).__name__).text = str(value)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def read(path: Path) -> tuple[str, dict[str, Any]] | None:
    """Read a preset file: any well-formed XML; elements named like settings count."""
    try:
        root = ET.fromstring(path.read_text(encoding="utf-8"))
    except (OSError, ET.ParseError, UnicodeDecodeError):
        return None
    preset: dict[str, Any] = {}
    for element in root.iter():
        value = element.text or ""
        if element.tag in KEYS or element.tag in ("_format", "_codec", "_mode", "_audio_only"):
            kind = element.get("type", "str")
            preset[element.tag] = value == "True" if kind == "bool" else value
            if kind in ("int", "float"):
                preset[element.tag] = float(value) if kind == "float" else int(value)
    return root.get("name", path.stem), preset
