"""Which views of the shot a viewport has in the mode that is in effect."""

from __future__ import annotations

from plugin.theme import metrics
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.geometry import Box, View, split
from plugin.ui.viewer.wipe import Wipe

__all__ = ["view_of", "views_of", "wipe_of"]


def view_of(core: Core, viewport: Box) -> View:
    """Return the view of the shot in a whole viewport."""
    shot = core.book.shot.value
    size = shot.size if shot is not None else (16, 9)
    return View(viewport, size, core.state.zoom.value, core.state.pan.value)


def views_of(core: Core, viewport: Box) -> tuple[View, ...]:
    """Return the views that are painted: two for Side, else one."""
    view = view_of(core, viewport)
    if core.mode != "side":
        return (view,)
    gap = metrics().px(4)
    return tuple(
        View(half, view.picture, view.zoom, view.pan)
        for half in split(viewport, view.picture, gap=gap)
    )


def wipe_of(core: Core, view: View) -> Wipe:
    """Return the wipe over the picture's whole rectangle."""
    return Wipe(view.target, core.state.wipe.value, core.state.wipe_angle.value)
