"""Durations, sizes, rates and ends of day as people of the language write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from plugin.locale import known, language, number, tr

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ModelInfo

__all__ = ["clock", "gigabytes", "good_for", "megabytes", "minutes", "rate", "size", "tags"]

_TAGS: Final = {"scene-linear": "linear", "limited": "limited", "full": "full", "grey": "grey"}
LONG_S: Final = 600  # from here on seconds say nothing


def clock(seconds: float) -> str:
    """Return ``2:10`` or ``1:02:10``."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    mins, secs = divmod(rest, 60)
    return f"{hours}:{mins:02d}:{secs:02d}" if hours else f"{mins}:{secs:02d}"


def minutes(seconds: float) -> str:
    """Return ``40 s``, ``6 min 40 s`` or ``1 h 5 min``, coarser as it grows."""
    whole = max(1, round(seconds))
    if whole < 60:
        return tr("time.s", s=whole)
    if whole < LONG_S:
        mins, secs = divmod(round(whole / 5) * 5, 60)
        return tr("time.min_s", min=mins, s=secs) if secs else tr("time.min", min=mins)
    mins = round(whole / 60)
    if mins < 60:
        return tr("time.min", min=mins)
    hours, mins = divmod(mins, 60)
    return tr("time.h_min", h=hours, min=mins) if mins else tr("time.h", h=hours)


def size(count: float) -> str:
    """Return bytes in the largest fitting unit; powers of 1000, as disks count."""
    if count < 1e6:
        return tr("size.kb", n=number(count / 1e3))
    if count < 1e9:
        return tr("size.mb", n=number(count / 1e6))
    return tr("size.gb", n=number(count / 1e9, 1))


def gigabytes(count_mb: float) -> str:
    """Return a memory size, given in units of 2**20 bytes, as a bare number of GB."""
    return number(count_mb / 1024, 1)


def megabytes(per_second: float) -> str:
    """Return a speed in bytes per second."""
    return tr("size.per_s", size=size(per_second))


def good_for(info: ModelInfo) -> str:
    """Return what a model is good for; of one that the person brought, where it came from."""
    if info.origin:
        return tr("say.model.imported", origin=info.origin)
    key = "say.model.for." + re.sub(r"[^a-z0-9]+", "_", info.id.lower())
    return tr(key) if language() != "en" and known(key) else info.good_for


def tags(told: str) -> str:
    """Return colour tags, as the engine words them, in the language of the person."""
    return re.sub(
        r"\b(scene-linear|limited|full|grey)\b",
        lambda found: tr(f"shot.tags.{_TAGS[found[0]]}"),
        told,
    )


def rate(value: Fraction) -> str:
    """Return ``24`` or ``23.976``."""
    if value.denominator == 1:
        return number(float(value))
    text = number(float(value), 3)
    return text.rstrip("0")
