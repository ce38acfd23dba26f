"""What `media` says about files and is told about them: plain records without PyAV."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowanchor_engine.clip.planes import Picture, PixelFormat

__all__ = ["REPEATABLE", "AudioInfo", "Decoded", "PacketMark", "RawInfo", "Tags", "VideoPlan"]

# Without it x264's fastest code for small pictures reads memory that nobody wrote, and equal
# pictures become different files.
REPEATABLE: Final = ("x264-params", "cpu-independent=1")


@dataclass(frozen=True)
class Tags:
    """Colour description as the code points of ITU-T H.273; 2 (range 0) is 'not said'."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0  # 1 limited, 2 full


@dataclass(frozen=True)
class PacketMark:
    """One video packet as the demuxer sees it, times in ticks of the stream."""

    pts: int | None
    dts: int | None
    duration: int
    key: bool
    shown: bool  # not discarded by an edit list
    damaged: bool


@dataclass(frozen=True)
class AudioInfo:
    """One audio stream."""

    stream: int
    codec: str
    rate_hz: int
    channels: int


@dataclass(frozen=True)
class RawInfo:
    """What container, stream and first frame say, uninterpreted."""

    container: str
    stream: int
    codec: str
    profile: str | None
    tag: str
    format_name: str  # as coded
    format: PixelFormat  # as handed out
    width: int
    height: int
    par: Fraction
    time_base: Fraction
    average_rate: Fraction | None
    declared_frames: int
    tags: Tags
    quarter_turns: int  # counter-clockwise, to show it upright
    mirror: bool  # left-right, before turning
    interlaced: bool
    reordered: bool
    first_pts: int | None
    metadata: dict[str, str] = field(default_factory=dict)
    audio: tuple[AudioInfo, ...] = ()


@dataclass(frozen=True)
class Decoded:
    """A decoded frame and its time in ticks, None where the file gives none."""

    pts: int | None
    picture: Picture


@dataclass(frozen=True)
class VideoPlan:
    """Everything about the video track of a file to be written."""

    muxer: str
    codec: str
    format: PixelFormat
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    tags: Tags = Tags()
    par: Fraction = Fraction(1)
    options: tuple[tuple[str, str], ...] = ()
    timecode: str | None = None
    reel: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
