"""`qx risk explain`: why VaR and ES are not what they were, and what the P&L since then came from.

The way from then to now, one thing after another: the window of returns, the levels and volatilities of the market, the
time to expiry, the positions. Each step is a whole measurement, so that the effects sum to the change by themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from msgspec import structs

from qx.app.risk import files
from qx.app.risk.drilled import breakdown, groups
from qx.app.risk.estimators import estimated
from qx.app.risk.inputs import Loaded
from qx.kernel.errors import QxError
from qx.kernel.text import plural
from qx.model.risk import Place
from qx.model.risk_explain import FigureEffect, PnlBreakdown, PnlParts, PositionEffect, RiskExplained
from qx.risk.book import compile_book
from qx.risk.explain import Attributed, at, attributed, later, waterfall
from qx.risk.level import written
from qx.risk.market import market

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from qx.app.risk.asked import Asked
    from qx.app.risk.estimated import Estimated
    from qx.app.risk.inputs import Named
    from qx.model.risk import Position, Treatment
    from qx.model.risk_answers import InputFile, Level
    from qx.model.risk_explain import Change
    from qx.risk.market import Market
    from qx.risk.positions import Positions

    Floats = NDArray[np.float64]
    Tell = Callable[[str, int, float], None]

MOST = 100  # positions that the document tells
WORST = 10  # scenarios that it tells
_HERE = Place("", 0)
_NOTHING = (0.0, 0.0)
CONVENTION = (
    "effects in this order, each with all before it already let in: window (returns that came and went), market "
    "(levels and volatilities), time (to expiry), positions. P&L: the portfolio before, held to the day after, by full "
    "revaluation: the moves first, then time; gamma along the way that prices went, cross terms of exchange rates in fx"
)


class Sides(NamedTuple):
    """Then and now."""

    since: Market
    today: Market
    before: Positions
    after: Positions


def explained(
    named: Named, asked: Asked, since: date | None, before: str | None, tell: Tell
) -> RiskExplained:
    """`since`: a day with prices, None the last before; `before`: the portfolio then, None the same. Raises QX-RISK-001
    to 012.
    """
    sides, inputs = _read(named, asked, since, before)
    old = Loaded(sides.before, sides.since, compile_book(sides.before, sides.since, asked.currency), ())
    now = Loaded(sides.after, sides.today, compile_book(sides.after, sides.today, asked.currency), inputs)
    runs, last = _stations(sides, old, now, asked, tell)
    var = waterfall([(name, run.estimate.var) for name, run in runs])
    es = waterfall([(name, run.estimate.es) for name, run in runs])
    first, final = runs[0][1], runs[-1][1]
    positions = _positions(sides, last, (now, final), runs[-2][1])
    listed, rest = positions[:MOST], positions[MOST:]
    whole, pnl_by = _pnl(sides, old, asked)
    words = _words(sides, positions)
    return RiskExplained(
        since=sides.since.as_of.isoformat(), as_of=sides.today.as_of.isoformat(), currency=asked.currency,
        alpha=written(asked.alpha), horizon_days=asked.horizon, method=asked.method,
        var_before=first.estimate.var, var_after=final.estimate.var, es_before=first.estimate.es,
        es_after=final.estimate.es,
        effects=tuple(
            FigureEffect(name=one.name, words=words[one.name], var=one.amount, es=other.amount)
            for one, other in zip(var, es, strict=True)
        ),
        positions=tuple(listed), positions_left_out=len(rest), others_var=sum(each.var for each in rest),
        others_es=sum(each.es for each in rest), worst_before=_worst(first), worst_after=_worst(final), pnl=whole,
        pnl_by=pnl_by, convention=CONVENTION, notes=final.notes, treatments=_treatments(sides), inputs=inputs,
    )  # fmt: skip


def _read(
    named: Named, asked: Asked, since: date | None, before: str | None
) -> tuple[Sides, tuple[InputFile, ...]]:
    """Raises QX-RISK-001 where `since` is no earlier day with prices."""
    positions, first = files.read_positions(named.files.portfolio)
    factors, second = files.read_factors(named.files.factors)
    quotes, third = files.read_quotes(named.files.prices)
    inputs: tuple[InputFile, ...] = (first, second, third)
    old = positions
    if before is not None:
        old, fourth = files.read_positions(Path(before))
        inputs += (structs.replace(fourth, role="before"),)
    today = market(factors, quotes, as_of=asked.as_of, window=asked.window)
    if not len(today.dates):
        raise QxError("QX-RISK-009", "prices of one day: there is no day before it", hint="more days of prices")
    days = [today.start, *today.dates.tolist()]
    last = days[-2] if since is None else since
    if last not in days[:-1]:
        said = f"{last} is no day of {third.path} before {today.as_of}"
        earlier = [day for day in days[:-1] if day < last]
        hint = f"the last before it: {earlier[-1]}" if earlier else f"the first is {days[0]}"
        raise QxError("QX-RISK-001", said, hint=hint)
    then = market(factors, quotes, as_of=last, window=asked.window)
    return Sides(then, today, old, positions), inputs


def _stations(
    sides: Sides, old: Loaded, now: Loaded, asked: Asked, tell: Tell
) -> tuple[list[tuple[str, Estimated]], Loaded]:
    """What is measured at each step of the way, and the old positions in the market of today."""
    then, today = sides.since, sides.today
    window = structs.replace(then, returns=today.returns, dates=today.dates, history=today.history)
    early = at(today, then.as_of)
    moved = old._replace(market=early, book=compile_book(sides.before, early, asked.currency))
    aged = old._replace(market=today, book=compile_book(sides.before, today, asked.currency))
    way = [
        ("before", old), ("window", old._replace(market=window)), ("market", moved), ("time", aged), ("positions", now),
    ]  # fmt: skip
    return [(name, estimated(each, asked, tell)) for name, each in way], aged


# -- positions -------------------------------------------------------------------------------------
def _positions(
    sides: Sides, aged: Loaded, now: tuple[Loaded, Estimated], run: Estimated
) -> list[PositionEffect]:
    """Of all that changed or whose component did, those that do most to the ES first."""
    then, today = _components(aged, run), _components(*now)
    old, new = _by_id(sides.before), _by_id(sides.after)
    found = []
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        held = other or one
        if held is None:
            continue
        var, es = (today.get(name, _NOTHING)[n] - then.get(name, _NOTHING)[n] for n in (0, 1))
        change = _change(one, other)
        if change != "kept" or var or es:
            found.append(PositionEffect(
                position_id=name, change=change, before=one.quantity if one else 0.0,
                after=other.quantity if other else 0.0, unit=held.unit, var=var, es=es,
            ))  # fmt: skip
    return sorted(found, key=lambda each: (-abs(each.es), -abs(each.var), each.position_id))


def _components(loaded: Loaded, run: Estimated) -> dict[str, tuple[float, float]]:
    """VaR and ES of each position; none where the method has no parts."""
    if run.split is None and run.gradients is None:
        return {}
    return {part.name: (part.var, part.es) for part in breakdown(loaded, run, "trade", split=False).parts}


def _by_id(positions: Positions) -> dict[str, Position]:
    return {each.position_id: structs.replace(each, place=_HERE) for each in positions}


def _change(before: Position | None, after: Position | None) -> Change:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "kept" if before == after else "changed"


def _words(sides: Sides, positions: Sequence[PositionEffect]) -> dict[str, str]:
    came = len(np.setdiff1d(sides.today.dates, sides.since.dates))
    went = len(np.setdiff1d(sides.since.dates, sides.today.dates))
    changed = {kind: sum(each.change == kind for each in positions) for kind in ("added", "removed", "changed")}
    told = ", ".join(f"{count} {kind}" for kind, count in changed.items() if count)
    passed = (sides.today.as_of - sides.since.as_of).days
    moved = int(np.count_nonzero(sides.today.base != sides.since.base))
    return {
        "window": f"{plural(came, 'return')} came, {went} went", "market": f"{plural(moved, 'factor')} moved",
        "time": f"{plural(passed, 'day')} passed: nearer expiries, prices fixed", "positions": told or "none changed",
    }  # fmt: skip


def _worst(run: Estimated) -> tuple[str, ...]:
    found, _ = run.worst(WORST)
    return tuple(run.name(int(number)) for number in found)


# -- P&L -------------------------------------------------------------------------------------------
def _pnl(sides: Sides, old: Loaded, asked: Asked) -> tuple[PnlParts, tuple[PnlBreakdown, ...]]:
    moved = later(sides.since, sides.today)
    book = compile_book(sides.before, moved, asked.currency)
    gained = old.book.each(moved.base[None, :])[:, 0]
    carry = np.where(_ageing(sides.before), book.value() - old.book.value() - gained, 0.0)
    found = attributed(old.book.each, sides.since.factors, sides.since.base, moved.base, carry)
    by = tuple(_by_level(old, level, found) for level in asked.by if level not in ("factor", "tenor"))
    return _summed("", found, None), by


def _ageing(positions: Positions) -> NDArray[np.bool_]:
    """(n,): what is worth something that time changes. What is margined is settled day by day; given greeks have no
    theta.
    """
    words = positions.text("instrument")
    margined = np.array([word in ("future", "swap") for word in words.words])[words.codes]
    return ~margined & np.isnan(positions.number("delta"))


def _by_level(old: Loaded, level: Level, found: Attributed) -> PnlBreakdown:
    made = groups(old, level)
    parts = [_summed(name, found, np.flatnonzero(made.of == number)) for number, name in enumerate(made.names)]
    return PnlBreakdown(level=level, parts=tuple(sorted(parts, key=lambda each: (-abs(each.total), each.name))))


def _summed(name: str, found: Attributed, rows: NDArray[np.intp] | None) -> PnlParts:
    """What is unexplained is what is left of the sum, so that parts and total agree to the last digit."""
    sums = {key: float((part if rows is None else part[rows]).sum()) for key, part in found._asdict().items()}
    return msgspec.convert({"name": name, **sums}, PnlParts)


def _treatments(sides: Sides) -> tuple[Treatment, ...]:
    return tuple(sides.today.treatments)
