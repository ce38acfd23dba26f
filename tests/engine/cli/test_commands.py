"""The command line as a person uses it: real processes, real files, worded errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from flowanchor_engine.cli.edit import method_settings
from flowanchor_engine.cli.media import parse_points
from flowanchor_engine.errors import RequestError
from flowanchor_engine.request import MethodSettings
from tests.engine.conftest import FilmedShot

ROOT = Path(__file__).resolve().parents[3]


def flowanchor(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "FLOWANCHOR_CACHE": str(folder / "cache"),
        "COLUMNS": "160",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-m", "flowanchor_engine.cli", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def edit_words(filmed: FilmedShot) -> list[str]:
    return [
        *("edit", str(filmed.clip), "--mask", str(filmed.matte)),
        *("--now", filmed.shot.now, "--wanted", filmed.shot.wanted, "--set", "steps=4"),
    ]


@pytest.mark.slow
def test_edit_writes_result_recipe_and_sheet_and_repeats(
    filmed: FilmedShot, tmp_path: Path
) -> None:
    first = flowanchor(tmp_path, *edit_words(filmed), "-o", "one.mp4")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "9 frames, 96×96" in first.stdout
    assert sorted(p.name for p in tmp_path.glob("one*")) == [
        "one.mp4",
        "one.recipe.json",
        "one.sheet.png",
    ]
    again = flowanchor(tmp_path, "edit", "--request", "one.recipe.json", "-o", "two.mp4")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "saved" in again.stdout  # the source side was remembered
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    recipe = json.loads((tmp_path / "one.recipe.json").read_text(encoding="utf-8"))
    assert recipe["result"]["frames"] == 9


def test_an_error_is_one_sentence_with_its_code(filmed: FilmedShot, tmp_path: Path) -> None:
    done = flowanchor(tmp_path, "edit", "none.mp4", "--now", "a", "--wanted", "b")
    assert done.returncode == 2
    assert "(clip_missing)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    unknown = flowanchor(tmp_path, *edit_words(filmed), "--set", "betta1=0.2")
    assert unknown.returncode == 2
    assert "beta1" in unknown.stdout
    assert "(request)" in unknown.stdout
    assert list(tmp_path.glob("*.mp4")) == []


def test_probe_prints_the_facts(filmed: FilmedShot, tmp_path: Path) -> None:
    done = flowanchor(tmp_path, "probe", str(filmed.clip))
    assert done.returncode == 0
    assert "96 x 96" in done.stdout
    assert "24000/1001" in done.stdout
    as_json = flowanchor(tmp_path, "probe", str(filmed.clip), "--json")
    assert json.loads(as_json.stdout)["frames"] == 9


def test_switches_reach_every_field_and_refuse_the_rest() -> None:
    changed = method_settings(MethodSettings(), ["beta1=0.2", "noise=shared", "sar=false"])
    assert (changed.beta1, changed.noise, changed.sar) == (0.2, "shared", False)
    for wrong in ("beta1", "bogus=1", "beta1=2", "noise=loud", "steps=0", "gamma=nan"):
        with pytest.raises(RequestError):
            method_settings(MethodSettings(), [wrong])


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b", "0,0,1,1@x"])
def test_shapes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RequestError):
        parse_points(text)


def test_shapes_are_points_and_a_frame() -> None:
    assert parse_points("0,0.25,1,0.5@7") == (((0.0, 0.25), (1.0, 0.5)), 7)


def test_the_version_is_told_without_a_command(tmp_path: Path) -> None:
    done = flowanchor(tmp_path, "--version")
    assert done.returncode == 0, done.stderr
    try:
        assert done.stdout == f"{metadata.version('flowanchor')}\n"
    except metadata.PackageNotFoundError:
        assert "not installed" in done.stdout


def test_the_help_shows_what_marks_driving_words(tmp_path: Path) -> None:
    assert "[brackets] mark driving words" in flowanchor(tmp_path, "edit", "--help").stdout
