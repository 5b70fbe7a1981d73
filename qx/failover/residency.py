"""May data of a class that belongs to one region live in another? The matrix of regions.yaml answers, with its reason.

A cell that the matrix does not hold refuses. Within one jurisdiction data may always move.
A conditional or refused cell passes only with a recorded approval that is in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from qx.model.platform import Approval, Platform, ResidencyRule


class Permit(Struct, frozen=True):
    """`instrument` is what a conditional cell wants, or the approval that satisfied it."""

    allowed: bool
    because: str
    instrument: str = ""


def may_live(platform: Platform, data_class: str, source: str, to: str, today: str) -> Permit:
    """One data class of region `source` in region `to` on the ISO date `today`."""
    here, there = platform.regions[source], platform.regions[to]
    if source == to:
        return Permit(True, "its own region")
    if set(here.jurisdictions) & set(there.jurisdictions):
        return Permit(
            True,
            f"same jurisdiction ({', '.join(sorted(set(here.jurisdictions) & set(there.jurisdictions)))})",
        )
    approval = _approval(platform.approvals, data_class, source, to, today)
    if approval is not None:
        return Permit(
            True, f"approval {approval.id} of {approval.granted_by} ({approval.reference})", approval.id
        )
    rule = _cell(platform.residency, data_class, here.jurisdictions, there.jurisdictions)
    if rule is None:
        return Permit(False, f"the residency matrix has no cell for {data_class} from {source} to {to}")
    if rule.verdict == "allowed":
        return Permit(True, rule.because)
    if rule.verdict == "conditional":
        return Permit(
            False, f"{rule.because}; wants {rule.instrument or 'an approval'} on record", rule.instrument
        )
    return Permit(False, rule.because, rule.instrument)


def _approval(
    approvals: tuple[Approval, ...], data_class: str, source: str, to: str, today: str
) -> Approval | None:
    for approval in approvals:
        named = (approval.data_class, approval.source, approval.to) == (data_class, source, to)
        if named and approval.granted <= today and (not approval.expires or today <= approval.expires):
            return approval
    return None


def _cell(
    rules: tuple[ResidencyRule, ...], data_class: str, sources: tuple[str, ...], targets: tuple[str, ...]
) -> ResidencyRule | None:
    """The most specific rule; among equals the strictest. Every jurisdiction of the source has its say."""
    strictness = {"allowed": 0, "conditional": 1, "refused": 2}
    decided: list[ResidencyRule] = []
    for source in sources:
        fitting = [
            rule
            for rule in rules
            if rule.data_class in (data_class, "*")
            and rule.source in (source, "*")
            and rule.to in (*targets, "*")
        ]
        if not fitting:
            return None
        best = max(_specificity(rule) for rule in fitting)
        decided.append(
            max((r for r in fitting if _specificity(r) == best), key=lambda r: strictness[r.verdict])
        )
    return max(decided, key=lambda rule: strictness[rule.verdict], default=None)


def _specificity(rule: ResidencyRule) -> int:
    return sum(word != "*" for word in (rule.data_class, rule.source, rule.to))
