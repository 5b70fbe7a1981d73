"""Mutants of a rule: its predicate, or a parameter that it uses, with one thing changed. Its tests must notice.

    python -m tests.unit.compliance.mutants [FILE...]     tells those that nobody notices
"""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from qx.app.compliance import Desk
from qx.compliance import lint
from qx.compliance.dated import is_number
from qx.compliance.language import params_in, parse
from qx.compliance.selftest import failures
from qx.config.pack import load
from qx.kernel.expr_tree import Binary, Call, Literal, Unary, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.kernel.expr_tree import Node
    from qx.model.rules import Param, Rule, RulePack, Window

RATES = {"BHD": Decimal("0.376"), "AED": Decimal("3.6725")}
FLIPPED = {
    "<": ("<=", ">"), "<=": ("<", ">"), ">": (">=", "<"), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
    "and": ("or",), "or": ("and",), "in": ("not in",), "not in": ("in",), "+": ("-",), "-": ("+",), "*": ("/",),
    "/": ("*",),
}  # fmt: skip


class Mutant(NamedTuple):
    rule: str
    what: str
    pack: RulePack  # of that rule alone


def mutants(pack: RulePack) -> Iterator[Mutant]:
    for rule in pack.rules:
        tree = parse(rule.predicate)
        for changed in _trees(tree):
            text = written(changed)
            yield Mutant(rule.id, text, replace(pack, rules=(replace(rule, predicate=text),)))
        for name in dict.fromkeys(params_in(tree)):
            yield from _of_param(pack, rule, name, pack.params[name])


def survivors(pack: RulePack) -> Iterator[Mutant]:
    """Those that every test of the rule passes."""
    return (each for each in mutants(pack) if not any(failures(each.pack, RATES)))


def _trees(tree: Node) -> Iterator[Node]:
    """Each with one operator, sign or number changed."""
    match tree:
        case Binary(op, left, right, span):
            for other in FLIPPED.get(op, ()):
                yield Binary(other, left, right, span)
            for changed in _trees(left):
                yield Binary(op, changed, right, span)
            for changed in _trees(right):
                yield Binary(op, left, changed, span)
        case Unary("not", of, span):
            yield of
            yield from (Unary("not", changed, span) for changed in _trees(of))
        case Call(function, given, span) if function != "param":
            for number, each in enumerate(given):
                for changed in _trees(each):
                    yield Call(function, (*given[:number], changed, *given[number + 1 :]), span)
        case Literal(value, span) if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield Literal(value + 1, span)


def _of_param(pack: RulePack, rule: Rule, name: str, param: Param) -> Iterator[Mutant]:
    """One step up and one down in the value's own precision, of each window."""
    for number, window in enumerate(param.windows):
        for value in _steps(window):
            windows = (*param.windows[:number], replace(window, value=value), *param.windows[number + 1 :])
            changed = pack.params | {name: replace(param, windows=windows)}
            what = f"{name} from {window.from_ or 'ever'}: {value}"
            yield Mutant(rule.id, what, replace(pack, params=changed, rules=(rule,)))


def _steps(window: Window) -> tuple[str, ...]:
    if not isinstance(window.value, str) or not is_number(window.value):
        return ()
    value = Decimal(window.value)
    step = Decimal(1).scaleb(min(0, int(value.as_tuple().exponent)))
    return str(value + step), str(value - step)


if __name__ == "__main__":
    files = [Path(word) for word in sys.argv[1:]]
    for pack in [load(file, lint.check) for file in files] or Desk({}).packs:
        every, left = list(mutants(pack)), list(survivors(pack))
        print(f"{pack.pack}: {len(every)} mutants, {len(left)} survive")
        for each in left:
            print(f"  {each.rule}: {each.what}")
