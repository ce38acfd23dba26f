"""Bringing a result back and taking it away again."""

from __future__ import annotations

from resolve_bridge.errors.base import HostError

__all__ = [
    "ImportRateError",
    "ImportRefusedError",
    "ImportSplitError",
    "NoRecipeError",
    "PlaceUnconfirmedError",
    "RestoreError",
    "ResultFileError",
    "ResultPicturesError",
    "TakeKindError",
    "TakeLengthError",
    "TrackLockedError",
    "UndoChangedError",
]


class ResultFileError(HostError, FileNotFoundError):
    """The file to place cannot be used."""

    code = "result_file"
    sentence = "The take's file is missing or cannot be read: {name}."
    ways_out = ("retry_job", "reveal_file")


class ResultPicturesError(HostError, ValueError):
    """The folder of pictures is not one whole sequence."""

    code = "result_pictures"
    sentence = "The take “{name}” cannot be placed: {what}."
    ways_out = ("retry_job", "reveal_file")


class ImportRefusedError(HostError, RuntimeError):
    """Resolve does not take the file."""

    code = "import_refused"
    sentence = "Resolve did not import {name}."
    ways_out = ("try_again", "reveal_file")


class ImportSplitError(HostError, RuntimeError):
    """Resolve made a clip of each picture."""

    code = "import_split"
    sentence = (
        "Resolve imported each picture as a clip of its own. Turn off Show Individual Frames on "
        "its Media page, then try again."
    )
    ways_out = ("try_again", "keep_in_list")


class ImportRateError(HostError, RuntimeError):
    """Resolve plays the pictures at another rate and does not let it be set."""

    code = "import_rate"
    sentence = (
        "Resolve plays the pictures of “{name}” at {found} frames per second, the shot needs "
        "{needed}. Make the edit as ProRes."
    )
    ways_out = ("choose_codec", "keep_in_list")


class PlaceUnconfirmedError(HostError, RuntimeError):
    """The placement could not be read back."""

    code = "place_unconfirmed"
    sentence = "Resolve did not confirm the placement."
    ways_out = ("try_again", "reveal_file")


class TrackLockedError(HostError, PermissionError):
    """The track is locked."""

    code = "track_locked"
    sentence = "Track {track} is locked. Unlock it, or choose another way to place."
    ways_out = ("try_again", "keep_in_list")


class TakeLengthError(HostError, ValueError):
    """A take must be as long as the clip."""

    code = "take_length"
    sentence = "The take has {found} frames, the clip {needed}. Place it as a patch."
    ways_out = ("place_patch", "keep_in_list")


class TakeKindError(HostError, ValueError):
    """An item without a take selector."""

    code = "take_kind"
    sentence = "This clip cannot hold takes. Place the result as a frame."
    ways_out = ("place_frame", "keep_in_list")


class NoRecipeError(HostError, LookupError):
    """The clip carries no FlowAnchor recipe."""

    code = "no_recipe"
    sentence = "This clip carries no FlowAnchor recipe."
    ways_out = ("reread",)


class UndoChangedError(HostError, RuntimeError):
    """What was placed is no longer as it was placed."""

    code = "undo_changed"
    sentence = (
        "The placed take was changed in Resolve since. Delete it there if you no longer want it."
    )
    ways_out = ("show_take", "keep_in_list")


class RestoreError(HostError, RuntimeError):
    """The state from before could not be fully restored."""

    code = "restore"
    sentence = "Resolve could not be put back fully: {what}."
    ways_out = ("copy_report",)
