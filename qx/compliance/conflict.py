"""Conflict: the answers of several regions on one transaction held against each other. Pure.

A rule binds where it decides the status: what forbids, where a region rejects; what is flagged or cannot be told, where
it is conditional; none, where it approves.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from qx.compliance.verdict import UNTOLD
from qx.model.conflict import Binding, Comparison, Conflict, UnderRegion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.model.validation import Finding, Validation, Verdict

STRICT: tuple[Verdict, ...] = ("rejected", "conditional", "approved")
_RANK = {"block": 0, "flag": 1, "info": 2}


def compare(found: Sequence[Validation]) -> Comparison:
    """At least one validation, each of another region, all of one transaction at one instant."""
    status = min((each.status for each in found), key=STRICT.index)
    said = {each.status for each in found}
    binding = {each.region: tuple(_binding(each)) for each in found}
    return Comparison(
        transaction_id=found[0].transaction_id,
        as_of=found[0].as_of,
        status=status,
        strictest=tuple(each.region for each in found if each.status == status),
        agreed=len(said) == 1,
        opposed={"approved", "rejected"} <= said,
        regions=tuple(
            UnderRegion(
                region=each.region, jurisdictions=each.jurisdictions, status=each.status,
                compliance_score=each.compliance_score, validation_id=each.validation_id, expires_at=each.expires_at,
                binding=tuple(finding.rule_id for finding in binding[each.region]), obligations=len(each.obligations),
            )
            for each in found
        ),
        rules=tuple(_rules(binding)),
        conflicts=tuple(_conflicts(found, binding)),
    )  # fmt: skip


def _binding(of: Validation) -> Iterator[Finding]:
    for finding in of.findings:
        failed, untold = finding.outcome == "fail", finding.outcome in UNTOLD
        forbids = of.status == "rejected" and failed and finding.severity == "block"
        hinders = of.status == "conditional" and (failed or untold) and finding.severity != "info"
        if forbids or hinders:
            yield finding


def _rules(binding: dict[str, tuple[Finding, ...]]) -> list[Binding]:
    """One line for each rule and outcome."""
    where: dict[tuple[str, str], list[str]] = {}
    by: dict[tuple[str, str], Finding] = {}
    for region, findings in binding.items():
        for finding in findings:
            key = finding.rule_id, finding.outcome
            where.setdefault(key, []).append(region)
            by.setdefault(key, finding)
    made = [
        Binding(
            rule_id=each.rule_id, outcome=each.outcome, severity=each.severity, title=each.title,
            citation=each.citation, regions=tuple(where[key]),
        )
        for key, each in by.items()
    ]  # fmt: skip
    return sorted(made, key=lambda each: (each.outcome != "fail", _RANK[each.severity], each.rule_id, each.outcome))


def _conflicts(found: Sequence[Validation], binding: dict[str, tuple[Finding, ...]]) -> Iterator[Conflict]:
    """Of each two statuses that were given, those that lie furthest apart first."""
    pairs = sorted(combinations(STRICT, 2), key=lambda pair: STRICT.index(pair[0]) - STRICT.index(pair[1]))
    for stricter, milder in pairs:
        where = tuple(each.region for each in found if each.status == stricter)
        elsewhere = tuple(each.region for each in found if each.status == milder)
        if where and elsewhere:
            there = {finding.rule_id for region in elsewhere for finding in binding[region]}
            because = dict.fromkeys(finding.rule_id for region in where for finding in binding[region])
            yield Conflict(stricter=stricter, where=where, milder=milder, elsewhere=elsewhere,
                           because=tuple(rule for rule in because if rule not in there))  # fmt: skip
