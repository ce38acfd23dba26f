"""Edits as folders of pictures, and whether a timeline shows the right one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resolve_bridge.placement import Delivery, Placement
from tests.bridge.journey.editing import negate_to_pictures, result_of
from tests.doubles.resolve import Double, clips, picture, source

SIZE = (64, 36)


def edited(
    link: Any,
    tmp: Path,
    delivery: Delivery = Delivery.PATCH,
    *,
    ending: str = "png",
    first: int = 0,
) -> Any:
    shot = link.host.shot()
    edit = negate_to_pictures(ending, first=first)
    return shot, result_of(link.host.extract(shot), tmp / ending, delivery, edit=edit)


def write(folder: Path, numbers: Any, *, head: str = "take.", digits: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"{head}{number:0{digits}d}.png"
        clips.write_still(path, clips.counted(number, SIZE))
    return folder


def shows_the_edit(double: Double, placed: Placement, shot: Any) -> None:
    """On each frame of the shot lies the picture that was made of that very frame."""
    timeline = double.timeline
    assert timeline is not None
    clip = next(i for t in timeline.tracks["video"] for i in t.items if i.id == placed.item_id)
    for frame in range(int(clip.start), int(clip.end)):
        along = source.shown(clip, timeline.rate, frame)
        if placed.delivery is Delivery.TAKE:
            assert along == frame - clip.start
            continue
        assert along == source.shown(shot, timeline.rate, frame) - shot.left
        seen = clips.number_of(picture.frame(double, timeline, frame))
        assert seen == source.shown(shot, timeline.rate, frame)
