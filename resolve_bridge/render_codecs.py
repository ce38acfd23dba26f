"""Which format and codec a render is written in: the best that this Resolve has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolve_bridge.errors.render import RenderCodecError

if TYPE_CHECKING:
    from resolve_bridge.call import Session

CODECS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "mov",
        (
            "ProRes4444XQ",
            "ProRes4444",
            "ProRes422HQ",
            "DNxHR444_12",
            "DNxHRHQX_12",
            "DNxHRHQX_10",
            "DNxHRHQX",
            "DNxHRHQ",
            "CineFormRGB16",
            "CineFormRGB12",
            "CineFormYUV10",
        ),
    ),
    ("exr", ("RGBHalf",)),
    ("dpx", ("RGB10",)),
    ("tif", ("RGB16LZW", "RGB16")),
    ("mov", ("H265", "H264")),
    ("mp4", ("H265", "H264")),
)
"""Extension and codec ids from best to worst; ids are stable where descriptions drift."""


def choose_codec(session: Session) -> tuple[str, str]:
    """Set the best format and codec this Resolve has, and return them.

    Raises
    ------
    RenderCodecError
        None of ours is offered.
    """
    offered = session.call("project", "GetRenderFormats")
    extensions = set(offered.values()) if isinstance(offered, dict) else set()
    seen: dict[str, set[str]] = {}
    for extension, ids in CODECS:
        if extension not in extensions:
            continue
        if extension not in seen:
            listed = session.call("project", "GetRenderCodecs", extension)
            seen[extension] = set(listed.values()) if isinstance(listed, dict) else set()
        for codec in ids:
            if codec not in seen[extension]:
                continue
            session.call("project", "SetCurrentRenderFormatAndCodec", extension, codec)
            now = session.call("project", "GetCurrentRenderFormatAndCodec")
            told = (now.get("format"), now.get("codec")) if isinstance(now, dict) else None
            # 'unknown' is how some Resolves answer; then the file itself will tell.
            if told in ((extension, codec), ("unknown", "unknown")):
                return extension, codec
    session.suspect_dialog()
    raise RenderCodecError(detail=f"{sorted(extensions)} {seen}")
