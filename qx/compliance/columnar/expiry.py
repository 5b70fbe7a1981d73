"""Expiries of many rows: of each the first instant at which its answer may change, and what changes it then. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.compliance.columnar.values import Coded
from qx.compliance.columnar.values import at as at_row
from qx.compliance.dated import EVER
from qx.compliance.validate import ENDS, LIFE, REFRESH, TTL, USUAL_TTL, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.compliance.columnar.frame import Source
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.validate import Rulebook

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RATING = "kyc.riskRating"


class Expiries(NamedTuple):
    """`at`: microseconds since EPOCH; `because`: a place in `reasons`."""

    at: NDArray[np.int64]
    because: NDArray[np.intp]
    reasons: Sequence[str]

    def text(self, row: int) -> str:
        return text_of(EPOCH + timedelta(microseconds=int(self.at[row])))


def expiries(
    source: Source, book: Rulebook, moments: Sequence[datetime], places: Places, fresh_until: Value
) -> Expiries:
    """As `validate.events` tells them. `moments`: the distinct asOf, and `places` which of them each row has.
    `fresh_until`: until when what screening found holds.
    """
    changes = [*book.changes, (EVER, "")]
    reasons = list(dict.fromkeys([LIFE, REFRESH, *(what for _, what in ENDS), *(what for _, what in changes)]))
    since = np.array([micros(moment) for moment in moments], np.int64)
    at, ever = since[places], micros(EVER)
    life = _lives(source)
    found = np.minimum(at, ever - life) + life
    because = np.full(len(at), reasons.index(LIFE))

    def first(moment: NDArray[np.int64], why: NDArray[np.intp] | int) -> None:
        nonlocal found, because
        earlier = (moment > at) & (moment < found)
        found, because = np.where(earlier, moment, found), np.where(earlier, why, because)

    when = np.array([micros(moment) for moment, _ in changes], np.int64)
    following = np.minimum(np.searchsorted(when, since, side="right"), len(when) - 1)
    first(when[following][places], np.array([reasons.index(what) for _, what in changes])[following][places])
    ends = fresh_until.values if isinstance(fresh_until, Coded) else [at_row(fresh_until, 0)]
    of_row = fresh_until.codes if isinstance(fresh_until, Coded) else np.zeros(len(at), np.intp)
    first(np.array([ever if end is None else micros(end) for end in ends], np.int64)[of_row], reasons.index(REFRESH))
    for path, what in ENDS:
        days = source.path(path)
        if isinstance(days, Coded):
            first(np.array([*map(_end, days.values), ever], np.int64)[days.codes], reasons.index(what))
    return Expiries(found, because, reasons)


def _lives(source: Source) -> NDArray[np.int64]:
    """Of each row, in microseconds."""
    rating = source.path(RATING)
    if not isinstance(rating, Coded):
        return np.array(USUAL_TTL // MICROSECOND)
    lives = [TTL.get(word, USUAL_TTL) for word in rating.values]
    return np.array([life // MICROSECOND for life in (*lives, USUAL_TTL)], np.int64)[rating.codes]


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _end(day: date) -> int:
    return (day.toordinal() + 1 - EPOCH.toordinal()) * 86_400_000_000
