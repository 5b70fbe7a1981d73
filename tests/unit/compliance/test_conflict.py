"""Several regions side by side: the strictest, what binds where, who says otherwise; on a terminal of 80 columns."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qx.app.compliance import Desk
from qx.app.conflict import judged
from qx.compliance.conflict import compare
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.model.rules import Citation
from qx.model.validation import Finding, Validation
from qx.render.conflict import LEGEND, conflict_text

if TYPE_CHECKING:
    from qx.model.conflict import Comparison
    from qx.model.rules import Outcome, Severity
    from qx.model.validation import Verdict

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def finding(rule: str, outcome: Outcome, severity: Severity) -> Finding:
    return Finding(rule_id=rule, outcome=outcome, severity=severity, title=f"says {rule}",
                   citation=Citation(body="CBB", corpus="Rulebook", segment="1"))  # fmt: skip


def answer(region: str, status: Verdict, *findings: Finding) -> Validation:
    return Validation(
        validation_id=f"qxv1-{region}", transaction_id="T", region=region, jurisdictions=("X",),
        as_of="2026-11-22T09:00:00Z", status=status,
        compliance_score={"approved": 100, "conditional": 80, "rejected": 39}[status],
        expires_at="2026-11-29T09:00:00Z", expires_because="", findings=findings, obligations=(), missing=(),
        outcomes={}, packs=(), lists="", engine="e",
    )  # fmt: skip


BLOCK, FLAG = finding("R-BLOCK", "fail", "block"), finding("R-FLAG", "fail", "flag")
UNTOLD, INFO = finding("R-UNTOLD", "indeterminate", "block"), finding("R-INFO", "fail", "info")


def test_approved_here_and_rejected_there_is_opposed_and_says_by_which_rule() -> None:
    found = compare([
        answer("a", "approved", INFO), answer("b", "rejected", BLOCK, FLAG), answer("c", "conditional", FLAG),
    ])  # fmt: skip
    assert (found.status, found.strictest, found.agreed, found.opposed) == ("rejected", ("b",), False, True)
    assert [each.binding for each in found.regions] == [(), ("R-BLOCK",), ("R-FLAG",)]
    first = found.conflicts[0]
    assert (first.stricter, first.where, first.milder, first.elsewhere) == ("rejected", ("b",), "approved", ("a",))
    assert first.because == ("R-BLOCK",)
    assert {(each.stricter, each.milder) for each in found.conflicts} == {
        ("rejected", "approved"), ("rejected", "conditional"), ("conditional", "approved"),
    }  # fmt: skip


def test_who_agrees_has_no_conflict() -> None:
    found = compare([answer("a", "conditional", FLAG), answer("b", "conditional", UNTOLD, FLAG)])
    assert (found.agreed, found.opposed, found.conflicts) == (True, False, ())
    assert {each.rule_id: each.regions for each in found.rules} == {"R-FLAG": ("a", "b"), "R-UNTOLD": ("b",)}


def test_a_rule_that_binds_on_both_sides_is_not_the_difference() -> None:
    found = compare([answer("a", "conditional", FLAG), answer("b", "approved")])
    assert found.conflicts[0].because == ("R-FLAG",)
    assert found.rules[0].regions == ("a",)
    assert found.opposed is False


@lru_cache
def desk() -> Desk:
    return Desk({}, cwd=Path("/nonexistent"))


def shipped(**given: Any) -> Comparison:
    answers = judged(desk(), read(laid_over(BASE, given)), AT, lambda _region, transaction: transaction)
    return compare([each.found for each in answers])


def test_the_six_built_in_regions_are_asked_at_one_instant() -> None:
    found = shipped(commodityType="jet", originCountry="RU")
    assert len(found.regions) == 6
    assert len({each.validation_id for each in found.regions}) == 6
    assert found.as_of == "2026-11-22T09:00:00Z"


@pytest.mark.parametrize("given", [{}, {"originCountry": "RU"}, {"currency": "USX"}])
def test_it_fits_a_terminal_with_six_regions(given: dict[str, Any]) -> None:
    text = conflict_text(shipped(**given), "built-in regions", width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert LEGEND in text


def test_the_marks_say_what_each_rule_does_where() -> None:
    both = compare([answer("a", "rejected", BLOCK), answer("b", "conditional", FLAG, UNTOLD)])
    text = conflict_text(both, "x", width=80)
    rows = {line.split()[0]: line.split()[1:3] for line in text.splitlines() if line.startswith("R-")}
    assert rows == {"R-BLOCK": ["X", "."], "R-FLAG": [".", "!"], "R-UNTOLD": [".", "?"]}
