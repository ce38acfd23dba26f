"""The theme and measures in use: one application, one look."""

from __future__ import annotations

from plugin.theme._metrics import Metrics
from plugin.theme._theme import DARK, Theme

__all__ = ["metrics", "theme", "wear"]

_theme: Theme = DARK
_metrics: Metrics = Metrics()


def theme() -> Theme:
    """Return the colours in use."""
    return _theme


def metrics() -> Metrics:
    """Return the measures in use."""
    return _metrics


def wear(colours: Theme, size: Metrics) -> None:
    """Use these from now on."""
    global _theme, _metrics
    _theme, _metrics = colours, size
