"""Every word that a person reads, by key: `tr`, `trn`, `number`.

One folder per language, one flat JSON file per author inside it; all files of a language are
merged. `null` is "not translated yet" and falls back to English. Keys are dotted lower case.
Their first word says what they are and how long they may be in every language:

- ``tip.*``: tooltips, at most 60 characters;
- ``error.* empty.* say.* check.* help.* a11y.*``: whole sentences, as long as needed;
- anything else: labels, at most 25 characters.

A plural is a family of keys ``name.one``, ``name.other``, asked for by ``trn("name", n)``.
Never compare Resolve's own, localised words with any of these.
"""

from plugin.locale._catalogue import (
    PSEUDO,
    SENTENCES,
    Catalogue,
    LocaleError,
    known,
    language,
    language_changed,
    languages,
    load,
    number,
    parse_number,
    plural_forms,
    set_language,
    set_strict,
    tr,
    trn,
)

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
