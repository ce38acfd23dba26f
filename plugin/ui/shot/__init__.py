"""Head of the panel: the engine's dot, and the shot with its facts."""

from plugin.ui.shot.header import Header
from plugin.ui.shot.row import ShotRow

__all__ = ["Header", "ShotRow"]
