"""`qx risk limits`: every line of limits.csv held against a portfolio; kept where gate and daemon look, and told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from qx.app.risk import files
from qx.app.risk.held import Held
from qx.app.risk.history import keep_standing, keep_unknown, name_of, opened
from qx.app.risk.inputs import load
from qx.kernel.errors import Place, QxError
from qx.model.risk_limits import LimitsVerdict
from qx.risk.limits import in_order, judged, worst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.app.risk.asked import Asked
    from qx.app.risk.inputs import Loaded, Named
    from qx.app.workbench import Workbench
    from qx.model.risk import Limit
    from qx.model.risk_limits import LimitVerdict

STALE = "QX-RISK-011"
TELL_S = 10.0


class Keeping(NamedTuple):
    """What is done with a verdict. `keep`: in the store; `tell`: through every channel, now, when it is not within."""

    keep: bool = False
    tell: bool = False


def verdict(named: Named, asked: Asked, portfolio: str, oldest: int | None, now: float) -> LimitsVerdict:
    """`oldest`: so many days old its prices may be; None: any age will do. A limit that cannot be judged is unknown.
    Raises QX-RISK-001 to 012, of stale or missing data too.
    """
    limits, read = files.read_limits(named.files.limits)
    loaded = load(named.files, asked.currency, as_of=asked.as_of, window=asked.window)
    _fresh(loaded, named, oldest, now)
    held = Held(loaded, named, asked)
    found = in_order(_judged(held, each, asked) for each in limits)
    return LimitsVerdict(
        portfolio=portfolio, as_of=loaded.market.as_of.isoformat(), state=worst(each.state for each in found),
        limits=found, inputs=(*loaded.inputs, read, *held.inputs),
    )  # fmt: skip


def _fresh(loaded: Loaded, named: Named, oldest: int | None, now: float) -> None:
    as_of = loaded.market.as_of
    age = (datetime.fromtimestamp(now, UTC).date() - as_of).days
    if oldest is not None and age > oldest:
        said = f"the last prices are of {as_of}, {age} days ago; at most {oldest} are allowed"
        raise QxError(STALE, said, hint="bring the prices up to date", place=Place(str(named.files.prices)))


def _judged(held: Held, limit: Limit, asked: Asked) -> LimitVerdict:
    currency = limit.currency or asked.currency
    try:
        found = held.figure(limit)
        rate = held.rate(currency)
    except QxError as error:
        return judged(limit, None, currency, f"{error.message} ({error.code})")
    return judged(limit, found.value / rate, currency, found.because)


def judged_and_kept(
    env: Mapping[str, str], option: str | None, named: Named, asked: Asked, portfolio: str, oldest: int | None,
    keeping: Keeping,
) -> LimitsVerdict:  # fmt: skip
    """With `keep` a failure is kept too: whoever asks for the verdict learns that it is unknown. Raises as `verdict`,
    and with `tell` QX-CFG-001 without a regions.yaml, QX-ALERT-003 without a channel.
    """
    from qx.adapters.clock import SystemClock
    from qx.app.workbench import Workbench

    now, name = SystemClock().now(), name_of(named.portfolio, portfolio)
    bench = Workbench(env, option)
    by = bench.operator
    if keeping.tell and not bench.platform.notify.channels:
        said = f"{bench.config_path} describes no channel"
        raise QxError("QX-ALERT-003", said, hint="describe one under notify.channels in regions.yaml")
    try:
        found = verdict(named, asked, name, oldest, now)
    except QxError as error:
        if keeping.keep:
            with opened(env, option) as store:
                keep_unknown(store, name, f"{error.message} ({error.code})", now, by)
        raise
    if keeping.keep:
        with opened(env, option) as store:
            keep_standing(store, found, now, by)
    if keeping.tell and found.state != "within":
        return _told(bench, found)
    return found


def _told(bench: Workbench, found: LimitsVerdict) -> LimitsVerdict:
    """With the channels that took it: a verdict does not depend on whether people could be told."""
    import asyncio

    from msgspec.structs import replace

    from qx.app.telling import tell
    from qx.failover.risk_alert import TOLD

    severity, words = TOLD[found.state]
    title, because = f"portfolio {found.portfolio} {words}", f"as of {found.as_of}: {found.limits[0].words}"
    key = f"risk/{found.portfolio}"
    try:
        done = asyncio.run(
            tell(bench, key, severity.value, title, because, (), "", TELL_S, following="qx risk history")
        )
    except QxError as error:
        return replace(found, untold=error.message)
    untold = "; ".join(f"{channel}: {why}" for channel, why in done["failed"].items())
    return replace(found, told=tuple(done["told"]), untold=untold)
