"""One suite for the three hosts: what the panel may rely on, whichever it has."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from resolve_bridge import records
from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.masks import NoMaskError
from resolve_bridge.errors.placing import NoRecipeError, ResultFileError, UndoChangedError
from resolve_bridge.errors.shot import HostChangedError
from resolve_bridge.placement import Delivery, Placement
from resolve_bridge.shot import Route, Shot
from resolve_bridge.standalone import StandaloneHost
from tests.bridge.host.links import LONG_S, SPEED, agent_link, studio_link
from tests.bridge.journey.editing import result_of
from tests.doubles.resolve import Double

if TYPE_CHECKING:
    from resolve_bridge.host import Host


@dataclasses.dataclass
class Stage:
    """A host with one clip of 12 frames open, and how to disturb it."""

    host: Host
    move: Callable[[], None]
    tamper: Callable[[Placement], None]
    results: Path


@contextlib.contextmanager
def _resolve(link: Any, tmp: Path) -> Iterator[Stage]:
    double = Double("studio", "21.1", home=tmp / "home", speed=SPEED)
    film = double.build("Film", rate="24", size=(64, 36))
    cut = film.timeline("Cut", start="01:00:00:00", video=1)
    item = cut.put(film.video("A.mov", frames_count=12), at=5, frames_count=12)
    cut.playhead(6)

    def move() -> None:
        item.start += 1

    def tamper(placement: Placement) -> None:
        clips = [i for t in double.timeline.tracks["video"] for i in t.items]  # type: ignore[union-attr]
        next(clip for clip in clips if clip.id == placement.item_id).duration -= 1

    with link(double, tmp, connect=False) as made:
        yield Stage(made.host, move, tamper, tmp / "none")


@contextlib.contextmanager
def _standalone(tmp: Path) -> Iterator[Stage]:
    double = Double("studio", "21.1", home=tmp / "home")
    clip = double.build("Film", rate="24", size=(64, 36)).video("A.mov", frames_count=12)
    host = StandaloneHost(tmp / "FlowAnchor")
    host.open(Path(clip.path))

    def move() -> None:
        shorter = double.build("Other", rate="24", size=(64, 36)).video("B.mov", frames_count=9)
        Path(clip.path).write_bytes(Path(shorter.path).read_bytes())

    def tamper(placement: Placement) -> None:
        Path(placement.path).write_bytes(b"something else")

    yield Stage(host, move, tamper, tmp / "FlowAnchor")
    host.close()


@pytest.fixture(params=["agent", "studio", "standalone"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    made = {
        "agent": lambda: _resolve(agent_link, tmp_path),
        "studio": lambda: _resolve(studio_link, tmp_path),
        "standalone": lambda: _standalone(tmp_path),
    }[request.param]()
    with made as found:
        info = found.host.connect(timeout_s=LONG_S)
        assert info.recovered is False
        yield found


def test_the_shot_is_complete_and_stable(stage: Stage) -> None:
    shot = stage.host.shot()
    assert (shot.frames, shot.frame_count, shot.frame_rate, shot.route) == (
        12,
        12,
        24,
        Route.SOURCE,
    )
    assert shot.media is not None
    assert (shot.media.width, shot.media.height) == (64, 36)
    assert stage.host.shot(item_id=shot.item_id).fingerprint() == shot.fingerprint()
    assert records.load(Shot, records.dump(shot)) == shot
    assert stage.host.watch().item_id == shot.item_id


def test_extract_place_recipe_undo(stage: Stage, tmp_path: Path) -> None:
    shot = stage.host.shot()
    steps: list[str] = []
    extract = stage.host.extract(shot, report=lambda phase, _d, _t: steps.append(phase))
    assert (extract.first, extract.count, extract.box) == (0, 12, (0, 0, 64, 36))
    result = result_of(extract, tmp_path / "takes", Delivery.FRAME)
    placed = stage.host.place(shot, result)
    assert stage.host.place(shot, result) == placed
    again = stage.host.shot(item_id=placed.item_id)
    recipe = stage.host.recipe(again)
    assert (recipe.placement, recipe.recipe) == (placed, result.recipe)
    assert stage.host.source_of(placed).item_id == shot.item_id
    remembered = records.load(Placement, records.dump(placed))
    stage.host.undo(remembered)
    with pytest.raises(BridgeError):
        stage.host.shot(item_id=placed.item_id)
    stage.host.undo(remembered)
    assert stage.host.shot(item_id=shot.item_id).fingerprint() == shot.fingerprint()
    assert not stage.results.exists()


def test_a_changed_shot_is_not_placed_on(stage: Stage, tmp_path: Path) -> None:
    shot = stage.host.shot()
    result = result_of(stage.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
    stage.move()
    with pytest.raises(HostChangedError):
        stage.host.place(shot, result)


def test_a_changed_result_is_not_undone(stage: Stage, tmp_path: Path) -> None:
    shot = stage.host.shot()
    result = result_of(stage.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
    placed = stage.host.place(shot, result)
    stage.tamper(placed)
    with pytest.raises(UndoChangedError):
        stage.host.undo(placed)


def test_a_missing_result_is_said(stage: Stage, tmp_path: Path) -> None:
    shot = stage.host.shot()
    result = result_of(stage.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
    with pytest.raises(ResultFileError):
        stage.host.place(shot, dataclasses.replace(result, path=str(tmp_path / "none.mov")))
    assert not stage.results.exists() or not any(stage.results.iterdir())


def test_what_is_not_ours_has_no_recipe_and_no_mask(stage: Stage) -> None:
    shot = stage.host.shot()
    with pytest.raises(NoRecipeError):
        stage.host.recipe(shot)
    with pytest.raises(NoMaskError) as caught:
        stage.host.comps(shot)
    assert "load_matte" in caught.value.hint
