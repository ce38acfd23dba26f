"""Measures that follow the size of the text, on a grid of 4 px at 12 px text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Metrics"]

BASE_PX = 12


@dataclass(frozen=True)
class Metrics:
    """Sizes in device-independent pixels; `font_px` is the height of the text."""

    font_px: int = BASE_PX

    def px(self, length: float) -> int:
        """Return a length given for 12 px text, at this size of text."""
        return max(1, round(length * self.font_px / BASE_PX))

    def space(self, steps: float) -> int:
        """Return so many steps of the 4 px grid."""
        return self.px(4 * steps)

    @property
    def gap(self) -> int:
        """Between neighbours in a row."""
        return self.space(2)

    @property
    def margin(self) -> int:
        """Between content and the edge of the window."""
        return self.space(3)

    @property
    def radius(self) -> int:
        """Of fields and buttons."""
        return self.px(3)

    @property
    def icon(self) -> int:
        """Side of an icon in a row: 16, 20, 24 and so on."""
        return max(16, 4 * round(self.px(16) / 4))

    @property
    def hit(self) -> int:
        """Least side of anything that is clicked."""
        return self.px(24)

    @property
    def row(self) -> int:
        """Height of a row with one control."""
        return self.px(28)

    @property
    def small_px(self) -> int:
        """Height of secondary text."""
        return max(10, self.px(11))

    @property
    def focus_width(self) -> int:
        """Thickness of the focus ring."""
        return max(1, self.px(1.5))
