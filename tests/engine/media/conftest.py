"""Real media ends on real clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from flowanchor_engine.clip.colour import Colour
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.reader import open_clip
from flowanchor_engine.protocol.proxies import ProxyHeader
from flowanchor_engine.worker.client import Client
from tests.doubles.gate import Gate
from tests.engine.clip.film import Film, write

Shoot = Callable[[Film], Path]


class Media(Client):
    """A started media end; nothing of it is left afterwards."""

    def __init__(self, folder: Path, gate: Gate | None = None, **environ: str) -> None:
        held = {} if gate is None else gate.variables_elsewhere
        super().__init__(folder, "--media", environ={"OMP_NUM_THREADS": "1", **held, **environ})


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Shoot:
    """Return a function that writes a film (once) and gives its path."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[str, Path] = {}

    def give(film: Film) -> Path:
        if film.name not in made:
            made[film.name] = write(folder / film.name, film)
        return made[film.name]

    return give


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """What holds the jobs of a media end that is started with it."""
    return Gate(tmp_path_factory.mktemp("held") / "gate")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Media]:
    """One media end for a module's tests, greeted."""
    with Media(tmp_path_factory.mktemp("media")) as end:
        end.hello()
        yield end
        assert end.close() == 0


def frames_of(folder: Path) -> NDArray[np.uint8]:
    """Read a proxy by the letter of its format: (F, h, w, channels)."""
    header = ProxyHeader.model_validate_json((folder / "proxy.json").read_text())
    raw = np.fromfile(folder / "frames.raw", np.uint8)
    rows = raw.reshape(header.frames, header.height, header.stride)
    used = rows[:, :, : header.width * header.channels]
    return used.reshape(header.frames, header.height, header.width, header.channels)


def header_of(folder: Path) -> ProxyHeader:
    return ProxyHeader.model_validate_json((folder / "proxy.json").read_text())


def expected(path: Path, size: tuple[int, int], start: int, stop: int) -> NDArray[np.uint8]:
    """Decode and convert frames with the code that edits use."""
    with open_clip(path) as clip:
        colour: Colour = clip.facts.colour
        return np.stack([to_rgb8(clip.read(i), colour, size) for i in range(start, stop)])


def check_laws(events: list[dict[str, Any]], *, gaps: bool = False) -> None:
    """Exactly one terminal event, the last one; numbers grow, without a gap but when killed."""
    from flowanchor_engine.worker.client import TERMINAL

    assert [event["type"] in TERMINAL for event in events].count(True) == 1
    assert events[-1]["type"] in TERMINAL
    numbers = [event["seq"] for event in events]
    assert numbers == (sorted(set(numbers)) if gaps else list(range(len(events))))
