"""Program: the rules of a rulebook as numbered steps, each of which is taken once, however many rules ask for it.

A step is asked of a frame: some rows whose asOf lies between two changes of any rule, so that all of them are judged by
the same parameters. Pure.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.compliance.closure import FUNCTIONS, local_day
from qx.compliance.columnar import operations as do
from qx.compliance.columnar.values import Coded, Const
from qx.compliance.judge import ALWAYS
from qx.compliance.language import parse, path_of
from qx.kernel.expr_tree import Binary, Call, Items, Literal, Member, Name, Unary
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.compliance.columnar.frame import Frame
    from qx.compliance.columnar.values import Value
    from qx.compliance.judge import Compiled
    from qx.kernel.expr_tree import Node

    Step = Callable[[Frame], Value]

ATTESTED = "facts.attested"
_ARITHMETIC = frozenset({"+", "-", "*", "/"})


class Steps(NamedTuple):
    """What is asked for one rule: numbers of steps. `needs`: whether each is there."""

    rule: Compiled
    applies: int
    holds: int
    needs: tuple[int, ...]
    attested: int | None


class Program:
    """Of the rules of one rulebook."""

    def __init__(self, rules: tuple[Compiled, ...]) -> None:
        self.steps: list[Step] = []
        self._known: dict[Any, int] = {}
        self.rules = tuple(self._rule(one) for one in rules)

    def _rule(self, one: Compiled) -> Steps:
        pack, wanted = one.pack.pack, one.rule.untranslatable
        return Steps(
            one,
            self._number(parse(one.rule.applies_when or ALWAYS), pack),
            self._number(one.tree, pack),
            tuple(self._known_path(path) for path in one.needs),
            None if wanted is None else self._attested(wanted.attestation),
        )

    def _attested(self, kind: str) -> int:
        given = self._path(ATTESTED)
        return self._step(("attested", kind), lambda frame: _attested(frame.value(given), kind))

    def _known_path(self, path: str) -> int:
        return self._known_of(self._path(path))

    def _known_of(self, of: int) -> int:
        return self._step(("known", of), lambda frame: do.known(frame.value(of)))

    def _path(self, path: str) -> int:
        return self._step(("path", path), lambda frame: frame.path(path))

    def _step(self, key: tuple[Any, ...], step: Step) -> int:
        if key not in self._known:
            self._known[key] = len(self.steps)
            self.steps.append(step)
        return self._known[key]

    def _number(self, tree: Node, pack: str) -> int:
        match tree:
            case Literal(value, _):
                constant = value if isinstance(value, (bool, str)) else Decimal(repr(value))
                return self._step(("literal", type(constant), constant), lambda _: Const(constant))
            case Name() | Member():
                return self._path(str(path_of(tree)))
            case Items(items, _):
                parts = tuple(self._number(each, pack) for each in items)
                return self._step(("items", *parts), partial(_items, parts))
            case Call(function, given, _):
                return self._call(function, given, pack)
            case Unary("not", of, _):
                inner = self._number(of, pack)
                return self._step(("not", inner), lambda frame: do.negated(frame.value(inner), frame.rows))
            case Unary(_, of, _):
                inner = self._number(of, pack)
                return self._step(("neg", inner), lambda frame: do.sign("-", frame.value(inner)))
            case Binary(op, left, right, _):
                one, other = self._number(left, pack), self._number(right, pack)
                return self._step((op, one, other), partial(_binary, op, one, other))
        raise AssertionError(tree)

    def _call(self, function: str, given: tuple[Node, ...], pack: str) -> int:
        if function == "param":
            name = str(getattr(given[0], "value", ""))
            return self._step(("param", pack, name), lambda frame: frame.param(pack, name))
        parts = tuple(self._number(each, pack) for each in given)
        first = parts[0]
        match function:
            case "known":
                return self._known_of(first)
            case "default":
                other = parts[1]
                return self._step(
                    ("default", *parts),
                    lambda frame: do.default(frame.value(first), frame.value(other), frame.rows),
                )
            case "local_day":
                return self._step(("local_day", first, pack), partial(_local_day, first, pack))
            case "days_between":
                other = parts[1]
                return self._step(
                    ("days_between", *parts),
                    lambda frame: do.days_between(frame.value(first), frame.value(other), frame.rows),
                )
            case "abs":
                return self._step(("abs", first), lambda frame: do.sign("abs", frame.value(first)))
            case "min" | "max":
                return self._step((function, *parts), partial(_extreme, function, parts))
        return self._step((function, *parts), partial(_mapped, function, parts))


def _items(parts: tuple[int, ...], frame: Frame) -> Value:
    """What is not there stands in the list as such: it is like nothing."""
    return do.mapped(lambda *texts: texts, [frame.value(part) for part in parts], frame.rows, strict=False)


def _binary(op: str, left: int, right: int, frame: Frame) -> Value:
    one = frame.value(left)
    if op in ("and", "or"):
        return do.joined(op, one, lambda: frame.value(right), frame.rows)
    other = frame.value(right)
    if op == "in":
        return do.mapped(_within, (one, other), frame.rows)
    if op == "not in":
        return do.negated(do.mapped(_within, (one, other), frame.rows), frame.rows)
    if op in _ARITHMETIC:
        return do.reckoned(op, one, other, frame.rows)
    return do.compared(op, one, other, frame.rows)


def _local_day(of: int, pack: str, frame: Frame) -> Value:
    zone = frame.timezones[pack]
    return do.mapped(lambda moment: local_day(moment, zone), (frame.value(of),), frame.rows)


def _extreme(function: str, parts: tuple[int, ...], frame: Frame) -> Value:
    values = [frame.value(part) for part in parts]
    return reduce(lambda one, other: do.reckoned(function, one, other, frame.rows), values)


def _mapped(function: str, parts: tuple[int, ...], frame: Frame) -> Value:
    return do.mapped(FUNCTIONS[function], [frame.value(part) for part in parts], frame.rows)


def _within(one: str, many: tuple[str, ...]) -> bool:
    return one in many


def _attested(found: Value, kind: str) -> Value:
    if isinstance(found, Coded):
        return found.which(lambda kinds: kind in kinds)
    return Const(isinstance(found, Const) and found.value is not MISSING and kind in found.value)
