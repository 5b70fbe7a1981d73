"""What the timetable does with risk: measure a portfolio, hold it against its limits, and keep both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from qx.app.risk.asked import Asked, check, currency_of, days_of
from qx.app.risk.history import keep_figures, keep_standing, keep_unknown, name_of
from qx.app.risk.inputs import Named
from qx.kernel.errors import QxError
from qx.risk.level import level

if TYPE_CHECKING:
    from qx.app.risk.measure import Measured
    from qx.app.workbench import Workbench
    from qx.model.risk_limits import LimitsVerdict
    from qx.model.schedules import RiskSchedule
    from qx.risk.estimate import Estimate


class Done(NamedTuple):
    """`verdict`: on its limits; why there is none where they could not be judged; None where it has none."""

    measured: Measured
    regions: dict[str, Estimate]
    verdict: LimitsVerdict | QxError | None


async def measured_and_kept(bench: Workbench, schedule: RiskSchedule) -> str:
    """What came of it, in words. A portfolio that cannot be measured is kept as one whose limits are unknown. Raises
    QX-RISK-*, QX-STORE-*.
    """
    named, now = _named(bench, schedule), bench.clock.now()
    name = name_of(schedule.portfolio, schedule.name)
    try:
        done = await asyncio.to_thread(_compute, named, schedule, name, now)
    except QxError as error:
        await bench.apart(keep_unknown, bench.store, name, f"{error.message} ({error.code})", now, bench.operator)
        raise
    found = done.measured.document
    await bench.apart(keep_figures, bench.store, found, name, now, done.regions)
    said = f"VaR {found.alpha} {found.var:,.0f} {found.currency} as of {found.as_of}"
    if isinstance(done.verdict, QxError):
        because = f"{done.verdict.message} ({done.verdict.code})"
        await bench.apart(keep_unknown, bench.store, name, because, now, bench.operator)
        return f"{said}; limits unknown: {because}"
    if done.verdict is None:
        return said
    await bench.apart(keep_standing, bench.store, done.verdict, now, bench.operator)
    return f"{said}; limits: {done.verdict.state}"


def _compute(named: Named, schedule: RiskSchedule, name: str, now: float) -> Done:
    from qx.app.risk.judge import verdict
    from qx.app.risk.measure import measured

    asked = check(Asked(
        method=schedule.method, alpha=level(schedule.alpha), horizon=days_of(schedule.horizon),
        currency=currency_of(schedule.currency),
    ))  # fmt: skip

    def quietly(_doing: str, _done: int, _share: float) -> None:
        """Nobody looks."""

    found = measured(named, asked, "var", quietly)
    regions = found.regions()
    if not schedule.limits and not named.files.limits.exists():
        return Done(found, regions, None)
    try:
        plain = Asked(currency=asked.currency)
        return Done(found, regions, verdict(named, plain, name, schedule.max_price_age or None, now))
    except QxError as error:
        return Done(found, regions, error)


def _named(bench: Workbench, schedule: RiskSchedule) -> Named:
    """From the directory of regions.yaml."""

    def path(told: str) -> str | None:
        return str(bench.beside(told)) if told else None

    return Named(
        str(bench.beside(schedule.portfolio)), path(schedule.prices), path(schedule.factors), path(schedule.scenarios),
        path(schedule.limits), path(schedule.pnl),
    )  # fmt: skip
