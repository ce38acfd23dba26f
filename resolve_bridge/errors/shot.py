"""Which clip is meant, whether it can be edited, and whether it still is where it was."""

from __future__ import annotations

from resolve_bridge.errors.base import HostError

__all__ = [
    "ClipFactsError",
    "ClipKindError",
    "ClipOfflineError",
    "HostChangedError",
    "ManyClipsError",
    "NoClipError",
    "NoProjectError",
    "NoTimelineError",
    "ProjectChangedError",
    "ShotTrimmedError",
]


class NoProjectError(HostError, LookupError):
    """No project is open."""

    code = "no_project"
    sentence = "Open a project in Resolve, or open a clip file."
    ways_out = ("look_again", "open_clip")


class NoTimelineError(HostError, LookupError):
    """No timeline is open."""

    code = "no_timeline"
    sentence = "Open a timeline in Resolve, or open a clip file."
    ways_out = ("look_again", "open_clip")


class NoClipError(HostError, LookupError):
    """Nothing is selected or under the playhead."""

    code = "no_clip"
    sentence = "Select a clip on the timeline, or park the playhead on it."
    ways_out = ("use_playhead", "reread", "open_clip")


class ManyClipsError(HostError, ValueError):
    """Several clips are selected."""

    code = "many_clips"
    sentence = "{count} clips are selected. Select one."
    ways_out = ("use_playhead", "reread")


class ClipKindError(HostError, ValueError):
    """An item of a kind that cannot be edited."""

    code = "clip_kind"
    sentence = "{what} cannot be edited. {way_out}"
    ways_out = ("reread", "open_clip")


class ClipOfflineError(HostError, FileNotFoundError):
    """The clip's file is not on disk."""

    code = "clip_offline"
    sentence = "The file of this clip is missing: {name}. Relink it in the Media Pool."
    ways_out = ("reread", "open_clip")


class ClipFactsError(HostError, ValueError):
    """Resolve's answers about the clip do not fit together."""

    code = "clip_facts"
    sentence = "Resolve says nothing usable about this clip's {what}. Render it in place first."
    ways_out = ("show_how", "open_clip")


class HostChangedError(HostError, RuntimeError):
    """The shot is not where it was."""

    code = "host_changed"
    sentence = "The shot moved since you started."
    ways_out = ("place_new_position", "keep_in_list")


class ShotTrimmedError(HostError, RuntimeError):
    """The shot shows other frames than it did: a result of the old ones does not fit."""

    code = "host_trimmed"
    sentence = "The shot was trimmed since you started. The take no longer fits it."
    ways_out = ("keep_in_list", "reread")


class ProjectChangedError(HostError, RuntimeError):
    """Another project or timeline is open now."""

    code = "project_changed"
    sentence = "Another {what} is open now. Open “{name}” again, or keep the take in the list."
    ways_out = ("try_again", "keep_in_list")
