"""Takes that are folders of pictures: made, shown, measured, placed, undone, saved and deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.services.proxies import ProxyReader
from tests.journey.desk import CUT_IN, FIRST, FRAMES, Desk, Journey

pytestmark = pytest.mark.slow

SAID = json.loads((FIRST / "first.json").read_text())
START = 86400 + CUT_IN


def seen(here: Journey, take: Any) -> None:
    """The viewer shows the take's frames and says what they changed."""
    here.until(lambda: take.id in here.suite.book.takes.value)
    pictures = here.suite.book.takes.value[take.id]
    reader = ProxyReader(pictures.frames.folder)
    assert reader.ready == FRAMES
    assert reader.frame(0).std() > 5, "a picture, not black"
    here.until(lambda: take.id in here.suite.book.measured.value)


@pytest.mark.parametrize(("edition", "version"), [("free", "21.1"), ("studio", "18.5")])
def test_a_patch_in_png_and_a_frame_in_openexr(
    edition: str,
    version: str,
    sit_down: Callable[..., Desk],
    open_panel: Callable[[Desk], Journey],
) -> None:
    desk = sit_down(edition, version)
    desk.double.faults.sequence_rate = "25"  # a preference of the user's
    before = desk.double.state()
    here = open_panel(desk)
    model = here.model
    here.prepare(SAID["now"], SAID["wanted"])

    model.delivery_kind.set("patch")
    model.codec.set("png16")
    patch = here.edit()
    seen(here, patch)
    measured = here.suite.book.measured.value[patch.id]
    assert max(measured.outside_max) == 0, "outside the patch is the original"
    assert max(measured.inside) > 0
    model.delivery_kind.set("frame")
    model.codec.set("exr")
    frame = here.edit()
    seen(here, frame)
    for take, ending in ((patch, ".png"), (frame, ".exr")):
        pictures = sorted(Path(take.file).iterdir())
        assert [each.suffix for each in pictures] == [ending] * FRAMES
    assert desk.changed(before) == [], "an edit is not a placing"

    for take, said in ((patch, "say.place.placed"), (frame, "say.place.light")):
        placed = here.place(take)
        assert here.said() == said
        [clip] = [item for item in desk.items() if item.id == placed.placed]
        assert (clip.start, clip.duration, clip.left) == (START, FRAMES, 0)
        assert (clip.media.kind, clip.media.frames, clip.media.rate) == ("sequence", FRAMES, "24")
        assert [Path(each) for each in clip.media.files] == sorted(Path(take.file).iterdir())
        assert clip.media.alpha is (take is patch)
    count = len(desk.items())
    here.act("place", take=patch.id)
    here.until(lambda: not here.suite.placing.busy.value)
    assert len(desk.items()) == count, "the same once more is no second one"
    for take in (patch, frame):
        here.undo(take)
    assert desk.changed(before) == []
    assert desk.untouched()

    # Saved under another name; a folder asks for no ending, and loses one that it was given.
    copy = desk.tmp / "sent"
    copy.mkdir()
    here.suite.placing.save_as(frame.id, copy / "to the colourist.exr")
    here.until(lambda: here.said() == "say.place.saved")
    names = [each.name for each in sorted((copy / "to the colourist").iterdir())]
    assert names == [each.name for each in sorted(Path(frame.file).iterdir())]
    here.suite.placing.save_as(frame.id, copy / "to the colourist")
    here.until(lambda: not here.suite.placing.busy.value)
    assert here.said() == "error.output", "what is there is not written over"
    assert [each.name for each in copy.iterdir()] == ["to the colourist"]

    home = Path(patch.file).parent
    for take in (patch, frame):
        here.act("delete_take", take=take.id)
    here.until(lambda: not len(model.takes.all))
    left = [each.name for each in home.iterdir()] if home.is_dir() else []
    assert left == [], "pictures, recipes and sheets went with the takes"
