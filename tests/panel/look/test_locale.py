"""Every word: complete in each language, within its budget, and found when it is asked for."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest

import flowanchor_engine
from flowanchor_engine.protocol import ModelInfo
from plugin import locale
from plugin.locale import PSEUDO, SENTENCES, LocaleError, tr, trn
from plugin.ui.phrases import good_for

FOLDER = Path(locale.__file__).parent
PLUGIN = FOLDER.parent
LANGUAGES = ("en", "de")
LABEL, TIP = 25, 60

EN = locale.load("en").texts


def texts(name: str) -> dict[str, str]:
    found = {}
    for key, text in locale.load(name).texts.items():
        assert text is not None, f"{key} is not translated into {name}"
        found[key] = text
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_files_and_keys() -> None:
    files = {name: {path.name for path in (FOLDER / name).glob("*.json")} for name in LANGUAGES}
    assert files["en"] == files["de"]
    for file in files["en"]:
        keys = [set(json.loads((FOLDER / name / file).read_text("utf-8"))) for name in LANGUAGES]
        assert keys[0] == keys[1], f"{file}: {sorted(keys[0] ^ keys[1])}"


@pytest.mark.parametrize("name", LANGUAGES)
def test_labels_and_tooltips_keep_their_budget(name: str) -> None:
    over = []
    for key, text in texts(name).items():
        if key.startswith(SENTENCES):
            continue
        most = TIP if key.startswith("tip.") else LABEL
        length = len(re.sub(r"\{[^{}]*\}", "0000", text))  # a value takes some four characters
        if length > most:
            over.append(f"{key}: {length} of {most}: {text}")
    assert not over, "\n".join(over)


def test_translations_have_the_same_placeholders() -> None:
    german = texts("de")
    wrong = [k for k, v in texts("en").items() if placeholders(v) != placeholders(german[k])]
    assert not wrong


@pytest.mark.parametrize("name", LANGUAGES)
def test_keys_are_dotted_lower_case_and_texts_are_tidy(name: str) -> None:
    for key, text in texts(name).items():
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", key), key
        assert text.strip(), f"{key} is empty"
        assert "..." not in text, f"{key}: one character …, not three"
        assert '"' not in text, f"{key}: typographic quotes"


@pytest.mark.parametrize("name", LANGUAGES)
def test_plural_families_are_complete(name: str) -> None:
    families = {k.rpartition(".")[0] for k in texts(name) if k.endswith((".one", ".other"))}
    for family in families:
        for form in locale.plural_forms(name):
            assert f"{family}.{form}" in texts(name)


def test_every_key_that_the_code_names_exists() -> None:
    missing = []
    for path in sorted(PLUGIN.rglob("*.py")):
        if path.is_relative_to(FOLDER):
            continue
        code = path.read_text("utf-8")
        for key in re.findall(r"\btr\(\s*\"([^\"{}]+)\"", code):
            if key not in EN:
                missing.append(f"{path.relative_to(PLUGIN)}: {key}")
        for key in re.findall(r"\btrn\(\s*\"([^\"{}]+)\"", code):
            if f"{key}.other" not in EN:
                missing.append(f"{path.relative_to(PLUGIN)}: {key}.other")
    assert not missing, "\n".join(missing)


def test_every_tooltip_belongs_to_a_label() -> None:
    orphans = [k for k in EN if k.startswith("tip.") and k.removeprefix("tip.") not in EN]
    known = {"tip.words.chip", "tip.how.about"}  # of a chip's and a number's changing text
    mine = set(json.loads((FOLDER / "en" / "look.json").read_text("utf-8")))
    assert set(orphans) & mine <= known


def test_every_model_is_described_in_the_language_of_the_person() -> None:
    registry = Path(flowanchor_engine.__file__).parent / "models" / "registry.json"
    entries = json.loads(registry.read_text("utf-8"))["models"]
    made = [ModelInfo(id=e["id"], name=e["name"], family="", good_for=e["about"]) for e in entries]
    assert len(made) >= 5
    for info in made:
        key = f"say.model.for.{re.sub('[^a-z0-9]+', '_', info.id)}"
        assert EN[key] == info.good_for, "the engine's sentence and its translations went apart"
        assert good_for(info) == info.good_for
    foreign = ModelInfo(id="own-model", name="Own", family="", good_for="Imported from here.")
    try:
        locale.set_language("de")
        assert [good_for(info) for info in made] == [
            texts("de")[f"say.model.for.{re.sub('[^a-z0-9]+', '_', info.id)}"] for info in made
        ]
        assert good_for(foreign) == foreign.good_for
        mine = foreign.model_copy(update={"origin": "/disk/wan"})
        assert good_for(mine) == "Übernommen aus /disk/wan."
    finally:
        locale.set_language("en")


def test_the_options_are_called_by_one_word() -> None:
    german = texts("de")
    assert german["foot.settings"] == german["action.settings"] == german["settings.title"]
    for key, text in german.items():
        # “Einstellung” is the shot; the program's own are “Optionen”.
        assert "Programmeinstellung" not in text, key
        assert "Einstellungen des Programms" not in text, key


def test_fixed_terms() -> None:
    german = texts("de")
    for key, word in {
        "how.where": "Wo",
        "how.strength": "Wie stark",
        "how.preserve": "Bewahren",
        "how.quality.draft": "Entwurf",
        "how.takes": "Takes",
    }.items():
        assert german[key] == word
    assert german["how.place"].startswith("Einsetzen")
    for key, text in german.items():
        assert "Aufnahme" not in text, f"{key}: a shot is an Einstellung"


# ---- the loader ---------------------------------------------------------------------------------


def write(folder: Path, language: str, name: str, text: str) -> None:
    (folder / language).mkdir(exist_ok=True)
    (folder / language / name).write_text(text, "utf-8")


def test_a_key_in_two_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "en", "a.json", '{"x.y": "1"}')
    write(tmp_path, "en", "b.json", '{"x.y": "1"}')
    with pytest.raises(LocaleError, match=r"x\.y.*b\.json"):
        locale.load("en", tmp_path)


def test_a_key_twice_in_one_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "en", "a.json", '{"x.y": "1", "x.y": "2"}')
    with pytest.raises(LocaleError, match=r"x\.y"):
        locale.load("en", tmp_path)


@pytest.mark.parametrize("text", ["[]", '{"x.y": 1}', '{"x.y": {"z": "1"}}', "{"])
def test_what_is_not_flat_text_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, "en", "a.json", text)
    with pytest.raises(LocaleError, match=r"a\.json"):
        locale.load("en", tmp_path)


def test_null_and_missing_fall_back_to_english(tmp_path: Path) -> None:
    write(tmp_path, "en", "a.json", '{"x.y": "yes", "x.z": "no"}')
    write(tmp_path, "de", "a.json", '{"x.y": null}')
    german = locale.load("de", tmp_path)
    assert german.find("x.y") == "yes"
    assert german.find("x.z") == "no"
    assert german.find("x.q") is None


def test_a_missing_key_is_an_error_in_tests_and_itself_for_people() -> None:
    with pytest.raises(LocaleError, match=r"no\.such\.key"):
        tr("no.such.key")
    with pytest.raises(LocaleError, match=r"tip\.how\.about"):
        tr("tip.how.about")  # the placeholder's value is missing
    locale.set_strict(False)
    assert tr("no.such.key") == "no.such.key"
    assert "{position}" in tr("tip.how.about")


def test_an_unknown_language_changes_nothing() -> None:
    with pytest.raises(LocaleError):
        locale.set_language("tlh")
    assert locale.language() == "en"


def test_languages_speak_their_own_name() -> None:
    assert locale.languages() == {"en": "English", "de": "Deutsch"}


def test_setting_a_language_tells() -> None:
    told: list[str] = []
    connection = locale.language_changed.connect(told.append)
    locale.set_language("de")
    assert tr("how.where") == "Wo"
    connection.disconnect()
    assert told == ["de"]


def test_plurals() -> None:
    assert trn("expert.typed", 1) == "1 number typed"
    assert trn("expert.typed", 0) == "0 numbers typed"
    assert trn("expert.typed", 2) == "2 numbers typed"
    locale.set_language("de")
    assert trn("expert.typed", 1) == "1 Wert von Hand"


def test_pseudo_is_forty_percent_longer_and_keeps_placeholders() -> None:
    pseudo = locale.load(PSEUDO).texts
    for key, text in EN.items():
        assert text is not None
        longer = pseudo[key]
        assert longer is not None
        assert placeholders(longer) == placeholders(text)
        plain = re.sub(r"\{[^{}]*\}", "", text)
        grown = re.sub(r"\{[^{}]*\}", "", longer)
        assert len(grown) >= 1.4 * len(plain)
        assert not plain or grown != plain


@pytest.mark.parametrize(
    ("name", "value", "decimals", "shown"),
    [
        ("en", 0.3, 2, "0.30"),
        ("de", 0.3, 2, "0,30"),
        ("de", -3.0, 0, "−3"),
        ("en", -0.001, 2, "0.00"),
    ],
)
def test_numbers_as_people_write_them(name: str, value: float, decimals: int, shown: str) -> None:
    locale.set_language(name)
    assert locale.number(value, decimals) == shown


@pytest.mark.parametrize(
    ("typed", "value"),
    [("62*", 62), ("0,48", 0.48), (" −3 px", -3), ("8 %", 8), (".5", 0.5), ("x", None), ("", None)],
)
def test_typed_numbers_are_read_either_way(typed: str, value: float | None) -> None:
    assert locale.parse_number(typed) == value
