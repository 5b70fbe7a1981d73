"""May data of a class that belong to one region live in another? The rule packs and regions.yaml answer together.

Within one jurisdiction data may always move. A recorded approval that is in force carries what is conditional, refused
or unknown. Else the stricter of the two decides: no cell of regions.yaml loosens what the packs say. Where they say
nothing, or only a rule of the house or an overdue table holds it up, the cell decides alone. What neither of them says
refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.plan import Crossing
from qx.model.residency import STRICTNESS, Law, Permit, Place, Ruling

if TYPE_CHECKING:
    from qx.failover.situation import Situation
    from qx.model.platform import Approval, Platform, ResidencyRule

NO_LAW: Law = {}


def may_live(platform: Platform, data_class: str, source: str, to: str, today: str, law: Law = NO_LAW) -> Permit:
    """One data class of region `source` in region `to` on the ISO date `today`, as the packs have `law` then."""
    here, there = (Place(name, platform.regions[name].jurisdictions) for name in (source, to))
    return permit(data_class, here, there, today, law, platform.residency, platform.approvals)


def permits(at: Situation, cluster: str, region: str) -> tuple[Permit, ...]:
    """Of every data class of the cluster, in that region."""
    held = at.platform.clusters[cluster]
    return tuple(
        may_live(at.platform, each, held.home, region, at.today, at.law) for each in held.data_classes
    )


def crossings(at: Situation, cluster: str, region: str) -> tuple[Crossing, ...]:
    """What would leave its home, as a plan records it."""
    return tuple(
        Crossing(
            cluster=cluster, data_class=each.data_class, source=each.source.name, to=each.to.name,
            because=each.because, instrument=each.instrument, approval=each.approval, until=each.until,
            rules=each.rules,
        )
        for each in permits(at, cluster, region)
        if each.source.name != each.to.name
    )  # fmt: skip


def permit(
    data_class: str, source: Place, to: Place, today: str, law: Law,
    cells: tuple[ResidencyRule, ...] = (), approvals: tuple[Approval, ...] = (),
) -> Permit:
    """`cells`, `approvals`: of regions.yaml, where there is one."""
    shared = sorted(set(source.jurisdictions) & set(to.jurisdictions))
    if source.name == to.name or shared:
        because = "its own region" if source.name == to.name else f"same jurisdiction ({', '.join(shared)})"
        return Permit(data_class=data_class, source=source, to=to, answer="allowed", because=because)
    ruling = _strictest(law, data_class, source, to)
    cell = _cell(cells, data_class, source.jurisdictions, to.jurisdictions)
    found = _approval(approvals, data_class, source.name, to.name, today)
    if found is not None and (ruling is None or ruling.answer != "allowed" or _stricter(cell, ruling)):
        because = f"approval {found.id} of {found.granted_by} ({found.reference})"
        return Permit(
            data_class=data_class, source=source, to=to, answer="allowed", because=_for(because, ruling),
            instrument=found.id, approval=found.id, until=found.expires, rules=() if ruling is None else ruling.rules,
            said=() if ruling is None else ruling.said,
        )  # fmt: skip
    if ruling is None or (cell is not None and (ruling.yields or _stricter(cell, ruling))):
        return _by_cell(data_class, source, to, cell, ruling)
    return Permit(
        data_class=data_class, source=source, to=to, answer=ruling.answer, because=ruling.because,
        instrument=ruling.instrument, until=ruling.until, rules=ruling.rules, wanted=ruling.wanted, said=ruling.said,
    )  # fmt: skip


def _by_cell(
    data_class: str, source: Place, to: Place, cell: ResidencyRule | None, ruling: Ruling | None
) -> Permit:
    said = () if ruling is None else ruling.said
    if cell is None:
        because = f"the residency matrix has no cell for {data_class} from {source.name} to {to.name}"
        return Permit(data_class=data_class, source=source, to=to, answer="refused", because=because, said=said)
    because = cell.because
    if cell.verdict == "conditional":
        because = f"{because}; wants {cell.instrument or 'an approval'} on record"
    return Permit(
        data_class=data_class, source=source, to=to, answer=cell.verdict, because=because, said=said,
        instrument=cell.instrument if cell.verdict != "allowed" else "",
    )  # fmt: skip


def _for(because: str, ruling: Ruling | None) -> str:
    rules = () if ruling is None else ruling.rules
    return f"{because}, for {', '.join(rules)}" if rules else because


def _strictest(law: Law, data_class: str, source: Place, to: Place) -> Ruling | None:
    """Of all pairs of their jurisdictions: each has its say. None: the packs were not asked."""
    asked = ((data_class, one, other) for one in source.jurisdictions for other in to.jurisdictions)
    found = [law[pair] for pair in asked if pair in law]
    return max(found, key=lambda each: (STRICTNESS[each.answer], not each.yields), default=None)


def _stricter(cell: ResidencyRule | None, ruling: Ruling) -> bool:
    return cell is not None and STRICTNESS[cell.verdict] > STRICTNESS[ruling.answer]


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
            max((r for r in fitting if _specificity(r) == best), key=lambda r: STRICTNESS[r.verdict])
        )
    return max(decided, key=lambda rule: STRICTNESS[rule.verdict], default=None)


def _specificity(rule: ResidencyRule) -> int:
    return sum(word != "*" for word in (rule.data_class, rule.source, rule.to))
