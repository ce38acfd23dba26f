"""What goes into Resolve's folders, written for this computer.

Menu scripts, a script for the right mouse button on a Fusion node, an effect with a button and
a key for Fusion's node view. Nothing that runs by itself when Resolve or Fusion starts.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from installer.console import StepFailed
from installer.placing import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from installer.resolve import Tree

__all__ = ["read_agent", "stamp", "wanted"]

_SOURCE = "resolve_bridge/agent/"
_FILES = {
    "FlowAnchor.lua": ("Scripts", "Utility", "FlowAnchor.lua"),
    "FlowAnchorTool.lua": ("Scripts", "Tool", "FlowAnchor.lua"),
    "FlowAnchor.setting": ("Templates", "Edit", "Effects", "FlowAnchor.setting"),
    "FlowAnchor.fu": ("Config", "FlowAnchor.fu"),
}
_VERSION = re.compile(r'^local VERSION = "[^"\n]*"$', re.MULTILINE)


def read_agent(wheel: Path) -> dict[str, str]:
    """Return the scripts as they lie in the product's wheel.

    Raises
    ------
    StepFailed
        The wheel cannot be read or lacks one of them.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {name: archive.read(_SOURCE + name).decode("utf-8") for name in _FILES}
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise StepFailed(
            "Read the scripts for Resolve",
            f"{wheel.name} is damaged: {error}",
            "Run `python3 -m installer repair` from a fresh copy of the product.",
        ) from error


def stamp(text: str, *, version: str, mailbox: Path, panel: Path | None) -> str:
    """Return the agent for one computer: its version, the mailbox, and the panel to start.

    Parameters
    ----------
    text : str
        ``FlowAnchor.lua`` as it comes.
    panel : Path or None
        None where the path holds what a command line cannot: then the person starts the panel.

    Raises
    ------
    StepFailed
        The mailbox cannot be written into Lua text, or the agent has no place for it.
    """
    for name, path in (("MAILBOX", mailbox), ("PANEL", panel)):
        if path is None:
            continue
        empty = f"local {name} = [==[]==]"
        closes = f"{path}]==]".index("]==]") != len(str(path))  # also one that ends in “]==”
        if empty not in text or closes or set("\r\n") & set(str(path)):
            raise StepFailed(
                "Write the scripts for Resolve",
                f"the path {path} cannot be written into a Lua script",
                "Choose a folder without line breaks or “]==]” in its name.",
            )
        text = text.replace(empty, f"local {name} = [==[{path}]==]")
    return _VERSION.sub(f'local VERSION = "{version}"', text, count=1)


def startable(panel: Path) -> bool:
    """Whether the agent may start a panel of this path (it passes through a command line)."""
    return not re.search("[\"'`$%\n]", str(panel))


def wanted(
    trees: Iterable[Tree], agent: dict[str, str], *, version: str, panel: Path
) -> list[Wanted]:
    """Return every file that should lie in these trees."""
    found = []
    for tree in trees:
        for name, parts in _FILES.items():
            if not tree.whole and parts[0] != "Scripts":
                continue
            text = agent[name]
            if name == "FlowAnchor.lua":
                text = stamp(
                    text,
                    version=version,
                    mailbox=tree.mailbox,
                    panel=panel if startable(panel) else None,
                )
            found.append(Wanted(tree.fusion.joinpath(*parts), text.encode("utf-8")))
    return found
