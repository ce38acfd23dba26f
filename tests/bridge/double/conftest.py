"""Scenes that the tests of the double share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.doubles.resolve import Double, Faults

POLYGON = """
Polygon1 = PolylineMask {
  Inputs = {
    Filter = Input { Value = FuID { "Fast Gaussian" }, },
    Center = Input { Value = { 0.5, 0.5 }, },
    Polyline = Input {
      Value = Polyline { Closed = true, Points = {
        { X = -0.25, Y = -0.25 }, { X = 0.25, Y = -0.25 },
        { X = 0.25, Y = 0.25 }, { X = -0.25, Y = 0.25 } } },
    },
  },
}
"""


@pytest.fixture
def make(tmp_path):
    """Give a function that makes a double with one clip on the first of two tracks."""

    def make_scene(edition="studio", version="21.1", *, rate="24", clip=None, **options):
        faults = Faults(**options.pop("faults", {}))
        double = Double(edition, version, faults, home=tmp_path, **options)
        film = double.build("Film", rate=rate)
        media = film.video("A001.mov", **({"frames_count": 48} | (clip or {})))
        cut = film.timeline("Cut", video=2)
        item = cut.put(media, at=10, left=5, frames_count=24)
        project = double.resolve.GetProjectManager().GetCurrentProject()
        return SimpleNamespace(
            double=double,
            film=film,
            media=media,
            cut=cut,
            item=item,
            resolve=double.resolve,
            project=project,
            pool=project.GetMediaPool(),
            timeline=project.GetCurrentTimeline(),
            clip=double.proxy(item),
            faults=faults,
        )

    return make_scene


@pytest.fixture
def scene(make):
    return make()
