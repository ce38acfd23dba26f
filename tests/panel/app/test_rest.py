"""A panel that nothing happens to does nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.panel.app.conftest import FIRST, Running


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(370, 700), (420, 980), (640, 1200)])
def test_a_window_at_rest_uses_no_processor(
    launch: Callable[..., Running], qtbot: Any, width: int, height: int
) -> None:
    here = launch(mock="-")
    here.panel.resize(width, height)
    here.open(FIRST / "first.mp4")
    here.model.matte.use_whole()
    here.write("a cyan ball", "a pink ball")
    qtbot.wait(1500)  # estimates, words and pictures have come
    begun, clock = time.process_time(), time.perf_counter()
    qtbot.wait(2000)
    share = (time.process_time() - begun) / (time.perf_counter() - clock)
    assert share < 0.2, f"{share:.0%} of a processor, doing nothing"
