"""The grammar of compositions: every construct, every fault with its place, linear time."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.errors.masks import CompReadError, CompSyntaxError
from resolve_bridge.fusion import comp_text
from resolve_bridge.fusion.comp_text import MAX_DEPTH, parse, read
from resolve_bridge.fusion.table import Bare, Table

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.iterdir())


def one(text: str) -> object:
    return parse("{ " + text + " }").get(1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-1", -1), ("- 7", -7), (".5", 0.5), ("5.", 5.0), ("-.25e2", -25.0),
        ("1e-09", 1e-9), ("0x1F", 31), ("-0xff", -255), ("1E+3", 1000.0), ("-0", 0),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("true", True), ("false", False), ("nil", None),
        ('"a"', "a"), ("'a'", "a"), (r'"a\"b\\c\n\t\065\x41"', 'a"b\\c\n\tAA'), (r'"\q"', "q"),
        ('"a\\\nb"', "a\nb"), ('"a\\\r\nb"', "a\nb"), (r'"a\z   b"', "ab"), (r'"\u{20AC}"', "€"),
        ("[[raw \\n \"x\"]]", 'raw \\n "x"'), ("[==[ a ]] b ]==]", " a ]] b "),
        ("[[\nline]]", "line"), ("[[\r\nline]]", "line"), ('"é 漢"', "é 漢"), ('""', ""),
    ],
)  # fmt: skip
def test_every_scalar_reads_as_written(text: str, value: object) -> None:
    found = one(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["1.#IND", "-1.#QNAN", "nan", "-nan"])
def test_numbers_that_are_none_are_read_and_stay_none(text: str) -> None:
    found = one(text)
    assert isinstance(found, float | Bare)
    assert math.isnan(float(found))


def test_tables_keep_order_keys_constructors_and_values_without_key() -> None:
    root = parse(
        'Composition { B = 1; ["a.b"] = 2, [-3] = 3, [1.5e0] = 4, 10, 20, '
        "T = ordered() { X = FuID { 'q' }, }, E = ofx.com.blackmagicdesign.resolvefx.Blur-2 { } }"
    )
    assert root.ctor == "Composition"
    assert list(root.fields) == ["B", "a.b", -3, 1.5, "T", "E"]
    assert root.array == [10, 20]
    assert (root.get(1), root.get(2), root.get(3)) == (10, 20, None)
    inner = root.table("T")
    assert inner is not None
    assert inner.ctor == "ordered"
    assert inner.table("X").text(1) == "q"
    assert root.table("E").ctor == "ofx.com.blackmagicdesign.resolvefx.Blur-2"


def test_the_last_of_two_equal_keys_wins_as_in_lua() -> None:
    assert parse("{ a = 1, a = 2 }").get("a") == 2


def test_comments_and_any_spacing_change_nothing() -> None:
    plain = parse('{Tools=ordered(){A=B{Inputs={X=Input{Value={0.5,1}}}}},K="v"}')
    spaced = parse(
        "\ufeff--[[ head ]]\r\n{ -- x\r\n\tTools\n=\tordered ( ) --[==[ ]] ]==] {\fA = B\v{ Inputs"
        ' = { X = Input { Value = { 0.5 , 1 ; } ; } , } } } ; \r K = "v" , } -- end'
    )
    assert _plain(plain) == _plain(spaced)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 1, 1, "end of the file"),
        ("3", 1, 1, "single value"),
        ("{", 1, 1, "never closed"),
        ("{ a = {\n1, 2\n", 1, 7, "never closed"),
        ("{ a = }", 1, 7, "a value is expected"),
        ("{\n  a = 1\n  b = 2\n}", 3, 3, "',' or '}'"),
        ("{ 1,, 2 }", 1, 5, "missing before ','"),
        ("{ , }", 1, 3, "missing before ','"),
        ("{ } }", 1, 5, "nothing may follow"),
        ('{ a = "x\n" }', 1, 7, "quotes"),
        ("{ a = 'x }", 1, 7, "quotes"),
        ("{ [[x }", 1, 3, "long string is never closed"),
        ("{ --[==[ x ]=] }", 1, 3, "comment is never closed"),
        ("{ 12abc = 1 }", 1, 3, "number is malformed"),
        ("{ 1.2.3 }", 1, 3, "number is malformed"),
        ("{ a = @ }", 1, 7, "'@' is not expected"),
        ("{ a = -b }", 1, 8, "number is expected after '-'"),
        ("{ [nil] = 1 }", 1, 4, "a key must be"),
        ("{ [{}] = 1 }", 1, 4, "a value is expected"),
        ("{ [1 = 2 }", 1, 6, "']' is expected"),
        ("{ f(1) {} }", 1, 5, "')' is expected"),
        ("{ f() }", 1, 7, "'{' is expected after f()"),
        ("{\r\n\r\n\t}\r\n}", 4, 1, "nothing may follow"),
        (r'{ "\999" }', 1, 4, "too big"),
    ],
)
def test_a_fault_says_what_and_where(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(CompSyntaxError, match="cannot be read") as caught:
        parse(text)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert says in error.user_message
    assert error.code == "fusion.syntax"
    assert error.hint
    assert isinstance(error, ValueError)


def test_depth_is_bounded_without_recursion() -> None:
    deep = "{a=" * (MAX_DEPTH - 1) + "{}" + "}" * (MAX_DEPTH - 1)
    parse(deep)
    with pytest.raises(CompSyntaxError, match="nested deeper"):
        parse("{a=" * 2 + deep + "}" * 2)
    with pytest.raises(CompSyntaxError, match="nested deeper"):
        parse("{" * 3_000_000)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_corpus_reads_and_survives_writing_it_again(path: Path) -> None:
    root = read(path)
    assert root.table("Tools") is not None
    assert _plain(parse(_write(root))) == _plain(root)


def test_a_file_may_be_utf8_utf16_or_ansi(tmp_path: Path) -> None:
    text = '{ Tools = { A = Text { Name = "Grün" } } }'
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path = tmp_path / f"{encoding}.comp"
        path.write_bytes(text.encode(encoding))
        assert read(path).table("Tools").table("A").text("Name") == "Grün"


def test_unreadable_files_are_one_coded_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.comp").write_bytes(b"\xef\xbb\xbf"[:0] + b" \0\n")
    monkeypatch.setattr(comp_text, "MAX_BYTES", 10)
    (tmp_path / "big.comp").write_bytes(b"{" + b" " * 20 + b"}")
    for name, says in (("gone", "cannot be opened"), ("empty", "is empty"), ("big", "bigger")):
        with pytest.raises(CompReadError, match=says) as caught:
            read(tmp_path / f"{name}.comp")
        assert caught.value.code == "fusion.unreadable"
    with pytest.raises(CompReadError):
        read(tmp_path)


# Fuzzing ----------------------------------------------------------------------------------

_WORDS = ["--", "[[", "]]", "--[[", "[=[", "]=]", "ordered()", "Polyline", "nil", "\ufeff", "é"]
_SIGNS = st.sampled_from([*"{}()[]=,;-\"'\\ \n\r\t.0123456789abXeE#", *_WORDS])


def _fault(text: str) -> CompSyntaxError | None:
    """Read a text; return the coded error, if any, and let nothing else pass."""
    try:
        assert isinstance(parse(text), Table)
    except CompSyntaxError as error:
        return error
    return None


@settings(max_examples=600, deadline=None)
@given(st.lists(_SIGNS, max_size=60).map("".join))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    for candidate in (text, "{" + text + "}"):
        error = _fault(candidate)
        if error is not None:
            assert error.line >= 1
            assert 1 <= error.column <= len(candidate) + 1


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_compositions_never_do_worse_than_a_coded_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(FILES)).read_bytes().decode("utf-8-sig")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 40))
        text = (
            text[:at] + data.draw(st.lists(_SIGNS, max_size=4).map("".join)) + text[at + length :]
        )
    error = _fault(text)
    assert error is None or error.line >= 1


_TREES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**9), 10**9),
        st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12),
    ),
    lambda inner: st.builds(
        lambda ctor, named, plain: _table(ctor, named, plain),
        st.sampled_from(["", "Input", "ordered", "Fuse.Duplicate"]),
        st.dictionaries(st.text(max_size=8), inner, max_size=4),
        st.lists(inner, max_size=4),
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(_TREES)
def test_what_is_written_reads_back(tree: object) -> None:
    root = _table("Composition", {"x": tree}, [tree])
    assert _plain(parse(_write(root))) == _plain(root)


# Time -------------------------------------------------------------------------------------

_HOSTILE = {
    "points": ("{ Points = {", "{ Linear = true, X = 0.1234567, Y = -1e-05, RX = 0.1 },\n", "} }"),
    "spaces": ("{", " \n\t" * 20, "@"),
    "comments": ("{", "-- x\n--[[ y ]]", "}"),
    "escapes": ('{ "', "\\\\\\n", '" }'),
    "open string": ('{ "', "\\\\a", ""),
    "digits": ("{ ", "12345678", "x }"),
    "name": ("{ ", "ab.c-", " }"),
    "long string": ("{ [[", "]=] ", ""),
    "separators": ("{", "1,", ",}"),
    "lines": ("{ a = {", "\r\n", "@ } }"),
    "minus": ("{", "- ", "1}"),
    "brackets": ("{", "[=", ""),
}


class _Counted:
    """The scanner's expression, which notes how much of the text each match covered."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self.matches = 0
        self.characters = 0

    def match(self, text: str, pos: int) -> re.Match[str] | None:
        found = self._pattern.match(text, pos)
        self.matches += 1
        self.characters += found.end() - pos if found else 0
        return found


