"""Both sections at every width, language and scale: nothing is cut, nothing overlaps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from plugin.state.session import PanelModel
from plugin.theme import metrics, theme
from plugin.ui.base import Eliding
from plugin.ui.how import HowSection
from plugin.ui.prompts import PromptsSection
from tests.panel.look.conftest import attention, colour, pixels

LEAST, USUAL = 370, 420


def page(model: PanelModel, *, expert: bool) -> QWidget:
    window = QWidget()
    column = QVBoxLayout(window)
    edge = metrics().margin
    column.setContentsMargins(edge, edge, edge, edge)
    column.addWidget(PromptsSection(model.prompts, model.checks))
    how = HowSection(model)
    how.expert.set_value(expert)
    column.addWidget(how)
    column.addStretch(1)
    return window


def busy(model: PanelModel) -> PanelModel:
    attention(model, red=0.6, jacket=0.1)
    model.strengths.where.set(72)
    model.strengths.gamma.value.set(1.4)
    return model


def leaves(window: QWidget) -> list[QWidget]:
    return [w for w in window.findChildren(QWidget) if w.isVisible() and not w.children()]


@pytest.mark.parametrize("width", [LEAST, USUAL])
@pytest.mark.parametrize("language", ["en", "de", "xx"])
def test_everything_fits(
    qtbot: QtBot,
    filled: PanelModel,
    speak: Callable[[str], None],
    shoot: Callable[..., Path],
    language: str,
    width: int,
) -> None:
    speak(language)
    window = page(busy(filled), expert=True)
    qtbot.addWidget(window)
    shoot(window, f"expert-{language}-{width}", width=width)
    assert window.minimumSizeHint().width() <= LEAST
    assert window.width() == width
    for widget in leaves(window):
        parent = widget.parentWidget()
        assert parent is not None
        assert parent.rect().contains(widget.geometry()), widget.accessibleName()
        if language == "xx" or isinstance(widget, Eliding):
            continue  # may end in …, and then the tooltip has the whole
        if isinstance(widget, QLabel) and not widget.wordWrap():
            need = widget.fontMetrics().horizontalAdvance(widget.text())
            assert need <= widget.width(), widget.text()
        if isinstance(widget, QAbstractButton) and widget.text():
            assert widget.fontMetrics().horizontalAdvance(widget.text()) <= widget.width()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("width", [LEAST, USUAL])
def test_names_are_whole_in_real_languages(
    qtbot: QtBot, filled: PanelModel, speak: Callable[[str], None],
    shoot: Callable[..., Path], language: str, width: int,
) -> None:  # fmt: skip
    speak(language)
    window = page(filled, expert=False)
    qtbot.addWidget(window)
    shoot(window, f"full-{language}-{width}", width=width)
    cut = [label.text() for label in window.findChildren(Eliding) if label.elided()]
    assert not [text for text in cut if text]


def test_siblings_do_not_overlap(
    qtbot: QtBot, filled: PanelModel, shoot: Callable[..., Path]
) -> None:
    window = page(busy(filled), expert=True)
    qtbot.addWidget(window)
    shoot(window, "overlap", width=LEAST)
    for parent in [window, *window.findChildren(QWidget)]:
        shown = [c for c in parent.children() if isinstance(c, QWidget) and c.isVisible()]
        shown = [c for c in shown if parent.layout() is not None]
        for index, first in enumerate(shown):
            for second in shown[index + 1 :]:
                assert not first.geometry().intersects(second.geometry()), (first, second)


def test_names_numbers_and_edges_stand_in_columns(
    qtbot: QtBot, filled: PanelModel, shoot: Callable[..., Path]
) -> None:
    window = page(filled, expert=False)
    qtbot.addWidget(window)
    shoot(window, "columns", width=USUAL)
    how = window.findChild(HowSection)
    assert isinstance(how, HowSection)
    rows = list(how.strengths.sliders.values())

    def edges(parts: list[QWidget]) -> set[tuple[int, int]]:
        spots = [part.mapTo(window, part.rect().topLeft()).x() for part in parts]
        return {(x, x + part.width()) for x, part in zip(spots, parts, strict=True)}

    assert len(edges([row.track for row in rows])) == 1
    assert len(edges([row.number for row in rows])) == 1
    assert len(edges([row.low for row in rows])) == 1
    starts = {
        part.mapTo(window, part.rect().topLeft()).x() for part in (how.quality, how.seed, how.place)
    }
    assert len(starts) == 1
    middle = {
        row.mapTo(window, row.label.geometry().center()).y()
        - row.mapTo(window, row.track.geometry().center()).y()
        for row in rows
    }
    assert middle <= {-1, 0, 1}


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_pictures_at_every_scale(
    qtbot: QtBot, filled: PanelModel, shoot: Callable[..., Path], scale: float
) -> None:
    window = page(busy(filled), expert=True)
    qtbot.addWidget(window)
    image = QImage(str(shoot(window, f"scale-{round(100 * scale)}", scale, width=USUAL)))
    assert image.width() == round(USUAL * scale)
    seen = pixels(image)
    for name in (theme().ground, theme().well, theme().outline):
        assert (seen == colour(name)).any(), name
    share = (seen == colour(theme().accent)).mean()
    assert 0 < share < 0.01, "the accent stays rare"


def test_a_larger_text_makes_everything_larger(
    qtbot: QtBot, filled: PanelModel, shoot: Callable[..., Path], qapp: QApplication
) -> None:
    from plugin import theme as look

    small = page(filled, expert=True)
    qtbot.addWidget(small)
    shoot(small, "text-12", width=USUAL)
    height = small.height()
    small.close()
    try:
        look.apply(qapp, font_px=18)
        large = page(filled, expert=True)
        qtbot.addWidget(large)
        shoot(large, "text-18", width=630)
        assert large.height() == pytest.approx(1.5 * height, rel=0.1)
        assert large.minimumSizeHint().width() <= 1.5 * LEAST
    finally:
        look.apply(qapp)
