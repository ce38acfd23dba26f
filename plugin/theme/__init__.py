"""How the panel looks: colours, measures, the style sheet, the font and the icons.

`apply` dresses the application once at start, and again when the theme or the size of the text
is changed. Widgets ask `theme()` and `metrics()` when they paint, never earlier.
"""

from plugin.theme._metrics import Metrics
from plugin.theme._now import metrics, theme
from plugin.theme._style import apply, fonts, heading_font, style_sheet
from plugin.theme._theme import CONTRAST, DARK, THEMES, Theme, contrast, mixed
from plugin.theme.icons import ICONS, Tone, draw_icon, icon

__all__ = [
    "CONTRAST",
    "DARK",
    "ICONS",
    "THEMES",
    "Metrics",
    "Theme",
    "Tone",
    "apply",
    "contrast",
    "draw_icon",
    "fonts",
    "heading_font",
    "icon",
    "metrics",
    "mixed",
    "style_sheet",
    "theme",
]
