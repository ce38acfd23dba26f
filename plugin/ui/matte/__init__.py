"""Which matte limits the edit, how its border is treated, and how a drawn one follows."""

from plugin.ui.matte.section import MatteSection

__all__ = ["MatteSection"]
