"""Dressing the application: fonts, palette and style sheet."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from plugin.theme._metrics import Metrics
from plugin.theme._now import metrics, wear
from plugin.theme._theme import DARK, Theme

__all__ = ["apply", "fonts", "heading_font", "style_sheet"]

log = logging.getLogger(__name__)

FONTS: Final = Path(__file__).parent.parent / "fonts"
SHEET: Final = Path(__file__).parent / "style.qss"
FAMILY: Final = "Inter"


@cache
def fonts() -> tuple[str, ...]:
    """Register the bundled fonts once and return their families.

    Without them (a damaged install) the system's font is used and the log says so.
    """
    families: list[str] = []
    for path in sorted(FONTS.glob("*.otf")):
        number = QFontDatabase.addApplicationFont(str(path))
        if number < 0:
            log.error("the font %s cannot be used", path.name)
            continue
        families += QFontDatabase.applicationFontFamilies(number)
    return tuple(dict.fromkeys(families))


def ui_font(size: Metrics) -> QFont:
    """Return the font of everything; figures are as wide as each other, so numbers stand."""
    font = QFont(FAMILY) if FAMILY in fonts() else QFont()
    font.setPixelSize(size.font_px)
    font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def heading_font() -> QFont:
    """Return the font of a section's title."""
    font = QFont(QApplication.font())
    font.setWeight(QFont.Weight.Medium)
    return font


def style_sheet(colours: Theme, size: Metrics) -> str:
    """Return the one style sheet with all its names filled.

    Raises
    ------
    KeyError
        The template uses a name that does not exist.
    """
    values: dict[str, object] = dict(colours.names())
    values |= {f"s{step}": f"{size.space(step)}px" for step in range(1, 7)}
    values |= {
        "half": f"{size.space(0.5)}px",
        "radius": f"{size.radius}px",
        "hit": f"{size.hit}px",
        "small": f"{size.small_px}px",
        "bar": f"{size.px(10)}px",
        "grip": f"{size.px(24)}px",
        "round": f"{size.px(3)}px",
    }
    return Template(SHEET.read_text(encoding="utf-8")).substitute(values)


def _palette(colours: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for where, colour in {
        role.Window: colours.ground,
        role.WindowText: colours.text,
        role.Base: colours.well,
        role.AlternateBase: colours.ground,
        role.Text: colours.text,
        role.Button: colours.raised,
        role.ButtonText: colours.text,
        role.BrightText: colours.bright,
        role.ToolTipBase: colours.well,
        role.ToolTipText: colours.text,
        role.PlaceholderText: colours.disabled,
        role.Highlight: colours.selection,
        role.HighlightedText: colours.bright,
        role.Link: colours.text,
        role.LinkVisited: colours.text,
        role.Light: colours.line,
        role.Midlight: colours.line,
        role.Mid: colours.line,
        role.Dark: colours.well,
        role.Shadow: colours.shade,
        role.Accent: colours.focus,
    }.items():
        palette.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, QColor(colours.disabled))
    return palette


def apply(app: QApplication, colours: Theme = DARK, *, font_px: int = 12) -> None:
    """Dress the application; called again, it changes clothes."""
    wear(colours, Metrics(font_px))
    app.setStyle("Fusion")  # the same on every system, and the one that style sheets fit
    app.setFont(ui_font(metrics()))
    app.setPalette(_palette(colours))
    app.setStyleSheet(style_sheet(colours, metrics()))
