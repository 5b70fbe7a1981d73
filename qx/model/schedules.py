"""What regions.yaml says of what the daemon does by the clock: drills of a cluster, runbooks with their inputs, and
measuring the risk of a portfolio.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from qx.kernel.spans import Seconds
from qx.model.file import File
from qx.model.risk_answers import Method


class _Schedule(File, frozen=True, kw_only=True, tag_field="do"):
    cron: str  # minute hour day month weekday, all of which must match; weekdays by name: `0 3 1-7 * sun`
    timezone: str = "UTC"  # a name of the IANA database; an hour that comes twice counts once
    grace: Seconds = Seconds(600)  # it may begin so much later, whatever held it up; then it is missed, and told


class DrillSchedule(_Schedule, frozen=True, kw_only=True, tag="drill"):
    """As `qx drill`. Maintenance and windows of the calendar hold it up."""

    cluster: str  # moved away and back
    to: str = ""  # a region; empty: the best


class RunbookSchedule(_Schedule, frozen=True, kw_only=True, tag="runbook"):
    """As `qx runbook run`. A step that wants an approval waits for a person."""

    runbook: str  # its name
    inputs: dict[str, str] = field(default_factory=dict)  # as `--input NAME=VALUE` would give them


class RiskSchedule(_Schedule, frozen=True, kw_only=True, tag="risk"):
    """As `qx risk var --keep`, and as `qx risk limits --keep` where there are limits. Paths are meant from the file's
    own directory; those that are empty are beside the portfolio.
    """

    portfolio: str  # its file
    name: str = ""  # under which it is kept; empty: the name of its file
    prices: str = ""  # levels by day
    factors: str = ""  # what moves
    scenarios: str = ""  # of limits on stress
    limits: str = ""  # of the portfolio
    pnl: str = ""  # of limits on drawdown
    method: Method = "historical"  # as --method
    alpha: str = "99%"  # as --alpha
    horizon: str = "1d"  # as --horizon
    currency: str = "USD"  # of all amounts
    max_price_age: int = 0  # days: with older prices its limits are not known; 0: any age will do


Schedule = DrillSchedule | RunbookSchedule | RiskSchedule


class Appointment(Struct, frozen=True, kw_only=True):
    """A schedule as the list shows it. `what`: the drill's cluster, the runbook with its inputs, the portfolio.
    `next_at` null: it never comes. `due_at`: the instant that was dealt with last, null: none yet. `outcome`, `because`
    and `run` are of that: how its run ended, or `running`, `orphaned`, `left` (the daemon was stopped meanwhile),
    `refused`, `missed`.
    """

    name: str
    do: Literal["drill", "runbook", "risk"]
    what: str
    cron: str
    timezone: str
    next_at: float | None
    due_at: float | None
    outcome: str
    because: str
    run: str
