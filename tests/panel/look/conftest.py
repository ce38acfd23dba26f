"""A panel model on a real store, and one whose texts the engine has read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtGui import QImage

from flowanchor_engine.protocol import ModelInfo, Word, WordsReply
from flowanchor_engine.protocol.proxies import WordMap
from plugin.services.store import Store
from plugin.state.prompts import Question
from plugin.state.session import PanelModel

NOW = "a man in a grey jacket walks across a wet street"
WANTED = "a man in a red leather jacket walks across a wet street"


@pytest.fixture
def model(tmp_path: Path) -> Iterator[PanelModel]:
    store = Store(tmp_path / "panel.sqlite")
    yield PanelModel(store, random_seed=lambda: 4217)
    store.close()


def read(model: PanelModel, *drives: str, neutral: tuple[str, ...] = ()) -> None:
    """Answer as the engine does about the texts as they stand."""
    prompts = model.prompts
    now, wanted = prompts.now.value, prompts.wanted.value
    words = []
    for text in (*drives, *neutral):
        start = wanted.index(text)
        words.append(
            Word(
                start=start,
                stop=start + len(text),
                drives=text in drives,
                tokens=(text[:2], text[2:]),
            )
        )
    gone = now.find("grey")
    removed = ((gone, gone + 4),) if gone >= 0 else ()
    words.sort(key=lambda word: word.start)
    prompts.answer(Question(now, wanted), WordsReply(id=1, words=tuple(words), removed=removed))


@pytest.fixture
def filled(model: PanelModel) -> PanelModel:
    model.models.set(
        [
            ModelInfo(
                id="demo", name="Embedded", family="wan2.1", installed=True,
                width=832, height=480, vram_mb=8192,
            )
        ]
    )  # fmt: skip
    model.prompts.now.set(NOW)
    model.prompts.wanted.set(WANTED)
    read(model, "red", "leather", neutral=("jacket",))
    return model


def attention(model: PanelModel, **shares: float) -> None:
    """Tell the shares that a run measured; chance would give 0.3."""
    wanted = model.prompts.wanted.value
    model.prompts.show_attention(
        [
            WordMap(
                text=word,
                start=wanted.index(word),
                stop=wanted.index(word) + len(word),
                drives=True,
                share=share,
                matte_share=0.3,
            )
            for word, share in shares.items()
        ]
    )


def pixels(image: QImage) -> npt.NDArray[np.uint32]:
    """Return a picture as ``0xRRGGBB``, shape (height, width)."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    row = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
    return row[:, : image.width()] & 0xFFFFFF


def colour(name: str) -> int:
    """Return ``#rrggbb`` as a number."""
    return int(name[1:], 16)
