"""The last verdict on the limits of each portfolio -> alerts: one for each that is not within its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.alert import Alert, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.risk_limits import RiskStanding, State

TOLD: dict[State, tuple[Severity, str]] = {
    "hard": (Severity.CRITICAL, "is above a hard limit"),
    "soft": (Severity.WARNING, "is above a soft limit"),
    "unknown": (Severity.WARNING, "cannot be held against its limits"),
}


def risk_alerts(standings: Iterable[RiskStanding]) -> tuple[Alert, ...]:
    """By key. They concern no region and no cluster."""
    found = []
    for each in sorted(standings, key=lambda each: each.portfolio):
        if each.state not in TOLD:
            continue
        severity, words = TOLD[each.state]
        found.append(Alert(
            key=f"risk/{each.portfolio}", severity=severity, title=f"portfolio {each.portfolio} {words}",
            because=f"as of {each.as_of}: {each.because}", regions=(), clusters=(), next="qx risk history",
            since=each.at,
        ))  # fmt: skip
    return tuple(found)
