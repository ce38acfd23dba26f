"""One shot on a farm, with a mock engine in a real process: statuses, lines, results in place."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any

import filelock
import pytest
import typer.main

from flowanchor_engine.cli import farm
from flowanchor_engine.errors import OutputError, catalogue
from flowanchor_engine.farm import exits, finish, run
from flowanchor_engine.farm.exits import Exit
from flowanchor_engine.farm.path_mapping import PathRules
from flowanchor_engine.farm.shot import Shot, read_shot
from flowanchor_engine.farm.voice import Voice
from flowanchor_engine.worker import device
from flowanchor_engine.worker.client import Client
from tests.engine.farm.conftest import NAMES, RESULT, ROOT, Hearing, Project, engine_of


def failing(code: str) -> list[dict[str, Any]]:
    return [{"event": {"type": "error", "code": code, "user_message": "No.", "hint": []}}]


# ---- statuses


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("clip_short", Exit.BAD_REQUEST),
        ("model_missing", Exit.NOT_HERE),
        ("vram", Exit.OUT_OF_MEMORY),
        ("vram_busy", Exit.BUSY),
        ("latents_nonfinite", Exit.FAILED),
    ],
)
def test_an_error_of_the_engine_decides_the_status(
    project: Project, code: str, status: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.edit(failing(code)) is status
    assert f"openjd_fail: No. ({code})" in capsys.readouterr().out.splitlines()
    assert project.left() == []


def test_every_code_with_a_status_is_the_code_of_an_error() -> None:
    assert device.EngineBusyError  # its module has to be loaded to be in the catalogue
    assert finish.ResultBusyError
    assert set(exits._BY_CODE) <= set(catalogue())
    assert len({status.value for status in Exit}) == len(Exit) == 7


def test_a_wrong_job_file_is_a_bad_request(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.job.write_text("{")
    assert project.edit() is Exit.BAD_REQUEST
    assert "openjd_fail: job.json" in capsys.readouterr().out
    assert project.left() == []


def test_an_engine_that_dies_is_a_failure(project: Project) -> None:
    assert project.edit([{"exit": 3}]) is Exit.FAILED
    assert project.left() == []


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_engine_that_the_system_kills_is_want_of_memory(project: Project) -> None:
    script = project.write_script([{"wait_s": 600}])
    with project.started("run", "job.json", "--out", "out/shot.mov", "--mock", script) as task:
        engine_of(task.pid).kill()
        text = task.communicate(timeout=120)[0]
    assert task.returncode == Exit.OUT_OF_MEMORY, text
    assert "killed the engine" in text


# ---- finished, not finished


def test_a_finished_result_is_left_alone(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.edit() is Exit.DONE
    assert project.left() == NAMES
    before = {name: (project.out.parent / name).stat().st_mtime_ns for name in NAMES}
    capsys.readouterr()
    assert project.edit([{"exit": 3}]) is Exit.DONE  # no engine is started that could die
    told = capsys.readouterr().out
    assert "nothing is done" in told
    assert told.splitlines()[-1] == "openjd_progress: 100.0"
    assert before == {name: (project.out.parent / name).stat().st_mtime_ns for name in NAMES}


def other_request(project: Project) -> None:
    project.write_job(seed=5)


def other_clip(project: Project) -> None:
    project.clip.write_bytes(b"another take " * 900)


def other_matte(project: Project) -> None:
    (project.folder / "matte.mov").write_bytes(b"wider")


def damaged(project: Project) -> None:
    project.out.write_bytes(b"cut")


def lost(project: Project) -> None:
    project.out.unlink()


def torn_mark(project: Project) -> None:
    mark = project.out.parent / "shot.mov.farm.json"
    mark.write_text(mark.read_text()[:-20])


def foreign_mark(project: Project) -> None:
    mark = project.out.parent / "shot.mov.farm.json"
    data = json.loads(mark.read_text())
    mark.write_text(json.dumps({**data, "schema": "flowanchor.FarmResult.2"}))


@pytest.mark.parametrize(
    "change",
    [other_request, other_clip, other_matte, damaged, lost, torn_mark, foreign_mark],
)
def test_any_doubt_about_a_result_makes_it_again(project: Project, change: Any) -> None:
    assert project.edit() is Exit.DONE
    change(project)
    assert project.edit([{"exit": 3}]) is Exit.FAILED  # it would be made again
    assert project.edit() is Exit.DONE
    assert project.out.read_bytes() == project.clip.read_bytes()
    assert project.left() == NAMES
    assert project.edit([{"exit": 3}]) is Exit.DONE


def test_it_is_made_again_when_asked(project: Project) -> None:
    assert project.edit() is Exit.DONE
    assert project.edit([{"exit": 3}], anew=True) is Exit.FAILED
    assert project.left() == NAMES  # the earlier one is still whole
    assert project.edit([{"exit": 3}]) is Exit.DONE


def test_a_sealed_result_is_put_into_place_by_the_next_run(project: Project) -> None:
    """As after a kill between any two renames."""
    project.edit()
    whole = {name: (project.out.parent / name).read_bytes() for name in NAMES}
    for count in range(len(NAMES)):
        folder = project.out.parent
        work = folder / ".shot.mov.farm"
        (work / "made").mkdir(parents=True)
        (folder / "shot.mov.farm.json").rename(work / "sealed.json")
        for name in ("shot.recipe.json", "shot.sheet.png", "shot.mov")[count:]:
            (folder / name).rename(work / "made" / name)
        assert project.edit([{"exit": 3}]) is Exit.DONE
        assert project.left() == NAMES
        assert {name: (folder / name).read_bytes() for name in NAMES} == whole


def test_a_disk_that_fails_at_any_rename_leaves_a_run_that_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marked result is one whole result, and a new result never lies beside an old recipe."""
    folder, rename = project.out.parent, Path.replace
    parts = ("shot.mov", "shot.recipe.json", "shot.xsheet.png")  # the first name sorts first
    shots = [
        read_shot(project.write_job(f"{seed}.json", seed=seed), project.out, PathRules())
        for seed in (1, 2)
    ]
    for failing_at in range(20):
        make(shots[0], parts, b"old")
        count = 0

        def broken(path: Path, target: Path, at: int = failing_at) -> Path:
            nonlocal count
            count += 1
            if count == at + 1:
                raise OSError(28, "No space left on device")
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", broken)
            try:
                make(shots[1], parts, b"new")
            except OutputError:
                failed = True
            else:
                failed = False
        if not failed:
            break
        seen = {name: (folder / name).read_bytes() for name in parts}
        if (folder / "shot.mov.farm.json").exists():
            assert set(seen.values()) == {b"old"}
        if seen["shot.mov"] == b"new":
            assert set(seen.values()) == {b"new"}
        # The first rename seals; before it nothing is there, after it everything can be had.
        with finish.Place(shots[1]) as place:
            there = place.finished()
        assert (there is None) == (failing_at == 0)
        assert project.left() == sorted([*parts, "shot.mov.farm.json"])
        whole = {(folder / name).read_bytes() for name in parts}
        assert whole == {b"old" if there is None else b"new"}
    assert count == failing_at == 5  # the seal, three parts, the mark: every one has failed once


