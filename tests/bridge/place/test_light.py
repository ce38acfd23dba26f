"""The colour space that placed pictures are read in."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from resolve_bridge.extract import Look
from resolve_bridge.placement import Delivery, Placement
from tests.bridge.host.links import direct_link
from tests.bridge.place.pictures import edited
from tests.bridge.place.scenes import scene
from tests.doubles.resolve import Double


def _props(double: Double, placed: Placement) -> dict[str, str]:
    return next(m.props for m in double.project.all_media() if m.id == placed.media_id)


def test_linear_light_is_not_read_in_the_words_of_a_log_clip(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    item.media.props.update({"Data Level": "Full", "Input Color Space": "ARRI LogC3"})
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.FRAME, ending="exr")
        placed = link.host.place(shot, result)
        props = _props(double, placed)
        assert props["Input Color Space"] == "Linear"
        assert "Data Level" not in props, "pictures use the full range whatever the clip does"
        assert placed.notes == ("light",)
        link.host.undo(placed)
        shot, result = edited(link, tmp_path, Delivery.FRAME)
        placed = link.host.place(shot, result)
        assert _props(double, placed)["Input Color Space"] == "ARRI LogC3"
        assert placed.notes == ()


@pytest.mark.parametrize(("science", "word"), [("davinciYRGB", None),
    ("davinciYRGBColorManagedv2", "Rec.709 Gamma 2.4")])  # fmt: skip
def test_rendered_pixels_are_in_the_timelines_colour_space(
    science: str, word: str | None, tmp_path: Path
) -> None:
    double, _cut, item = scene(tmp_path)
    item.media.props.update({"Data Level": "Full", "Input Color Space": "ARRI LogC3"})
    double.project.settings["colorScienceMode"] = science
    assert double.timeline is not None
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        baked = dataclasses.replace(result, grade=Look.BAKED, transform=Look.BAKED)
        placed = link.host.place(shot, baked)
        props = _props(double, placed)
        assert props.get("Input Color Space") == word
        assert "Data Level" not in props
        assert placed.notes == ()
