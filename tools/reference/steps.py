"""The step sequences as they are planned for a cluster of three, and what each action is."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from qx.engine.acts import Act, act_for
from qx.engine.budget import UNDO_SHARE
from qx.failover import steps
from qx.failover.estimate import nothing_lost
from qx.failover.move import Move
from qx.kernel.spans import format_seconds
from qx.model import plan as p
from tools.reference.markdown import code, paragraph, plain, table
from tools.reference.sources import comments, demand, doc, in_words, struct_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.model.plan import Action, Step

FROM, TO, THIRD = "us-east", "eu-west", "ap-southeast"
HEAD = f"""\
Of a cluster that writes in {FROM}, is to write in {TO}, and has a third node in {THIRD}. Every cluster of a plan is
prepared before the first one is touched; then one cluster is moved after the other, PostgreSQL first.

- **PONR** marks the point of no return. It lies at the journal entry that announces the step, not at its end: before it
  every step with an undo is undone when one fails; after it the run only goes forward.
- **outage**: clients cannot write while the step runs. In a planned move the steps of the outage up to the point of no
  return together have {1 - UNDO_SHARE:.0%} of `objectives.write_outage`; the rest is kept for the undo.
- **at most**: the step's own deadline. A step without an answer is observed, never blindly repeated.
- **not required**: its failure leaves the run `degraded`: the write role has moved, something is left to do."""
CONTAINMENT = """\
When `qx status` sees a stale writer: {} to the lawful writer, then {} in each region where a node writes that must
not. It has no point of no return and no undo."""
SEQUENCES = (
    ("PostgreSQL, planned", "postgresql", "planned"), ("PostgreSQL, unplanned", "postgresql", "unplanned"),
    ("Redis, planned", "redis", "planned"), ("Redis, unplanned", "redis", "unplanned"),
)


def sequence(kind: str, mode: str) -> list[Step]:
    move = Move("CLUSTER", FROM, TO, "planned" if mode == "planned" else "unplanned", nothing_lost("example"))
    prepared = steps.preparation(move, kind, (THIRD,))
    if mode == "unplanned":
        return [*prepared, *steps.unplanned(move, kind, (THIRD,), attested="", by="", was_running=True)]
    body = steps.postgres_planned(move, (THIRD,), 0.2) if kind == "postgresql" else steps.redis_planned(move, (THIRD,))
    return [*prepared, *body]


def body() -> str:
    blocks = [HEAD]
    for title, kind, mode in SEQUENCES:
        blocks += [f"## {title}", _table(sequence(kind, mode))]
    move = Move("CLUSTER", FROM, TO, "unplanned", nothing_lost("example"))
    attested = steps.unplanned(move, "postgresql", (), attested="reason", by="operator", was_running=False)
    word = next(step.action for step in attested if isinstance(step.action, p.Attest))
    blocks += [
        f"With `--attest-fenced`, where the old writer's control does not answer, {_action(word)} stands for the hold.",
        "## Rejoin", "For every node that does not follow the writer, one after the other.",
        _table(steps.rejoining("CLUSTER", (THIRD,), FROM, frozenset({THIRD}), (TO, THIRD))),
        "## Containment",
        CONTAINMENT.format(_link(p.OpenRoute), _link(p.Contain)),
        "# Actions", "What each action is, and what is done for it.",
    ]
    for action in sorted(get_args(p.Action), key=lambda each: each.__name__):
        blocks += [f"## {action.__name__}", *_described(action)]
    return "\n\n".join(blocks)


def _table(found: Iterable[Step]) -> str:
    rows = []
    for number, step in enumerate(found, 1):
        marks = [word for word, holds in (
            ("**PONR**", step.point_of_no_return), ("outage", step.outage), ("not required", not step.required),
        ) if holds]
        undo = _action(step.undo) if step.undo else ""
        rows.append([str(number), code(step.id.removeprefix("CLUSTER.")), _action(step.action), plain(step.because),
                     format_seconds(step.timeout_s), undo, ", ".join(marks)])
    return table(["", "step", "action", "because", "at most", "undo", ""], rows)


def _action(action: Action) -> str:
    return f"{_link(type(action))} in {action.region}"


def _link(action: type) -> str:
    return f"[{action.__name__}](#{action.__name__.lower()})"


def _described(action: type) -> Iterator[str]:
    text = doc(action)
    demand(text, f"{action.__name__}: its docstring says what it is")
    yield paragraph(text)
    fields = [field for field in struct_of(action).fields if field.name not in {"cluster", "region"}]
    if fields:
        said = comments(action)
        yield "\n".join(
            f"- `{field.name}`: {in_words(field.type, lambda cls: cls.__name__)}"
            + (f": {plain(said[field.name])}" if said[field.name] else "") for field in fields
        )
    performed = {kind: doc(act.perform) for kind in ("postgresql", "redis") if (act := _act(action, kind)) is not None}
    for kind, words in performed.items():
        if words:
            both = len(set(performed.values())) == 1 and len(performed) == 2
            name = "Both" if both else {"postgresql": "PostgreSQL", "redis": "Redis"}[kind]
            yield f"*{name}:* {paragraph(words)}"
            if both:
                return


def _act(action: type, kind: str) -> Act | None:
    """None where servers of that kind know no such act."""
    try:
        return act_for(type(action.__name__, (), {})(), kind)  # it asks for the name only
    except AttributeError:
        return None
