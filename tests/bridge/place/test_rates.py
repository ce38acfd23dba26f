"""Pictures carry no rate: they play at the one that they were made for, or it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolve_bridge.errors.placing import ImportRateError
from resolve_bridge.frames import rate_of, spelled
from resolve_bridge.placement import Delivery
from tests.bridge.host.links import direct_link
from tests.bridge.place.pictures import edited, shows_the_edit
from tests.bridge.place.scenes import changed, scene
from tests.doubles.resolve import Faults, frames


@pytest.mark.parametrize(
    ("timeline", "clip", "preference"),
    [("24", "25", ""), ("25", "24", ""), ("24", "23.976", ""), ("24", "24", "30"),
     ("29.97 DF", "29.97", "24"), ("50", "25", ""), ("25", "50", ""), ("24", "24", "25")],
)  # fmt: skip
@pytest.mark.parametrize("number", [False, True])
def test_pictures_play_at_the_rate_they_were_made_for(
    timeline: str, clip: str, preference: str, number: bool, tmp_path: Path
) -> None:
    faults = Faults(sequence_rate=preference, fps_number=number)
    double, _cut, item = scene(tmp_path, rate=timeline, clip_rate=clip, faults=faults)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        media = next(m for m in double.project.all_media() if m.id == placed.media_id)
        assert frames.exact(media.rate) == frames.exact(clip)
        short = placed.stop - placed.start
        assert short == 12 or (short == 11 and "one_short" in placed.notes)
        shows_the_edit(double, placed, item)
        link.host.undo(placed)
    assert changed(before, double) == []


@pytest.mark.parametrize("fps", ["refused", "ignored"])
@pytest.mark.parametrize("delivery", [Delivery.PATCH, Delivery.TAKE])
def test_a_rate_that_cannot_be_set_is_said_and_nothing_stays(
    fps: str, delivery: Delivery, tmp_path: Path
) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(fps=fps, sequence_rate="30"))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery)
        with pytest.raises(ImportRateError, match="at 30 frames per second, the shot needs 24"):
            link.host.place(shot, result)
    assert changed(before, double) == []


@given(st.sampled_from([23.976, 24, 25, 29.97, 30, 47.952, 48, 50, 59.94, 60, 119.88, 120]))
def test_what_is_spelled_is_read_back(told: float) -> None:
    found = rate_of(str(told))
    assert found is not None
    texts = spelled(found[0])
    assert {rate_of(text) for text in texts} == {found}
    assert texts[0] == f"{told:g}"
