"""A shot of a clip for viewing: opened, checked, described in the protocol's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from flowanchor_engine.clip.reader import ClipReader, frame_count, open_clip
from flowanchor_engine.clip.timecode import advance
from flowanchor_engine.errors import RequestError
from flowanchor_engine.progress import Phase
from flowanchor_engine.protocol import ClipFacts
from flowanchor_engine.request import SourceSpec
from flowanchor_engine.worker.media.pixels import Array8, Viewer, even_size

if TYPE_CHECKING:
    from flowanchor_engine.clip.facts import MediaFacts
    from flowanchor_engine.clip.planes import Picture

__all__ = ["READ", "MakePicture", "Shot", "forget", "opened", "source_spec"]

READ: Final = Phase.READ
MakePicture = Callable[[int], Array8]
_MATRICES: Final = {1: "Rec.709", 5: "Rec.601", 6: "Rec.601", 9: "Rec.2020", 10: "Rec.2020"}
_VIEWS: Final = {"linear": "scene-linear", "pq": "PQ", "hlg": "HLG"}


def source_spec(data: Mapping[str, Any]) -> SourceSpec:
    """Read a `SourceSpec` that came over the line.

    Raises
    ------
    RequestError
    """
    try:
        return SourceSpec.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the clip"
        raise RequestError(
            f"“{where}” is not valid: {first['msg'].removeprefix('Value error, ')}.",
            hint=["fix_request"],
            detail=str(error),
        ) from error


@dataclass(frozen=True)
class Shot:
    """Some frames of an open clip.

    Parameters
    ----------
    start, count : int
        The frames inside the clip.
    """

    clip: ClipReader
    start: int
    count: int
    viewer: Viewer = field(repr=False)

    @property
    def facts(self) -> MediaFacts:
        """What the whole clip is."""
        return self.clip.facts

    def read(self, number: int) -> Picture:
        """Return the shot's frame `number`."""
        return self.clip.read(self.start + number)

    def shown_size(self, max_height: int) -> tuple[int, int]:
        """Return the (width, height) of its proxies."""
        facts = self.facts
        return even_size(facts.width, facts.height, float(facts.par), max_height)

    def at(self, size: tuple[int, int]) -> MakePicture:
        """Return what makes a frame's picture at (width, height)."""
        return lambda number: self.viewer.rgb(self.read(number), size)

    def told(self) -> ClipFacts:
        """Return the facts as the panel hears them; frames and timecode are the shot's."""
        facts = self.facts
        timecode = facts.timecode and advance(facts.timecode, self.start, facts.rate)
        return ClipFacts(
            path=str(facts.path),
            start=self.start,
            frames=self.count,
            width=facts.width,
            height=facts.height,
            rate=f"{facts.rate.numerator}/{facts.rate.denominator}",
            timecode=timecode or "",
            tags=_tags(facts),
            assumed=facts.colour.assumed,
            codec=" ".join(part for part in (facts.codec, facts.profile) if part),
            audio=bool(facts.audio),
            alpha=facts.format.alpha,
        )


def _tags(facts: MediaFacts) -> str:
    colour = facts.colour
    if facts.format.family != "yuv":
        name = "RGB" if facts.format.family == "rgb" else "grey"
    else:
        name = _MATRICES.get(colour.matrix, colour.name.partition(",")[0])
        name += " full" if colour.full_range else " limited"
    return f"{name}, {_VIEWS[colour.view]}" if colour.view in _VIEWS else name


@contextmanager
def opened(spec: SourceSpec, *, frames: int | None = None) -> Iterator[Shot]:
    """Open a clip and check the asked range.

    Parameters
    ----------
    frames : int, optional
        So many frames are needed, whatever the spec says of their number.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError, ClipRangeError
    """
    with open_clip(
        Path(spec.path), matrix=spec.matrix, signal_range=spec.signal_range, rate=spec.rate
    ) as clip:
        wanted = spec if frames is None else spec.model_copy(update={"frames": frames})
        count = frame_count(clip.facts, wanted)
        yield Shot(clip, spec.start, count, Viewer.of(clip.facts.colour, clip.facts.format))


def forget() -> None:
    """Free what is kept between jobs."""
    from flowanchor_engine.worker.media import matte

    matte.forget()
