"""Shot, frames, mask, place, undo: the whole way through service, child, agent and Resolve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from resolve_bridge.placement import Delivery
from resolve_bridge.shot import Route
from tests.bridge.journey.editing import result_of
from tests.panel.host.world import Ask, World, film, ready


@pytest.mark.parametrize(
    ("edition", "version"), [("free", "21.1"), ("studio", "21.1"), ("free", "18.5")]
)
def test_conversation(
    edition: str, version: str, make_world: Callable[..., World], ask: Ask, qtbot: Any
) -> None:
    world = make_world(edition, version)
    item = film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    assert service.state.value.version.startswith(version)
    assert service.state.value.studio is (edition == "studio")
    qtbot.waitUntil(lambda: service.shot.value is not None, timeout=20000)
    shot = ask(service.read_shot)
    assert (shot.item_id, shot.route) == (item.id, Route.SOURCE)
    before = world.double.state()
    extract = ask(service.make_extract, shot)
    result = result_of(extract, world.tmp / "takes", Delivery.PATCH)
    placed = ask(service.place, shot, result)
    assert world.changed(before) != []
    again = ask(service.place, shot, result)
    assert again == placed
    ask(service.undo, placed.placement)
    assert world.changed(before) == []
