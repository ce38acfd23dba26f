"""Every error of the bridge that a person may be told about.

An error carries a stable `code`, one sentence without jargon, the names of ways out
(`hint`, actions a panel can offer) and a `detail` for logs. The bridge has its own tree
because it knows nothing of the engine; the fields and their meaning are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

__all__ = [
    "BridgeError",
    "CallRefusedError",
    "CancelledError",
    "ClipFactsError",
    "ClipKindError",
    "ClipOfflineError",
    "CompAlteredError",
    "CompExportError",
    "CompReadError",
    "CompSyntaxError",
    "DiskError",
    "HostChangedError",
    "HostError",
    "HostLostError",
    "HostRestartedError",
    "HostSilentError",
    "ImportRateError",
    "ImportRefusedError",
    "ImportSplitError",
    "LinkOldError",
    "MailboxError",
    "ManyClipsError",
    "MaskRequestError",
    "ModalError",
    "NoClipError",
    "NoLinkError",
    "NoMaskError",
    "NoProjectError",
    "NoRecipeError",
    "NoTimelineError",
    "PlaceUnconfirmedError",
    "ProjectChangedError",
    "ProtocolError",
    "RenderBusyError",
    "RenderCodecError",
    "RenderFailedError",
    "RenderMismatchError",
    "RenderSetupError",
    "RenderStalledError",
    "RestoreError",
    "ResultFileError",
    "ResultPicturesError",
    "SaverError",
    "ShotTrimmedError",
    "StaleObjectError",
    "StudioCrashedError",
    "StudioMissingError",
    "TakeKindError",
    "TakeLengthError",
    "TrackLockedError",
    "TwoHostsError",
    "UndoChangedError",
    "VersionError",
    "catalogue",
]


class BridgeError(Exception):
    """Base of everything the bridge may tell a person.

    Parameters
    ----------
    user_message : str
        One sentence, no jargon, with the numbers.
    hint : sequence of str
        Names of the actions that can help, most useful first.
    detail : str
        For the log and the report: native messages, paths, replies.
    """

    code: ClassVar[str] = "bridge"

    def __init__(self, user_message: str, *, hint: Sequence[str] = (), detail: str = "") -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.hint = tuple(hint)
        self.detail = detail


def catalogue() -> dict[str, type[BridgeError]]:
    """Return every error class by its code.

    Returns
    -------
    dict of str to type
        All subclasses of `BridgeError` that are imported, the base included.
    """

    def walk(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from walk(child)

    return {kind.code: kind for kind in walk(BridgeError)}


# Fusion masks ---------------------------------------------------------------------------


class CompReadError(BridgeError, OSError):
    """The composition file cannot be opened, is too big or is not text."""

    code = "fusion.unreadable"


class CompSyntaxError(BridgeError, ValueError):
    """The composition text breaks the grammar; `line` and `column` say where (from 1)."""

    code = "fusion.syntax"

    def __init__(
        self,
        user_message: str,
        *,
        line: int,
        column: int,
        hint: Sequence[str] = (),
        detail: str = "",
    ) -> None:
        super().__init__(user_message, hint=hint, detail=detail)
        self.line = line
        self.column = column


class MaskRequestError(BridgeError, ValueError):
    """What was asked of a mask makes no sense: no such tool, no frames, no size."""

    code = "fusion.request"


# Worded once ----------------------------------------------------------------------------


class HostError(BridgeError):
    """Base of the errors around Resolve; sentence and ways out belong to the class.

    Parameters
    ----------
    detail : str
        For the log and the report.
    hint : sequence of str or None
        Other ways out than the class offers.
    **values : str or int
        What the sentence names.
    """

    code: ClassVar[str] = "host"
    sentence: ClassVar[str] = "Something went wrong between FlowAnchor and Resolve."
    ways_out: ClassVar[tuple[str, ...]] = ("try_again", "copy_report")

    def __init__(
        self, *, detail: str = "", hint: Sequence[str] | None = None, **values: str | int
    ) -> None:
        self.values = values
        super().__init__(
            self.sentence.format(**values),
            hint=self.ways_out if hint is None else hint,
            detail=detail,
        )


# The link to Resolve --------------------------------------------------------------------


class NoLinkError(HostError, ConnectionError):
    """Nobody answers in the mailbox: the link was not started."""

    code = "no_link"
    sentence = "FlowAnchor is not linked to Resolve. In Resolve: Workspace > Scripts > FlowAnchor."
    ways_out = ("show_me", "look_again", "open_clip")


class HostSilentError(HostError, TimeoutError):
    """Resolve is there but does not answer in time."""

    code = "host_silent"
    sentence = "Resolve does not answer. A dialog may be open there."
    ways_out = ("try_again", "open_clip")


class HostLostError(HostError, ConnectionError):
    """The Resolve process is gone."""

    code = "host_lost"
    sentence = "Resolve closed. The take is saved and can be placed later."
    ways_out = ("place_now", "open_clip")


class HostRestartedError(HostError, ConnectionError):
    """Another Resolve or another loop answers now."""

    code = "host_restarted"
    sentence = "Resolve was restarted. Start FlowAnchor there again."
    ways_out = ("show_me", "try_again")


class LinkOldError(HostError, RuntimeError):
    """The agent speaks another protocol than the panel."""

    code = "link_old"
    sentence = (
        "The link in Resolve is version {found}, the panel needs {needed}. Install it "
        "again, then start it there."
    )
    ways_out = ("repair_link", "show_me")


class ModalError(HostError, RuntimeError):
    """Known-good calls fail: a dialog blocks Resolve."""

    code = "host_dialog"
    sentence = "A dialog is open in Resolve. Close it there and try again."
    ways_out = ("try_again",)


class TwoHostsError(HostError, RuntimeError):
    """Two Resolves answer in one mailbox."""

    code = "two_hosts"
    sentence = "Two DaVinci Resolves answer at once. Close one of them."
    ways_out = ("try_again",)


class StudioMissingError(HostError, ConnectionError):
    """External scripting is off, free, or Resolve is closed."""

    code = "studio_missing"
    sentence = (
        "Resolve Studio does not accept external scripting. Set Preferences > System > "
        "General > External scripting to Local, or start FlowAnchor from Workspace > "
        "Scripts."
    )
    ways_out = ("show_me", "use_menu_link")


class StudioCrashedError(HostError, RuntimeError):
    """The helper process died inside Resolve's library."""

    code = "studio_crashed"
    sentence = (
        "Resolve's scripting library stopped the helper ({reason}). FlowAnchor from "
        "Workspace > Scripts works without it."
    )
    ways_out = ("use_menu_link", "copy_report")


