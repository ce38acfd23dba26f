"""Versions and licences, from the installed packages and the font's own file."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QWidget

from plugin.locale import tr
from plugin.ui.base import Choice, Combo, words
from plugin.ui.parts import wrapped
from plugin.ui.windows.frame import Window
from plugin.ui.windows.text import plain_text

__all__ = ["PACKAGES", "AboutWindow", "licence_of", "version_of"]

PRODUCT: Final = "flowanchor"
FONT: Final = Path(__file__).parents[2] / "fonts" / "OFL.txt"
LICENCE: Final = Path(__file__).parents[3] / "LICENSE"
# What people run when they run the panel and its engine.
PACKAGES: Final = (
    *("PySide6-Essentials", "shiboken6", "numpy", "pydantic", "platformdirs"),
    *("torch", "diffusers", "transformers", "safetensors", "av", "opencv-python-headless"),
    *("tokenizers", "sentencepiece", "ftfy", "huggingface_hub", "psutil"),
)


def version_of(package: str) -> str:
    """Return the installed version of a package, '' where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def licence_of(package: str) -> str:
    """Return a package's licence in short and the texts that come with it.

    '' where the package is not installed; read from its metadata, never from memory.
    """
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return ""
    head = found.metadata
    short = (head.get_all("License-Expression") or head.get_all("License") or [""])[0]
    if not short or "\n" in short:
        marks = [c for c in head.get_all("Classifier") or () if c.startswith("License ::")]
        short = ", ".join(mark.rpartition(" :: ")[2] for mark in marks) or short
    parts = [f"{found.name} {found.version}", short]
    for file in found.files or ():
        name = file.name.upper()
        if ".dist-info" in str(file) and name.startswith(("LICEN", "COPYING", "NOTICE")):
            text = _text(Path(str(found.locate_file(file))))
            parts.append(text)
    return "\n\n".join(part for part in parts if part)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").rstrip().lstrip("\n")
    except OSError:
        return ""


class AboutWindow(Window):
    """What FlowAnchor is, its version, and every licence in full."""

    def __init__(self, owner: QWidget) -> None:
        # Licences are set in lines of eighty letters.
        super().__init__(tr("about.title"), owner, size=(680, 600))
        title = words(f"FlowAnchor {version_of(PRODUCT)}".strip(), "title")
        self.column.addWidget(title)
        self.column.addWidget(wrapped(tr("say.about.what")))
        self.column.addWidget(wrapped(tr("say.about.local"), "muted"))
        names = [PRODUCT, *(name for name in PACKAGES if version_of(name))]
        choices = [Choice(name, f"{name} {version_of(name)}".strip()) for name in names]
        choices.insert(1, Choice("font", "Inter"))
        self.choice = Combo(tr("about.licences"), choices, tr("tip.about.licences"))
        self.text = plain_text(tr("about.licences"))
        self.column.addWidget(words(tr("about.licences"), "muted"))
        self.column.addWidget(self.choice)
        self.column.addWidget(self.text, 1)
        self.choice.value_changed.connect(self.show_licence)
        self.show_licence(PRODUCT)

    def show_licence(self, name: str) -> None:
        """Show the licence of a package or of the font."""
        text = _text(FONT) if name == "font" else licence_of(name)
        own = _text(LICENCE)
        if name == PRODUCT and own not in text:  # run from its source
            text = f"{text}\n\n{own}".strip()
        self.text.setPlainText(text or tr("say.about.none"))
