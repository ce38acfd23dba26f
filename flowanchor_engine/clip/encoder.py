"""One file being written: encoded pictures, copied packets and copied sound, in order."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from flowanchor_engine.clip import media
from flowanchor_engine.errors import DiskError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flowanchor_engine.clip.planes import Picture
    from flowanchor_engine.clip.records import VideoPlan

__all__ = ["Encoder"]

# Every packet of these is a picture of its own, shown in the order of coding.
_INTRA: Final = ("prores_ks", "dnxhd")


class Encoder:
    """Writes one file.

    Parameters
    ----------
    path : Path
        A temporary name; renaming is the caller's business.
    plan : VideoPlan
    audio_from : Path, optional
        File whose audio is copied packet by packet.
    audio_streams : sequence of int
        Which of its streams.
    audio_span : (start, stop) in seconds, either None for open
        Part of the audio that is kept.
    origin : Fraction
        Seconds in the source at which the first picture of this file begins; becomes 0.

    Raises
    ------
    OutputError, DiskError
        From every method.
    """

    def __init__(
        self,
        path: Path,
        plan: VideoPlan,
        *,
        audio_from: Path | None = None,
        audio_streams: Sequence[int] = (),
        audio_span: tuple[Fraction | None, Fraction | None] = (None, None),
        origin: Fraction = Fraction(0),
    ) -> None:
        self._path, self._plan = path, plan
        self._audio: _AudioCopy | None = None
        self._held: dict[int, media.AnyPacket] = {}
        self._order: list[int] = []
        self._durations: dict[int, int] = {}
        with self._guard():
            self._out, self._track = media.open_output(path, plan)
            if audio_from is not None and audio_streams:
                source = media.AudioSource(self._out, audio_from, audio_streams)
                self._audio = _AudioCopy(self._out, source, audio_span, origin)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OutputError:
            raise
        except (media.MediaError, OSError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise DiskError(
                    f"The disk became full while writing {self._path.parent}.",
                    hint=["open_folder", "clear_takes"],
                    detail=str(error),
                ) from error
            raise OutputError(
                f"{self._path.parent} cannot take the result.",
                hint=["choose_folder"],
                detail=str(error),
            ) from error

    def encode(self, picture: Picture, pts: int, duration: int) -> None:
        """Encode a picture shown at `pts` for `duration` ticks of the plan's time base."""
        with self._guard():
            frame = media.to_frame(picture, self._plan.tags)
            frame.pts, frame.time_base = pts, self._plan.time_base
            self._order.append(pts)
            self._durations[pts] = duration
            for packet in self._track.encode(frame):
                self._take(packet)

    def copy(self, data: bytes, pts: int, duration: int) -> None:
        """Write a finished packet of an intra-only codec at `pts`."""
        with self._guard():
            packet = media.packet_of(data, self._track)
            packet.time_base = self._plan.time_base
            packet.pts = packet.dts = pts
            packet.is_keyframe = True
            self._order.append(pts)
            self._durations[pts] = duration
            self._held[pts] = packet
            self._flush()

    def _take(self, packet: media.AnyPacket) -> None:
        if packet.pts is not None and self._plan.codec in _INTRA:
            self._held[packet.pts] = packet
            self._flush()
        else:
            self._write(packet)

    def _flush(self) -> None:
        # Encoders with frame threads answer late, copied packets come at once: keep order.
        while self._order and (packet := self._held.pop(self._order[0], None)) is not None:
            self._order.pop(0)
            self._write(packet)

    def _write(self, packet: media.AnyPacket) -> None:
        if packet.pts is not None:
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            if self._audio is not None:
                self._audio.write_until(packet.pts * self._plan.time_base)
        self._out.mux(packet)

    def close(self) -> None:
        """Finish the file."""
        with self._guard():
            for packet in self._track.encode(None):
                self._take(packet)
            if self._audio is not None:
                self._audio.write_until(None)
                self._audio.close()
            self._out.close()

    def abort(self) -> None:
        """Close without finishing; the caller deletes the temporary file."""
        if self._audio is not None:
            self._audio.close()
        try:
            self._out.close()
        except (media.MediaError, OSError, ValueError):
            return  # half a file may refuse its trailer, and is deleted anyway


class _AudioCopy:
    """Copies audio packets in step with the picture."""

    def __init__(
        self,
        out: media.Output,
        source: media.AudioSource,
        span: tuple[Fraction | None, Fraction | None],
        origin: Fraction,
    ) -> None:
        self._out, self._source, self._span, self._origin = out, source, span, origin
        self._packets = source.packets()
        self._next = self._following()

    def _following(self) -> media.AnyPacket | None:
        first, last = self._span
        for packet in self._packets:
            start = (packet.pts or 0) * packet.time_base
            stop = start + (packet.duration or 0) * packet.time_base
            if (first is None or stop > first) and (last is None or start < last):
                return packet
        return None

    def write_until(self, seconds: Fraction | None) -> None:
        """Write what begins before `seconds` of the new file; None writes the rest."""
        while (packet := self._next) is not None and packet.pts is not None:
            if seconds is not None and packet.pts * packet.time_base - self._origin > seconds:
                return
            shift = round(self._origin / packet.time_base)
            packet.pts -= shift
            packet.dts = packet.dts - shift if packet.dts is not None else packet.pts
            self._out.mux(packet)
            self._next = self._following()

    def close(self) -> None:
        """Close the source."""
        self._source.close()
