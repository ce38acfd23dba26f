"""Masks of Fusion's as pictures for the engine: read, asked, refused, rendered, fitted, stopped."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from flowanchor_engine import models, pipeline
from flowanchor_engine.cache import Store
from flowanchor_engine.request import Delivery as DeliverySpec
from flowanchor_engine.request import EditRequest, MatteSpec, Prompts, SourceSpec
from plugin.services.host_state import Matte, MatteChoice, MatteRefusal
from plugin.services.host_view import engine_file, needs_extract, result_for, shot_view
from resolve_bridge.shot import Retime, Route
from tests.bridge.extract.test_matte import POLYGON, TRACKED
from tests.panel.host.hold import Hold
from tests.panel.host.world import Ask, Reply, World, film, ready

SECOND = POLYGON.replace("Polygon1", "Garbage1")


def begin(world: World, qtbot: Any, mask: str = POLYGON, **options: Any) -> Any:
    item = film(world, size=(256, 144))
    if mask:
        world.cut.mask(item, mask, **options)
    world.open_resolve()
    world.click()
    return ready(world, qtbot)


def pictures(matte: Matte) -> list[Any]:
    """Read what the engine would: all numbered pictures beside the first."""
    first = Path(matte.path)
    files = sorted(first.parent.glob("*.png"))
    assert files[0] == first
    assert len(files) == matte.frames
    found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in files]
    assert {(each.dtype.str, each.shape) for each in found} == {
        ("<u2", (matte.height, matte.width))
    }
    return [each.astype(np.float64) / 65535 for each in found]


def test_masks_are_listed_and_one_is_read(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "21.1")
    service = begin(world, qtbot)
    shot = ask(service.read_shot)
    masks = ask(service.list_masks, shot)
    assert [(mask.tool, mask.comp, mask.why) for mask in masks] == [("Polygon1", 1, "in_force")]
    asked = reply()
    service.read_matte(shot, world.tmp / "mattes", asked.done, asked.error, asked.progress)
    matte = asked.wait()
    assert isinstance(matte, Matte)
    assert asked.steps == [("matte", n, 12) for n in range(1, 13)]
    drawn = pictures(matte)
    assert (matte.width, matte.height) == (256, 144)
    assert 0.05 < drawn[0].mean() < 0.5
    assert np.abs(drawn[0] - drawn[5]).mean() > 0.03, "it moves"
    spec = MatteSpec(path=matte.path, start=matte.start, channel="luma")
    assert spec.path == matte.path
    assert ask(service.read_matte, shot, world.tmp / "mattes") == matte, (
        "read again, it is the same"
    )


def test_two_masks_are_a_question(make_world: Callable[..., World], ask: Ask, qtbot: Any) -> None:
    world = make_world("free", "20.3")
    service = begin(world, qtbot)
    world.cut.mask(world.clip(ask(service.read_shot).item_id), SECOND, "Garbage1")
    shot = ask(service.read_shot)
    question = ask(service.read_matte, shot, world.tmp / "mattes")
    assert isinstance(question, MatteChoice)
    assert question.sentence.endswith(".")
    assert {(mask.comp, mask.tool) for mask in question.masks} == {
        (1, "Polygon1"),
        (2, "Garbage1"),
    }
    chosen = question.masks[1]
    matte = ask(service.read_matte, shot, world.tmp / "mattes", tool=chosen.tool, comp=chosen.comp)
    assert (matte.tool, matte.comp) == (chosen.tool, chosen.comp)


def test_a_tracked_mask_is_refused_and_fusion_draws_it(
    make_world: Callable[..., World], ask: Ask, qtbot: Any
) -> None:
    def painter(frame: int, width: int, height: int) -> Any:
        grid = np.zeros((height, width))
        grid[:, : 10 * (frame + 1)] = 1.0
        return grid

    world = make_world("free", "20.3")
    service = begin(world, qtbot, TRACKED, painters={"Polygon1": painter})
    shot = ask(service.read_shot)
    before = world.double.state()
    refusal = ask(service.read_matte, shot, world.tmp / "mattes")
    assert isinstance(refusal, MatteRefusal)
    assert "Polygon1" in refusal.sentence
    assert refusal.ways_out
    assert refusal.render is not None
    matte = ask(service.render_matte, shot, refusal, world.tmp / "mattes")
    assert (matte.via, matte.frames) == ("saver", 12)
    widths = [round(picture.mean() * 256) for picture in pictures(matte)]
    assert all(later - earlier == 10 for earlier, later in itertools.pairwise(widths))
    again = ask(service.render_matte, shot, refusal, world.tmp / "mattes")
    assert again == matte, "what Fusion draws again is the same too"
    assert world.changed(before) == []
    assert not (world.tmp / "host" / "mattes").exists(), "what Fusion wrote is gone"


def test_no_mask_is_one_sentence_with_ways_out(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    service = begin(world, qtbot, "")
    shot = ask(service.read_shot)
    none = reply()
    service.read_matte(shot, world.tmp / "mattes", none.done, none.error)
    code, sentence, hint = none.fail()
    assert (code, hint) == ("no_mask", ("open_fusion", "load_matte", "whole_picture"))
    assert sentence.startswith("Draw a mask")


def test_a_matte_can_be_stopped_and_does_not_hold_up_a_placing(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    world.variables = Hold(world.tmp / "hold", "read_matte", reported=True).variables
    item = film(world, size=(256, 144))
    item.duration = 30
    world.cut.mask(item, POLYGON)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    asked = reply()
    call = service.read_matte(shot, world.tmp / "mattes", asked.done, asked.error, asked.progress)
    qtbot.waitUntil(lambda: len(asked.steps) > 0, timeout=60000)
    assert ask(service.read_shot).item_id == item.id, "Resolve is asked meanwhile"
    call.cancel()
    code, _, _ = asked.fail()
    assert code == "cancelled"
    assert len(asked.steps) < 30
    assert list((world.tmp / "mattes").iterdir()) == [], "half a mask is none"
    call.cancel()
    assert ask(service.read_shot).item_id == item.id


@pytest.mark.slow
def test_a_retimed_clip_is_rendered_and_its_mask_fitted(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("studio", "21.1")
    world.film = world.double.build("Film", rate="24", size=(256, 144))
    clip = world.film.video("A.mov", frames_count=40, size=(128, 96))
    world.cut = world.film.timeline("Cut", start="01:00:00:00", video=1)
    item = world.cut.put(clip, at=4, left=2, frames_count=8, speed=2)
    text = POLYGON.replace("Value = 256", "Value = 128").replace("Value = 144", "Value = 96")
    world.cut.mask(item, text)
    world.cut.playhead(6)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    assert (shot.route, shot.retime) == (Route.RENDER, Retime.CHANGED)
    assert needs_extract(shot)
    view = shot_view(shot)
    assert (view.path, view.retimed, view.frames) == ("", True, 8)
    before = world.double.state()
    asked = reply()
    service.make_extract(shot, asked.done, asked.error, asked.progress)
    extract = asked.wait(60)
    assert ("check", 1, 1) in asked.steps
    assert [line for line in world.changed(before) if ".render." not in line] == []
    assert (extract.width, extract.height) == (256, 144)
    assert extract.box == (32, 0, 192, 144), "pillars left and right"
    file = engine_file(extract)
    assert file is not None
    assert (file.frames, file.start) == (8, 0)
    shown = shot_view(shot, extract)
    assert (shown.path, shown.width, shown.height) == (file.path, 256, 144)

    plain = ask(service.read_matte, shot, world.tmp / "mattes")
    assert isinstance(plain, Matte), plain
    fitted = ask(service.read_matte, shot, world.tmp / "mattes", extract=extract)
    assert (fitted.width, fitted.height, fitted.frames) == (256, 144, 8)
    for own, laid in zip(pictures(plain), pictures(fitted), strict=True):
        assert laid[:, :32].max() == laid[:, 224:].max() == 0
        inside = cv2.resize(own, (192, 144), interpolation=cv2.INTER_LINEAR)
        assert np.abs(inside - laid[:, 32:224]).max() < 0.01
    # An equal mask is laid into the same pictures; the plain one is still there for who uses it.
    assert ask(service.read_matte, shot, world.tmp / "mattes", extract=extract) == fitted
    assert len({plain.path, fitted.path}) == 2
    assert {each.parent for each in map(Path, (plain.path, fitted.path))} == set(
        (world.tmp / "mattes").iterdir()
    )


def test_a_render_can_be_stopped_and_leaves_resolve_as_it_was(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    service = begin(world, qtbot)
    shot = ask(service.read_shot).rendered()
    before = world.double.state()
    world.double.faults.wedged = True
    asked = reply()
    call = service.make_extract(shot, asked.done, asked.error, asked.progress)
    qtbot.waitUntil(lambda: bool(world.double.calls.of("StartRendering")), timeout=60000)
    call.cancel()
    assert asked.fail()[0] == "cancelled"
    left = [line for line in world.changed(before) if ".render." not in line]
    assert left == []


@pytest.mark.slow
def test_the_engine_edits_inside_the_mask_that_was_drawn_in_fusion(
    make_world: Callable[..., World], ask: Ask, qtbot: Any
) -> None:
    """Clip and mask as they come out of here, the real engine, and back onto the timeline."""
    world = make_world("free", "21.1")
    service = begin(world, qtbot)
    shot = ask(service.read_shot)
    extract = ask(service.make_extract, shot)
    matte = ask(service.read_matte, shot, world.tmp / "mattes", extract=extract)
    file = engine_file(extract)
    assert file is not None
    request = EditRequest(
        source=SourceSpec(path=file.path, start=file.start, frames=file.frames),
        matte=MatteSpec(
            path=matte.path, start=matte.start, channel="luma", grow_px=0, feather_px=0
        ),
        prompts=Prompts(now="a red ball", wanted="a blue ball"),
        method=models.recommended("demo").model_copy(update={"steps": 3}),
        delivery=DeliverySpec(kind="patch"),
        seed=7,
    )
    editor = pipeline.open_editor(models.spec("demo"))
    done = pipeline.edit(
        request, world.tmp / "takes" / "take.mov", editor=editor, store=Store(world.tmp / "cache")
    )
    assert done.frames == 12
    drawn = pictures(matte)
    alphas = []
    with av.open(str(done.video)) as container:
        for frame in container.decode(video=0):
            alphas.append(frame.to_ndarray(format="rgba")[..., 3] / 255)
    assert len(alphas) == 12
    for frame, (alpha, mask) in enumerate(zip(alphas, drawn, strict=True)):
        # The engine lets the mask of the four frames before fade out.
        trail = np.max(drawn[max(0, frame - 4) : frame + 1], axis=0)
        assert alpha[mask == 1].min() > 0.98, "opaque where the mask is"
        assert alpha[trail == 0].max() == 0, "and nothing where it never was"
    result = result_for(
        extract,
        path=str(done.video),
        frames=done.frames,
        kind="patch",
        key=request.key("result"),
        shot_name=shot_view(shot).name,
        title="blue",
        take=1,
        recipe=json.dumps(request.dump()),
    )
    placed = ask(service.place, shot, result)
    again = ask(service.read_shot, item_id=placed.placement.item_id)
    kept = ask(service.recipe, again)
    assert EditRequest.load(json.loads(kept.recipe)) == request
