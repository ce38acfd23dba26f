"""Masks drawn in Fusion: the text of compositions, and what only Fusion can render."""

from __future__ import annotations

from collections.abc import Sequence

from resolve_bridge.errors.base import BridgeError, HostError

__all__ = [
    "CompAlteredError",
    "CompExportError",
    "CompReadError",
    "CompSyntaxError",
    "MaskRequestError",
    "NoMaskError",
    "SaverError",
]


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
