"""plan_of(runbook, inputs) -> Plan: every `${...}` filled in, every for_each written out, every expression bound.

Pure. What the plan says is what will be done; only what a step's own turn brings (a move's plan, what is seen) is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import fields, replace

from qx.config import runbook_links
from qx.config.document import dotted
from qx.config.links import cluster_named, region_named
from qx.config.runbook_steps import AS_IT_IS, EXPRESSIONS
from qx.config.runbook_text import filled, spoken
from qx.kernel.errors import Problems, QxError
from qx.kernel.expr import parse
from qx.kernel.expr_tree import bind, written
from qx.kernel.expr_value import evaluate
from qx.kernel.spans import parse_seconds
from qx.model import asked, plan
from qx.model import runbook as r

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.config.document import Trail
    from qx.model.platform import Platform

MOST_ITEMS, MOST_STEPS = 100, 500
TIMEOUTS: dict[type, float] = {  # seconds, where the step says nothing
    r.FailoverStep: 300.0, r.FailbackStep: 300.0, r.RejoinStep: 1800.0, r.ContainStep: 60.0,
    r.MaintenanceStep: 10.0, r.SqlStep: 30.0,
    r.RedisStep: 10.0, r.HttpStep: 30.0, r.CommandStep: 60.0, r.ApproveStep: 3600.0, r.WaitStep: 300.0,
    r.NotifyStep: 30.0,
}  # fmt: skip


def plan_of(
    book: r.Runbook, called: asked.Called, platform: Platform, config_file: str, config_digest: str, *,
    id: str, at: float, by: str,  # noqa: A002 - the plan's word
) -> plan.Plan:
    """`called.inputs`: of `runbook_inputs.given`. Raises Problems: QX-BOOK-002 for each step that they spoil."""
    steps: list[plan.Step] = []
    wrong: list[QxError] = []
    for item, trail, step, known in _each(book, platform, called.inputs):
        try:
            steps.append(_step(called.scope, item, trail, step, known, platform))
        except QxError as error:
            wrong += error.errors if isinstance(error, Problems) else [error]
    if len(steps) > MOST_STEPS:
        wrong.append(QxError("QX-BOOK-002", f"{len(steps)} steps, {MOST_STEPS} are the most", hint="give fewer items"))
    if wrong:
        raise Problems(wrong)
    return plan.Plan(
        id=id, intent="runbook", platform=platform.platform, config_file=config_file, made_at=at, by=by,
        basis={"config": config_digest}, stages=(), gates=(), steps=tuple(steps), runbook=called,
    )  # fmt: skip


def _each(
    book: r.Runbook, platform: Platform, inputs: Mapping[str, Any]
) -> Iterator[tuple[str, Trail, Any, dict[str, Any]]]:
    """Item ('' outside of a for_each), place, step, and what is known to its texts."""
    known: dict[str, Any] = {"inputs": {name: _plain(value) for name, value in inputs.items()}}
    names = {"regions": list(platform.regions), "clusters": list(platform.clusters)}
    for index, step in enumerate(book.steps):
        if not isinstance(step, r.EachStep):
            yield "", ("steps", index), step, known
            continue
        items = evaluate(bind(parse(step.over), known), known | names)
        if not isinstance(items, list) or len(items) > MOST_ITEMS:
            raise QxError("QX-BOOK-002", f"{step.id}: {step.over} is no list of at most {MOST_ITEMS} items",
                          hint="regions, clusters, an input of several, or [...]")  # fmt: skip
        for item in items:
            for number, inner in enumerate(step.steps):
                yield spoken(item), ("steps", index, "steps", number), inner, known | {step.item: item}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _step(scope: str, item: str, trail: Trail, step: Any, known: Mapping[str, Any], platform: Platform) -> plan.Step:
    ready = fill(step, known)
    name = f"{step.id}[{item}]" if item else step.id
    undo = None if ready.undo is None else fill(ready.undo, known)
    faults = [*runbook_links.of_step(ready, trail, platform)]
    faults += [] if undo is None else runbook_links.of_step(undo, (*trail, "undo"), platform)
    if faults:
        said = [f"{name}: {dotted(fault.trail[len(trail):])}: {fault.message}" for fault in faults]
        raise Problems([QxError("QX-BOOK-002", m, hint=f.hint) for m, f in zip(said, faults, strict=True)])
    return plan.Step(
        id=name, stage=scope, action=action_of(ready, platform), because=ready.because,
        timeout_s=float(ready.timeout or TIMEOUTS[type(step)]), required=ready.required,
        undo=None if undo is None else action_of(undo, platform),
    )  # fmt: skip


def fill(step: Any, known: Mapping[str, Any]) -> Any:
    """The step with its texts filled in and its expressions bound. Raises QX-BOOK-002."""
    changed: dict[str, Any] = {}
    for field in fields(step):
        value = getattr(step, field.name)
        try:
            if field.name in EXPRESSIONS and value:
                changed[field.name] = written(bind(parse(value), known))
            elif field.name not in AS_IT_IS and field.name not in EXPRESSIONS:
                changed[field.name] = _filled(field.name, value, known)
        except KeyError as error:
            raise QxError("QX-BOOK-002", f"{step.id}: {field.encode_name}: nothing is known as {error.args[0]}",
                          hint="`qx runbook lint` says more") from error  # fmt: skip
    return replace(step, **changed)


def _filled(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return spoken(filled(value, known))
    if isinstance(value, dict):
        return {key: _filled(name, held, known) for key, held in value.items()}
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        found: list[Any] = []
        for each in value:
            one = filled(each, known)
            found += one if isinstance(one, list) else [one if name == "parameters" else spoken(one)]
        return tuple(found)
    return value


def action_of(step: Any, platform: Platform) -> asked.Asked:
    """The action of a step that is filled in, in the platform's own names."""
    match step:
        case r.FailoverStep():
            return asked.Subplan(
                verb="failover", when=step.when, to=region_named(platform, step.to),
                source=region_named(platform, step.source) if step.source else "", clusters=step.clusters,
                excepted=step.excepted, accept_loss=step.accept_loss, attest_fenced=step.attest_fenced,
                override=step.override, reason=step.reason,
            )  # fmt: skip
        case r.FailbackStep():
            return asked.Subplan(
                verb="failback", when=step.when, clusters=step.clusters, override=step.override, reason=step.reason
            )
        case r.RejoinStep():
            return asked.Subplan(
                verb="rejoin", when=step.when, clusters=step.clusters, regions=step.regions, override=step.override,
                reason=step.reason,
            )  # fmt: skip
        case r.ContainStep():
            return asked.Subplan(verb="contain", when=step.when)
        case r.MaintenanceStep():
            lasting = float(parse_seconds(step.lasting)) if step.lasting else 0.0
            return asked.Maintain(when=step.when, scope=step.scope, lasting_s=lasting, reason=step.reason)
        case r.SqlStep():
            return asked.Sql(
                **_node(step, platform), statement=step.statement, parameters=step.parameters, writes=step.writes,
                rows=step.rows, expect=step.expect, settled=step.settled,
            )  # fmt: skip
        case r.RedisStep():
            return asked.RedisCommand(
                **_node(step, platform), command=step.command, writes=step.writes, expect=step.expect,
                repeatable=step.repeatable,
            )  # fmt: skip
        case r.HttpStep():
            return asked.HttpCall(
                when=step.when, method=step.method, url=step.url, headers=step.headers, secrets=step.secrets,
                body=step.body, status=step.status, expect=step.expect, repeatable=step.repeatable,
            )  # fmt: skip
        case r.CommandStep():
            return asked.Command(
                when=step.when, argv=step.argv, secrets=step.secrets, exit=step.exit, expect=step.expect,
                repeatable=step.repeatable,
            )  # fmt: skip
        case r.ApproveStep():
            return asked.Approve(when=step.when, message=step.message or step.because)
        case r.WaitStep():
            return asked.WaitUntil(when=step.when, until=step.until, interval_s=float(step.interval))
    return asked.Notify(when=step.when, message=step.message, severity=step.severity, channels=step.channels)


def _node(step: r.SqlStep | r.RedisStep, platform: Platform) -> dict[str, str]:
    region = region_named(platform, step.region) if step.region else ""
    return {"when": step.when, "cluster": cluster_named(platform, step.cluster), "region": region}
