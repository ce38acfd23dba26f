"""``AppendToTimeline``, the call that lies most.

The end frame is exclusive. Nothing is ever overwritten: what would overlap is dropped, slides to
the first free frame, or answers with a phantom whose getters give None. The list that comes back
is no proof of anything.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.doubles.resolve import frames, model
from tests.doubles.resolve.dispatch import Refused
from tests.doubles.resolve.item import TimelineItem
from tests.doubles.resolve.mediaitem import MediaPoolItem

if TYPE_CHECKING:
    from tests.doubles.resolve.mediapool import MediaPool


class Appending:
    """One call of the method."""

    def __init__(self, pool: MediaPool, timeline: model.Timeline) -> None:
        self.double = pool.double
        self.project = pool.target
        self.timeline = timeline
        self.placed: list[model.Item] = []
        self.answer: list[model.Item] = []
        self.lost = False

    def whole(self, media: model.Media) -> None:
        """Put a whole clip at the end of the first tracks."""
        _measure(media)
        end = max((int(i.end) for i in self.timeline.tracks["video"][0].items), default=None)
        record = self.timeline.start if end is None else end
        self.entry(
            media,
            {"startFrame": 0, "endFrame": media.frames, "trackIndex": 1, "recordFrame": record},
            trusted=True,
        )

    def entry(self, media: model.Media, info: dict[str, Any], *, trusted: bool = False) -> None:
        """Place one clipInfo dict."""
        _measure(media)
        kind = info.get("mediaType")
        if "trackIndex" in info and kind is None and not trusted:
            self._report_only(media, info)  # reported, dropped
            return
        number = int(info.get("trackIndex", 1))
        name = "audio" if kind == 2 else "video"
        tracks = self.timeline.tracks[name]
        if number > len(tracks) + 1 or number < 1:
            self._report_only(media, info)  # vanishes
            return
        if number == len(tracks) + 1:
            tracks.append(model.Track(f"{name.capitalize()} {number}"))
        track = tracks[number - 1]
        item = self._item(media, info)
        if item is None or track.locked:
            self.lost = True
            return
        default = max((int(i.end) for i in track.items), default=self.timeline.start)
        item.start = Fraction(int(info.get("recordFrame", default)))
        if item.start < self.timeline.start:
            self.lost = True
            return
        self._put(track, item)
        if kind == 2:
            for channel in range(1, media.channels):
                self._audio(media, item, number + channel)
        elif kind is None and media.channels:
            for channel in range(media.channels):
                self._audio(media, item, number + channel)

    def _audio(self, media: model.Media, like: model.Item, number: int) -> None:
        """One item per channel, linked to nothing."""
        tracks = self.timeline.tracks["audio"]
        while len(tracks) < number:
            tracks.append(model.Track(f"Audio {len(tracks) + 1}", subtype="mono"))
        item = self.double.make_item("clip", media.name, like.start, like.duration, media)
        item.left = like.left
        self._put(tracks[number - 1], item)

    def _item(self, media: model.Media, info: dict[str, Any]) -> model.Item | None:
        first = int(info.get("startFrame", 0))
        last = int(info.get("endFrame", media.frames))
        if self.double.faults.append_start == "absolute":
            first, last = first - media.first, last - media.first
        if media.kind == "still":
            length = Fraction(last - first)
            if not media.out_written:
                length = Fraction(5 * frames.nominal(self.timeline.rate))
            first = 0
        else:
            last = min(last, media.frames)
            exact = (last - first) * frames.exact(self.timeline.rate) / frames.exact(media.rate)
            short = self.double.faults.append_short
            length = Fraction(math.floor(exact) if short else round(exact))
        if first < 0 or length <= 0:
            return None
        item = self.double.make_item("clip", media.name, Fraction(0), length, media)
        item.left = Fraction(first)
        return item

    def _put(self, track: model.Track, item: model.Item) -> None:
        if any(o.start < item.end and item.start < o.end for o in track.items):
            self.lost = True
            match self.double.faults.append:
                case "slide":
                    while any(o.start < item.end and item.start < o.end for o in track.items):
                        item.start += 1
                case "phantom":
                    self.answer.append(item)
                    return
                case _:
                    return
        track.items.append(item)
        self.placed.append(item)
        self.answer.append(item)

    def _report_only(self, media: model.Media, info: dict[str, Any]) -> None:
        self.lost = True
        item = self._item(media, info)
        if item is not None:
            self.answer.append(item)


def _measure(media: model.Media) -> None:
    """A timeline in the pool is as long as it is now."""
    if media.kind == "timeline" and media.inner is not None:
        media.frames = media.inner.end() - media.inner.start


def append(pool: MediaPool, entries: list[Any]) -> list[Any]:
    """Run one call and answer as this Resolve answers."""
    timeline = pool.target.timeline
    if timeline is None:
        raise Refused
    run = Appending(pool, timeline)
    for entry in entries:
        info = entry if isinstance(entry, dict) else {}
        handle = info.get("mediaPoolItem") if isinstance(entry, dict) else entry
        if not isinstance(handle, MediaPoolItem) or not handle.alive():
            return []
        if isinstance(entry, dict):
            numbers = [info.get(k, 0) for k in ("startFrame", "endFrame", "recordFrame")]
            if not all(isinstance(n, (int, float)) for n in numbers):
                return []
            run.entry(handle.target, info)
        else:
            run.whole(handle.target)
    if run.lost and pool.double.faults.append_vanishes:
        for item in run.placed:
            item.vanishing = True
    handles = [TimelineItem(pool.double, item, timeline, pool.target) for item in run.answer]
    match pool.double.faults.append_result:
        case "empty":
            return []
        case "none_item":
            return [None]
        case "empty_ids":
            for handle in handles:
                handle.nameless = True
        case "fewer":
            return handles[:-1]
        case "more":
            return [*handles, *handles[:1]]
    return list(handles)
