"""The first run: hello, check, choose, get, try, done, as a page in the panel's window."""

from plugin.ui.firstrun.page import STEPS, FirstRun

__all__ = ["STEPS", "FirstRun"]
