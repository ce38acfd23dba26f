"""Job files: where their paths lead, which are refused, and what stays the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowanchor_engine.errors import RequestError
from flowanchor_engine.farm.path_mapping import PathRules, Rule
from flowanchor_engine.farm.shot import read_shot
from flowanchor_engine.request import MatteSpec, ModelSpec, SourceSpec
from tests.engine.farm.conftest import Project

HERE = PathRules()


def test_relative_paths_count_from_the_job_file(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    shot = read_shot(project.job, Path("result"), HERE)
    assert shot.request.source.path == str(project.clip)
    assert shot.request.matte is not None
    assert shot.request.matte.path == str(project.folder / "matte.mov")
    assert shot.out == tmp_path / "result"  # an argument counts from where it is typed


def test_every_path_goes_through_the_rules_once(project: Project) -> None:
    project.write_job(
        source=SourceSpec(path="Z:\\show\\shot.mov"),
        matte=MatteSpec(path="z:/show/matte.mov"),
        model=ModelSpec(id="own", folder="Z:\\models\\own"),
    )
    home = str(project.folder)
    rules = PathRules.of(
        [
            Rule("WINDOWS", "Z:\\show", home),
            Rule("WINDOWS", "Z:\\models", "/models"),
            # Were a path mapped twice, this rule would lead it astray.
            Rule("POSIX", str(project.folder.parent), "/elsewhere"),
        ]
    )
    shot = read_shot(Path("Z:\\show\\job.json"), Path("Z:\\show\\out\\a.mov"), rules)
    assert shot.request.source.path == f"{home}/shot.mov"
    assert shot.request.matte is not None
    assert shot.request.matte.path == f"{home}/matte.mov"
    assert shot.request.model.folder == "/models/own"
    assert str(shot.out) == f"{home}/out/a.mov"


def test_a_path_of_another_system_stays_as_it_is_without_a_rule(project: Project) -> None:
    project.write_job(source=SourceSpec(path="Z:\\show\\shot.mov"))
    shot = read_shot(project.job, project.out, HERE)
    assert shot.request.source.path == "Z:\\show\\shot.mov"


def test_the_key_is_that_of_the_request_as_written(project: Project, tmp_path: Path) -> None:
    there = tmp_path / "other mount"
    there.mkdir()
    moved = there / "job.json"
    moved.write_text(project.job.read_text())
    assert (
        read_shot(project.job, project.out, HERE).key
        == read_shot(moved, tmp_path / "x.mov", HERE).key
    )


def test_a_recipe_is_a_job_file_too(project: Project) -> None:
    request = json.loads(project.job.read_text())
    recipe = project.folder / "shot.recipe.json"
    recipe.write_text(json.dumps({"schema": "flowanchor.Recipe.1", "request": request}))
    assert read_shot(recipe, project.out, HERE).key == read_shot(project.job, project.out, HERE).key


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "flowanchor.Recipe.1"}'])
def test_what_is_no_job_file_is_refused(project: Project, text: str) -> None:
    project.job.write_text(text)
    with pytest.raises(RequestError):
        read_shot(project.job, project.out, HERE)


@pytest.mark.parametrize("out", ["shot.mov", "shot", "matte.mov", "../{folder}"])
def test_a_result_never_replaces_what_it_is_made_from(project: Project, out: str) -> None:
    with pytest.raises(RequestError, match="would replace"):
        read_shot(project.job, project.folder / out.format(folder=project.folder.name), HERE)
