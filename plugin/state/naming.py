"""Names that people read: of files, jobs and placed clips."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Final

from plugin.state.word_spans import Spanned, words_of

__all__ = ["JOIN", "safe_name", "shot_name", "take_name", "title_of"]

JOIN: Final = " - "
_WORDS_LENGTH: Final = 48  # characters of a title
_SHOT_LENGTH: Final = 64
_NAME_BYTES: Final = 200  # file systems stop at 255 bytes; room for ".partial-12345.mov"
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*%\x00-\x1f\x7f]')
# Windows gives these names to devices, with any suffix.
_DEVICES: Final = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$", re.IGNORECASE)


def safe_name(text: str, limit: int = _WORDS_LENGTH) -> str:
    """Return a text as a part of a file name on every system, in its own script.

    Parameters
    ----------
    limit : int
        Most characters; a cut falls between words where it can.
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    text = re.sub(r"\s+", " ", _FORBIDDEN.sub(" ", text)).strip(" .")
    if len(text) > limit:
        cut = text[: limit + 1].rpartition(" ")[0]
        text = (cut if len(cut) >= limit // 2 else text[:limit]).rstrip(" .-")
    while text and unicodedata.combining(text[0]):
        text = text[1:].lstrip(" .")
    return f"_{text}" if _DEVICES.match(text) else text


def shot_name(path_or_name: str) -> str:
    """Return a clip's name without folder and suffix: ``A012_C004``."""
    kind = PureWindowsPath if "\\" in path_or_name else PurePosixPath
    path: PurePath = kind(path_or_name)
    known = re.fullmatch(r"\.[A-Za-z0-9]{1,5}", path.suffix) is not None
    stem = path.stem if known and path.stem else path.name
    return safe_name(re.sub(r"[_.]?\[\d+-\d+\]$", "", stem), _SHOT_LENGTH)


def title_of(text: str, spans: Iterable[Spanned]) -> str:
    """Return the title of an edit: its driving words as they stand, "red leather jacket".

    Words that do not stand together are parted by commas.
    """
    runs: list[list[int]] = []
    for start, stop in sorted(spans):
        if runs and not text[runs[-1][1] : start].strip():
            runs[-1][1] = stop
        else:
            runs.append([start, stop])
    joined = ", ".join(text[start:stop] for start, stop in runs)
    if not joined:
        joined = " ".join(text[start:stop] for start, stop in words_of(text)[:6])
    joined = re.sub(r"\s+", " ", joined).strip()
    if len(joined) <= _WORDS_LENGTH:
        return joined
    cut = joined[: _WORDS_LENGTH - 1].rpartition(" ")[0] or joined[: _WORDS_LENGTH - 1]
    return cut.rstrip(" ,") + "…"


def take_name(shot: str, title: str, number: int, suffix: str = ".mov") -> str:
    """Return the file name of a take: ``A012_C004 - red leather jacket - t3.mov``."""
    end = f"t{number}{suffix}"
    words = safe_name(title.rstrip("…"))
    parts = [part for part in (shot_name(shot), words) if part]
    while len(JOIN.join([*parts, end]).encode()) > _NAME_BYTES and parts:
        longest = max(range(len(parts)), key=lambda i: len(parts[i].encode()))
        parts[longest] = parts[longest][:-1].rstrip(" .-")
        parts = [part for part in parts if part]
    return JOIN.join([*parts, end])
