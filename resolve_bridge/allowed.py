"""The one list of what may be asked of Resolve.

`METHODS[kind][method]` names the *shape* of the answer. Everything that reaches Resolve, through
the Lua agent or through the external Python helper, is looked up here first; the agent carries the
same table in Lua, and a test holds the two equal. Standard library only: the helper runs under
whichever interpreter Resolve accepts.

Shapes
------
``""``        plain: nil, bool, number, string, or a table as it comes
``"map"``     a dictionary, even where its keys happen to count 1, 2, 3 (markers!)
``"list"``    a list of plain values
``"item"``    one object of that kind; ``"item*"`` a list of them

`FinalizeTake`, `ReplaceClip`, `RazorClip`, deleting projects, quitting, and everything else that
cannot be undone is absent on purpose.
"""

from __future__ import annotations

ROOTS = ("resolve", "manager", "project", "pool", "timeline")
"""Names that stand for an object without a handle; project, pool, timeline: the current one."""

METHODS: dict[str, dict[str, str]] = {
    "resolve": {
        "GetProductName": "",
        "GetVersion": "list",
        "GetVersionString": "",
        "GetCurrentPage": "",
        "OpenPage": "",
        "IsStudio": "",
    },
    "manager": {"GetCurrentProject": "project", "SaveProject": ""},
    "project": {
        "GetName": "",
        "GetUniqueId": "",
        "GetSetting": "",
        "GetTimelineCount": "",
        "GetTimelineByIndex": "timeline",
        "GetCurrentTimeline": "timeline",
        "SetCurrentTimeline": "",
        "GetMediaPool": "pool",
        "GetRenderFormats": "map",
        "GetRenderCodecs": "map",
        "GetCurrentRenderFormatAndCodec": "map",
        "SetCurrentRenderFormatAndCodec": "",
        "GetCurrentRenderMode": "",
        "SetCurrentRenderMode": "",
        "SetRenderSettings": "",
        "AddRenderJob": "",
        "DeleteRenderJob": "",
        "GetRenderJobList": "list",
        "GetRenderJobStatus": "map",
        "StartRendering": "",
        "StopRendering": "",
        "IsRenderingInProgress": "",
        "GetRenderPresetList": "list",
        "LoadRenderPreset": "",
        "SaveAsNewRenderPreset": "",
        "DeleteRenderPreset": "",
        "ExportCurrentFrameAsStill": "",
    },
    "pool": {
        "GetRootFolder": "folder",
        "GetCurrentFolder": "folder",
        "SetCurrentFolder": "",
        "AddSubFolder": "folder",
        "ImportMedia": "media*",
        "AppendToTimeline": "item*",
        "DeleteClips": "",
        "DeleteFolders": "",
        "DeleteTimelines": "",
    },
    "folder": {
        "GetName": "",
        "GetUniqueId": "",
        "GetSubFolderList": "folder*",
        "GetClipList": "media*",
    },
    "media": {
        "GetName": "",
        "GetUniqueId": "",
        "GetMediaId": "",
        "GetClipProperty": "",
        "SetClipProperty": "",
        "GetMetadata": "",
        "SetMetadata": "",
        "GetThirdPartyMetadata": "",
        "SetThirdPartyMetadata": "",
        "SetMarkInOut": "",
        "ClearMarkInOut": "",
        "GetTimeline": "timeline",
    },
    "timeline": {
        "GetName": "",
        "GetUniqueId": "",
        "GetSetting": "",
        "GetStartFrame": "",
        "GetEndFrame": "",
        "GetStartTimecode": "",
        "GetTrackCount": "",
        "GetTrackName": "",
        "SetTrackName": "",
        "AddTrack": "",
        "DeleteTrack": "",
        "GetIsTrackEnabled": "",
        "SetTrackEnable": "",
        "GetIsTrackLocked": "",
        "SetTrackLock": "",
        "GetItemListInTrack": "item*",
        "GetCurrentVideoItem": "item",
        "GetSelectedClips": "item*",
        "GetCurrentTimecode": "",
        "SetCurrentTimecode": "",
        "GetMarkInOut": "map",
        "SetMarkInOut": "",
        "ClearMarkInOut": "",
        "DuplicateTimeline": "timeline",
        "DeleteClips": "",
        "GetMediaPoolItem": "media",
    },
    "item": {
        "GetName": "",
        "SetName": "",
        "GetUniqueId": "",
        "GetStart": "",
        "GetEnd": "",
        "GetDuration": "",
        "GetLeftOffset": "",
        "GetRightOffset": "",
        "GetSourceStartFrame": "",
        "GetSourceEndFrame": "",
        "GetProperty": "",
        "SetProperty": "",
        "GetMediaPoolItem": "media",
        "GetTrackTypeAndIndex": "list",
        "GetLinkedItems": "item*",
        "GetClipEnabled": "",
        "SetClipEnabled": "",
        "GetClipColor": "",
        "SetClipColor": "",
        "ClearClipColor": "",
        "GetMarkers": "map",
        "AddMarker": "",
        "GetMarkerByCustomData": "map",
        "UpdateMarkerCustomData": "",
        "DeleteMarkerAtFrame": "",
        "DeleteMarkerByCustomData": "",
        "GetFusionCompCount": "",
        "GetFusionCompNameList": "list",
        "GetFusionCompByIndex": "comp",
        "ExportFusionComp": "",
        "AddTake": "",
        "GetTakesCount": "",
        "GetTakeByIndex": "map",
        "GetSelectedTakeIndex": "",
        "SelectTakeByIndex": "",
        "DeleteTakeByIndex": "",
        "CopyGrades": "",
        "GetType": "",
        "GetSpeed": "",
    },
    "comp": {"GetAttrs": "map"},
}

OPERATIONS = ("hello", "ping", "calls", "saver", "page", "stop", "watch")
"""What a request may ask for. `page` belongs to the mailbox alone."""

MAX_STEPS = 400
"""Steps in one `calls` request; each is one call, or one call on every member of a list."""

MAX_EACH = 4000
"""Members a single step may walk."""
