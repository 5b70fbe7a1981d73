"""Gate `risk`: what holds a move up, what does not, and what a person may override."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qx.failover.risk_alert import risk_alerts
from qx.model.risk_limits import RiskStanding
from qx.model.watching import RiskGate
from tests.unit.failover.situations import situation, spoken
from tests.unit.failover.test_gates import gate, passes, planned, unplanned
from tests.unit.failover.values import NOW, platform


def holding(**changed: Any) -> Any:
    told = platform()
    gates = (RiskGate(portfolio="energy", **changed),)
    return replace(told, watch=replace(told.watch, risk=gates))


def verdict(state: Any, age: float = 60.0) -> dict[str, RiskStanding]:
    kept = RiskStanding(
        portfolio="energy", state=state, because="var of desk oil", as_of="2027-01-14", at=NOW - age, by="cron@here"
    )
    return {"energy": kept}


@pytest.mark.parametrize(("state", "age", "changed", "passed"), [
    ("within", 60.0, {}, True), ("soft", 60.0, {}, True), ("hard", 60.0, {}, False), ("unknown", 60.0, {}, False),
    ("soft", 60.0, {"refuse_on": "soft"}, False), ("hard", 60.0, {"refuse_on": "soft"}, False),
    ("within", 90000.0, {}, False), ("hard", 60.0, {"clusters": ("sessions",)}, True),
])  # fmt: skip
def test_a_portfolio_above_its_limits_holds_a_planned_move_up(
    state: str, age: float, changed: dict[str, Any], passed: bool
) -> None:
    result = gate("risk", situation(of=holding(**changed), risk=verdict(state, age)), planned())
    assert passes(result) is passed
    assert passed or "energy" in result.because


def test_no_verdict_is_no_permission_and_a_person_may_override_it() -> None:
    assert not passes(gate("risk", situation(of=holding()), planned()))
    spoken_for = situation(of=holding(), consent=spoken(override=("risk",)))
    assert gate("risk", spoken_for, planned()).consent == "override: region lost"


def test_an_unplanned_move_is_held_up_only_where_that_is_said() -> None:
    assert passes(gate("risk", situation(of=holding(), risk=verdict("hard")), unplanned()))
    said = situation(of=holding(only_planned=False), risk=verdict("hard"))
    assert not passes(gate("risk", said, unplanned()))


def test_an_alert_for_each_portfolio_that_is_not_within() -> None:
    found = risk_alerts(verdict(state)["energy"] for state in ("within", "soft", "hard", "unknown"))
    assert [each.severity.value for each in found] == ["warning", "critical", "warning"]
    assert {each.key for each in found} == {"risk/energy"}
