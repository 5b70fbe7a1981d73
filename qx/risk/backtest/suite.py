"""All tests of one book, or of many at once.

P&L of several days that is told daily overlaps: its exceptions are not independent, so that the tests look at every
h-th day only, the last one included, and the traffic light at all of them with borders that know of the overlap.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from qx.kernel.errors import QxError
from qx.model.backtest import Backtest, BacktestCheck, BacktestException, TestName, TrafficLight, Verdict
from qx.risk.backtest.coverage import first_failure, kupiec, no_failure
from qx.risk.backtest.independence import christoffersen, transitions
from qx.risk.backtest.light import traffic_light
from qx.risk.backtest.shortfall import Assumed, Score, null, scores
from qx.risk.distributions import chi2_sf, normal_ppf
from qx.risk.level import written

if TYPE_CHECKING:

    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

FIVE_PERCENT: Final = Fraction(1, 20)
_LEAST: Final = 2  # days: fewer have no step from one to the next

WORDS: Final[dict[TestName, str]] = {
    "kupiec": "as many exceptions as the level says (Kupiec, proportion of failures)",
    "christoffersen": "exceptions come one by one (Christoffersen, independence)",
    "joint": "both at once (Christoffersen, conditional coverage)",
    "tuff": "the first exception comes when it should (Kupiec, time until first failure)",
    "z1-normal": "ES is as deep as exceptions go (Acerbi-Szekely Z1, normal days)",
    "z1-t3": "ES is as deep as exceptions go (Acerbi-Szekely Z1, days of Student's t with 3 degrees)",
    "z2-normal": "ES is as deep as exceptions go, and as many come (Acerbi-Szekely Z2, normal days)",
    "z2-t3": "ES is as deep as exceptions go, and as many come (Acerbi-Szekely Z2, Student's t with 3 degrees)",
}
SCORES: Final[tuple[tuple[TestName, Score, Assumed], ...]] = (
    ("z1-normal", "z1", "normal"), ("z1-t3", "z1", "t3"), ("z2-normal", "z2", "normal"), ("z2-t3", "z2", "t3"),
)  # fmt: skip
AGAINST: Final[dict[TestName, str]] = {
    "christoffersen": "exceptions come in clusters",
    "joint": "number and clustering of exceptions together",
    "tuff": "the first exception comes too early or too late",
    "z1-t3": "exceptions go deeper than ES",
    "z2-t3": "ES is too small",
}


class Measured(NamedTuple):
    """Statistics of B books, each (B,)."""

    exceptions: NDArray[np.intp]
    kupiec: Floats
    christoffersen: Floats
    tuff: Floats
    z1: Floats | None  # None: no ES; NaN: no exception
    z2: Floats | None

    @property
    def joint(self) -> Floats:
        return self.kupiec + self.christoffersen


def measured(pnl: Floats, var: Floats, es: Floats | None, chance: float) -> Measured:
    """All of them (T, B), T >= 2: P&L with gains positive, VaR and ES above 0 with losses positive."""
    hits = pnl < -var
    exceptions = np.count_nonzero(hits, axis=0)
    days = len(hits)
    first = np.where(exceptions > 0, first_failure(hits.argmax(axis=0) + 1, chance), no_failure(days, chance))
    found = scores(pnl, var, es, chance) if es is not None else None
    return Measured(
        exceptions, kupiec(days, exceptions, chance), christoffersen(transitions(hits)), first,
        found.z1 if found else None, found.z2 if found else None,
    )  # fmt: skip


def backtest(
    dates: Sequence[date], pnl: Floats, var: Floats, es: Floats | None, alpha: Fraction, *,
    overlap: int = 1, significance: Fraction = FIVE_PERCENT, book: str = "",
) -> Backtest:  # fmt: skip
    """Of one book: `pnl`, `var`, `es` (T,), for `dates` (T,) that ascend; var[t] was told before pnl[t] came.

    `overlap` is the number of days of one P&L. Raises QX-RISK-016 where VaR is not above 0, ES below VaR or anything
    is no number, QX-RISK-009 when fewer than two days that do not overlap are left.
    """
    column = None if es is None else es[:, None]
    (found,) = backtests(
        dates, pnl[:, None], var[:, None], column, alpha, overlap=overlap, significance=significance, books=(book,)
    )
    return found


def backtests(
    dates: Sequence[date], pnl: Floats, var: Floats, es: Floats | None, alpha: Fraction, *,
    overlap: int = 1, significance: Fraction = FIVE_PERCENT, books: Sequence[str],
) -> tuple[Backtest, ...]:  # fmt: skip
    """Of B books on the same days: `pnl`, `var`, `es` (T, B). As `backtest`."""
    if pnl.ndim != 2 or pnl.shape != (len(dates), len(books)) or var.shape != pnl.shape or overlap < 1:
        raise ValueError(f"P&L of shape {pnl.shape}, VaR of {var.shape}: {len(dates)} days, {len(books)} books")
    _sound(dates, pnl, var, es, books)
    apart = slice((len(dates) - 1) % overlap, None, overlap)
    days = len(range(len(dates))[apart])
    if days < _LEAST:
        hint = "a backtest wants at least two, and says something from 250 on"
        raise QxError("QX-RISK-009", f"{days} days that do not overlap", hint=hint)
    chance = float(1 - alpha)
    tests = measured(pnl[apart], var[apart], None if es is None else es[apart], chance)
    exceptions = np.count_nonzero(pnl < -var, axis=0)
    answers = []
    for column, book in enumerate(books):
        checks = _checks(tests, column, days, alpha, float(significance))
        light = traffic_light(len(dates), int(exceptions[column]), alpha, overlap)
        verdict, because = _verdict(checks, light, len(dates) * chance)
        answers.append(Backtest(
            book=book, alpha=written(alpha), horizon_days=overlap, days=len(dates),
            since=dates[0].isoformat(), until=dates[-1].isoformat(), exceptions=int(exceptions[column]),
            expected=len(dates) * chance, significance=written(significance), traffic_light=light, tests=checks,
            exception_days=tuple(
                BacktestException(
                    date=dates[day].isoformat(), pnl=float(pnl[day, column]), var=float(var[day, column]),
                    es=None if es is None else float(es[day, column]),
                )
                for day in np.flatnonzero(pnl[:, column] < -var[:, column]).tolist()
            ),
            verdict=verdict, because=because,
        ))  # fmt: skip
    return tuple(answers)


def _checks(found: Measured, at: int, days: int, alpha: Fraction, significance: float) -> tuple[BacktestCheck, ...]:
    ratios: tuple[tuple[TestName, Floats, int], ...] = (
        ("kupiec", found.kupiec, 1), ("christoffersen", found.christoffersen, 1), ("joint", found.joint, 2),
        ("tuff", found.tuff, 1),
    )  # fmt: skip
    checks = [_ratio(name, float(values[at]), degrees, days, significance) for name, values, degrees in ratios]
    for name, score, assumed in SCORES:
        values = found.z1 if score == "z1" else found.z2
        if values is not None:
            checks.append(_score(name, score, assumed, float(values[at]), days, alpha, significance))
    return tuple(checks)


def _ratio(name: TestName, value: float, degrees: int, days: int, significance: float) -> BacktestCheck:
    chance = chi2_sf(value, degrees)
    return BacktestCheck(
        name=name, words=WORDS[name], statistic=value, critical=_critical(degrees, significance),
        p_value=chance, rejected=chance < significance, observations=days,
    )  # fmt: skip


@lru_cache
def _critical(degrees: int, significance: float) -> float:
    """Of chi-square with 1 or 2 degrees."""
    return normal_ppf(1 - significance / 2) ** 2 if degrees == 1 else -2 * math.log(significance)


def _score(
    name: TestName, score: Score, assumed: Assumed, value: float, days: int, alpha: Fraction, significance: float
) -> BacktestCheck:
    if math.isnan(value):
        return BacktestCheck(
            name=name, words=WORDS[name], statistic=None, critical=None, p_value=None, rejected=None, observations=days
        )
    right = null(days, alpha, assumed)
    chance = right.p_value(score, value)
    return BacktestCheck(
        name=name, words=WORDS[name], statistic=value, critical=right.critical(score, significance), p_value=chance,
        rejected=chance < significance, observations=days,
    )  # fmt: skip


def _verdict(
    checks: tuple[BacktestCheck, ...], light: TrafficLight, expected: float
) -> tuple[Verdict, tuple[str, ...]]:
    """Rejected by a red light, by the number of exceptions or that and their clustering, or by Z2 of heavy-tailed days;
    doubtful by what else speaks against it: of several tests at 5% one fails by chance. An ES that is too small only if
    days were normal speaks against nothing: they are not.
    """
    failed = {check.name for check in checks if check.rejected}
    because = [f"the traffic light is {light.zone}"] if light.zone != "green" else []
    because += [words for name, words in AGAINST.items() if name in failed]
    if "kupiec" in failed:
        many = light.exceptions > expected
        because.append("too many exceptions" if many else "too few exceptions: the VaR is too high")
    if light.zone == "red" or failed & {"kupiec", "joint", "z2-t3"}:
        return "rejected", tuple(because)
    return ("doubtful" if because else "accepted"), tuple(because)


def _sound(dates: Sequence[date], pnl: Floats, var: Floats, es: Floats | None, books: Sequence[str]) -> None:
    for what, wrong in (
        ("P&L is no number", ~np.isfinite(pnl)),
        ("VaR is not above 0", ~(np.isfinite(var) & (var > 0))),
        ("ES is below VaR", np.zeros((1, 1), bool) if es is None else ~(np.isfinite(es) & (es >= var))),
    ):
        if wrong.any():
            day, column = (int(one) for one in np.argwhere(wrong)[0])
            of = f" of {books[column]}" if books[column] else ""
            hint = "losses are positive in VaR and ES"
            raise QxError("QX-RISK-016", f"{what}{of} on {dates[day].isoformat()}", hint=hint)
