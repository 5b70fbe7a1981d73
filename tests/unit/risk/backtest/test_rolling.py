"""VaR and ES of each day from the window before it, against the estimate of one window."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qx.kernel.errors import QxError
from qx.risk.backtest.rolling import rolled
from qx.risk.tail import historical


@pytest.mark.parametrize("level", ["0.99", "0.975", "0.95", "0.9", "0.6"])
@pytest.mark.parametrize(("days", "window"), [(101, 100), (250, 100), (251, 250), (900, 250), (1001, 250)])
def test_each_day_is_the_estimate_of_the_window_before_it(level: str, days: int, window: int) -> None:
    alpha = Fraction(level)
    pnl = np.random.default_rng(days).standard_t(4, (days, 3)).round(2)  # with ties
    found = rolled(pnl, alpha, window)
    assert found.var.shape == found.es.shape == (days - window, 3)
    last = days - window - 1
    for day in {0, min(1, last), last, *range(0, last, 37), *range(window - 1, last, window), *range(0, last, window)}:
        for book in range(3):
            one = historical(pnl[day : day + window, book], alpha)
            assert found.var[day, book] == one.var
            assert found.es[day, book] == pytest.approx(one.es, rel=1e-12)


def test_many_books_are_split_and_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    pnl = np.random.default_rng(2).standard_normal((300, 7))
    whole = rolled(pnl, Fraction("0.95"), 100)
    monkeypatch.setattr("qx.risk.backtest.rolling._NUMBERS", 5 * 300 * 2)
    parts = rolled(pnl, Fraction("0.95"), 100)
    assert (parts.var == whole.var).all()
    assert (parts.es == whole.es).all()


def test_what_cannot_be_rolled() -> None:
    pnl = np.zeros((300, 1))
    for days, window in ((300, 99), (250, 250), (100, 250)):
        with pytest.raises(QxError) as refused:
            rolled(pnl[:days], Fraction("0.99"), window)
        assert refused.value.code == "QX-RISK-009"
    pnl[7] = np.nan
    with pytest.raises(ValueError):
        rolled(pnl, Fraction("0.99"), 250)
