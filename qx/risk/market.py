"""Market: levels and returns of all factors on one calendar, complete, with all that was done to the data told.

The calendar is that of the days on which a price is quoted (of all factors where none is of kind price). A day on which
a factor has none carries its last level forward, so its return is zero and the whole move falls into the next priced
day, as long as max_stale_days allows it. A return lies within one contract. What cannot be completed so is refused.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from qx.kernel.errors import Place, Problems, QxError
from qx.kernel.text import did_you_mean, plural
from qx.model.risk import Factor, Treatment
from qx.risk import curves, fx
from qx.risk.complete import Frame, column
from qx.risk.quotes import refused
from qx.risk.reconcile import reconciled
from qx.risk.returns import Kinds
from qx.risk.rolls import steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.risk.complete import Column
    from qx.risk.curves import Nodes
    from qx.risk.fx import FxPath
    from qx.risk.quotes import Quotes
    from qx.risk.rolls import Steps

    Floats = NDArray[np.float64]


MOST_NAMED = 12


class Market(Struct, frozen=True, eq=False, kw_only=True):
    """T returns of F factors; T is 0 where one day is known. Arrays are never written to."""

    as_of: date
    dates: NDArray[np.datetime64]  # (T,) [D], the day into which each return leads
    start: date  # of the first level
    factors: tuple[Factor, ...]  # (F,)
    base: Floats  # (F,), the last levels
    returns: Floats  # (T, F), of each factor's own type
    history: Floats  # (T + 1, F), of the contract in force after each day
    treatments: tuple[Treatment, ...]
    index: dict[str, int]
    kinds: Kinds
    nodes: dict[str, Nodes]  # of each root its curve

    def moved(self, returns: Floats) -> Floats:
        """Levels (S, F) after `returns` (S, F) from today's."""
        return self.kinds.moved(self.base, returns)

    def over(self, days: int) -> Floats:
        """Overlapping returns (T - days + 1, F) of a longer horizon. Raises QX-RISK-001, QX-RISK-009."""
        if days < 1:
            raise QxError("QX-RISK-001", f"no horizon: {days} days", hint="1 day or more, as 10d")
        if days > len(self.returns):
            said = f"{plural(len(self.returns), 'daily return')} cannot give one over {plural(days, 'day')}"
            raise QxError("QX-RISK-009", said, hint="more days of prices, or a shorter horizon")
        return self.returns if days == 1 else self.kinds.compounded(self.returns, days)

    def curve(self, root: str, month: str = "", place: Place | None = None) -> tuple[tuple[int, float], ...]:
        """(factor, weight) of a delivery month; '' is allowed where the root has one factor. Weights sum to 1. Raises
        QX-RISK-007.
        """
        return curves.read(self.nodes, self.index, self.as_of, root, month, place)

    def fx(self, currency: str, base: str, place: Place | None = None) -> FxPath:
        """Raises QX-RISK-006."""
        return fx.path(self.factors, currency, base, place)

    def per_return(self) -> Floats:
        """(F,): how far each level moves for one unit of its return, at today's levels."""
        return self.kinds.per_return(self.base)


def market(
    factors: Sequence[Factor], quotes: Quotes, *, as_of: date | None = None, window: int | None = None
) -> Market:
    """Of the prices up to `as_of` (the last day that is quoted) the last `window` returns (all).

    Raises Problems or QX-RISK-003..005 and QX-RISK-008, QX-RISK-011, each with the line.
    """
    _raise(_twice(factors) + refused(quotes))
    treatments: list[Treatment] = []
    used, of = _used(factors, quotes, as_of, treatments)
    if not len(of):
        raise QxError("QX-RISK-011", f"{quotes.file or 'prices'} has no price of these factors",
                      hint="prices of the factors that factors.csv names, up to the day of the valuation")  # fmt: skip
    whole = reconciled(factors, used, of)
    used = used._replace(value=whole.value)
    treatments += whole.treatments
    days, used, of, day = _calendar(whole.factors, used, of, treatments)
    today = as_of or days[-1].item()
    found = steps(used, of, day, len(factors))
    absent = [_absent(each, quotes) for each, its in zip(whole.factors, found, strict=True) if not len(its.day)]
    _raise(absent)
    lead = max(int(its.day[0]) for its in found)
    wanted = 0 if window is None else max(0, len(days) - 1 - window)
    first = max(lead, wanted)
    if lead > wanted:
        treatments.append(_cut(whole.factors, found, days, lead))
    frame = Frame(used, days, first, np.datetime64(today, "D"))
    columns = [column(each, its, frame) for each, its in zip(whole.factors, found, strict=True)]
    _raise([error for each in columns for error in each.errors])
    treatments += [told for each in columns for told in each.treatments]
    treatments = _gathered(whole.factors, treatments) + _rolled(whole.factors, columns)
    history = np.column_stack([each.levels for each in columns])
    return Market(
        as_of=today, dates=days[first + 1 :], start=days[first].item(), factors=whole.factors, base=history[-1].copy(),
        returns=np.column_stack([each.returns for each in columns]), history=history, treatments=tuple(treatments),
        index={each.factor: at for at, each in enumerate(whole.factors)}, kinds=Kinds(whole.factors),
        nodes=curves.nodes(whole.factors, [used.contract.at(int(its.row[-1])) for its in found], today),
    )  # fmt: skip


