"""Editions, versions and the table of what exists since when.

Every name of the vendor's stub exists from 18.1 on unless this table says otherwise; names
younger than the stub (21.0) exist only here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.doubles.resolve import signatures

EDITIONS = ("free", "studio")
VERSIONS = ("18.5", "19.1", "20.3", "21.0.4", "21.1")
MATRIX = tuple((edition, version) for edition in EDITIONS for version in VERSIONS)

_MARKS = ("GetMarkInOut", "SetMarkInOut", "ClearMarkInOut")

#: "Class.Method" -> first version that has it. What is absent here is as old as 18.1.
SINCE: dict[str, str] = {
    **dict.fromkeys(
        (
            "Timeline.AddTrack",
            "Timeline.DeleteTrack",
            "Timeline.SetTrackEnable",
            "Timeline.GetIsTrackEnabled",
            "Timeline.SetTrackLock",
            "Timeline.GetIsTrackLocked",
            "Timeline.DeleteClips",
            "Timeline.SetClipsLinked",
            "TimelineItem.SetClipEnabled",
            "TimelineItem.GetClipEnabled",
            "TimelineItem.CreateMagicMask",
            "TimelineItem.RegenerateMagicMask",
            "Project.ExportCurrentFrameAsStill",
            "Resolve.ImportRenderPreset",
            "Resolve.ExportRenderPreset",
        ),
        "18.5",
    ),
    **dict.fromkeys(
        (
            "MediaPool.GetSelectedClips",
            "MediaPool.SetSelectedClip",
            "TimelineItem.GetSourceStartFrame",
            "TimelineItem.GetSourceEndFrame",
            "TimelineItem.GetSourceStartTime",
            "TimelineItem.GetSourceEndTime",
            "TimelineItem.GetTrackTypeAndIndex",
            "TimelineItem.GetLinkedItems",
            "TimelineItem.GetNodeGraph",
            "TimelineItem.ExportLUT",
            "Timeline.GetNodeGraph",
            "MediaPoolItem.GetThirdPartyMetadata",
            "MediaPoolItem.SetThirdPartyMetadata",
            "Graph.*",
            "ColorGroup.*",
            "Project.GetColorGroupsList",
            "Project.AddColorGroup",
            "Project.DeleteColorGroup",
            "TimelineItem.GetColorGroup",
            "TimelineItem.AssignToColorGroup",
            "TimelineItem.RemoveFromColorGroup",
        ),
        "19.0",
    ),
    **dict.fromkeys(
        (
            *(f"Timeline.{name}" for name in _MARKS),
            *(f"MediaPoolItem.{name}" for name in _MARKS),
            "Timeline.GetMediaPoolItem",
            "Project.DeleteRenderPreset",
            "Project.GetQuickExportRenderPresets",
            "Project.RenderWithQuickExport",
            "Graph.ApplyGradeFromDRX",
            "Graph.ResetAllGrades",
        ),
        "19.1",
    ),
    "MediaPoolItem.ReplaceClipPreserveSubClip": "20.0",
    "MediaPoolItem.LinkFullResolutionMedia": "20.0",
    "MediaPoolItem.MonitorGrowingFile": "20.0",
    "TimelineItem.SetName": "20.2",
    "MediaPoolItem.SetName": "20.2",
    **dict.fromkeys(
        (
            "Resolve.DisableBackgroundTasksForCurrentResolveSession",
            "Project.GenerateSpeech",
            "Project.ResetIntellisearchAnalysis",
            *(
                f"{owner}.{name}"
                for owner in ("Folder", "MediaPoolItem")
                for name in (
                    "PerformAudioClassification",
                    "ClearAudioClassification",
                    "RemoveMotionBlur",
                    "AnalyzeForIntellisearch",
                    "AnalyzeForSlate",
                )
            ),
        ),
        "21.0",
    ),
    "Timeline.GetSelectedClips": "21.0.4",
    "MediaPoolItem.GetTimeline": "21.0.4",
    **dict.fromkeys(
        (
            "TimelineItem.GetType",
            "TimelineItem.GetSpeed",
            "TimelineItem.SetSpeed",
            "TimelineItem.GetFades",
            "TimelineItem.GetProperties",
            "TimelineItem.SetProperties",
            "Timeline.AddTransition",
            "Timeline.GetSettings",
            "Timeline.SetSettings",
            "Project.GetSettings",
            "Project.SetSettings",
            "Resolve.GetCurrentProject",
            "Resolve.GetCurrentTimeline",
            "Resolve.IsStudio",
        ),
        "21.1",
    ),
}

#: Names the stub (21.0) does not have; section 13 of the reference lists them.
YOUNGER_THAN_STUB = frozenset(name for name, since in SINCE.items() if since in ("21.0.4", "21.1"))

#: Names that older versions had and newer ones dropped.
REMOVED_IN: dict[str, str] = {
    "Timeline.ApplyGradeFromDRX": "19.1",
    "Timeline.ApplyArriCdlLut": "19.1",
}

#: Calls that free answers with False and a dialog that stays until a person closes it.
STUDIO_ONLY = frozenset(
    {
        "TimelineItem.CreateMagicMask",
        "TimelineItem.RegenerateMagicMask",
        "TimelineItem.SmartReframe",
        "TimelineItem.SetVoiceIsolationState",
        "Timeline.SetVoiceIsolationState",
        "Timeline.CreateSubtitlesFromAudio",
        "Timeline.DetectSceneCuts",
        "Timeline.AnalyzeDolbyVision",
        "Project.GenerateSpeech",
        "Folder.TranscribeAudio",
        "MediaPoolItem.TranscribeAudio",
        "MediaPoolItem.RemoveMotionBlur",
        "MediaPoolItem.AnalyzeForSlate",
        "MediaPoolItem.AnalyzeForIntellisearch",
    }
)


@dataclass(frozen=True, order=True)
class Version:
    """A version of Resolve that compares part by part."""

    parts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Version:
        return cls(tuple(int(part) for part in text.split(".")))

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))

    def has(self, since: str) -> bool:
        return self.parts >= Version.parse(since).parts

    def listing(self) -> list[int | str]:
        """Give what ``GetVersion`` answers: [major, minor, patch, build, suffix]."""
        major, minor, patch = (*self.parts, 0, 0)[:3]
        return [major, minor, patch, 17, ""]


def since(owner: str, method: str) -> str:
    """First version that has a method, '18.1' for the old ones."""
    return SINCE.get(f"{owner}.{method}") or SINCE.get(f"{owner}.*") or "18.1"


def exists(owner: str, method: str, version: Version) -> bool:
    """Whether this version's object has the method."""
    name = f"{owner}.{method}"
    if name in REMOVED_IN:
        return not version.has(REMOVED_IN[name])
    if not signatures.known(owner, method) and name not in SINCE:
        return False
    return version.has(since(owner, method))


def invented(owner: str, method: str) -> bool:
    """Whether no version at all has this name on an object whose names are all known."""
    if owner in signatures.FUSION or owner == "UIManager":
        return False
    name = f"{owner}.{method}"
    return not (signatures.known(owner, method) or name in SINCE or name in REMOVED_IN)


def methods(owner: str, version: Version) -> list[str]:
    """Every method an object of this version has, sorted."""
    names = set(signatures.methods(owner))
    names |= {name.split(".")[1] for name in (*SINCE, *REMOVED_IN) if name.startswith(owner + ".")}
    return sorted(name for name in names - {"*"} if exists(owner, name, version))
