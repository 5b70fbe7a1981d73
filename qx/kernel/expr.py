"""The predicate grammar that runbooks, gates and rule packs share: text -> syntax tree with spans, and back to text.

    any := all { "or" all }        all := not { "and" not }        not := "not" not | compared
    compared := sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") sum ]
    sum := product { ("+" | "-") product }       product := signed { ("*" | "/" | "%") signed }
    signed := "-" signed | part       part := atom { "." NAME | "[" any "]" }
    atom := NUMBER[UNIT] | TEXT | "true" | "false" | NAME | FUNCTION "(" any { "," any } ")" | "(" any ")" | "[" ... "]"

A number may have the unit of a duration (`30s`, then it is seconds) or of a size (`1MiB`, then it is bytes).
Invariants: length and depth are bounded; a tree is data, it holds no callable; `parse(written(tree))` is `tree`.
It must never: loop, call what is not in its functions, reach into Python, know a clock. Values: `qx.kernel.expr_value`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from qx.kernel.errors import Place, QxError
from qx.kernel.expr_tree import (
    Binary,
    Call,
    Index,
    Items,
    Literal,
    Member,
    Name,
    Span,
    Unary,
)
from qx.kernel.spans import parse_bytes, parse_seconds
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from qx.kernel.expr_tree import Node

MAX_LENGTH = 2000  # characters
MAX_TOKENS = 400
MAX_DEPTH = 24  # of brackets, calls, signs, negations and paths within each other
Functions = Mapping[str, tuple[int, int | None]]
FUNCTIONS: Functions = {  # name -> fewest and most arguments
    "abs": (1, 1), "known": (1, 1), "default": (2, 2), "len": (1, 1), "lower": (1, 1), "upper": (1, 1),
    "min": (1, None), "max": (1, None), "startswith": (2, 2), "endswith": (2, 2), "matches": (2, 2),
}  # fmt: skip
WORDS = frozenset({"and", "or", "not", "in", "true", "false"})
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")

_TOKEN = re.compile(
    r"""(?P<space>\s+) | (?P<number>\d+(?:\.\d+)?)(?P<unit>[A-Za-z_]\w*)? | (?P<name>[A-Za-z_]\w*)
      | (?P<text>"(?:[^"\\\n]|\\["\\nt])*"|'(?:[^'\\\n]|\\['\\nt])*') | (?P<sign>[=!<>]=|[-+*/%<>().,\[\]])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t"}
_LONGEST_NUMBER = 40  # digits
_UNITS = ("ms", "s", "m", "h", "d", "w")
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB")


class Misread(QxError):
    """QX-EXPR-001. `span`: the characters of the text that it is about."""

    def __init__(self, text: str, span: Span, message: str, hint: str = "") -> None:
        line, column = position(text, span.start)
        super().__init__("QX-EXPR-001", f"{message} (line {line}, column {column} of `{_short(text)}`)", hint=hint)
        self.span = span
        self.plain = message

    def at(self, place: Place) -> Misread:
        """The same, and where in a file."""
        self.place = place
        return self


class _Token(NamedTuple):
    kind: str  # number, name, text, sign, end
    text: str
    span: Span
    unit: str = ""


def parse(text: str, functions: Functions = FUNCTIONS) -> Node:
    """The tree of one expression. Raises Misread."""
    return _Parser(text, functions).whole()


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character of the text (or of its end)."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _unreadable(text, at)
        start, at = match.span()
        if match["space"] is None:
            kind = str(match.lastgroup if match["number"] is None else "number")
            word = match["number"] or match[0]
            found.append(_Token(kind, word, Span(start, at), match["unit"] or ""))
    return [*found, _Token("end", "", Span(len(text), len(text)))]


def _unreadable(text: str, at: int) -> NoReturn:
    character = text[at]
    if character in "\"'":
        hint = f"close it with {character}; \\n \\t \\\\ and \\{character} are its escapes"
        raise Misread(text, Span(at, at + 1), "a text that is never closed", hint)
    hints = {"=": "to compare, write ==", "!": "write `not`, or !=", "&": "write `and`", "|": "write `or`"}
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    hint = hints.get(character, "texts stand in quotes")
    raise Misread(text, Span(at, at + 1), f"'{shown}' means nothing here", hint)


