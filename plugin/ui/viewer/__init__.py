"""The viewer: frame-accurate comparison of shot and takes over mapped proxies.

`pictures` says what there is to show, `core` ties it to the state, `frames` keeps images.
`geometry`, `views` and `wipe` are the numbers; `scene`, `annotations` and `paint` draw them.
`canvas` takes the mouse, `player` is the clock, `viewer` composes all and takes the keys,
`popout` is its own window.
"""

from plugin.ui.viewer.canvas import Canvas
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.frames import FrameCache
from plugin.ui.viewer.pictures import Book, Picture, ShotFacts, Words
from plugin.ui.viewer.popout import PopOut
from plugin.ui.viewer.viewer import Viewer

__all__ = [
    "Book",
    "Canvas",
    "Core",
    "FrameCache",
    "Picture",
    "PopOut",
    "ShotFacts",
    "Viewer",
    "Words",
]
