"""The link to Resolve: nobody there, silent, gone, too old, blocked by a dialog."""

from __future__ import annotations

from resolve_bridge.errors.base import HostError

__all__ = [
    "CallRefusedError",
    "HostLostError",
    "HostRestartedError",
    "HostSilentError",
    "LinkOldError",
    "MailboxError",
    "ModalError",
    "NoLinkError",
    "ProtocolError",
    "StaleObjectError",
    "StudioCrashedError",
    "StudioMissingError",
    "TwoHostsError",
    "VersionError",
]


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
