"""Colours keep their contrast, measures follow the text, icons are sharp."""

from __future__ import annotations

from typing import get_args

import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontInfo, QFontMetrics, QIcon, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication

from plugin import theme
from plugin.services.settings import Settings
from plugin.theme import ICONS, THEMES, Metrics, Theme, contrast

ASKED = [
    "play",
    "pause",
    "stop",
    "step",
    "loop",
    "pop_out",
    "before",
    "after",
    "wipe",
    "side",
    "difference",
    "matte",
    "words",
    "lock",
    "unlock",
    "dice",
    "star",
    "star_full",
    "close",
    "menu",
    "grip",
    "search",
    "settings",
    "help",
    "info",
    "warn",
    "error",
    "done",
    "undo",
    "show",
    "folder",
    "reread",
    "box",
    "lasso",
    "track",
    "invert",
    "add",
    "chevron_down",
    "chevron_up",
    "chevron_left",
    "chevron_right",
]
SIZES = [(16, 1.0), (20, 1.0), (24, 1.0), (16, 1.5), (16, 2.0), (24, 2.0)]


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#28282e", "#28282e") == 1


@pytest.mark.parametrize("colours", THEMES.values(), ids=list(THEMES))
def test_text_can_be_read_in_every_state(colours: Theme) -> None:
    low = [(name, round(contrast(a, b), 2)) for name, a, b in colours.text_pairs()
           if contrast(a, b) < 4.5]  # fmt: skip
    assert not low


@pytest.mark.parametrize("colours", THEMES.values(), ids=list(THEMES))
def test_outlines_can_be_seen_in_every_state(colours: Theme) -> None:
    low = [(name, round(contrast(a, b), 2)) for name, a, b in colours.outline_pairs()
           if contrast(a, b) < 3]  # fmt: skip
    assert not low


def test_the_ground_is_the_host_s() -> None:
    dark = THEMES["dark"]
    assert (dark.ground, dark.well, dark.line) == ("#28282e", "#1f1f24", "#3a3a42")
    assert (dark.outline, dark.text) == ("#7a7a84", "#c8c8cc")


@pytest.mark.parametrize("colours", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("font_px", [10, 12, 15, 24])
def test_the_style_sheet_is_filled(colours: Theme, font_px: int) -> None:
    sheet = theme.style_sheet(colours, Metrics(font_px))
    assert "$" not in sheet.split("*/", 1)[1]
    assert colours.outline in sheet


def test_measures_follow_the_text() -> None:
    small, large = Metrics(12), Metrics(24)
    assert small.space(1) == 4
    assert large.space(1) == 8
    assert [Metrics(px).icon for px in (10, 12, 15, 18)] == [16, 16, 20, 24]
    assert small.hit >= 24
    for size in (small, large):
        assert size.space(2) == 2 * size.space(1)
        assert size.icon < size.hit <= size.row


def test_the_bundled_font_is_used_and_figures_are_equally_wide(qapp: QApplication) -> None:
    assert "Inter" in theme.fonts()
    font = qapp.font()
    assert QFontInfo(font).family() == "Inter"
    measure = QFontMetrics(font)
    assert len({measure.horizontalAdvance(digit * 10) for digit in "0123456789"}) == 1
    heading = QFontInfo(theme.heading_font())
    assert heading.family() == "Inter"
    assert heading.weight() == 500
    for letter in "βτγω₁₂×−…äöüß€→":
        assert measure.inFontUcs4(ord(letter)), letter


def test_font_files_are_small_and_licensed() -> None:
    from plugin.theme._style import FONTS

    assert sum(path.stat().st_size for path in FONTS.iterdir()) < 1_500_000
    licence = (FONTS / "OFL.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Inter Project Authors" in licence


def test_changing_clothes_changes_everything(qapp: QApplication) -> None:
    try:
        theme.apply(qapp, THEMES["contrast"], font_px=18)
        assert theme.theme().name == "contrast"
        assert theme.metrics().space(1) == 6
        assert qapp.font().pixelSize() == 18
        assert qapp.palette().color(QPalette.ColorRole.Window).name() == "#121215"
        bright = theme.icon("play").pixmap(QSize(24, 24), 1.0).toImage()
    finally:
        theme.apply(qapp)
    again = theme.icon("play").pixmap(QSize(24, 24), 1.0).toImage()
    assert bright != again
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == "#28282e"


def drawn(name: str, points: int, scale: float) -> QImage:
    side = round(points * scale)
    image = QImage(side, side, QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    theme.draw_icon(painter, name, QRectF(0, 0, points, points), "#ffffff")
    painter.end()
    return image


def alphas(image: QImage) -> list[list[int]]:
    return [
        [image.pixelColor(x, y).alpha() for x in range(image.width())]
        for y in range(image.height())
    ]


def test_all_icons_are_there() -> None:
    assert set(ASKED) <= set(ICONS)
    with pytest.raises(KeyError):
        theme.icon("no_such_icon")


@pytest.mark.parametrize("name", sorted(ICONS))
def test_icons_fill_their_square_and_stay_in_it(qapp: QApplication, name: str) -> None:
    for points, scale in SIZES:
        rows = alphas(drawn(name, points, scale))
        ink = [(x, y) for y, row in enumerate(rows) for x, a in enumerate(row) if a > 100]
        side = len(rows)
        width = max(x for x, _ in ink) - min(x for x, _ in ink) + 1
        height = max(y for _, y in ink) - min(y for _, y in ink) + 1
        assert max(width, height) >= 0.45 * side, (points, scale)
        strongest = max(max(row) for row in rows)
        assert strongest > 225, (points, scale)
        border = [*rows[0], *rows[-1], *(row[0] for row in rows), *(row[-1] for row in rows)]
        assert sum(a > 100 for a in border) <= side / 2, "cut off at the edge"


@pytest.mark.parametrize("name", ["pause", "stop", "add", "remove"])
@pytest.mark.parametrize(("points", "scale"), SIZES)
def test_straight_lines_land_on_whole_pixels(
    qapp: QApplication, name: str, points: int, scale: float
) -> None:
    rows = alphas(drawn(name, points, scale))
    soft = sum(8 < a < 247 for row in rows for a in row)
    full = sum(a >= 247 for row in rows for a in row)
    # Round caps are soft at the ends of strokes; sides are not.
    assert soft <= 0.25 * full, (soft, full)


def test_icons_have_a_disabled_and_an_active_face(qapp: QApplication) -> None:
    picture = theme.icon("play")
    size = QSize(16, 16)
    faces = [
        picture.pixmap(size, 1.0, mode).toImage()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled, QIcon.Mode.Active)
    ]
    assert faces[0] != faces[1]
    assert faces[0] != faces[2]
    assert picture.pixmap(size, 2.0).width() == 32


def test_every_theme_that_can_be_kept_exists() -> None:
    kept = get_args(Settings.model_fields["theme"].annotation)
    assert set(kept) == set(THEMES)
