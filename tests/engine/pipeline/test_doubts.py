"""What is stored is used only where it fits exactly, whatever happened to clip, matte or store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from flowanchor_engine import pipeline
from flowanchor_engine.cache import Store
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import Cancelled
from flowanchor_engine.progress import Phase, Silent
from flowanchor_engine.request import EditRequest
from tests.engine.conftest import FilmedShot


class Interrupts(Silent):
    """Does something after a finished step."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self._step, self._act = step, act

    def phase(self, phase: Phase, done: int, total: int) -> None:
        if phase is Phase.EDIT and done == self._step:
            self._act()


def _stop() -> None:
    raise Cancelled


def _kill(request: EditRequest, out: Path, editor: Editor, store: Store) -> None:
    """Run an edit that ends after its second step."""
    report = Interrupts(2, _stop)
    with pytest.raises(Cancelled):
        pipeline.edit(request, out, report=report, editor=editor, store=store)


def _own_matte(filmed: FilmedShot, folder: Path) -> EditRequest:
    """Return the request with a copy of the matte that a test may draw over."""
    shutil.copytree(filmed.matte, folder)
    request = filmed.request()
    assert request.matte is not None
    matte = request.matte.model_copy(update={"path": str(folder)})
    return request.model_copy(update={"matte": matte})


def test_a_matte_drawn_anew_under_its_old_name_is_another_edit(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    request = _own_matte(filmed, tmp_path / "matte")
    _kill(request, tmp_path / "a.mp4", editor, store)
    for path in (tmp_path / "matte").iterdir():
        drawn = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert drawn is not None
        cv2.imwrite(str(path), 255 - drawn)
    resumed = pipeline.edit(request, tmp_path / "b.mp4", editor=editor, store=store, resume=True)
    cold = pipeline.edit(request, tmp_path / "c.mp4", editor=editor)
    assert resumed.video.read_bytes() == cold.video.read_bytes()


def test_the_same_matte_goes_on_where_it_was_killed(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    request = _own_matte(filmed, tmp_path / "matte")
    _kill(request, tmp_path / "a.mp4", editor, store)
    for path in (tmp_path / "matte").iterdir():  # written again, the same pixels
        path.write_bytes(path.read_bytes())
    resumed = pipeline.edit(request, tmp_path / "b.mp4", editor=editor, store=store, resume=True)
    cold = pipeline.edit(request, tmp_path / "c.mp4", editor=editor)
    assert resumed.forwards == cold.forwards // 2  # two of four steps were left
    assert resumed.video.read_bytes() == cold.video.read_bytes()


@pytest.mark.parametrize("change", [{"gamma": 0.3}, {"steps": 5}, {"noise": "shared"}])
def test_a_step_of_other_settings_is_never_continued(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, change: dict[str, object]
) -> None:
    store = Store(tmp_path / "store")
    _kill(filmed.request(), tmp_path / "a.mp4", editor, store)
    other = filmed.request(**change)
    resumed = pipeline.edit(other, tmp_path / "b.mp4", editor=editor, store=store, resume=True)
    cold = pipeline.edit(other, tmp_path / "c.mp4", editor=editor)
    assert resumed.video.read_bytes() == cold.video.read_bytes()


@pytest.mark.parametrize("share", ["half", "all"])
def test_entries_that_vanish_in_mid_edit_only_cost_time(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, share: str
) -> None:
    store = Store(tmp_path / "store")
    pipeline.precompute(filmed.request(), store=store, editor=editor)

    def evict() -> None:
        entries = sorted((tmp_path / "store").rglob("*.safetensors"))
        for path in entries[:: 2 if share == "half" else 1]:
            path.unlink()

    report = Interrupts(1, evict)
    warm = pipeline.edit(
        filmed.request(), tmp_path / "a.mp4", report=report, editor=editor, store=store
    )
    cold = pipeline.edit(filmed.request(), tmp_path / "b.mp4", editor=editor)
    assert warm.video.read_bytes() == cold.video.read_bytes()
    assert cold.forwards - 4 <= warm.forwards < cold.forwards
