"""A timeline to place on, an edit of its shot, and what has changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resolve_bridge.placement import Delivery
from tests.bridge.journey.editing import result_of
from tests.doubles.resolve import Double, difference


def scene(
    tmp: Path,
    version: str = "21.1",
    *,
    edition: str = "free",
    rate: str = "24",
    clip_rate: str = "24",
    **options: Any,
) -> tuple[Double, Any, Any]:
    double = Double(edition, version, home=tmp / "home", speed=25.0, **options)
    film = double.build("Film", rate=rate, size=(64, 36))
    clip = film.video("A001.mov", frames_count=60, rate=clip_rate)
    cut = film.timeline("Cut", start="01:00:00:00", video=2)
    item = cut.put(clip, at=10, left=5, frames_count=12)
    cut.put(clip, at=30, left=5, frames_count=12)
    cut.playhead(12)
    return double, cut, item


def changed(before: dict[str, Any], double: Double) -> list[str]:
    return [
        line
        for line in difference(before, double.state())
        if not line.startswith(("prefs", "data")) and ".saves:" not in line
    ]


def edited(link: Any, tmp: Path, delivery: Delivery = Delivery.PATCH, **options: Any) -> Any:
    shot = link.host.shot()
    return shot, result_of(link.host.extract(shot), tmp / "takes", delivery, **options)
