"""What a person types at `flowanchor bench`, and what a wrong word gets."""

import pytest
from typer.testing import CliRunner

from flowanchor_engine.cli.bench import app
from flowanchor_engine.errors import FlowAnchorError, RequestError


def run(*words):
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("quality", "--kind", "texture"), "not a kind of edit"),
        (("quality", "--size", "big"), "not a size such as 128x128"),
        (("quality", "--size", "100x100"), "multiples of 16"),
        (("quality", "--frames", "10"), "4k [+] 1"),
        (("quality", "--matte", "circle"), "not a matte style"),
        (("quality", "--variants", "all"), "not a set of variants"),
        (("quality", "--set", "betta1=0.2"), "Did you mean “beta1”"),
        (("report", "--size", "128"), "not a size"),
        (("tune", "--set", "tau=2"), "out of range"),
    ],
)
def test_a_wrong_word_is_one_coded_sentence_before_any_work(words, told):
    result = run(*words)
    assert isinstance(result.exception, RequestError)
    with pytest.raises(RequestError, match=told):
        raise result.exception


def test_a_study_that_is_not_known_is_named_before_any_work(tmp_path):
    result = run(
        *("report", "--study", "magic", "--folder", str(tmp_path / "docs")),
        *("--journal", str(tmp_path / "r.jsonl")),
    )
    assert isinstance(result.exception, FlowAnchorError)
    assert "“magic” is not a study" in result.exception.user_message
    assert not (tmp_path / "docs").exists()


def test_every_command_explains_itself():
    text = run("--help").output
    for name in ("quality", "report", "tune", "sar", "clip"):
        assert name in text
        assert run(name, "--help").exit_code == 0
