"""The takes of a shot: pictures that are looked at, compared, placed and kept."""

from plugin.ui.takes.strip import TakesStrip

__all__ = ["TakesStrip"]
