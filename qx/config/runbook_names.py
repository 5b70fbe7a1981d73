"""Names in a runbook's expressions, held against what there will be: the inputs, the steps before, the platform.

A shape is a mapping of names to shapes: {} (or words, which say what it is) has no parts, `*` stands for any name, `**`
for any names down to the end. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qx.config.fault import Fault
from qx.config.runbook_steps import results
from qx.kernel.expr import Misread, parse
from qx.kernel.expr_tree import paths
from qx.kernel.text import did_you_mean
from qx.model import runbook as r

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail
    from qx.config.runbook_steps import At
    from qx.kernel.expr_tree import Node, Path

BAD, NOTHING = "QX-CFG-004", "QX-CFG-006"
ANY: dict[str, Any] = {"**": {}}
NODE: dict[str, Any] = {
    "role": "writer, replica, stale-writer, silent",
    "answers": "true or false",
    "takes_writes": "true or false; not known of a silent node",
    "streaming": "true or false",
    "upstream": "the region that it follows",
    "cause": "what is wrong with it, or none",
    "lag_s": "seconds behind the writer",
    "lag_bytes": "bytes behind the writer",
    "sync_in_progress": "Redis: a full copy is under way",
}
CLUSTER: dict[str, Any] = {
    "kind": "postgresql, redis",
    "home": "its home region",
    "verdict": "healthy, degraded, suspect, down, isolated, unknown",
    "cause": "what is wrong with it, or none",
    "writer": "the region of the one lawful writer",
    "recorded_writer": "the region that the record names",
    "epoch": "of the record",
    "writers": "how many of its nodes take writes",
    "replicas": "how many replicas stream",
    "lag_s": "of the replica that is furthest behind; not known when one's is not",
    "lag_bytes": "the same in bytes",
    "nodes": {"*": NODE},
}
REGION: dict[str, Any] = {
    "verdict": "healthy, degraded, suspect, down, isolated, unknown",
    "cause": "what is wrong with it, or none",
}
SEEN: dict[str, Any] = {"clusters": {"*": CLUSTER}, "regions": {"*": REGION}}
"""What `qx.failover.words` fills with what is seen."""


class Spotted(NamedTuple):
    """A fault at a certain character of the text that stands at its trail."""

    fault: Fault
    text: str
    offset: int


def shape_at(book: r.Runbook, at: At, field: str) -> dict[str, Any]:
    """What an expression in that field of that step may name."""
    known: dict[str, Any] = {"inputs": {name: {"*": {}} for name in book.inputs}}
    known |= {item: {} for item in at.items}
    if field == "over":
        return known | {"clusters": {"*": {}}, "regions": {"*": {}}}
    if field == "expect":
        return known | {name: shape for name, shape in results(at.step).items() if name != "outcome"}
    if field in {"when", "until"}:
        known |= SEEN
        known["steps"] = {}
        for before in at.before:
            if before.items:  # its ids are `id[item]`
                known["steps"]["*"] = ANY
            known["steps"][before.step.id] = results(before.step)
    return known


def judged(trail: Trail, text: str, shape: dict[str, Any]) -> Iterator[Fault | Spotted]:
    """The faults of an expression."""
    try:
        tree = parse(text)
    except Misread as error:
        yield Spotted(Fault(BAD, trail, error.plain, error.hint), text, error.span.start)
        return
    yield from named(trail, tree, shape, text, 0)


def named(trail: Trail, tree: Node, shape: dict[str, Any], text: str, offset: int) -> Iterator[Spotted]:
    """Names that nothing will stand for. `offset`: where the expression begins in the text."""
    for path, span in paths(tree):
        fault = _unknown(trail, path, shape)
        if fault is not None:
            yield Spotted(fault, text, offset + span.start)


def _unknown(trail: Trail, path: Path, shape: dict[str, Any]) -> Fault | None:
    below: Any = shape
    for number, step in enumerate(path):
        shape = below if isinstance(below, dict) else {}  # a leaf says in words what it is
        if "**" in shape:
            return None
        if step is None:
            below = shape.get("*") or next(iter(shape.values()), {})
        elif step in shape:
            below = shape[step]
        elif "*" in shape:
            below = shape["*"]
        else:
            before = ".".join(str(each) for each in path[:number])
            shown = f"`{before}` has no part '{step}'" if number else f"nothing is called '{step}' here"
            hint = did_you_mean(step, shape) or "it has no parts"
            return Fault(NOTHING, trail, shown, hint)
    return None
