"""The controls that everything in the panel is made of.

All of them have a name and a tooltip, can be reached and used with keys, show where the keyboard
is, and paint in the colours and measures of `plugin.theme`. Those with a value share one form:
`value()`, `set_value(value)` and the signal `value_changed`, which `bind` joins to an
`Observable`.
"""

from plugin.ui.base._access import FocusRing, describe, named, restyle
from plugin.ui.base.bind import Control, bind, follow, listen
from plugin.ui.base.buttons import Button, IconButton, Switch
from plugin.ui.base.chip import ChipButton
from plugin.ui.base.choice import Choice, Combo, Segmented
from plugin.ui.base.feedback import MessageStrip, ProgressBar, Sign
from plugin.ui.base.layout import Eliding, FlowLayout, Line, Row, Section, words
from plugin.ui.base.number import NumberField
from plugin.ui.base.slider import LabelledSlider, SliderTrack, align_columns

__all__ = [
    "Button",
    "ChipButton",
    "Choice",
    "Combo",
    "Control",
    "Eliding",
    "FlowLayout",
    "FocusRing",
    "IconButton",
    "LabelledSlider",
    "Line",
    "MessageStrip",
    "NumberField",
    "ProgressBar",
    "Row",
    "Section",
    "Segmented",
    "Sign",
    "SliderTrack",
    "Switch",
    "align_columns",
    "bind",
    "describe",
    "follow",
    "listen",
    "named",
    "restyle",
    "words",
]
