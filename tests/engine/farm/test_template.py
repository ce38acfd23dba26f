"""Job templates: what they ask of hosts, and that what is written is valid OpenJD."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openjd.model import (
    DocumentType,
    StepParameterSpaceIterator,
    create_job,
    decode_job_template,
    document_string_to_object,
    preprocess_job_parameters,
)

from flowanchor_engine import models
from flowanchor_engine.errors import RequestError
from flowanchor_engine.farm import template
from flowanchor_engine.farm.template import Need, need_of
from flowanchor_engine.request import ModelSpec
from tests.engine.farm.conftest import ROOT, Project


def tasks_of(path: Path) -> list[tuple[str, str, str]]:
    """(step, job file, result) of every task, as the specification's own library sees them."""
    kind = DocumentType.JSON if path.suffix == ".json" else DocumentType.YAML
    data = document_string_to_object(document=path.read_text(), document_type=kind)
    decoded = decode_job_template(template=data)
    values = preprocess_job_parameters(
        job_template=decoded,
        job_parameter_values={},
        job_template_dir=path.parent,
        current_working_dir=path.parent,
    )
    job = create_job(job_template=decoded, job_parameter_values=values)
    return [
        (step.name, str(task["Job"].value), str(task["Out"].value))
        for step in job.steps
        for task in StepParameterSpaceIterator(space=step.parameterSpace)
    ]


def jobs(project: Project, count: int, **fields: Any) -> list[Path]:
    return [project.write_job(f"s{n:04d}.json", **fields) for n in range(count)]


@pytest.mark.parametrize("name", ["job.yaml", "job.yml", "job.json"])
def test_one_task_per_shot(project: Project, name: str) -> None:
    made = jobs(project, 3)
    path = project.folder / name
    template.write(template.describe(made, results=project.folder / "out"), path)
    assert tasks_of(path) == [
        ("Edit", str(job), str(project.folder / "out" / job.stem)) for job in made
    ]


def test_results_lie_beside_their_job_files_if_nothing_is_said(project: Project) -> None:
    described = template.describe([project.job])
    ranges = described["steps"][0]["parameterSpace"]["taskParameterDefinitions"]
    assert ranges[1]["range"] == [str(project.folder / "job_flowanchor")]
    assert described["name"] == "FlowAnchor job"


def test_more_shots_than_a_step_may_have_make_two_steps(project: Project) -> None:
    made = [project.job.with_name(f"many{n}.json") for n in range(1025)]
    text = project.job.read_text()
    for path in made:
        path.write_text(text)
    path = project.folder / "job.json"
    template.write(template.describe(made), path)
    tasks = tasks_of(path)
    assert [name for name, _, _ in tasks] == ["Edit 1"] * 1024 + ["Edit 2"]
    assert len({out for _, _, out in tasks}) == 1025


def requirements(described: dict[str, Any]) -> list[dict[str, float]]:
    return [
        {each["name"]: each["min"] for each in step.get("hostRequirements", {}).get("amounts", [])}
        for step in described["steps"]
    ]


def test_hosts_have_what_the_registry_says_a_model_needs(project: Project) -> None:
    project.write_job(model=ModelSpec(id="wan2.1-14b"))
    assert requirements(template.describe([project.job])) == [
        {"amount.worker.gpu": 1, "amount.worker.gpu.memory": 15258}
    ]
    # A card that is sold with so many GB has to pass: 16 GB cards tell 15 360 MiB and more.
    for entry in models.entries():
        least = min(each.least_gb for each in entry.memory)
        need = need_of(ModelSpec(id=entry.id))
        assert (need.gpu_mib or need.ram_mib) == int(least * 10**9 / 2**20)
        assert (need.gpu_mib == 0) == (entry.memory[0].name == "cpu")


def test_models_of_different_need_are_different_steps(project: Project) -> None:
    made = [
        project.write_job("a.json"),
        project.write_job("b.json", model=ModelSpec(id="wan2.1-1.3b")),
        project.write_job("c.json"),
    ]
    described = template.describe(made)
    assert requirements(described) == [
        {"amount.worker.memory": 1907},
        {"amount.worker.gpu": 1, "amount.worker.gpu.memory": 5722},
    ]
    path = project.folder / "job.yaml"
    template.write(described, path)
    assert [Path(job).stem for _, job, _ in tasks_of(path)] == ["a", "c", "b"]


def test_a_persons_word_on_cards_counts(project: Project) -> None:
    project.write_job(model=ModelSpec(id="own", folder="/models/own"))
    with pytest.raises(RequestError, match="--gpu-memory"):
        template.describe([project.job])
    described = template.describe([project.job], gpu_gb=24)
    assert requirements(described)[0]["amount.worker.gpu.memory"] == 22888
    assert need_of(ModelSpec(id="own"), gpu_gb=0) == Need()
    assert requirements(template.describe([project.job], gpu_gb=0)) == [{}]


def test_two_shots_never_write_one_result(project: Project) -> None:
    (project.folder / "b").mkdir()
    made = [project.write_job("x.json"), project.write_job("b/x.json")]
    with pytest.raises(RequestError, match="would both write"):
        template.describe(made, results=project.folder / "out")
    assert template.describe(made)  # each beside its own job file


def test_a_path_that_would_be_read_as_an_expression_is_refused(project: Project) -> None:
    odd = project.folder / "{{Param.Engine}}"
    odd.mkdir()
    path = odd / "a.json"
    path.write_text(project.job.read_text())
    with pytest.raises(RequestError, match="cannot be written into a template"):
        template.describe([path])


def test_nothing_invalid_is_written(project: Project) -> None:
    good = template.describe([project.job])
    path = project.folder / "job.yaml"
    for wrong in ({**good, "steps": []}, {**good, "specificationVersion": "x"}, {**good, "a": 1}):
        with pytest.raises(RequestError, match="not a valid OpenJD job template"):
            template.write(wrong, path)
    with pytest.raises(RequestError, match=r"\.yaml, \.yml or \.json"):
        template.write(good, project.folder / "job.txt")
    with pytest.raises(RequestError):
        template.describe([])
    project.job.write_text("{}")
    with pytest.raises(RequestError):
        template.describe([project.job])
    assert sorted(each.name for each in project.folder.glob("job*")) == ["job.json"]


def test_unicode_paths_survive_both_formats(project: Project) -> None:
    """A project's folder is called “project, übung”, which YAML has to quote."""
    for name in ("job.yaml", "t.json"):
        path = project.folder / name
        template.write(template.describe([project.write_job("ß: #1.json")]), path)
        assert tasks_of(path)[0][1] == str(project.folder / "ß: #1.json")


def test_render_nodes_need_no_openjd_and_the_command_line_no_torch(project: Project) -> None:
    script = (
        "import sys; sys.modules['openjd'] = None\n"
        "import flowanchor_engine.cli.farm, flowanchor_engine.farm.run\n"
        "import json; print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    assert not {"torch", "diffusers", "transformers", "av", "cv2"} & set(loaded)


def test_without_the_extra_one_sentence_says_what_to_install(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(template.FarmMissingError, match=r"pip install '\.\[engine,farm\]'"):
        template.write(template.describe([project.job]), project.folder / "job.yaml")
    assert not (project.folder / "job.yaml").exists()
