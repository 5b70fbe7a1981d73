"""Factors and prices for tests, written shortly: `quotes("CL.M1", "2020-04-17 18.27", "2020-04-20 -37.63")`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from qx.model.risk import Factor, FactorKind, Place, Quote, ReturnType
from qx.risk.market import market
from qx.risk.quotes import quotes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.risk.market import Market

FILE = "prices.csv"


def factor(
    name: str, return_type: ReturnType = "absolute", *, kind: FactorKind = "price", unit: str = "bbl",
    currency: str = "USD", line: int = 2, shift: float = 0.0, tenor_days: int | None = None, roll_rule: str = "",
    max_stale_days: int = 5,
) -> Factor:  # fmt: skip
    return Factor(
        factor=name, kind=kind, return_type=return_type, place=Place("factors.csv", line), unit=unit, currency=currency,
        shift=shift, tenor_days=tenor_days, roll_rule=roll_rule, max_stale_days=max_stale_days,
    )  # fmt: skip


def quote(name: str, told: str, line: int) -> Quote:
    """`told`: day, value, contract, unit, currency; the last three may be missing, or `-`."""
    day, value, *rest = told.split()
    contract, unit, currency = ["" if word == "-" else word for word in [*rest, "-", "-", "-"][:3]]
    return Quote(
        date=date.fromisoformat(day), factor=name, value=float(value), place=Place(FILE, line), contract=contract,
        unit=unit, currency=currency,
    )  # fmt: skip


def quotes(name: str, *told: str, first: int = 2) -> list[Quote]:
    return [quote(name, each, line) for line, each in enumerate(told, first)]


def made(factors: Sequence[Factor], told: Sequence[Quote], *, window: int | None = None, as_of: str = "") -> Market:
    return market(factors, quotes_of(told), as_of=date.fromisoformat(as_of) if as_of else None, window=window)


def series(name: str, levels: Sequence[float], *, start: str = "2026-01-05", first: int = 2) -> list[Quote]:
    """On weekdays, one after another."""
    day, told = date.fromisoformat(start), []
    for value in levels:
        while day.weekday() > 4:
            day += timedelta(days=1)
        told.append(f"{day} {float(value)!r}")
        day += timedelta(days=1)
    return quotes(name, *told, first=first)


def walk(seed: int, count: int, level: float = 70.0) -> list[float]:
    steps = np.random.default_rng(seed).normal(0.0, 0.01, count)
    return [float(each) for each in level * np.exp(np.cumsum(steps))]
