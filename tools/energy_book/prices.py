"""prices.csv: two and a half years of settlements, each with its contract; on the day of a roll both contracts."""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist
from typing import TYPE_CHECKING

from tools.energy_book.calendar import first_of, front_months, month_after, trading_days
from tools.energy_book.factors import CURVES, SINGLES, Curve, Single

if TYPE_CHECKING:
    from datetime import date

SEED = 20_261_120
YEAR = 252
GROUPS = {"oil": 0.0, "gas": 0.25, "hub": 0.10, "fx": 0.15}  # correlation with oil
PERSISTENCE, NEWS = 0.90, 0.08  # of the variance of a group
DEGREES = 5  # of freedom
REVERSION = 0.9  # of the front of a curve to its level, a year


class Draws:
    """Standard normals from one stream, by the inverse of their distribution."""

    def __init__(self, seed: int) -> None:
        self._uniform = Random(seed)  # nosec B311 - an example, not a secret
        self._normal = NormalDist()

    def normal(self) -> float:
        return self._normal.inv_cdf(self._uniform.random() * (1 - 2e-12) + 1e-12)

    def heavy(self) -> float:
        """Student's t of unit variance."""
        scale = sum(self.normal() ** 2 for _ in range(DEGREES)) / (DEGREES - 2)
        return self.normal() / math.sqrt(scale)


class Groups:
    """The common moves, day after day: variances that follow what happened, of mean 1."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._variance = dict.fromkeys(GROUPS, 1.0)
        self.volatility = dict.fromkeys(GROUPS, 1.0)
        self.short: dict[str, float] = {}
        self.long: dict[str, float] = {}

    def turn(self) -> None:
        oil, far = self._draws.heavy(), self._draws.normal()
        for name, share in GROUPS.items():
            own = math.sqrt(1 - share**2)
            shock = oil if name == "oil" else share * oil + own * self._draws.heavy()
            self.long[name] = far if name == "oil" else share * far + own * self._draws.normal()
            self.volatility[name] = math.sqrt(self._variance[name])
            self.short[name] = shock
            news = min(shock**2, 16.0) * self._variance[name]
            self._variance[name] = 1 - PERSISTENCE - NEWS + PERSISTENCE * self._variance[name] + NEWS * news


def prices() -> str:
    days = trading_days()
    draws = Draws(SEED)
    groups = Groups(draws)
    curves = [_Curve(each, days) for each in CURVES]
    singles = [_Single(each) for each in SINGLES]
    lines = ["date,factor,value,contract"]
    for number, day in enumerate(days):
        if number:
            groups.turn()
            for curve in curves:
                curve.move(groups, draws.normal())
            for single in singles:
                single.move(groups, draws.normal())
        for curve in curves:
            lines += curve.lines(number, day)
        for single in singles:
            lines += single.lines(day)
    return "\n".join(lines) + "\n"


class _Curve:
    def __init__(self, of: Curve, days: list[date]) -> None:
        self.of = of
        self.ahead = front_months(days, of.roll, of.offset, set(of.holidays))
        self.start = days[0]
        self.short = self.long = 0.0  # what moved it since the first day, at no distance

    def move(self, groups: Groups, own: float) -> None:
        of, root = self.of, math.sqrt(YEAR)
        common = of.share * groups.short[of.group] + math.sqrt(1 - of.share**2) * own
        size = groups.volatility[of.group] / root
        self.short = self.short * (1 - REVERSION / YEAR) + of.short * size * common
        self.long = self.long * (1 - 0.25 / YEAR) + of.long * size * groups.long[of.group]

    def level(self, month: str, day: date) -> str:
        of, delivery = self.of, first_of(month)
        years = max(0.0, (delivery - day).days / 365)
        since = (delivery - self.start).days / 365
        season = of.season * math.cos(2 * math.pi * (delivery.month - 1) / 12)
        level = of.level * math.exp(of.slope * min(since, 2.0) + season)
        return f"{level * math.exp(self.short * math.exp(-of.fading * years) + self.long):.{of.decimals}f}"

    def lines(self, number: int, day: date) -> list[str]:
        if day in self.of.holidays:
            return []
        ahead = self.ahead[number]
        before = self.ahead[number - 1] if number else ahead
        rolls = ahead == before + 1 and number > 0
        found = []
        for tenor in self.of.tenors:
            months = [month_after(day, ahead + tenor - 1)]
            if rolls:
                months.insert(0, month_after(day, before + tenor - 1))
            found += [f"{day},{self.of.root}.M{tenor},{self.level(month, day)},{month}" for month in months]
        return found


class _Single:
    def __init__(self, of: Single) -> None:
        self.of = of
        self.value = 0.0  # its move, of its own return type

    def move(self, groups: Groups, own: float) -> None:
        of = self.of
        common = of.share * groups.short[of.group] + math.sqrt(1 - of.share**2) * own
        size = of.volatility / math.sqrt(YEAR) * groups.volatility[of.group]
        self.value = self.value * (1 - of.reversion) + size * common

    def lines(self, day: date) -> list[str]:
        of = self.of
        if day in of.holidays:
            return []
        value = of.level * math.exp(self.value) if of.return_type == "log" else of.level + self.value
        return [f"{day},{of.factor},{value:.{of.decimals}f},"]


