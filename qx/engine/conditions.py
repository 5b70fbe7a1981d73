"""Expressions of a runbook, judged at the moment when they matter: over what the steps before found, and what is seen.

Never: takes what is missing for true or false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.failover.words import words_of
from qx.kernel.errors import QxError
from qx.kernel.expr import parse
from qx.kernel.expr_tree import paths
from qx.kernel.expr_value import MISSING, decide, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.engine.world import Doing
    from qx.kernel.expr_tree import Node
    from qx.kernel.expr_value import Missing

MOST_SEEN = 8  # values that an explanation names
LONGEST = 80  # characters of one of them

SEEN = frozenset({"clusters", "regions"})  # names for which somebody has to look


async def data_for(tree: Node, doing: Doing) -> dict[str, Any]:
    """What the expression may name: `steps`, and `clusters` and `regions` as they are seen now, if it asks for them."""
    names = {path[0] for path, _ in paths(tree)}
    data: dict[str, Any] = {"steps": steps_of(doing)}
    if names & SEEN:
        data |= words_of(doing.world.platform, await doing.world.means.look())
    return data


def steps_of(doing: Doing) -> dict[str, Any]:
    """Of each step that has ended: what it found, and `outcome`: done, failed, skipped, unknown."""
    return {name: doing.proofs.get(name, {}) | {"outcome": outcome} for name, outcome in doing.outcomes.items()}


async def due(when: str, doing: Doing) -> bool:
    """Whether a step's time has come. Raises QX-EXPR-002 when that cannot be told."""
    tree = parse(when)
    data = await data_for(tree, doing)
    found = decide(tree, data)
    if found is MISSING:
        raise QxError("QX-EXPR-002", f"when: it cannot be told whether {when}: {seen(tree, data)}",
                      hint="ask with known(...) or default(..., ...) where a value may be missing")  # fmt: skip
    return bool(found)


def expected(expect: str, found: dict[str, Any], *, changed: bool) -> None:
    """Raises QX-BOOK-006, with the proof, unless `expect` is '' or true of what was found. `changed`: it was done."""
    if not expect:
        return
    tree = parse(expect)
    verdict: bool | Missing = decide(tree, found)
    if verdict is not True:
        why = "cannot be told" if verdict is MISSING else "is not so"
        error = QxError("QX-BOOK-006", f"expected {expect}: that {why}: {seen(tree, found)}")
        raise proven(error, found, changed=changed)


def proven(error: QxError, proof: dict[str, Any], *, changed: bool = False) -> QxError:
    """The error, with what was found beside it: the executor keeps that in the journal. `changed`: failed, and yet
    something may have been done.
    """
    error.proof = proof | ({"partial": True} if changed else {})  # type: ignore[attr-defined]  # the executor reads it
    return error


def seen(tree: Node, data: dict[str, Any]) -> str:
    """What the names of the expression stood for: `clusters.trading.lag_s = 31.2`."""
    return ", ".join(dict.fromkeys(_values(tree, data))) or "it names nothing"


def _values(tree: Node, data: dict[str, Any]) -> Iterator[str]:
    for number, node in enumerate(_named(tree)):
        if number == MOST_SEEN:
            return
        from qx.kernel.expr_tree import written
        from qx.kernel.text import shorten

        value = evaluate(node, data)
        yield f"{written(node)} = {'not known' if value is MISSING else shorten(str(value), LONGEST)}"


def _named(tree: Node) -> Iterator[Node]:
    """The parts that name data, the longest."""
    from qx.kernel.expr_tree import Binary, Call, Index, Items, Member, Name, Unary

    match tree:
        case Name() | Member() | Index():
            yield tree
        case Items(items, _) | Call(_, items, _):
            for each in items:
                yield from _named(each)
        case Unary(_, of, _):
            yield from _named(of)
        case Binary(_, left, right, _):
            yield from _named(left)
            yield from _named(right)