class _Parser:
    def __init__(self, text: str, functions: Functions) -> None:
        self.text, self.functions = text, functions
        if len(text) > MAX_LENGTH:
            raise Misread(text, Span(MAX_LENGTH, len(text)), f"longer than {MAX_LENGTH} characters", "split it up")
        self.tokens = _tokens(text)
        if len(self.tokens) > MAX_TOKENS:
            raise Misread(text, self.tokens[MAX_TOKENS].span, f"more than {MAX_TOKENS} words and signs", "split it up")
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        if self.now.kind == "end":
            self.stop("nothing stands here", "write a condition, like `count == 0`")
        tree = self.any()
        if self.now.kind != "end":
            self.unexpected()
        return tree

    # -- tokens

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.now
        self.at += token.kind != "end"
        return token

    def word(self, *words: str) -> bool:
        return self.now.kind == "name" and self.now.text in words

    def sign(self, *signs: str) -> bool:
        return self.now.kind == "sign" and self.now.text in signs

    def close(self, sign: str) -> _Token:
        if not self.sign(sign):
            self.unexpected(f"'{sign}' was expected")
        return self.take()

    def stop(self, message: str, hint: str = "", span: Span | None = None) -> NoReturn:
        raise Misread(self.text, span or self.now.span, message, hint)

    def unexpected(self, wanted: str = "") -> NoReturn:
        word = self.now.text + self.now.unit
        found = "it ends here" if self.now.kind == "end" else f"'{word}' is not expected here"
        near = did_you_mean(word, WORDS) if self.now.kind == "name" else ""
        self.stop(f"{found}; {wanted}" if wanted else found, near if near.startswith("did") else "")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.stop(f"nested more than {MAX_DEPTH} deep", "split it up")

    # -- grammar

    def any(self) -> Node:
        return self.chain(self.all, "or")

    def all(self) -> Node:
        return self.chain(self.negated, "and")

    def chain(self, below: _Rule, word: str) -> Node:
        left = below()
        while self.word(word):
            self.take()
            right = below()
            left = Binary(word, left, right, Span(left.span.start, right.span.end))
        return left

    def negated(self) -> Node:
        if not self.word("not"):
            return self.compared()
        start = self.take().span.start
        self.deeper()
        of = self.negated()
        self.depth -= 1
        return Unary("not", of, Span(start, of.span.end))

    def compared(self) -> Node:
        left = self.sum()
        op = self.comparison()
        if not op:
            return left
        right = self.sum()
        tree = Binary(op, left, right, Span(left.span.start, right.span.end))
        span = self.now.span
        if self.comparison():
            self.stop("comparisons are not chained", "write `a < b and b < c`", span)
        return tree

    def comparison(self) -> str:
        """Taken, if one stands here."""
        if self.sign(*COMPARISONS) or self.word("in"):
            return self.take().text
        if self.word("not") and self.tokens[self.at + 1].text == "in" and self.tokens[self.at + 1].kind == "name":
            self.at += 2
            return "not in"
        return ""

    def sum(self) -> Node:
        return self.operated(self.product, "+", "-")

    def product(self) -> Node:
        return self.operated(self.signed, "*", "/", "%")

    def operated(self, below: _Rule, *signs: str) -> Node:
        left = below()
        while self.sign(*signs):
            op = self.take().text
            right = below()
            left = Binary(op, left, right, Span(left.span.start, right.span.end))
        return left

    def signed(self) -> Node:
        if not self.sign("-"):
            return self.part()
        start = self.take().span.start
        self.deeper()
        of = self.signed()
        self.depth -= 1
        return Unary("-", of, Span(start, of.span.end))

    def part(self) -> Node:
        tree, steps = self.atom(), 0
        while self.sign(".", "["):
            self.deeper()
            steps += 1
            if self.take().text == ".":
                name = self.now
                if name.kind != "name":
                    self.unexpected("a name was expected after '.'")
                self.take()
                tree = Member(tree, name.text, Span(tree.span.start, name.span.end))
            else:
                key = self.any()
                tree = Index(tree, key, Span(tree.span.start, self.close("]").span.end))
        self.depth -= steps
        return tree

    def atom(self) -> Node:
        token = self.now
        if token.kind == "number":
            return Literal(self.number(self.take()), token.span)
        if token.kind == "text":
            self.take()
            inner = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), token.text[1:-1])
            return Literal(inner, token.span)
        if self.word("true", "false"):
            return Literal(self.take().text == "true", token.span)
        if token.kind == "name" and token.text not in WORDS:
            self.take()
            return self.call(token) if self.sign("(") else Name(token.text, token.span)
        if self.sign("("):
            self.take()
            self.deeper()
            tree = self.any()
            self.close(")")
            self.depth -= 1
            return tree
        if self.sign("["):
            self.take()
            items = self.listed("]")
            return Items(tuple(items), Span(token.span.start, self.close("]").span.end))
        return self.unexpected("a value was expected")

    def number(self, token: _Token) -> int | float:
        if len(token.text) > _LONGEST_NUMBER:
            self.stop(f"a number of more than {_LONGEST_NUMBER} digits", span=token.span)
        if not token.unit:
            return float(token.text) if "." in token.text else int(token.text)
        if token.unit in _UNITS:
            return float(parse_seconds(token.text + token.unit))
        if token.unit in _SIZES:
            return int(parse_bytes(token.text + token.unit))
        hint = did_you_mean(token.unit, (*_UNITS, *_SIZES))
        return self.stop(f"'{token.unit}' is no unit of a duration or a size", hint, token.span)

    def call(self, name: _Token) -> Node:
        if name.text not in self.functions:
            self.stop(f"no function '{name.text}'", did_you_mean(name.text, self.functions), name.span)
        self.take()
        given = self.listed(")")
        end = self.close(")").span.end
        fewest, most = self.functions[name.text]
        if len(given) < fewest or (most is not None and len(given) > most):
            wanted = str(fewest) if most == fewest else f"{fewest} or more"
            self.stop(f"{name.text} takes {wanted}, not {len(given)}", span=Span(name.span.start, end))
        return Call(name.text, tuple(given), Span(name.span.start, end))

    def listed(self, closing: str) -> list[Node]:
        found: list[Node] = []
        self.deeper()
        while not self.sign(closing):
            found.append(self.any())
            if not self.sign(","):
                break
            self.take()
        self.depth -= 1
        return found


def _short(text: str) -> str:
    from qx.kernel.text import shorten

    return shorten(" ".join(text.split()), 60)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Rule = Callable[[], Node]
