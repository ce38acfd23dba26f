"""Read the text of a Fusion composition (`.comp`, `.setting`, clipboard).

The text is one Lua table literal whose tables may carry a constructor's name:
`Composition { Tools = ordered() { Polygon1 = PolylineMask { ... } } }`. The grammar:

    document := value
    table    := [ name [ '(' ')' ] ] '{' [ field { (',' | ';') field } [ ',' | ';' ] ] '}'
    field    := '[' scalar ']' '=' value | name '=' value | value
    value    := scalar | table
    scalar   := string | number | '-' number | 'true' | 'false' | 'nil' | name

The parser keeps its own stack, so depth costs no recursion, looks one token ahead and
touches every character once. Nothing in the text is executed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from resolve_bridge.errors.masks import CompReadError, CompSyntaxError
from resolve_bridge.fusion.table import Bare, Key, Scalar, Table, Value

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse", "read"]

MAX_DEPTH: Final = 1000
"""Tables inside tables; real compositions stay below sixty."""

MAX_BYTES: Final = 64 * 1024 * 1024


# The lexical level. Possessive quantifiers (`++`, `*+`) give nothing back, so no text can
# make the scanner look at a character more than a fixed number of times.
_SKIP = r"(?:[\s\ufeff\x00]++|--(?!\[=*+\[)[^\r\n]*+)*+"
_TOKEN = re.compile(
    _SKIP
    + r"""(?:
      (?P<punct>[{}()=,;\]])
    | (?P<name>[^\W\d]\w*+(?:[.\-]\w++)*+)
    | (?P<number>(?:0[xX][0-9a-fA-F]++
                   |(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?(?:\#[A-Za-z]++)?)(?![\w.]))
    | (?P<string>"(?:[^"\\\r\n]++|\\(?:\r\n|[\s\S]))*+"|'(?:[^'\\\r\n]++|\\(?:\r\n|[\s\S]))*+')
    | (?P<minus>-(?!-))
    | (?P<long>(?:--)?\[(?P<level>=*+)\[)
    | (?P<open>\[)
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_PUNCT, _NAME, _NUMBER, _STRING, _MINUS, _LONG, _LEVEL, _OPEN, _END = range(1, 10)

_ESCAPE = re.compile(
    r"\\(?:z\s*+|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,8})\}|(\d{1,3})|(\r\n|[\s\S]))"
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "nil": None}
_LINE_END = re.compile(r"\r\n|\r|\n")


def parse(text: str) -> Table:
    """Parse the text of a composition or a setting.

    Parameters
    ----------
    text : str
        The whole text; comments, any spacing and any line ends are allowed.

    Returns
    -------
    Table
        The outermost table.

    Raises
    ------
    CompSyntaxError
        Code ``fusion.syntax``, with `line` and `column` from 1.
    """
    return _Parser(text).document()


def read(path: Path) -> Table:
    """Read and parse a file (UTF-8 with or without mark, UTF-16 with mark, else Latin-1).

    Raises
    ------
    CompReadError
        Code ``fusion.unreadable``: missing, unreadable, empty or above `MAX_BYTES`.
    CompSyntaxError
        Code ``fusion.syntax``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CompReadError(
            f"The Fusion composition {path.name} cannot be opened.",
            hint=("retry", "choose_matte"),
            detail=f"{path}: {error}",
        ) from error
    if len(data) > MAX_BYTES:
        raise CompReadError(
            f"The Fusion composition is bigger than the {MAX_BYTES // 2**20} MB that can be read.",
            hint=("choose_matte",),
            detail=str(path),
        )
    if not data.strip(b"\0\r\n\t "):
        raise CompReadError(
            f"The Fusion composition {path.name} is empty.",
            hint=("retry", "choose_matte"),
            detail=str(path),
        )
    return parse(_decode(data))


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Old Windows builds write paths in the ANSI code page; masks are plain ASCII.
        return data.decode("latin-1")


class _Parser:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._match = _TOKEN.match
        self._pos = 0
        self._kind = 0
        self._word = ""
        self._start = 0

    # Tokens -----------------------------------------------------------------------------

    def _advance(self) -> None:
        """Move to the next token: its kind, its text (strings already without escapes)."""
        while True:
            found = self._match(self._text, self._pos)
            if found is None:
                raise self._unreadable()
            kind = found.lastindex or _END  # the outermost group that took part
            self._start = found.start(kind)
            self._pos = found.end()
            self._kind = kind
            self._word = found.group(kind)
            if kind != _LONG:
                return
            closer = "]" + found.group("level") + "]"
            stop = self._text.find(closer, self._pos)
            is_comment = self._word.startswith("--")
            if stop < 0:
                what = "comment" if is_comment else "long string"
                raise self._error(f"a {what} is never closed", self._start)
            body = self._text[self._pos : stop]
            self._pos = stop + len(closer)
            if is_comment:
                continue
            # Lua drops a line end that directly follows the opening brackets.
            first = _LINE_END.match(body)
            self._word = body[first.end() :] if first else body
            return

    def _unreadable(self) -> CompSyntaxError:
        skipped = re.compile(_SKIP).match(self._text, self._pos)
        start = skipped.end() if skipped else self._pos
        sign = self._text[start : start + 1]
        if sign in ('"', "'"):
            return self._error("a text in quotes is never closed on its line", start)
        if sign.isdigit() or sign == ".":
            return self._error("a number is malformed", start)
        return self._error(f"the character {sign!r} is not expected here", start)

    def _error(self, what: str, offset: int) -> CompSyntaxError:
        line, column = 1, offset + 1
        for end in _LINE_END.finditer(self._text, 0, offset):
            line += 1
            column = offset - end.end() + 1
        return CompSyntaxError(
            f"The Fusion composition cannot be read: {what} (line {line}, column {column}).",
            line=line,
            column=column,
            hint=("export_again", "choose_matte"),
            detail=repr(self._text[max(0, offset - 40) : offset + 40]),
        )

    def _describe(self) -> str:
        if self._kind == _END:
            return "the end of the file"
        return repr(self._word if len(self._word) <= 24 else self._word[:24] + "…")

    def _expect(self, sign: str) -> None:
        if self._kind != _PUNCT or self._word != sign:
            raise self._error(f"{sign!r} is expected, not {self._describe()}", self._start)
        self._advance()

    # Grammar ----------------------------------------------------------------------------

    def document(self) -> Table:
        self._advance()
        root = self._value()
        if not isinstance(root, Table):
            raise self._error("a composition is expected, not a single value", 0)
        self._fill(root)
        if self._kind != _END:
            what = f"nothing may follow the composition, but there is {self._describe()}"
            raise self._error(what, self._start)
        return root

    def _fill(self, root: Table) -> None:
        """Read fields until the brace of `root` closes; the stack replaces recursion."""
        stack: list[Table] = []
        table = root
        separated = True
        while True:
            if self._kind == _PUNCT and self._word == "}":
                self._advance()
                if not stack:
                    return
                table = stack.pop()
                separated = False
            elif self._kind == _PUNCT and self._word in ",;":
                if separated:
                    raise self._error(f"a value is missing before {self._word!r}", self._start)
                self._advance()
                separated = True
            elif self._kind == _END:
                raise self._error("a table is never closed", table.offset)
            elif not separated:
                raise self._error(f"',' or '}}' is expected, not {self._describe()}", self._start)
            else:
                key, value = self._field()
                if key is None:
                    table.array.append(value)
                else:
                    table.fields[key] = value
                separated = isinstance(value, Table)
                if isinstance(value, Table):
                    stack.append(table)
                    if len(stack) >= MAX_DEPTH:
                        raise self._error(
                            f"tables are nested deeper than {MAX_DEPTH}", value.offset
                        )
                    table = value

    def _field(self) -> tuple[Key | None, Value]:
        if self._kind == _OPEN:
            self._advance()
            start = self._start
            key = self._scalar()
            if not isinstance(key, str | int | float) or key != key:
                raise self._error("a key must be a number or a text", start)
            self._expect("]")
            self._expect("=")
            return key, self._value()
        if self._kind == _NAME:
            name, start = self._word, self._start
            self._advance()
            if self._kind == _PUNCT and self._word == "=":
                self._advance()
                return name, self._value()
            return None, self._named(name, start)
        return None, self._value()

    def _value(self) -> Value:
        """Read a scalar, or the head of a table whose fields the caller reads."""
        if self._kind == _PUNCT and self._word == "{":
            table = Table("", self._start)
            self._advance()
            return table
        if self._kind == _NAME:
            name, start = self._word, self._start
            self._advance()
            return self._named(name, start)
        return self._scalar()

    def _named(self, name: str, start: int) -> Value:
        """Finish what begins with a word: a constructor, a keyword or a bare word."""
        if self._kind == _PUNCT and self._word == "(":
            self._advance()
            self._expect(")")
            if not (self._kind == _PUNCT and self._word == "{"):
                raise self._error(
                    f"'{{' is expected after {name}(), not {self._describe()}", self._start
                )
        if self._kind == _PUNCT and self._word == "{":
            self._advance()
            return Table(name, start)
        return _WORDS[name] if name in _WORDS else Bare(name)

    def _scalar(self) -> Scalar:
        kind, word, start = self._kind, self._word, self._start
        if kind == _STRING:
            self._advance()
            return self._unquote(word, start)
        if kind == _LONG:
            self._advance()
            return word
        if kind == _NUMBER:
            self._advance()
            return _number(word)
        if kind == _MINUS:
            self._advance()
            if self._kind == _NUMBER:
                word = self._word
                self._advance()
                return -_number(word)
            if self._kind == _NAME and self._word.lower() in ("nan", "inf"):
                word = self._word
                self._advance()
                return -float(word)
            raise self._error("a number is expected after '-'", self._start)
        if kind == _NAME:
            self._advance()
            return _WORDS[word] if word in _WORDS else Bare(word)
        raise self._error(f"a value is expected, not {self._describe()}", start)

    def _unquote(self, word: str, start: int) -> str:
        body = word[1:-1]
        if "\\" not in body:
            return body

        def plain(found: re.Match[str]) -> str:
            hexa, point, digits, other = found.groups()
            if hexa or point or digits:
                code = int(hexa or point, 16) if (hexa or point) else int(digits)
                if code > 0x10FFFF or (digits and code > 255):
                    raise self._error(
                        "a number after a backslash is too big", start + 1 + found.start()
                    )
                return chr(code)
            if other is None:
                return ""
            return _LETTERS.get(other, "\n" if other == "\r\n" else other)

        return _ESCAPE.sub(plain, body)


def _number(word: str) -> int | float:
    if word[:2] in ("0x", "0X"):
        # Longer than a double can hold: keep the size, not the last digits.
        return int(word, 16) if len(word) <= 18 else float(int(word[:258], 16))
    if "#" in word:
        sign = word[word.index("#") + 1 :].upper()
        return float("inf") if sign.startswith("INF") else float("nan")
    if word.isdecimal() and len(word) <= 15:
        return int(word)
    return float(word)
