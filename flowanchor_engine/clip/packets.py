"""Untouched pictures, taken over from the source bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowanchor_engine.clip.media import video_packets
from flowanchor_engine.errors import ClipUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowanchor_engine.clip.reader import ClipReader

__all__ = ["SourcePackets"]


class SourcePackets:
    """Packets of an intra-only clip by frame number, asked for in rising order."""

    def __init__(self, clip: ClipReader) -> None:
        self._clip = clip
        self._packets: Iterator[tuple[int, bytes]] = video_packets(clip.facts.path)

    def at(self, frame: int) -> bytes:
        """Return the packet of a frame; frames before it are skipped for good.

        Raises
        ------
        ClipUnreadableError
            The clip changed since it was opened.
        """
        for pts, data in self._packets:
            if self._clip.index.position(pts) == frame:
                return data
        raise ClipUnreadableError(
            f"Frame {frame} of {self._clip.facts.path.name} is gone; the file changed.",
            hint=["choose_file"],
        )
