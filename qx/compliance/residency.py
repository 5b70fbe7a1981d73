"""Residency: what the rule packs say of a flow: allowed, conditional or refused, by what, until when, and which
evidence would carry it. Pure.

A flow that no rule speaks of is refused. A failed block refuses; a failed flag, or what cannot be told, makes it
conditional. What holds up a flow by a rule of the house or an overdue table alone yields to what regions.yaml says.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from qx.compliance.flows import APPROVAL, SAFEGUARD
from qx.compliance.judge import shown
from qx.compliance.verdict import UNTOLD
from qx.model.residency import Answer, Ruling, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from qx.compliance.flows import Evidence, Flow, FlowRules, Params
    from qx.model.validation import Finding

MOST_TOGETHER = 3  # pieces of evidence that one way may take
NOTHING: Evidence = frozenset()


def ruling(
    rules: FlowRules, flow: Flow, at: datetime, evidence: Evidence = NOTHING, *, ways: bool = True
) -> Ruling:
    """`ways`: also which evidence would carry it, where it is not allowed."""
    params = rules.params(at)
    found = rules.findings(flow, evidence, at, params)
    answer = answered(found)
    said = tuple(_said(each) for each in found)
    if answer == "allowed":
        carrying = next(_ways(rules, flow, at, params, evidence, NOTHING), ())
        instrument = _instrument(flow, found, carrying)
        kept = _kept(found)
        until = _until(rules, flow, frozenset(carrying), at)
        return Ruling(
            data_class=flow.data_class, source=flow.source, to=flow.to, answer=answer, said=said, until=until,
            because=f"{', '.join(kept)}: {instrument or 'nothing bars it'}", instrument=instrument, rules=kept,
        )  # fmt: skip
    holding = _decisive(tuple(each for each in found if holds_up(each)))
    offered = rules.asked(flow, params) - evidence if ways else NOTHING
    told = "; ".join(f"{each.rule_id}: {each.message.rstrip('.')}" for each in holding)
    return Ruling(
        data_class=flow.data_class, source=flow.source, to=flow.to, answer=answer, said=said,
        because=told or f"no rule speaks of {flow.data_class} from {flow.source}",
        wanted=tuple(way for way in _ways(rules, flow, at, params, offered, evidence) if way),
        rules=tuple(each.rule_id for each in holding),
        yields=all(each.outcome == "stale" or each.evidence == "house" for each in holding),
    )  # fmt: skip


def is_carried(rules: FlowRules, flow: Flow, at: datetime) -> bool:
    """Whether there is any evidence by which it is allowed."""
    params = rules.params(at)
    return answered(rules.findings(flow, rules.asked(flow, params), at, params), reviewed=True) == "allowed"


def answered(found: Iterable[Finding], *, reviewed: bool = False) -> Answer:
    """`reviewed`: as if every table had been reviewed in time."""
    several = tuple(found)
    holding = tuple(each for each in several if holds_up(each) and not (reviewed and each.outcome == "stale"))
    if not several or any(each.severity == "block" and each.outcome == "fail" for each in holding):
        return "refused"
    return "conditional" if holding else "allowed"


def holds_up(finding: Finding) -> bool:
    return finding.severity != "info" and (finding.outcome == "fail" or finding.outcome in UNTOLD)


def _decisive(holding: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Without what is merely overdue for review, where there is more."""
    return tuple(each for each in holding if each.outcome != "stale") or holding


def _ways(
    rules: FlowRules, flow: Flow, at: datetime, params: Params, pieces: Iterable[str], given: Evidence
) -> Iterator[tuple[str, ...]]:
    """The smallest sets of `pieces` that carry it beside what is given; none holds another."""
    found: list[set[str]] = []
    for size in range(MOST_TOGETHER + 1):
        for some in combinations(sorted(pieces), size):
            if any(one <= set(some) for one in found):
                continue
            evidence = given | frozenset(some)
            if answered(rules.findings(flow, evidence, at, params), reviewed=True) == "allowed":
                found.append(set(some))
                yield some


def _until(rules: FlowRules, flow: Flow, evidence: Evidence, at: datetime) -> str:
    """The first later instant at which it is not allowed any more, were all tables reviewed in time; '' none known."""
    for moment in rules.changes:
        if moment > at:
            found = rules.findings(flow, evidence, moment, rules.params(moment))
            if answered(found, reviewed=True) != "allowed":
                return str(shown(moment))
    return ""


def _kept(found: Iterable[Finding]) -> tuple[str, ...]:
    """The rules of law that are kept; without any, those of the house."""
    kept = tuple(each for each in found if each.outcome == "pass")
    law = tuple(each.rule_id for each in kept if each.evidence != "house")
    return law or tuple(each.rule_id for each in kept)


def _instrument(flow: Flow, found: tuple[Finding, ...], carrying: tuple[str, ...]) -> str:
    """What those lists of the kept rules are on which the evidence stands, or else the place; with that evidence. Of
    rules of the house alone: those on which the class stands.
    """
    law = tuple(each for each in found if each.outcome == "pass" and each.evidence != "house")
    named = {each.removeprefix(SAFEGUARD).removeprefix(APPROVAL) for each in carrying}
    units = _units(law, named) or _units(law, {flow.to}) if law else _units(found, {flow.data_class})
    return "; ".join(units) + (f" ({', '.join(carrying)})" if units and carrying else ", ".join(carrying))


def _units(found: tuple[Finding, ...], words: set[str]) -> tuple[str, ...]:
    used = (each for finding in found for each in finding.parameters)
    return tuple(dict.fromkeys(each.unit for each in used if words & set(each.value)))


def _said(finding: Finding) -> Said:
    return Said(
        rule_id=finding.rule_id, outcome=finding.outcome, severity=finding.severity, status=finding.evidence,
        message=finding.message or finding.title, citation=finding.citation,
    )  # fmt: skip