class ProtocolError(HostError, RuntimeError):
    """An answer that the protocol does not know."""

    code = "bridge_protocol"
    sentence = "Resolve's link gave an answer that cannot be understood."
    ways_out = ("try_again", "copy_report")


class MailboxError(HostError, OSError):
    """The mailbox folder cannot be used."""

    code = "mailbox"
    sentence = "The folder {folder} cannot be used: {reason}."
    ways_out = ("open_folder", "other_folder")


class CallRefusedError(HostError, RuntimeError):
    """Resolve refused a call it should have obeyed."""

    code = "call_refused"
    sentence = "Resolve refused: {what}."
    ways_out = ("try_again", "copy_report")


class StaleObjectError(HostError, LookupError):
    """An object of Resolve's is gone."""

    code = "stale_object"
    sentence = "The shot is no longer there: it was changed or deleted in Resolve."
    ways_out = ("reread",)


class VersionError(HostError, RuntimeError):
    """Resolve is older than the product supports."""

    code = "resolve_old"
    sentence = "Resolve {found} is too old; FlowAnchor needs 18.5 or newer."
    ways_out = ("open_clip",)


# The shot -------------------------------------------------------------------------------


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


# Extraction -----------------------------------------------------------------------------


class RenderBusyError(HostError, RuntimeError):
    """The user's own render is running."""

    code = "render_busy"
    sentence = "Resolve is rendering. Try again when it has finished."
    ways_out = ("try_again",)


class RenderCodecError(HostError, RuntimeError):
    """No usable codec is offered."""

    code = "render_codec"
    sentence = "This Resolve offers no codec that can be used for the shot."
    ways_out = ("show_how", "copy_report")


class RenderSetupError(HostError, RuntimeError):
    """A render setting was refused."""

    code = "render_setup"
    sentence = "Resolve refused the render settings ({what})."
    ways_out = ("try_again", "copy_report")


class RenderStalledError(HostError, TimeoutError):
    """The render does not start or stands still."""

    code = "render_stalled"
    sentence = "The render does not move since {seconds} s. Restart Resolve and try again."
    ways_out = ("try_again", "show_how")


class RenderFailedError(HostError, RuntimeError):
    """The render ended without success."""

    code = "render_failed"
    sentence = "Resolve could not render the shot."
    ways_out = ("try_again", "copy_report")


class RenderMismatchError(HostError, RuntimeError):
    """The rendered file is not what was asked."""

    code = "render_mismatch"
    sentence = "The rendered file has {found}, the shot needs {needed}."
    ways_out = ("try_again", "copy_report")


class DiskError(HostError, OSError):
    """Not enough room or no right to write."""

    code = "disk"
    sentence = "{reason} in {folder}."
    ways_out = ("open_folder", "clear_takes")


class CancelledError(HostError, RuntimeError):
    """The person asked to stop."""

    code = "cancelled"
    sentence = "Stopped."
    ways_out = ("try_again",)


# Mattes from Fusion ---------------------------------------------------------------------


class NoMaskError(HostError, LookupError):
    """The clip carries no Fusion mask."""

    code = "no_mask"
    sentence = "Draw a mask on this clip in Fusion. A rough one is fine."
    ways_out = ("open_fusion", "load_matte", "whole_picture")


class CompExportError(HostError, RuntimeError):
    """The composition cannot be written out."""

    code = "comp_export"
    sentence = "Resolve did not hand out the Fusion composition of this clip."
    ways_out = ("load_matte", "whole_picture", "try_again")


class SaverError(HostError, RuntimeError):
    """Fusion could not render the mask."""

    code = "saver"
    sentence = "Fusion could not render the mask “{tool}”."
    ways_out = ("load_matte", "whole_picture")


class CompAlteredError(HostError, RuntimeError):
    """The composition is not as before."""

    code = "comp_altered"
    sentence = (
        "The Fusion composition of this clip changed while its mask was rendered. Undo "
        "once in Fusion."
    )
    ways_out = ("open_fusion",)


# Placing --------------------------------------------------------------------------------


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
