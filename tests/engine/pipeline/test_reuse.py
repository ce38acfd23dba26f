"""What an edit takes from those before it, and that it changes no bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flowanchor_engine import pipeline
from flowanchor_engine.cache import Store
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import Cancelled
from flowanchor_engine.progress import Phase
from flowanchor_engine.recall import Texts
from flowanchor_engine.wan.text import TextStage
from tests.engine.conftest import FilmedShot
from tests.engine.listener import Listener


def test_a_re_edit_finds_the_source_side_and_is_the_same(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    request = filmed.request(guidance_source=5.0, guidance_target=10.0)
    store = Store(tmp_path / "store")
    cold = pipeline.edit(request, tmp_path / "cold.mp4", editor=editor)
    first = pipeline.edit(request, tmp_path / "first.mp4", editor=editor, store=store)
    warm = pipeline.edit(
        request, tmp_path / "warm.mp4", editor=editor, store=Store(tmp_path / "store")
    )
    steps = 4
    assert cold.forwards == first.forwards == 4 * steps - 1  # U is shared in the first step
    assert warm.forwards == 2 * steps - 1
    assert cold.video.read_bytes() == first.video.read_bytes() == warm.video.read_bytes()


@pytest.mark.parametrize(
    "change",
    [{"guidance_target": 4.0}, {"beta1": 0.1}, {"tau": 0.9}, {"gamma": 0.4}, {"sar": False}],
)
def test_tweaks_of_the_target_never_miss(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, change: dict[str, object]
) -> None:
    store = Store(tmp_path / "store")
    pipeline.precompute(filmed.request(), store=store, editor=editor)
    tweaked = filmed.request(**change)
    warm = pipeline.edit(tweaked, tmp_path / "warm.mp4", editor=editor, store=store)
    cold = pipeline.edit(tweaked, tmp_path / "cold.mp4", editor=editor)
    assert warm.forwards == cold.forwards - 4  # one source forward per step at guidance 1
    assert warm.video.read_bytes() == cold.video.read_bytes()


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_cache_only_costs_time(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, damage: str
) -> None:
    store = Store(tmp_path / "store")
    cold = pipeline.edit(filmed.request(), tmp_path / "a.mp4", editor=editor, store=store)
    for path in (tmp_path / "store").rglob("*.safetensors"):
        data = bytearray(path.read_bytes())
        if damage == "truncate":
            path.write_bytes(data[: len(data) // 2])
        else:
            data[-9] ^= 4
            path.write_bytes(data)
    again = pipeline.edit(filmed.request(), tmp_path / "b.mp4", editor=editor, store=store)
    assert again.forwards == cold.forwards
    assert again.video.read_bytes() == cold.video.read_bytes()


def test_a_killed_run_goes_on_bit_for_bit(
    filmed: FilmedShot, editor: Editor, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    out = tmp_path / "out"
    whole = pipeline.edit(filmed.request(), out / "whole.mp4", editor=editor)
    with pytest.raises(Cancelled):
        pipeline.edit(
            filmed.request(),
            out / "resumed.mp4",
            report=Listener((Phase.EDIT, 2)),
            editor=editor,
            store=store,
        )
    resumed = pipeline.edit(
        filmed.request(), out / "resumed.mp4", editor=editor, store=store, resume=True
    )
    assert resumed.forwards == whole.forwards // 2  # two of four steps were left
    assert resumed.video.read_bytes() == whole.video.read_bytes()


def test_known_texts_need_no_text_encoder(
    filmed: FilmedShot, editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, store = filmed.request(), Store(tmp_path / "store")
    fresh = Editor(editor.model, editor.plan)
    cold = pipeline.edit(request, tmp_path / "cold.mp4", editor=fresh, store=store)
    texts = list((tmp_path / "store" / "text").rglob("*.safetensors"))
    assert len(texts) == 3  # now, wanted, negative

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(TextStage, "encode", refuse)
        later = Editor(editor.model, editor.plan)  # as after a restart
        warm = pipeline.edit(request, tmp_path / "warm.mp4", editor=later, store=store)
    assert warm.forwards < cold.forwards
    assert warm.video.read_bytes() == cold.video.read_bytes()
    for kept, known in later._bundles.items():
        made = fresh._bundles[kept]
        assert torch.equal(made.embeds, known.embeds)
        assert replace(made, embeds=known.embeds) == known

    texts[0].write_bytes(texts[0].read_bytes()[:-3])  # damaged: read once more, nothing else
    again = Editor(editor.model, editor.plan)
    mended = pipeline.edit(request, tmp_path / "mended.mp4", editor=again, store=store)
    assert mended.video.read_bytes() == cold.video.read_bytes()
    assert mended.forwards == warm.forwards


def test_another_tokenizer_reads_texts_anew(editor: Editor, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "tokenizer" / "tokenizer.json").write_text("one")
    model = replace(editor.model, facts=replace(editor.model.facts, folder=folder))
    store = Store(tmp_path / "store")
    (bundle,) = editor.texts("a red ball")
    Texts(store, model).put("a red ball", "cpu", bundle)
    assert Texts(store, model).get("a red ball", "cpu") is not None
    assert Texts(store, model).get("a red ball", "cuda:0") is None
    (folder / "tokenizer" / "tokenizer.json").write_text("another")
    assert Texts(store, model).get("a red ball", "cpu") is None
