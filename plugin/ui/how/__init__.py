"""How the edit is made: three sliders, quality, seed, takes, place, and the exact numbers."""

from plugin.ui.how._expert import ExpertDrawer
from plugin.ui.how._number import LinkedNumber
from plugin.ui.how._strengths import StrengthRows
from plugin.ui.how.section import HowSection

__all__ = ["ExpertDrawer", "HowSection", "LinkedNumber", "StrengthRows"]
