"""Proxies on disk: raw 8-bit frames that a viewer maps into memory.

A proxy is a folder with `proxy.json` and `frames.raw`. Frame ``i`` lies at byte ``i * stride *
height``: `height` rows of `stride` bytes, RGB (3 channels) or one channel, full range; `stride`
is a multiple of 4. The folder is renamed into place when the file has its full length, so a
reader may map it at `ProxyOpened`; how many frames hold pictures is told by the ``read`` phases
that follow it, and `ready` in `proxy.json` says it once the job is done. A new proxy takes the
place of an old one by a rename: maps of the old one stay valid. A job that was stopped or
failed on the way leaves the folder with `ready` 0 and the frames that it has.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from flowanchor_engine.protocol.events import ClipFacts

__all__ = ["FRAMES_FILE", "HEADER_FILE", "AttentionHeader", "ProxyHeader", "WordMap"]

HEADER_FILE: Final = "proxy.json"
FRAMES_FILE: Final = "frames.raw"


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, defer_build=True)


class ProxyHeader(_Header):
    """`proxy.json` of pictures (3 channels) or of a matte (1 channel)."""

    schema_: Literal["flowanchor.Proxy.1"] = Field("flowanchor.Proxy.1", alias="schema")
    width: int
    height: int
    channels: Literal[1, 3]
    stride: int
    frames: int
    ready: int = 0
    facts: ClipFacts | None = None
    key: str = ""  # of everything that decides the pictures; equal keys are not made twice


class WordMap(_Header):
    """One word's attention; `share` is the part of it that falls inside the matte, 0..1."""

    text: str
    start: int  # characters of the wanted text as typed
    stop: int
    drives: bool
    share: float
    matte_share: float  # of the picture: what `share` would be by chance


class AttentionHeader(_Header):
    """`proxy.json` of the words' maps: `frames.raw` holds them word by word, frame by frame.

    One byte a token cell, ``words x frames x height x width`` without padding; 255 is the
    strongest cell of the word. `picture_frames` tells which pictures a map frame covers.
    """

    schema_: Literal["flowanchor.Attention.1"] = Field("flowanchor.Attention.1", alias="schema")
    width: int
    height: int
    frames: int
    picture_frames: tuple[tuple[int, int], ...]
    words: tuple[WordMap, ...]
    # where the maps lie in the picture, 0..1: left, top, right, bottom
    rectangle: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    # one per map frame where the crop moves with the matte, else empty
    rectangles: tuple[tuple[float, float, float, float], ...] = ()
