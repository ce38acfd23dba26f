"""Texts as Wan reads them: against diffusers' own pipeline on the embedded encoder."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.wan.pipeline_wan import WanPipeline

from flowanchor_engine.errors import (
    GuardError,
    ModelDamagedError,
    ModelUnsupportedError,
    RangeError,
    WordsError,
)
from flowanchor_engine.method import words
from flowanchor_engine.wan import text as text_module
from flowanchor_engine.wan.shortage import out_of_memory
from flowanchor_engine.wan.text import TextStage
from tests.engine.wan.conftest import DEMO, make_bundle

TEXTS = ["a red ball moving right on a blue background", "  Tom &amp;amp; Jerry\n’s  ball ", ""]


@pytest.fixture(scope="module")
def stage() -> Any:
    with TextStage(DEMO) as opened:
        yield opened


def test_embeddings_are_those_of_diffusers_padded_to_512(stage: TextStage) -> None:
    pipe = WanPipeline.from_pretrained(
        DEMO, transformer=None, vae=None, dtype=torch.float32, local_files_only=True
    )
    reference, _ = pipe.encode_prompt(
        TEXTS, do_classifier_free_guidance=False, max_sequence_length=512
    )
    for bundle, want in zip(stage.encode(TEXTS), reference, strict=True):
        assert bundle.real + bundle.pad_count == 512
        assert torch.equal(want[bundle.real :], torch.zeros_like(want[bundle.real :]))
        assert torch.allclose(bundle.collapsed(512), want, atol=1e-5)


def test_226_rows_would_be_another_model(stage: TextStage) -> None:
    with pytest.raises(RangeError, match="226"):
        stage.encode(["a ball"], max_length=226)


def test_offsets_count_the_cleaned_text(stage: TextStage) -> None:
    bundle = stage.encode(["  a   r&amp;b \n ball"])[0]
    assert bundle.text == "a r&b ball"
    covered = "".join(bundle.text[start:stop] for start, stop in dict.fromkeys(bundle.offsets))
    assert covered == "ar&bball"
    assert bundle.tokens[bundle.eos] == "</s>"
    assert bundle.offsets[bundle.eos] == (0, 0)
    assert bundle.eos == bundle.real - 1


def test_driving_words_map_to_the_tokens_that_cover_them(stage: TextStage) -> None:
    now, wanted = "a red ball on a blue background", "a [wooden ball] on a blue background"
    targets = words.resolve_targets(now, wanted)
    bundle = stage.encode([targets.text])[0]
    assert "[" not in bundle.text
    columns = words.token_columns(targets.spans, bundle.offsets, text=bundle.text)
    assert bundle.eos not in columns
    assert "".join(bundle.tokens[c] for c in columns).replace("▁", "") == "woodenball"


def test_an_empty_text_is_its_end_token_alone(stage: TextStage) -> None:
    bundle = stage.encode([""])[0]
    assert (bundle.real, bundle.pad_count, bundle.eos) == (1, 511, 0)


def test_too_long_a_text_is_refused_not_cut(stage: TextStage) -> None:
    with pytest.raises(WordsError, match="at most 512"):
        stage.encode(["ball " * 600])


def test_tokens_need_no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "UMT5EncoderModel", None)
    with TextStage(DEMO) as stage:
        cleaned, names, offsets = stage.tokens(" a red  ball")
    assert cleaned == "a red ball"
    assert len(names) == len(offsets) == 4


def test_closing_frees_the_encoder(stage: TextStage) -> None:
    with TextStage(DEMO) as opened:
        bundle = opened.encode(["a ball"])[0]
        assert opened._encoder is not None
    assert opened._encoder is None
    assert bundle.embeds.isfinite().all()
    with pytest.raises(RuntimeError, match="closed"):
        opened.encode(["a ball"])


def test_without_ftfy_texts_are_not_read_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "is_ftfy_available", lambda: False)
    with pytest.raises(GuardError, match="ftfy"):
        TextStage(DEMO)


@pytest.mark.parametrize(("real", "rows"), [(9, 10), (512, 512), (511, 512)])
def test_collapsed_text_has_one_row_for_all_pads(real: int, rows: int) -> None:
    collapsed = make_bundle(real).collapsed()
    assert collapsed.shape[0] == rows
    assert real == 512 or not collapsed[-1].any()


def test_a_text_is_never_padded_past_512() -> None:
    with pytest.raises(RangeError):
        make_bundle(9).collapsed(513)
    with pytest.raises(RangeError):
        make_bundle(9).collapsed(9)


# ---- folders with faults ------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("tokenizer", "text_encoder"):
        shutil.copytree(DEMO / name, tmp_path / name)
    return tmp_path


def test_a_slow_tokenizer_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        is_fast = False

        @classmethod
        def from_pretrained(cls, *_: Any, **__: Any) -> Slow:
            return cls()

    monkeypatch.setattr(text_module, "AutoTokenizer", Slow)
    with pytest.raises(ModelUnsupportedError, match="which characters"):
        TextStage(folder).encode(["a ball"])


def test_a_damaged_tokenizer_is_an_error(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises((ModelDamagedError, ModelUnsupportedError)):
        TextStage(folder).encode(["a ball"])


def test_a_truncated_encoder_is_an_error_that_names_the_file(folder: Path) -> None:
    weights = folder / "text_encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelDamagedError, match=r"text_encoder/model\.safetensors"):
        TextStage(folder).encode(["a ball"])


def test_an_encoder_with_missing_weights_is_an_error(folder: Path) -> None:
    config = folder / "text_encoder" / "config.json"
    data = json.loads(config.read_text())
    config.write_text(json.dumps({**data, "num_layers": data["num_layers"] + 1}))
    with pytest.raises(ModelDamagedError):
        TextStage(folder).encode(["a ball"])


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried 1 byte"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_a_lack_of_memory_is_not_taken_for_damage(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(text_module.UMT5EncoderModel, "from_pretrained", full)
    with TextStage(DEMO) as stage, pytest.raises(type(error)) as caught:
        stage.encode(["a ball"])
    assert caught.value is error
    assert out_of_memory(caught.value)
