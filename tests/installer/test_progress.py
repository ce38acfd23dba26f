"""How long work that takes long is told."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.console import Console, bar, size


def test_a_bar_shows_bytes_speed_and_time() -> None:
    text = bar(250_000_000, 1_000_000_000, 10.0)
    assert text == "█████░░░░░░░░░░░░░░░ 250.0 MB of 1.0 GB, 25.0 MB/s, 0:30 left"


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.floats(0, 1e6))
def test_a_bar_never_breaks(done: int, total: int, seconds: float) -> None:
    assert len(bar(done, total, seconds).split(" ")[0]) == 20
    assert size(done)


def test_pips_numbers_become_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    program = (
        "print('  Downloading torch-2.13.0-cp312-linux.whl (2.0 GB)', flush=True)\n"
        "for n in (0, 500, 1000): print(f'Progress {n}000000 of 2000000000', flush=True)\n"
        "print('Installing collected packages: torch', flush=True)\n"
    )
    Console(tmp_path / "log").run(
        "Install torch", [sys.executable, "-c", program], cwd=tmp_path, env=os.environ, way_out=""
    )
    shown = terminal.getvalue()
    assert "torch ██████████░░░░░░░░░░ 1.0 GB of 2.0 GB" in shown
    assert "Installing collected packages" in shown
    assert "Progress 500" not in (tmp_path / "log").read_text()  # numbers do not fill the log
