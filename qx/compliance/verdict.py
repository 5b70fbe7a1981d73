"""Verdict: status and score of a set of findings; no order of them matters. Pure.

A failed block rejects. A failed flag, or what could not be told of a rule that blocks or flags, makes it conditional.
`info` never changes the status. The score falls by the weight of each failed flag, by 5 for what could not be told and
by 1 for a failed info; then it is held within the band of its status, so that no score contradicts a status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.model.validation import Finding, Verdict

UNTOLD = frozenset({"indeterminate", "stale", "error"})
UNTOLD_COSTS, INFO_COSTS = 5, 1
APPROVED, CONDITIONAL, REJECTED = (85, 100), (40, 84), 39
FURTHER_BLOCK = 10


def verdict(findings: Iterable[Finding], weights: Mapping[str, int]) -> tuple[Verdict, int]:
    """`weights`: by rule, of what is flagged."""
    blocks, taken, conditional = 0, 0, False
    for each in findings:
        failed, untold = each.outcome == "fail", each.outcome in UNTOLD
        if each.severity == "block" and failed:
            blocks += 1
        elif each.severity == "flag" and failed:
            taken += weights[each.rule_id]
            conditional = True
        elif each.severity == "info":
            taken += INFO_COSTS if failed else 0
        elif untold:
            taken += UNTOLD_COSTS
            conditional = True
    if blocks:
        return "rejected", max(0, REJECTED - FURTHER_BLOCK * (blocks - 1))
    low, high = CONDITIONAL if conditional else APPROVED
    return ("conditional" if conditional else "approved"), max(low, min(high, 100 - taken))
