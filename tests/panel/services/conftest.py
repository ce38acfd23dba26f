"""Engines with surroundings of their own, and a shot to edit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowanchor_engine.request import EditRequest, MatteSpec, MethodSettings, Prompts, SourceSpec


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give engines their own caches, locks and timings."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLOWANCHOR_TIMINGS", str(tmp_path / "timings.json"))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A generated shot of 9 frames, its matte and its texts, made outside this process."""
    folder = tmp_path_factory.mktemp("film")
    code = """
import json, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from flowanchor_engine.clip import sequence
from flowanchor_engine.clip.planes import Picture, PixelFormat
from tests.engine.conftest import demo_shot, write_rgb
folder = Path(sys.argv[1])
shot = demo_shot(3, size=(96, 96))
clip = write_rgb(shot.frames, folder / "shot.mp4", size=(96, 96), rate=Fraction(24000, 1001))
(folder / "matte").mkdir()
for number, mask in enumerate(shot.mask):
    grey = Picture((mask.astype(np.uint8) * 255,), PixelFormat.of("gray"))
    sequence.write_image(folder / "matte" / f"m_{number:04d}.png", grey)
print(json.dumps({"clip": str(clip), "matte": str(folder / "matte"), "now": shot.now,
                  "wanted": shot.wanted}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def film_request(film: dict[str, str]) -> EditRequest:
    """An edit of the film in few steps."""
    return EditRequest(
        source=SourceSpec(path=film["clip"]),
        matte=MatteSpec(path=film["matte"], grow_px=8, feather_px=8),
        prompts=Prompts(now=film["now"], wanted=film["wanted"]),
        method=MethodSettings(steps=4, skip_share=0.0),
        seed=7,
    )
