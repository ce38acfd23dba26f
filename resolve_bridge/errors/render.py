"""Getting the frames of a shot out of Resolve, and the disk they go to."""

from __future__ import annotations

from resolve_bridge.errors.base import HostError

__all__ = [
    "CancelledError",
    "DiskError",
    "RenderBusyError",
    "RenderCodecError",
    "RenderFailedError",
    "RenderMismatchError",
    "RenderSetupError",
    "RenderStalledError",
]


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
