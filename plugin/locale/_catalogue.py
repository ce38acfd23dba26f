"""Reading the language files, looking up, plurals, numbers and the pseudo-locale."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from plugin.state.observable import Signal

__all__ = [
    "PSEUDO",
    "SENTENCES",
    "Catalogue",
    "LocaleError",
    "known",
    "language",
    "language_changed",
    "languages",
    "load",
    "number",
    "parse_number",
    "plural_forms",
    "set_language",
    "set_strict",
    "tr",
    "trn",
]

log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent
FALLBACK: Final = "en"
PSEUDO: Final = "xx"
NAMES: Final = {"en": "English", "de": "Deutsch"}  # each in its own language
SENTENCES: Final = ("error.", "empty.", "say.", "check.", "help.", "a11y.")
DECIMAL: Final = {"de": ","}
PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")


class LocaleError(KeyError):
    """A key, a value for a placeholder or a language is missing, or a file is wrong."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def _one_other(count: int) -> str:
    return "one" if count == 1 else "other"


PLURALS: Final[Mapping[str, Callable[[int], str]]] = {
    "en": _one_other,
    "de": _one_other,
    PSEUDO: _one_other,
}


def plural_forms(name: str) -> frozenset[str]:
    """Return the endings that every plural family of a language needs."""
    return frozenset(PLURALS[name](count) for count in range(200))


@dataclass(frozen=True)
class Catalogue:
    """All texts of one language; what it lacks is taken from `fallback`."""

    name: str
    texts: Mapping[str, str | None] = field(default_factory=dict)
    fallback: Catalogue | None = None

    def find(self, key: str) -> str | None:
        """Return the text of a key, English where it is not translated, or None."""
        text = self.texts.get(key)
        if text is None and self.fallback is not None:
            return self.fallback.find(key)
        return text


def languages() -> dict[str, str]:
    """Return the languages that can be chosen, each by its own name."""
    return {name: NAMES[name] for name in NAMES if (FOLDER / name).is_dir()}


def load(name: str, folder: Path = FOLDER) -> Catalogue:
    """Read and merge all files of a language.

    Raises
    ------
    LocaleError
        No such language, a file that is not flat text, or a key in two places.
    """
    if name == PSEUDO:
        base = load(FALLBACK, folder)
        texts = {key: None if text is None else pseudo(text) for key, text in base.texts.items()}
        return Catalogue(PSEUDO, texts)
    if not (folder / name).is_dir():
        raise LocaleError(f"There is no language “{name}”.")
    texts = {}
    for path in sorted((folder / name).glob("*.json")):
        for key, text in _read(path).items():
            if key in texts:
                raise LocaleError(f"“{key}” stands twice in {name}, again in {path.name}.")
            texts[key] = text
    return Catalogue(name, texts, None if name == FALLBACK else load(FALLBACK, folder))


def _read(path: Path) -> dict[str, str | None]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, text in pairs:
            if key in found:
                raise LocaleError(f"“{key}” stands twice in {path.parent.name}/{path.name}.")
            found[key] = text
        return found

    try:
        data = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LocaleError(f"{path.parent.name}/{path.name} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise LocaleError(f"{path.parent.name}/{path.name} is not an object.")
    for key, text in data.items():
        if text is not None and not isinstance(text, str):
            raise LocaleError(f"“{key}” in {path.parent.name}/{path.name} is not a text.")
    return data


_ACCENTS: Final = str.maketrans(
    "aceginorsuyzACEGINORSUYZ",
    "áçéğíñóřšúýžÁÇÉĞÍÑÓŘŠÚÝŽ",
)


def pseudo(text: str) -> str:
    """Return a text that is accented and 40 % longer, placeholders untouched."""
    letters = PLACEHOLDER.sub("", text)
    missing = -(-len(letters) * 2 // 5)
    parts = PLACEHOLDER.split(text)
    marks = PLACEHOLDER.findall(text)
    longer: list[str] = []
    for part in parts:
        grown: list[str] = []
        for letter in part.translate(_ACCENTS):
            grown.append(letter)
            if missing > 0 and letter in "áéíóúÁÉÍÓÚ":
                grown.append(letter.lower())
                missing -= 1
        longer.append("".join(grown))
    longer[-1] += "~" * missing
    return "".join(
        part + (marks[index] if index < len(marks) else "") for index, part in enumerate(longer)
    )


_current: Catalogue | None = None
_strict = False
language_changed: Signal[str] = Signal()


def _catalogue() -> Catalogue:
    global _current
    if _current is None:
        _current = load(FALLBACK)
    return _current


def set_language(name: str) -> None:
    """Speak a language from now on; windows are built anew by whoever owns them.

    Raises
    ------
    LocaleError
        There is no such language.
    """
    global _current
    _current = load(name)
    language_changed.emit(name)


def language() -> str:
    """Return the language that is spoken now."""
    return _catalogue().name


def set_strict(strict: bool) -> None:
    """Make a missing key or value an error (tests) instead of showing the key (people)."""
    global _strict
    _strict = strict


def tr(key: str, **values: object) -> str:
    """Return the text of a key with its placeholders filled.

    Raises
    ------
    LocaleError
        In strict mode: no such key, or a placeholder without a value.
    """
    text = _catalogue().find(key)
    if text is None:
        if _strict:
            raise LocaleError(f"There is no text “{key}”.")
        log.error("no text for %s", key)
        return key
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        if _strict:
            raise LocaleError(f"“{key}” wants a value: {error}") from error
        log.exception("no value for a placeholder of %s", key)
        return text


def known(key: str) -> bool:
    """Return whether there is a text of a key: for keys that are made of others' names."""
    return _catalogue().find(key) is not None


def trn(key: str, n: int, **values: object) -> str:
    """Return the plural form of ``key.one``, ``key.other`` for `n`, which fills ``{n}``."""
    rule = PLURALS.get(language(), _one_other)
    return tr(f"{key}.{rule(n)}", n=n, **values)


def number(value: float, decimals: int = 0) -> str:
    """Return a number as people of the language write it, with a true minus sign."""
    text = f"{value:.{decimals}f}"
    if text.lstrip("-").strip("0.") == "":  # no "-0,00"
        text = text.lstrip("-")
    return text.replace(".", DECIMAL.get(language(), ".")).replace("-", "−")


def parse_number(text: str) -> float | None:
    """Return what a person typed as a number, comma or point, units left aside; else None."""
    found = re.match(r"\s*([-+−]?\s*(?:\d+[.,]?\d*|[.,]\d+))", text)
    if found is None:
        return None
    plain = found.group(1).replace("−", "-").replace(",", ".").replace(" ", "")
    return float(plain)
