"""Takes out of a text what belongs to the person: names, places, words, keys.

Labels are a block and one letter, so that no label can spell a secret: U a person or computer,
H the home folder, V and R the product's own folders, F a file or folder, N a name, W words,
K a key. Equal secrets get equal numbers, so a report can still be followed.
"""

from __future__ import annotations

import getpass
import json
import platform
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

__all__ = ["BLOCK", "Redactor", "Secrets"]

BLOCK: Final = "█"
_LEAST: Final = 3  # shorter secrets are only found as whole words
_KEYS: Final = (
    # what services call their keys
    r"\b(?:hf|ghp|gho|ghu|ghs|ghr|glpat|github_pat|sk|pk|xox[abprs]|npm|pypi)[-_][\w-]{8,}",
    r"\bAKIA[0-9A-Z]{12,}",
    r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?",
    r"(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
)
# The name stays, the value goes.
_NAMED_KEY: Final = re.compile(
    r"(?i)([\"']?\b[\w-]*(?:token|secret|passwo?r?d|passwd|api[-_]?key|authorization|credential)"
    r"[\w-]*[\"']?\s*[:=]\s*)(?:(?:bearer|basic)\s+)?(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&\"']+)"
)
_IN_URL: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@\"']+@")
_HOMES: Final = re.compile(r"(?i)((?:/home/|/users/|[a-z]:[\\/]+users[\\/]+))([^\\/\s\"'<>|:]+)")
_MAIL: Final = re.compile(r"(?<!█)\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_QUOTED: Final = re.compile(r"[“\"'«»„]([^“”\"'«»„\n]{2,200})[”\"'«»“]")
# A path goes to the last separator of its line: names of folders may hold spaces.
_POSIX: Final = re.compile(r"(?<![\w.:/\\█-])/(?=[^\s/])(?:[^\n\"'“”<>|]*/)?[^\s\"'“”<>|,;)\]}]*")
_WINDOWS: Final = re.compile(
    r"(?<![\w█])(?:[A-Za-z]:[\\/]|\\\\\w)(?:[^\n\"'“”<>|]*[\\/])?[^\s\"'“”<>|,;)\]}]*"
)


@dataclass(frozen=True)
class Secrets:
    """What is known to be the person's.

    Attributes
    ----------
    people : tuple of str
        User and computer names; always taken out, like the home folder and keys.
    home : tuple of str
        Home folders.
    own : tuple of (str, str)
        The product's own folders and the letter that stands for each; they stay readable.
    paths, names : tuple of str
        Files, clips, projects, timelines.
    texts : tuple of str
        Prompts and titles.
    """

    people: tuple[str, ...] = ()
    home: tuple[str, ...] = ()
    own: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def here(
        cls,
        *,
        paths: Iterable[str] = (),
        names: Iterable[str] = (),
        texts: Iterable[str] = (),
    ) -> Secrets:
        """Return the secrets of this computer, and the given ones."""
        home = str(Path.home())
        people = {Path.home().name, platform.node(), platform.node().partition(".")[0]}
        try:
            people.add(getpass.getuser())
        except (KeyError, OSError):  # no account: nothing to hide
            people.discard("")
        root = str(Path(__file__).resolve().parents[2])
        return cls(
            people=tuple(sorted(people - {"", "root", "localhost"})),
            home=(home,) if len(home) > 1 else (),
            own=((sys.prefix, "V"), (root, "R")),
            paths=tuple(paths),
            names=tuple(names),
            texts=tuple(texts),
        )


class Redactor:
    """Replaces secrets by labels.

    Parameters
    ----------
    secrets : Secrets
    names : bool
        Opted in: clip and project names and paths stay; home and user never do.
    prompts : bool
        Opted in: texts stay.
    """

    def __init__(self, secrets: Secrets, *, names: bool = False, prompts: bool = False) -> None:
        self._names = names
        self._prompts = prompts
        self._labels: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._words = frozenset() if prompts else _words_of(secrets.texts)
        known: dict[str, str] = {}
        for path, letter in secrets.own:
            self._learn(known, path, BLOCK + letter)
        for path in secrets.home:
            self._learn(known, path, f"{BLOCK}H")
        if not names:
            for path in secrets.paths:
                self._learn(known, path, self._label("F", path))
            for name in secrets.names:
                self._learn(known, name, self._label("N", name))
        if not prompts:
            for text in secrets.texts:
                self._learn(known, text, self._label("W", text))
        for person in secrets.people:
            self._learn(known, person, f"{BLOCK}U")
        self._known = {variant.lower(): label for variant, label in reversed(known.items())}
        self._pattern = _alternatives(known)

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        text = unicodedata.normalize("NFC", text)
        for pattern in _KEYS:
            text = re.sub(pattern, f"{BLOCK}K", text)
        text = _NAMED_KEY.sub(rf"\1{BLOCK}K", text)
        text = _IN_URL.sub(rf"\1{BLOCK}K@", text)
        text = _MAIL.sub(f"{BLOCK}U", text)
        text = self._literally(text)
        text = _HOMES.sub(rf"\1{BLOCK}U", text)
        if not self._names:
            text = _WINDOWS.sub(self._path, text)
            text = _POSIX.sub(self._path, text)
        if self._words:
            text = _QUOTED.sub(self._quoted, text)
        return self._literally(text)  # what other replacements have brought together

    def _learn(self, known: dict[str, str], secret: str, label: str) -> None:
        for variant in _variants(secret):
            known.setdefault(variant, label)

    def _label(self, letter: str, secret: str) -> str:
        key = f"{letter}{secret.casefold()}"
        if key not in self._labels:
            self._counts[letter] = self._counts.get(letter, 0) + 1
            self._labels[key] = f"{BLOCK}{letter}{self._counts[letter]}"
        return self._labels[key]

    def _literally(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(
            lambda found: self._known.get(found.group().lower(), f"{BLOCK}W"), text
        )

    def _path(self, found: re.Match[str]) -> str:
        path = found.group()
        suffix = re.search(r"\.(?=[a-z0-9]*[a-z])[a-z0-9]{2,5}$", path, re.IGNORECASE)
        kept = suffix.group() if suffix and suffix.group().lower() in _SUFFIXES else ""
        return self._label("F", path) + kept

    def _quoted(self, found: re.Match[str]) -> str:
        words = set(re.findall(r"\w+", found.group(1).casefold()))
        if not words or not words <= self._words:
            return found.group()
        return found.group()[0] + self._label("W", found.group(1)) + found.group()[-1]


_SUFFIXES: Final = frozenset(
    {
        *(".mov", ".mp4", ".mxf", ".mkv", ".avi", ".braw", ".r3d", ".ari", ".exr", ".dpx", ".tif"),
        *(".png", ".jpg", ".tiff", ".json", ".log", ".py", ".db", ".tmp", ".safetensors", ".lua"),
        *(".so", ".dll", ".comp", ".setting", ".webp", ".m4v", ".raw"),
    }
)


def _variants(secret: str) -> Iterator[str]:
    """Yield the ways in which a text is written in logs and JSON."""
    secret = unicodedata.normalize("NFC", secret).strip()
    if not secret or not secret.strip("/\\. "):
        return
    plain = secret.rstrip("/\\") or secret
    for form in {plain, plain.replace("\\", "/"), plain.replace("/", "\\")}:
        yield form
        yield from (
            json.dumps(form)[1:-1],
            json.dumps(form, ensure_ascii=False)[1:-1],
            repr(form)[1:-1],
            quote(form),
            quote(form, safe=""),
            " ".join(form.split()),
        )


def _alternatives(known: Iterable[str]) -> re.Pattern[str] | None:
    """Return one pattern, longest first; short secrets are whole words."""
    parts = []
    for variant in sorted(known, key=len, reverse=True):
        part = re.escape(variant)
        if len(variant) < _LEAST:
            part = rf"(?<!\w){part}(?!\w)"
        parts.append(part)
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _words_of(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(w for text in texts for w in re.findall(r"\w+", text.casefold()))
