"""Status and score: bands that do not overlap, no order, and a failing rule never raises a score."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qx.compliance.verdict import APPROVED, CONDITIONAL, REJECTED, verdict
from qx.model.rules import Citation
from qx.model.validation import Finding

BAND = {"approved": APPROVED, "conditional": CONDITIONAL, "rejected": (0, REJECTED)}
OUTCOMES = ("pass", "fail", "indeterminate", "not_applicable", "not_in_force", "stale", "error")


def finding(outcome: str, severity: str) -> Finding:
    return Finding(rule_id=severity, outcome=outcome, severity=severity, title="", citation=Citation(body="x"))  # type: ignore[arg-type]


WEIGHTS = {"block": 10, "flag": 10, "info": 1}
FINDINGS = st.lists(st.builds(finding, st.sampled_from(OUTCOMES), st.sampled_from(sorted(WEIGHTS))), max_size=30)


@given(FINDINGS, st.randoms())
def test_the_score_lies_in_the_band_of_its_status_whatever_the_order(found: list[Finding], dice: object) -> None:
    status, score = verdict(found, WEIGHTS)
    low, high = BAND[status]
    assert low <= score <= high
    shuffled = found[:]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert verdict(shuffled, WEIGHTS) == (status, score)


@given(FINDINGS, st.sampled_from(sorted(WEIGHTS)))
def test_one_more_failure_never_raises_it_one_more_kept_changes_nothing(found: list[Finding], how: str) -> None:
    before = verdict(found, WEIGHTS)
    assert verdict([*found, finding("fail", how)], WEIGHTS)[1] <= before[1]
    for outcome in ("pass", "not_applicable", "not_in_force"):
        assert verdict([*found, finding(outcome, how)], WEIGHTS) == before


def test_the_statuses() -> None:
    assert verdict([], WEIGHTS) == ("approved", 100)
    assert verdict([finding("fail", "info")], WEIGHTS) == ("approved", 99)
    assert verdict([finding("indeterminate", "info")], WEIGHTS) == ("approved", 100)
    assert verdict([finding("indeterminate", "flag")] * 3, WEIGHTS) == ("conditional", 84)
    assert verdict([finding("stale", "block")], WEIGHTS) == ("conditional", 84)
    assert verdict([finding("fail", "flag")] * 2, WEIGHTS) == ("conditional", 80)
    assert verdict([finding("fail", "block")], WEIGHTS) == ("rejected", 39)
    assert verdict([finding("fail", "block")] * 3, WEIGHTS) == ("rejected", 19)
