"""Long answers: in pages that the preferences hold, and Resolve gets its turn between."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolve_bridge.find import open_timeline
from tests.bridge.agent.hand import film
from tests.bridge.host.links import agent_link


@pytest.mark.parametrize(("edition", "version"), [("free", "21.1"), ("free", "18.5")])
def test_long_answers_come_in_pages(edition: str, version: str, tmp_path: Path) -> None:
    double, cut, _item = film(edition, version, tmp_path)
    media = double.project.all_media()[0]
    for index in range(60):
        cut.put(media, at=100 + index, frames_count=1).name = "é" * 40
    with agent_link(double, tmp_path, page_bytes=1500) as link:
        session = link.host._need_session()
        opened = open_timeline(session)
        batch = session.batch()
        items = batch.call(opened.timeline, "GetItemListInTrack", "video", 1)
        names = batch.call(items, "GetName")
        batch.run()
    assert len(names.value) == 61
    assert names.value[1:] == ["é" * 40] * 60


def test_no_page_outgrows_the_preferences(tmp_path: Path) -> None:
    double, cut, _item = film("free", "21.1", tmp_path)
    media = double.project.all_media()[0]
    for index in range(1800):
        cut.put(media, at=100 + index, frames_count=1)
    with agent_link(double, tmp_path) as link:
        session = link.host._need_session()
        opened = open_timeline(session)
        items = session.call(opened.timeline, "GetItemListInTrack", "video", 1)
    assert len(items) == 1801
    sizes = [len(str(call.args[1])) for call in double.calls.of("Fusion.SetPrefs")]
    assert 150_000 < max(sizes) < 192 * 1024, "as much as they hold, and no more"


def test_resolve_gets_its_turn_within_a_long_request(tmp_path: Path) -> None:
    double, cut, _item = film("free", "21.1", tmp_path)
    media = double.project.all_media()[0]
    for index in range(900):
        cut.put(media, at=100 + index, frames_count=1)
    with agent_link(double, tmp_path) as link:
        session = link.host._need_session()
        opened = open_timeline(session)
        items = session.call(opened.timeline, "GetItemListInTrack", "video", 1)
        assert link.lua is not None
        inside: list[float] = []
        double.faults.slow["GetName"] = 0.01  # on every computer
        link.lua.on_wait = inside.append
        batch = session.batch()
        for item in items[:390]:
            batch.call(item, "GetName")
        batch.run()
    assert inside.count(0.001) >= 2, "the interface runs between the calls, not only after them"
