"""What the shot shows now, what is wanted, and which words drive the edit.

`PromptsSection` is the whole; its parts are the two texts with their live difference, the row
of word chips, and the line of checks that never block.
"""

from plugin.ui.prompts._checks import ChecksLine
from plugin.ui.prompts._chips import ChipRow
from plugin.ui.prompts._edit import PromptEdit
from plugin.ui.prompts._marks import Mark, now_marks, utf16, wanted_marks
from plugin.ui.prompts.section import PromptsSection

__all__ = [
    "ChecksLine",
    "ChipRow",
    "Mark",
    "PromptEdit",
    "PromptsSection",
    "now_marks",
    "utf16",
    "wanted_marks",
]
