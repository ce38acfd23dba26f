"""Takes: several media on one item, one of them shown."""
# ruff: noqa: N802 - the vendor's names

from __future__ import annotations

from fractions import Fraction

from tests.doubles.resolve import frames, model
from tests.doubles.resolve.dispatch import Handle, Refused


class Takes(Handle):
    """The placed clip is take 1 as soon as there is a second; ranges are half open."""

    current: bool
    timeline: model.Timeline

    def AddTake(
        self,
        media: MediaPoolItem,  # noqa: F821 - checked by name
        start: int | None = None,
        end: int | None = None,
    ) -> bool:
        item: model.Item = self.target
        new: model.Media = media.target
        if item.media is None or item.kind != "clip":
            return False
        first, last = start or 0, new.frames if end is None else end
        if self.double.faults.append_start == "absolute" and start is not None:
            first, last = first - new.first, last - new.first
        if not 0 <= first < last <= new.frames:
            return False
        if self.double.faults.take_not_applied:
            return True
        if not item.takes:
            span = item.duration * self._ratio(item.media) * abs(item.speed)
            item.takes.append(model.Take(item.media, int(item.left), int(item.left + span)))
            item.take = 1
        item.takes.append(model.Take(new, first, last))
        if self.double.faults.take_selection == "new":
            self._select(len(item.takes))
        return True

    def GetTakesCount(self) -> int:
        """Count takes, 0 without a selector; 0 as well where the timeline is not current."""
        return len(self.target.takes) if self.current else 0

    def GetSelectedTakeIndex(self) -> int:
        return self.target.take if self.current else 0

    def GetTakeByIndex(self, index: int) -> dict:
        from tests.doubles.resolve.mediaitem import MediaPoolItem

        take = self._take(index)
        return {
            "startFrame": take.start,
            "endFrame": take.end,
            "mediaPoolItem": MediaPoolItem(self.double, take.media, self.context[1]),
        }

    def SelectTakeByIndex(self, index: int) -> bool:
        self._take(index)
        self._select(index)
        return True

    def DeleteTakeByIndex(self, index: int) -> bool:
        """Delete a take; with only one left there is no selector any more."""
        self._take(index)
        takes = self.target.takes
        if len(takes) == 1:
            return False
        if self.target.take == index:
            self._select(1 if index != 1 else 2)
        del takes[index - 1]
        if self.target.take > index:
            self.target.take -= 1
        if len(takes) == 1:
            takes.clear()
            self.target.take = 0
        return True

    def FinalizeTake(self) -> bool:
        """Keep the selected take and destroy the others."""
        if not self.target.takes:
            return False
        self.target.takes.clear()
        self.target.take = 0
        return True

    def _take(self, index: int) -> model.Take:
        if not 1 <= index <= len(self.target.takes):
            raise Refused
        found: model.Take = self.target.takes[index - 1]
        return found

    def _ratio(self, media: model.Media) -> Fraction:
        if media.kind == "still":
            return Fraction(1)
        return frames.exact(media.rate) / frames.exact(self.timeline.rate)

    def _select(self, index: int) -> None:
        """Show a take; one of another length ripples what follows on the track."""
        item: model.Item = self.target
        take = item.takes[index - 1]
        item.take = index
        item.media, item.name, item.left = take.media, take.media.name, Fraction(take.start)
        length = Fraction(take.end - take.start) / self._ratio(take.media)
        if take.media.kind != "still" and item.speed == 1 and length != item.duration:
            place = self.timeline.place(item)
            shift, old_end = length - item.duration, item.end
            item.duration = length
            if place is not None:
                for other in self.timeline.tracks[place[0]][place[1] - 1].items:
                    if other is not item and other.start >= old_end:
                        other.start += shift
