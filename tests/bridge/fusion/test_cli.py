"""The command that shows a mask without Resolve, and what the package may import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from resolve_bridge.fusion.__main__ import DONE, FAILED, NOT_ANALYTIC, UNDECIDED, main
from resolve_bridge.fusion.mask import Mask, evaluate
from resolve_bridge.fusion.model import load
from resolve_bridge.fusion.raster import frame

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).parents[3]


def test_the_documented_command_writes_a_sheet_that_shows_the_mask(tmp_path: Path) -> None:
    sheet = tmp_path / "out.png"
    done = subprocess.run(
        [sys.executable, "-m", "resolve_bridge.fusion", CORPUS / "polygon_animated.setting",
         "--size", "1920x1080", "--frames", "0:48", "--sheet", sheet],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == DONE, done.stderr
    assert "Polygon1" in done.stdout
    assert "48 frames of 1920x1080" in done.stdout
    picture = cv2.imdecode(np.frombuffer(sheet.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 1900
    # Orange of the mask, grey of the ground: both are there.
    strength = picture[..., 2].astype(int) - picture[..., 0]
    assert 0.02 < (strength > 100).mean() < 0.4
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_the_outcomes_have_their_own_exit_codes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    small = ("--size", "64x36")
    code, shown = run(str(CORPUS / "chain.comp"), *small)
    assert code == DONE
    assert "Rectangle1 + Ellipse1 + Triangle1, 24 frames" in shown
    assert "assumed" in shown
    code, shown = run(str(CORPUS / "self_crossing.setting"), *small)
    assert code == UNDECIDED
    assert "--tool Star" in shown
    assert run(str(CORPUS / "self_crossing.setting"), "--tool", "Star", *small)[0] == DONE
    code, shown = run(str(CORPUS / "refused.comp"), "--tool", "ByTracker", *small)
    assert code == NOT_ANALYTIC
    assert "Tracker1" in shown
    assert "saver_render" in shown
    (tmp_path / "empty.comp").write_text("{ Tools = { } }")
    assert run(str(tmp_path / "empty.comp"))[0] == UNDECIDED
    (tmp_path / "bad.comp").write_text("{ Tools = ")
    code, shown = run(str(tmp_path / "bad.comp"))
    assert code == FAILED
    assert "[fusion.syntax]" in shown
    assert run(str(tmp_path / "gone.comp"))[0] == FAILED
    code, shown = run(str(CORPUS / "chain.comp"), *small, "--sheet", str(tmp_path / "no" / "x.png"))
    assert code == FAILED


def test_mattes_are_written_whole_in_order_and_sixteen_bits_deep(tmp_path: Path) -> None:
    path = CORPUS / "polygon_animated.setting"
    assert main([str(path), "--size", "320x180", "--frames", "0:3", "--mattes", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"matte_0000{k}.png" for k in range(3)]
    mask = evaluate(load(path), "Polygon1", times=range(3), width=320, height=180)
    assert isinstance(mask, Mask)
    for k in range(3):
        data = np.frombuffer((tmp_path / f"matte_0000{k}.png").read_bytes(), np.uint8)
        read = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        assert read.dtype == np.uint16
        np.testing.assert_allclose(read / 65535, frame(mask, k), atol=1e-5)


@pytest.mark.parametrize("arguments", [("--size", "12"), ("--frames", "5:5"), ("--frames", "a:b")])
def test_bad_arguments_are_refused(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(CORPUS / "chain.comp"), *arguments])
    assert "is no" in capsys.readouterr().err


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, resolve_bridge.fusion.__main__\n"
        "bad = {'torch', 'PySide6', 'pydantic', 'flowanchor_engine', 'plugin', 'av', 'scipy'}\n"
        "sys.exit(', '.join(bad & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
