"""Every gate: from the functions that judge, in the order in which they are asked."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

from qx.failover import gates, planner, rejoin
from tools.reference.markdown import code, paragraph, plain, table
from tools.reference.sources import demand, doc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HEAD = """\
A gate is asked of every cluster that a plan would move, before anything is touched. One that fails refuses the whole
plan: exit 4, or 9 when only `lease` fails. The refusal names every failing gate, its reason and the smallest change
that would let it pass; `--except CLUSTER` leaves a cluster out. What was accepted by consent stands in the plan and
the journal."""
CONSENT = """\
Consent needs `--reason TEXT`. `--accept-loss SIZE|SECONDS|unknown` is for `rpo`, `durability` and `furthest`,
`--attest-fenced NODE` for `fence` of an unplanned move, `--override` for `cooldown`, `maintenance`, `calendar` and
`risk`. No other gate can be passed by consent: `residency` passes with an approval on record in regions.yaml;
`qx residency check` tells why it refuses."""


def body() -> str:
    return "\n\n".join([
        HEAD, CONSENT,
        "## A planned move", "The writer answers: it is stopped cleanly, and nothing is lost.", _judged(gates.PLANNED),
        "## An unplanned move", "The writer does not answer.", _judged(gates.UNPLANNED),
        "## A failback, besides", table(["gate", "refuses"], [[code(name), _planned(name)] for name in _in_planner()]),
        "## A rejoin", "Asked of every node that is to come back.",
        table(["gate", "what lets it pass"], [[code(name), plain(words)] for name, words in _in_rejoin()]),
    ])


def _judged(asked: Iterable[Callable[..., object]]) -> str:
    return table(["gate", "asks"], [[code(name_of(gate)), paragraph(_asks(gate))] for gate in asked])


def _asks(gate: Callable[..., object]) -> str:
    text = doc(gate)
    demand(text, f"{gate.__name__}: its docstring says what it asks")
    return text


def name_of(gate: Callable[..., object]) -> str:
    """The name under which its answers stand."""
    tree = ast.parse(inspect.getsource(gate))
    names = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"yes", "no"}
        and isinstance(node.args[0], ast.Constant)
    }
    demand(len(names) == 1, f"{gate.__name__}: one name, not {names}")
    return str(names.pop())


def _in_planner() -> Iterator[str]:
    for node in ast.walk(ast.parse(inspect.getsource(planner))):
        if isinstance(node, ast.keyword) and node.arg == "gate" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def _planned(name: str) -> str:
    words = {"planned": "A writer that does not answer: a failback is planned, or it does not happen."}
    return words[name]


def _in_rejoin() -> Iterator[tuple[str, str]]:
    """Name and remedy: rows `(name, passed, because, remedy)` of its table."""
    for node in ast.walk(ast.parse(inspect.getsource(rejoin._gates))):  # noqa: SLF001 - the table is its own
        if isinstance(node, ast.Tuple) and len(node.elts) == 4 and isinstance(node.elts[0], ast.Constant):
            yield str(node.elts[0].value), ast.unparse(node.elts[3]).strip("f'\"")
