"""Colours as a value, and the contrast that they promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

__all__ = ["CONTRAST", "DARK", "THEMES", "Theme", "contrast", "mixed"]

TEXT_LEAST: Final = 4.5
OUTLINE_LEAST: Final = 3.0


@dataclass(frozen=True)
class Theme:
    """All colours of the panel as ``#rrggbb``.

    `accent` says two things only: this word drives, and this job is running. (A number that
    left its slider wears it too: it drives in the slider's place.)
    """

    name: str
    ground: str = "#28282e"
    well: str = "#1f1f24"  # fields, lists, the viewer
    raised: str = "#34343b"  # buttons at rest
    hover: str = "#3e3e47"
    pressed: str = "#1a1a1f"
    line: str = "#3a3a42"  # decoration: between sections
    outline: str = "#7a7a84"  # of every control
    outline_hover: str = "#a4a4ae"
    text: str = "#c8c8cc"
    bright: str = "#f2f2f4"  # values, the chosen segment
    muted: str = "#aeaeb6"  # units, end words, secondary lines
    disabled: str = "#94949d"
    accent: str = "#56b8c9"
    accent_ground: str = "#21404a"  # under accent text: a chip that drives
    accent_text: str = "#c3ebf3"  # on `accent_ground`
    warn: str = "#e2b455"
    error: str = "#f28b7d"
    done: str = "#85c491"
    focus: str = "#d6dde4"  # the ring; brighter than any outline, and no accent
    selection: str = "#44505c"  # under chosen text and rows
    shade: str = "#000000"  # behind pictures

    def text_pairs(self) -> Iterator[tuple[str, str, str]]:
        """Yield (name, text, ground) of everything that is read, in every state."""
        for ground in ("ground", "well", "raised", "pressed"):
            for text in ("text", "bright", "muted"):
                yield f"{text} on {ground}", getattr(self, text), getattr(self, ground)
        for text in ("text", "bright"):
            yield f"{text} on hover", getattr(self, text), self.hover
            yield f"{text} on line", getattr(self, text), self.line
        yield "bright on selection", self.bright, self.selection
        for ground in ("ground", "well"):
            yield f"disabled on {ground}", self.disabled, getattr(self, ground)
            for tone in ("accent", "warn", "error", "done"):
                yield f"{tone} on {ground}", getattr(self, tone), getattr(self, ground)
        yield "accent_text on accent_ground", self.accent_text, self.accent_ground
        yield "ground on bright", self.ground, self.bright

    def outline_pairs(self) -> Iterator[tuple[str, str, str]]:
        """Yield (name, outline, what lies beside it) of every control, in every state."""
        for ground in ("ground", "well", "pressed"):
            for outline in ("outline", "outline_hover", "focus", "accent"):
                yield f"{outline} on {ground}", getattr(self, outline), getattr(self, ground)
        for ground in ("raised", "hover", "selection"):
            yield f"outline_hover on {ground}", self.outline_hover, getattr(self, ground)
            yield f"focus on {ground}", self.focus, getattr(self, ground)
        yield "accent on accent_ground", self.accent, self.accent_ground

    def names(self) -> dict[str, str]:
        """Return every colour by its name, for the style sheet."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "name"}


DARK: Final = Theme("dark")
CONTRAST: Final = Theme(
    "contrast",
    ground="#121215",
    well="#000000",
    raised="#232328",
    hover="#33333a",
    pressed="#000000",
    line="#5a5a64",
    outline="#b4b4bc",
    outline_hover="#ffffff",
    text="#f4f4f6",
    bright="#ffffff",
    muted="#dcdce2",
    disabled="#a8a8b0",
    accent="#6fdcf0",
    accent_ground="#0d3a46",
    accent_text="#ffffff",
    warn="#ffd36b",
    error="#ffa79a",
    done="#a0f0b0",
    focus="#ffffff",
    selection="#2c4a66",
)
THEMES: Final = {theme.name: theme for theme in (DARK, CONTRAST)}


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2)."""
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(first: str, second: str, share: float) -> str:
    """Return `first` with `share` (0..1) of `second` in it."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
