"""What the registry promises: real switches, honest evidence, and where models are found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from flowanchor_engine import models
from flowanchor_engine.errors import ModelMissingError
from flowanchor_engine.models import registry
from flowanchor_engine.request import EditRequest, MethodSettings, ModelSpec, Prompts, SourceSpec
from flowanchor_engine.wan.facts import inspect


def test_the_embedded_model_comes_first_and_is_there() -> None:
    first = models.entries()[0]
    assert first.id == "demo"
    home = models.folder("demo")
    facts = inspect(home)
    assert facts.family == first.family
    width, height = models.working_size("demo")
    assert width % facts.token_px == height % facts.token_px == 0


def test_every_family_of_the_engine_is_listed() -> None:
    assert {item.family for item in models.entries()} == {
        "wan2.1-t2v",
        "wan2.2-a14b",
        "wan2.2-ti2v",
    }
    names = [item.id for item in models.entries()]
    assert len(set(names)) == len(names)
    for item in models.entries():
        assert (item.repository is None) != (item.package_folder is None)
        unit = 32 if item.family == "wan2.2-ti2v" else 16
        assert item.width % unit == item.height % unit == 0
        assert item.memory
        assert [part.least_gb for part in item.memory] == sorted(
            part.least_gb for part in item.memory
        )


def test_the_model_of_the_paper_is_edited_with_the_numbers_of_the_paper() -> None:
    paper = models.entry("wan2.1-1.3b")
    assert paper.settings() == MethodSettings()
    assert paper.evidence == "paper"
    assert models.recommended("wan2.1-14b") == MethodSettings()
    assert models.entry("wan2.1-14b").evidence == "unmeasured"


def test_the_embedded_model_has_its_own_numbers_and_faithful_keeps_the_papers() -> None:
    own = models.recommended("demo")
    assert own != MethodSettings()
    assert own.guidance_target < MethodSettings().guidance_target
    request = EditRequest.faithful(
        source=SourceSpec(path="a.mov"), prompts=Prompts(now="a", wanted="b")
    )
    assert request.method == MethodSettings()


def test_windows_are_as_long_as_the_training() -> None:
    assert models.window_latents("wan2.1-1.3b") == 21
    assert models.window_latents("demo") == 9
    assert models.window_latents("wan2.2-5b") == 31


def test_a_typed_name_is_an_id_or_a_folder(tmp_path: Path) -> None:
    assert models.spec("demo") == ModelSpec(id="demo")
    (tmp_path / "mine").mkdir()
    own = models.spec(str(tmp_path / "mine"))
    assert own == ModelSpec(id="mine", folder=str(tmp_path / "mine"))
    assert models.folder(own) == tmp_path / "mine"
    assert models.recommended(own) == MethodSettings()
    assert models.spec(own) is own


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ModelMissingError, match=r"Did you mean “wan2\.1-1\.3b”"):
        models.spec("wan2.1-1.3")
    with pytest.raises(ModelMissingError, match="Known are demo"):
        models.spec("zzzz")


def test_a_model_that_is_not_here_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(ModelMissingError, match="not on this computer"):
        models.folder("wan2.1-1.3b")
    with pytest.raises(ModelMissingError, match="no model folder"):
        models.folder(ModelSpec(id="x", folder=str(tmp_path / "gone")))
    home = tmp_path / "wan2.1-1.3b"
    home.mkdir()
    (home / "model_index.json").write_text("{}")
    assert models.folder("wan2.1-1.3b") == home


def test_the_registry_refuses_switches_that_do_not_exist() -> None:
    data = models.entry("demo").model_dump(mode="json")
    models.ModelEntry.model_validate(data)
    for wrong in ({"recommended": {"gama": 1}}, {"recommended": {"beta1": 2}}, {"frames": 10}):
        with pytest.raises(ValidationError):
            models.ModelEntry.model_validate({**data, **wrong})


def test_the_file_is_labelled() -> None:
    text = (Path(registry.__file__).parent / "registry.json").read_text()
    assert json.loads(text)["schema"] == "flowanchor.Models.1"


def test_asking_the_registry_loads_no_torch() -> None:
    code = (
        "import sys; from flowanchor_engine import models; models.folder('demo');"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