def _raise(errors: list[QxError]) -> None:
    if errors:
        raise errors[0] if len(errors) == 1 else Problems(errors)


def _twice(factors: Sequence[Factor]) -> list[QxError]:
    seen: dict[str, Factor] = {}
    found = []
    for each in factors:
        first = seen.setdefault(each.factor, each)
        if first is not each:
            said = f"factor {each.factor} stands twice; the first in line {first.place.line}"
            place = Place(each.place.file, each.place.line)
            found.append(QxError("QX-RISK-003", said, hint="one line for each factor", place=place))
    return found


def _used(
    factors: Sequence[Factor], quotes: Quotes, as_of: date | None, treatments: list[Treatment]
) -> tuple[Quotes, NDArray[np.intp]]:
    """The quotes of these factors up to that day, and of each its factor."""
    at = {each.factor: number for number, each in enumerate(factors)}
    of = np.array([at.get(word, -1) for word in quotes.factor.words], np.intp)[quotes.factor.codes]
    kept = of >= 0
    strangers = [word for word in quotes.factor.words if word not in at]
    if strangers and not kept.all():
        words = f"in no line of the factors, left out: {', '.join(strangers[:5])}{', ...' if strangers[5:] else ''}"
        treatments.append(Treatment(what="dropped", subject=quotes.file, words=words, count=len(strangers)))
    if as_of is not None:
        late = kept & (quotes.day > np.datetime64(as_of, "D"))
        if late.any():
            words, count = f"prices after {as_of}, left out", int(np.count_nonzero(late))
            treatments.append(Treatment(what="dropped", subject=quotes.file, words=words, count=count))
            kept &= ~late
    return (quotes, of) if kept.all() else (quotes.only(kept), of[kept])


def _calendar(
    factors: Sequence[Factor], quotes: Quotes, of: NDArray[np.intp], treatments: list[Treatment]
) -> tuple[NDArray[np.datetime64], Quotes, NDArray[np.intp], NDArray[np.intp]]:
    """Its days, the quotes on them, of each its factor and its day."""
    priced = np.array([each.kind == "price" for each in factors])[of]
    days = np.unique(quotes.day[priced] if priced.any() else quotes.day)
    day = np.searchsorted(days, quotes.day)
    on = days[np.minimum(day, len(days) - 1)] == quotes.day
    if not on.all():
        count = int(np.count_nonzero(~on))
        words = "values of days on which no price is quoted, left out"
        treatments.append(Treatment(what="dropped", subject=quotes.file, words=words, count=count))
        quotes, of, day = quotes.only(on), of[on], day[on]
    return days, quotes, of, day


def _absent(factor: Factor, quotes: Quotes) -> QxError:
    said = f"{factor.factor} has no price" + (f" in {quotes.file}" if quotes.file else "")
    near = did_you_mean(factor.factor, quotes.factor.words)
    hint = near if near.startswith("did") else "its prices, or take the line out"
    return QxError("QX-RISK-011", said, hint=hint, place=Place(factor.place.file, factor.place.line))


def _cut(factors: Sequence[Factor], found: Sequence[Steps], days: NDArray[np.datetime64], lead: int) -> Treatment:
    late = [each.factor for each, its in zip(factors, found, strict=True) if its.day[0] == lead]
    words = f"days before {days[lead]}, on which its prices begin, left out for all"
    return Treatment(what="dropped", subject=_some(late), words=words, count=lead)


def _gathered(factors: Sequence[Factor], treatments: Sequence[Treatment]) -> list[Treatment]:
    """What is true of several factors alike is told once: of a root, where all of it is concerned."""
    alike: dict[tuple[str, str], list[Treatment]] = {}
    for told in treatments:
        alike.setdefault((told.what, told.words), []).append(told)
    roots = {each.factor: each.root for each in factors}
    sizes = Counter(roots.values())
    found = []
    for group in alike.values():
        concerned = Counter(roots.get(each.subject, "") for each in group)
        whole = {root for root, count in concerned.items() if count == sizes.get(root)}
        subjects = (roots[each.subject] if roots.get(each.subject) in whole else each.subject for each in group)
        subject, count = _some(list(dict.fromkeys(subjects))), sum(each.count for each in group)
        found.append(msgspec.structs.replace(group[0], subject=subject, count=count))
    return found


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_NAMED])} and {more} more"


def _rolled(factors: Sequence[Factor], columns: Sequence[Column]) -> list[Treatment]:
    count = sum(each.rolls for each in columns)
    if not count:
        return []
    roots = dict.fromkeys(factor.root for factor, each in zip(factors, columns, strict=True) if each.rolls)
    words = "each return lies within one contract"
    return [Treatment(what="rolled", subject=_some(list(roots)), words=words, count=count)]