@pytest.mark.parametrize("name", list(_HOSTILE))
def test_every_character_is_read_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    head, body, tail = _HOSTILE[name]
    text = head + body * (640_000 // len(body)) + tail
    counted = _Counted(comp_text._TOKEN)
    monkeypatch.setattr(comp_text, "_TOKEN", counted)
    _fault(text)
    assert 0 < counted.matches <= len(text) + 1
    assert counted.characters <= len(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(_HOSTILE))
def test_ten_megabytes_are_no_trap(name: str) -> None:
    """Seconds for a scanner that never goes back, days for one that does."""
    head, body, tail = _HOSTILE[name]
    begun = time.process_time()
    _fault(head + body * (10_000_000 // len(body)) + tail)
    assert time.process_time() - begun < 600


# Helpers ----------------------------------------------------------------------------------


def _table(ctor: str, named: dict[str, object], plain: list[object]) -> Table:
    table = Table(ctor)
    table.fields.update(named)  # type: ignore[arg-type]
    table.array.extend(plain)  # type: ignore[arg-type]
    return table


def _plain(value: object) -> object:
    if isinstance(value, Table):
        fields = [(repr(k), _plain(v)) for k, v in value.fields.items()]
        return value.ctor, fields, [_plain(v) for v in value.array]
    return repr(value)


def _write(value: object) -> str:
    if isinstance(value, Table):
        fields = [f"[{_write(k)}] = {_write(v)}" for k, v in value.fields.items()]
        body = ", ".join([*fields, *(_write(v) for v in value.array)])
        ctor = "ordered()" if value.ctor == "ordered" else value.ctor
        return f"{ctor} {{ {body} }}"
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, Bare):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_escape(sign) for sign in value) + '"'
    return repr(value)


def _escape(sign: str) -> str:
    return f"\\u{{{ord(sign):x}}}" if sign in '"\\\r\n' or ord(sign) < 32 else sign