def make(shot: Shot, parts: tuple[str, ...], content: bytes) -> None:
    """Finish a shot with these parts, the first of them its result."""
    with finish.Place(shot) as place:
        place.finished()
        place.begin()
        for name in parts:
            place.target.with_name(name).write_bytes(content)
        place.finish(place.target, 9)


def test_a_folder_of_pictures_replaces_the_one_before(project: Project) -> None:
    """The engine writes no folder over another; the farm puts the new one in its place."""
    shot = read_shot(project.job, project.folder / "out" / "pictures", PathRules())
    for text in ("first", "second"):
        with finish.Place(shot) as place:
            assert place.finished() is None
            place.begin()
            place.target.mkdir()
            (place.target / f"{text}_0000.png").write_text(text)
            place.finish(place.target, 1)
        assert [each.name for each in shot.out.iterdir()] == [f"{text}_0000.png"]
        with finish.Place(shot) as place:
            assert place.finished() == shot.out
        (shot.out / f"{text}_0000.png").write_text("touched")
    assert project.left() == ["pictures", "pictures.farm.json"]


def test_a_new_picture_in_the_sequence_is_another_input(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"plate.{number:04d}.png").write_bytes(b"x")
    (tmp_path / "sheet.png").write_bytes(b"beside")
    for path in (tmp_path / "plate.0000.png", tmp_path / "plate.####.png"):
        before = finish.identity(path)
        assert before is not None
        (tmp_path / "other.png").write_bytes(path.name.encode())
        assert finish.identity(path) == before
    (tmp_path / "plate.0003.png").write_bytes(b"x")
    assert finish.identity(tmp_path / "plate.0000.png") != before


