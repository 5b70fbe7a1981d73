"""The steps of a runbook with their places; which fields hold expressions, which texts with `${...}`, which neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import fields

from qx.model import runbook as r

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail

EXPRESSIONS = frozenset({"when", "until", "expect", "over"})
AS_IT_IS = frozenset({"id", "item", "statement", "settled", "method", "severity"})  # taken word by word
RESULTS: dict[type, dict[str, Any]] = {  # what a step finds: the names that its `expect` may use
    r.SqlStep: {"rows": {"*": {"*": {}}}, "count": {}, "more": {}, "affected": {}, "region": {}},
    r.RedisStep: {"reply": {"*": {"*": {}}}, "region": {}},
    r.HttpStep: {"status": {}, "body": {"**": {}}},
    r.CommandStep: {"exit": {}, "stdout": {}, "stderr": {}},
    r.ApproveStep: {"approved_by": {}, "reason": {}, "at": {}},
    r.WaitStep: {"looks": {}, "seen": {}},
    r.NotifyStep: {"message": {}, "told": {"*": {}}, "failed": {"*": {}}},
    r.MaintenanceStep: {"scope": {}, "until": {}, "ended": {}},
}
MOVED: dict[str, Any] = {"run": {}, "outcome_of_run": {}, "nothing_to_do": {}, "verb": {}}


class At(NamedTuple):
    """A step and where it stands. `items`: names of what the for_each around it goes through; `before`: the steps that
    may have ended when it comes.
    """

    step: Any
    trail: Trail
    items: tuple[str, ...]
    before: tuple[At, ...]
    undo: bool = False


def walk(book: r.Runbook) -> Iterator[At]:
    """Every step, those in a for_each and every undo included, in the order of the file."""
    before: list[At] = []
    for index, step in enumerate(book.steps):
        at = At(step, ("steps", index), (), tuple(before))
        yield at
        yield from _undo(at)
        if not isinstance(step, r.EachStep):
            before.append(at)
            continue
        for number, inner in enumerate(step.steps):
            below = At(inner, ("steps", index, "steps", number), (step.item,), tuple(before))
            yield below
            yield from _undo(below)
            before.append(below)


def _undo(at: At) -> Iterator[At]:
    if at.step.undo is not None:
        yield At(at.step.undo, (*at.trail, "undo"), at.items, (*at.before, at), undo=True)


def texts(step: Any) -> Iterator[tuple[str, tuple[str | int, ...], str]]:
    """Every text of a step that is no part of it: (field, trail within the step, text)."""
    for field in fields(step):
        value, name = getattr(step, field.name), field.encode_name
        if isinstance(value, str):
            yield field.name, (name,), value
        elif isinstance(value, tuple):
            yield from ((field.name, (name, n), each) for n, each in enumerate(value) if isinstance(each, str))
        elif isinstance(value, dict):
            yield from ((field.name, (name, key), each) for key, each in value.items())


def results(step: Any) -> dict[str, Any]:
    """The names under `steps.ID`."""
    return {"outcome": {}, **RESULTS.get(type(step), MOVED)}
