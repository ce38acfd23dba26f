"""Windows beside the panel: settings, report, versions and licences, help, log. None is modal."""

from plugin.ui.windows.manager import Windows

__all__ = ["Windows"]