# ---- others at work


def test_two_runs_of_one_result_do_not_meet(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    work = project.out.parent / ".shot.mov.farm"
    work.mkdir(parents=True)
    with filelock.FileLock(work / "lock"):
        assert project.edit() is Exit.BUSY
    assert "Another run" in capsys.readouterr().out
    assert project.edit() is Exit.DONE


def test_a_card_in_use_is_waited_for(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "_AGAIN_S", 0.1)
    freed = Hearing("Waiting", lambda: project.write_script(RESULT))
    busy = failing("vram_busy")
    assert project.edit(busy, wait_s=0, voice=freed) is Exit.BUSY
    assert "Waiting" not in capsys.readouterr().out
    assert project.edit(busy, wait_s=600, voice=freed) is Exit.DONE
    assert "openjd_status: No. Waiting." in capsys.readouterr().out


@pytest.mark.parametrize(("busy", "status"), [(True, Exit.BUSY), (False, Exit.FAILED)])
def test_an_engine_that_is_gone_before_it_was_spoken_to_has_said_why(
    project: Project, monkeypatch: pytest.MonkeyPatch, *, busy: bool, status: Exit
) -> None:
    send = Client.send

    def late(client: Client, kind: str, **fields: Any) -> int:
        if not busy:
            client.process.terminate()
        client.process.wait(timeout=120)
        return send(client, kind, **fields)

    monkeypatch.setattr(Client, "send", late)
    with device.lock() if busy else contextlib.nullcontext():
        assert project.edit(mock=None) is status
    assert project.left() == []


# ---- what a manager hears


def test_progress_grows_and_every_line_is_openjds_or_harmless(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = [
        {"event": {"type": "note", "code": "x", "user_message": "openjd_env: A=1\nopenjd_fail: b"}}
    ]
    assert project.edit(notes + RESULT) is Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    told = [float(line.split()[1]) for line in lines if line.startswith("openjd_progress: ")]
    assert told == sorted(told)
    assert told[-1] == 100
    assert all(0 <= each <= 100 for each in told)
    assert "openjd_status: Editing 1 of 2" in lines
    assert not [line for line in lines if line.startswith(("openjd_env", "openjd_fail"))]


def test_progress_never_goes_back_when_the_engine_starts_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    voice = Voice(openjd=True)
    for done in (0, 5, 9, 0, 5, 10):
        voice.phase({"phase": "edit", "done": done, "total": 10})
    lines = capsys.readouterr().out.splitlines()
    told = [float(line.split()[1]) for line in lines if line.startswith("openjd_progress: ")]
    assert told == sorted(set(told))
    assert lines.count("openjd_status: Editing 5 of 10") == 2


def test_a_log_without_unicode_does_not_end_an_edit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = project.write_script(
        [{"event": {"type": "note", "code": "x", "user_message": "ünïcode ✓ 動画"}}, *RESULT]
    )
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with project.started("run", "job.json", "-o", "out/shot.mov", "--mock", script) as task:
        text = task.communicate(timeout=120)[0]
    assert task.returncode == Exit.DONE, text


def test_options_that_do_not_exist_end_as_bad_requests(project: Project) -> None:
    with project.started("run", "job.json", "--out", "x.mov", "--no-such") as task:
        task.communicate(timeout=120)
    assert task.returncode == Exit.BAD_REQUEST


# ---- the documentation


def test_every_option_and_status_that_the_page_names_exists() -> None:
    text = (ROOT / "docs" / "farm.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(farm.app).commands  # type: ignore[attr-defined]
    known = {
        name
        for each in commands.values()
        for part in each.params
        for name in part.opts
        if name.startswith("--")
    }
    others = {"--no-resolve", "--no-menu", "--model", "--dev"}  # the installer's
    named = set(re.findall(r"--[a-z][a-z-]+", text))
    assert named <= known | others, named - known
    assert named >= known - {"--name", "--parameter", "--help"}
    told = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert told == {status.value for status in Exit}
    for target in re.findall(r"\]\(([a-z-]+\.md)\)", text):
        assert (ROOT / "docs" / target).is_file()
