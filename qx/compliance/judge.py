"""Judge: what one compiled rule says of one transaction. Pure.

Missing data is never a pass: where a field that the rule needs is not there, the rule says so, whatever its predicate
would have come to without it. What fails has failed, also by a table that is overdue for review; what passes by such a
table is stale.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from qx.compliance import dated
from qx.compliance.closure import PARAM, TIMEZONE, compiled
from qx.compliance.facts import FACTS
from qx.compliance.language import AS_OF, below_of, params_in, parse, path_of, paths_in
from qx.compliance.nearest import nearest
from qx.kernel.expr_tree import Call
from qx.kernel.expr_value import MISSING
from qx.model.validation import Finding, Used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from qx.compliance.closure import Closure, Env
    from qx.compliance.dated import InForce
    from qx.kernel.expr_tree import Node
    from qx.model.rules import Outcome, Rule, RulePack

ALWAYS = "true"


class Compiled(NamedTuple):
    """A rule ready to be asked. `needs`: every field or fact without which it cannot be told."""

    rule: Rule
    pack: RulePack
    tree: Node
    applies: Closure
    holds: Closure
    guards: tuple[str, ...]
    needs: tuple[str, ...]
    params: tuple[str, ...]
    paths: tuple[str, ...]  # all that it is judged by, each once


def compile_rule(rule: Rule, pack: RulePack) -> Compiled:
    """Of a pack that has been checked. Raises Misread."""
    guard, tree = parse(rule.applies_when or ALWAYS), parse(rule.predicate)
    needs = rule.needs or tuple(dict.fromkeys(_needed(tree)))
    guards = tuple(dict.fromkeys(path for path in _needed(guard) if path != AS_OF))
    params = tuple(dict.fromkeys(params_in(tree)))
    paths = tuple(dict.fromkeys((*guards, *needs, *paths_in(tree))))
    return Compiled(rule, pack, tree, compiled(guard), compiled(tree), guards, needs, params, paths)


def judged(of: Compiled, data: Env, at: datetime, params: Mapping[str, InForce | None]) -> Finding:
    """`data`: fields, facts and this pack's parameters; `params`: those parameters' windows."""
    rule = of.rule
    if not dated.rule_in_force(rule, of.pack, at):
        return _finding(of, "not_in_force")
    applies = of.applies(data)
    if applies is False:
        return _finding(of, "not_applicable")
    if applies is MISSING:
        return _finding(of, "indeterminate", missing=_absent(of.guards, data), data=data, params=params)
    missing = _absent(of.needs, data)
    if rule.untranslatable is not None and rule.untranslatable.attestation not in data.get("facts.attested", ()):
        missing += (f"attestations: {rule.untranslatable.attestation}",)
    missing += tuple(f"{of.pack.pack}.{name}" for name in of.params if params[name] is None)
    if missing:
        return _finding(of, rule.on_missing, missing=missing, data=data, params=params)
    try:
        kept = of.holds(data)
    except ZeroDivisionError:
        return _finding(of, "error", data=data, params=params)
    if kept is MISSING:
        return _finding(of, "indeterminate", missing=_absent(tuple(paths_in(of.tree)), data), data=data, params=params)
    if not kept:
        return _finding(of, "fail", data=data, params=params)
    stale = dated.is_stale(of.pack.review_by, of.pack, at) or any(
        dated.is_stale(of.pack.params[name].review_by, of.pack, at) for name in of.params
    )
    return _finding(of, "stale" if stale else "pass", data=data, params=params)


def environment(pack: RulePack, fields: Mapping[str, Any], params: Mapping[str, InForce | None]) -> dict[str, Any]:
    zone = {TIMEZONE: ZoneInfo(pack.timezone)}
    return {**fields, **zone, **{PARAM + name: found.value for name, found in params.items() if found is not None}}


def _needed(tree: Node) -> Iterator[str]:
    """Paths that it cannot do without: not those that it asks for by `known` or gives a `default`."""
    if isinstance(tree, Call) and tree.function in ("known", "default"):
        if tree.function == "default":
            yield from _needed(tree.given[1])
        return
    path = path_of(tree)
    if path is not None:
        yield path
        return
    for below in below_of(tree):
        yield from _needed(below)


def _absent(paths: tuple[str, ...], data: Env) -> tuple[str, ...]:
    """Which of them are not there: of a fact, the fields that it rests on and that are not there."""
    found: dict[str, None] = {}
    for path in paths:
        if path not in data:
            rests_on = FACTS[path].rests_on if path in FACTS else ()
            found.update(dict.fromkeys([each for each in rests_on if each not in data] or [path]))
    return tuple(found)


def _finding(
    of: Compiled, outcome: Outcome, *, missing: tuple[str, ...] = (), data: Env | None = None,
    params: Mapping[str, InForce | None] | None = None,
) -> Finding:
    rule = of.rule
    seen: dict[str, Any] = {}
    used: tuple[Used, ...] = ()
    message = ""
    if data is not None and params is not None:
        seen = {path: shown(data[path]) for path in of.paths if path in data}
        used = tuple(_used(name, of.pack, found) for name in of.params if (found := params[name]) is not None)
        if outcome == "fail":
            message = filled(rule.message, data)
        elif outcome == "stale":
            message = "kept, by a table that is overdue for review"
        elif outcome == "error":
            message = "it divides by zero"
        elif missing:
            message = f"cannot be told without {', '.join(missing)}"
    return Finding(
        rule_id=rule.id, outcome=outcome, severity=rule.severity, title=rule.title, message=message, pack=of.pack.pack,
        evidence=rule.status, citation=rule.citation, seen=seen, parameters=used, missing=missing,
        nearest=nearest(of.tree, of.holds, data) if outcome == "fail" and data is not None else (),
    )  # fmt: skip


def _used(name: str, pack: RulePack, found: InForce) -> Used:
    window = found.window
    return Used(name=name, value=window.value, unit=pack.params[name].unit, from_=window.from_, to=window.to)


def shown(value: Any) -> Any:
    """As it stands in JSON."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, tuple):
        return [shown(each) for each in value]
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    text = str(value.isoformat() if hasattr(value, "isoformat") else format(value, "f"))
    return text.replace("+00:00", "Z")


def filled(template: str, data: Env) -> str:
    """`{path}` and `{param:name}`; what is not there is named."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        value = shown(data[name]) if name in data else f"no {name}"
        text += (", ".join(map(str, value)) if isinstance(value, list) else str(value)) + rest
    return text


_KINDS: dict[type, Any] = {tuple: "texts", Decimal: "decimal", date: "day", str: "text"}


def kinds_of(pack: RulePack) -> dict[str, Any]:
    """Of its parameters, for the checker."""
    first = {name: dated.value_of(param.windows[0]) for name, param in pack.params.items() if param.windows}
    return {name: _KINDS[type(value)] for name, value in first.items()}

