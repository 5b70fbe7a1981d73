"""The predicates of rule packs: the shared grammar, with these functions, over fields, facts and dated parameters.

    param("name")              the parameter's value at asOf: a number, a day, a word or a list of words
    years_before(day, n)       the day n years earlier; 29 February becomes the 28th
    days_between(day, day)     whole days from the first to the second
    day(instant)               its day in UTC
    local_day(instant)         its day in the pack's timezone
    any_in(texts, texts)       whether they share a member
    known, default, len, abs, min, max, lower, startswith: as everywhere

Every expression has a kind that is known before it is evaluated: what compares a text with a number is refused when the
pack is read, not when a transaction comes. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.compliance.facts import FACTS, HELD, LAWS, fact_name
from qx.compliance.fields import FIELDS
from qx.kernel.expr import parse as parsed
from qx.kernel.expr_tree import Binary, Call, Index, Items, Member, Name, Unary
from qx.kernel.expr_tree import Literal as Constant
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.kernel.expr_tree import Node, Span

Kind = Literal["text", "decimal", "bool", "day", "instant", "texts", "records"]

FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "param": (1, 1), "years_before": (2, 2), "days_between": (2, 2), "day": (1, 1), "local_day": (1, 1),
    "any_in": (2, 2), "known": (1, 1), "default": (2, 2), "len": (1, 1), "abs": (1, 1), "min": (2, None),
    "max": (2, None), "lower": (1, 1), "startswith": (2, 2),
}  # fmt: skip
_GIVEN: dict[str, tuple[tuple[tuple[Kind, ...], ...], Kind]] = {  # what is taken, what comes out
    "years_before": ((("day",), ("decimal",)), "day"),
    "days_between": ((("day",), ("day",)), "decimal"),
    "day": ((("instant",),), "day"),
    "local_day": ((("instant",),), "day"),
    "any_in": ((("texts",), ("texts",)), "bool"),
    "len": ((("texts", "records", "text"),), "decimal"),
    "abs": ((("decimal",),), "decimal"),
    "lower": ((("text",),), "text"),
    "startswith": ((("text",), ("text",)), "bool"),
}
_PLAIN: dict[str, Kind] = {"country": "text", "currency": "text", "choice": "text"}
AS_OF = "asOf"
SCREENED = (  # what screening found, and what its batch says of it
    "facts.screened", "facts.confirmed", "facts.possible", "facts.vesselListed", "facts.copies", "facts.sectoral",
    "facts.confirmedAs", "facts.clearedBy", *(fact_name(what, law) for law in LAWS for what in HELD),
)  # fmt: skip


class Wrong(NamedTuple):
    """What an expression may not say, and which characters say it."""

    span: Span
    message: str
    hint: str = ""


class Stop(Exception):
    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.message)
        self.wrong = wrong


def parse(text: str) -> Node:
    """Raises Misread."""
    return parsed(text, FUNCTIONS)


def kind_of_path(path: str) -> Kind | None:
    """Of a field or a fact; None: there is none."""
    if path in FIELDS:
        kind = FIELDS[path].kind
        return _PLAIN.get(kind, kind)  # type: ignore[arg-type]
    return FACTS[path].kind if path in FACTS else None


def check(tree: Node, params: Mapping[str, Kind]) -> Wrong | None:
    """What is wrong with this condition, whose parameters have these kinds."""
    try:
        kind = _kind(tree, params)
    except Stop as stop:
        return stop.wrong
    return None if kind == "bool" else Wrong(tree.span, f"this is {_a(kind)}, not a condition")


def path_of(tree: Node) -> str | None:
    """`counterparty.lei` as it stands in the catalogue."""
    steps: list[str] = []
    while isinstance(tree, Member):
        steps.append(tree.name)
        tree = tree.of
    return ".".join([tree.name, *reversed(steps)]) if isinstance(tree, Name) else None


def paths_in(tree: Node) -> Iterator[str]:
    """Of every field and fact that it speaks of, in order, some twice."""
    path = path_of(tree)
    if path is not None:
        yield path
        return
    for below in below_of(tree):
        yield from paths_in(below)


def params_in(tree: Node) -> Iterator[str]:
    if isinstance(tree, Call) and tree.function == "param" and isinstance(tree.given[0], Constant):
        yield str(tree.given[0].value)
        return
    for below in below_of(tree):
        yield from params_in(below)


def below_of(tree: Node) -> tuple[Node, ...]:
    match tree:
        case Items(items, _):
            return items
        case Call(_, given, _):
            return given
        case Unary(_, of, _) | Member(of, _, _):
            return (of,)
        case Binary(_, left, right, _):
            return left, right
    return ()


def _kind(tree: Node, params: Mapping[str, Kind]) -> Kind:
    match tree:
        case Constant(value, _):
            return "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "decimal"
        case Name() | Member():
            return _of_path(tree)
        case Items(items, _):
            for each in items:
                _want(each, params, "text")
            return "texts"
        case Call(function, given, _):
            return _of_call(tree, function, given, params)
        case Unary("not", of, _):
            return _want(of, params, "bool")
        case Unary(_, of, _):
            return _want(of, params, "decimal")
        case Binary("and" | "or", left, right, _):
            _want(left, params, "bool")
            return _want(right, params, "bool")
        case Binary("in" | "not in", left, right, _):
            _want(left, params, "text")
            _want(right, params, "texts")
            return "bool"
        case Binary("+" | "-" | "*" | "/", left, right, _):
            _want(left, params, "decimal")
            _want(right, params, "decimal")
            return "decimal"
        case Binary("%", _, _, span):
            raise Stop(Wrong(span, "% means nothing here"))
        case Binary(op, left, right, span):
            return _of_comparison(op, _kind(left, params), _kind(right, params), span)
        case Index(_, _, span):
            raise Stop(Wrong(span, "nothing can be looked up by a key here", "facts.* sum up what lists hold"))
    raise AssertionError(tree)


def _of_path(tree: Node) -> Kind:
    path = path_of(tree)
    kind = kind_of_path(path) if path is not None else None
    if kind is None:
        raise Stop(Wrong(tree.span, f"no field or fact '{path}'", did_you_mean(str(path), [*FIELDS, *FACTS])))
    return kind


def _of_comparison(op: str, left: Kind, right: Kind, span: Span) -> Kind:
    if left != right:
        raise Stop(Wrong(span, f"compares {_a(left)} with {_a(right)}"))
    ordered = left in ("decimal", "day", "instant")
    if left in ("texts", "records") or (op not in ("==", "!=") and not ordered):
        raise Stop(Wrong(span, f"compares {_a(left)} by {op}"))
    return "bool"


def _of_call(tree: Node, function: str, given: tuple[Node, ...], params: Mapping[str, Kind]) -> Kind:
    if function == "param":
        name = given[0]
        if not isinstance(name, Constant) or not isinstance(name.value, str):
            raise Stop(Wrong(tree.span, "param takes a name in quotes"))
        if name.value not in params:
            raise Stop(Wrong(name.span, f"no parameter '{name.value}'", did_you_mean(name.value, params)))
        return params[name.value]
    if function == "known":
        _of_path(given[0])
        return "bool"
    if function == "default":
        return _want(given[0], params, _kind(given[1], params))
    if function in ("min", "max"):
        for each in given:
            _want(each, params, "decimal")
        return "decimal"
    taken, comes = _GIVEN[function]
    for each, kinds in zip(given, taken, strict=True):
        _want(each, params, *kinds)
    return comes


def _want(tree: Node, params: Mapping[str, Kind], *kinds: Kind) -> Kind:
    kind = _kind(tree, params)
    if kind not in kinds:
        raise Stop(Wrong(tree.span, f"this is {_a(kind)}, not {_a(kinds[0])}"))
    return kind


def _a(kind: str) -> str:
    names = {"text": "a text", "decimal": "a number", "bool": "a condition", "day": "a day", "instant": "an instant",
             "texts": "a list", "records": "a list of records"}  # fmt: skip
    return names[kind]
