"""Amounts, shares and trends as people read them; that nothing is wider than its terminal."""

from __future__ import annotations

import pytest

from qx.model.risk import Treatment
from qx.model.risk_answers import (
    Breakdown,
    Contribution,
    Convention,
    ErrorInterval,
    RiskFigures,
    TailScenario,
)
from qx.model.risk_limits import LimitsVerdict, LimitVerdict
from qx.render.risk import Shown, heaviest, money, percent, risk_text
from qx.render.risk_limits import limits_text, sparkline

WORDS = Convention(
    words="historical simulation of 500 scenarios", tail="5th worst of 500 scenarios", quantile="kth-worst",
    emulates="", es="mean of the worst", horizon="1 trading day", returns={"log": 3}, revaluation="full", volatility="",
    ddof=None,
)  # fmt: skip


def figures(parts: int, es: float | None = 1500.0) -> RiskFigures:
    each = tuple(Contribution(name=f"P{n}", var=100.0, es=150.0, share=0.1) for n in range(parts))
    whole = Breakdown(level="trade", parts=each, residual_var=1000.0 - 100 * parts, residual_es=0.0)
    return RiskFigures(
        measure="var", var=1000.0, es=es, currency="USD", alpha="99%", horizon_days=1, method="historical",
        as_of="2026-11-20", var_interval=ErrorInterval(low=900.0, high=1100.0, level=0.95, method="order statistics"),
        es_interval=None, convention=WORDS, value=1e6, positions=parts, factors=3, scenarios=500,
        worst=tuple(TailScenario(date="2026-11-20", pnl=-1200.0) for _ in range(9)), by=(whole,), notes=("mind it",),
        treatments=(Treatment(what="filled", subject="CL.M1, CL.M2", words="no price on 3 days", count=3),), inputs=(),
    )  # fmt: skip


@pytest.mark.parametrize(("amount", "beside", "text"), [
    (None, 0.0, ""), (0.0, 0.0, "0.00"), (-0.001, 0.0, "0.00"), (-0.5, 0.0, "-0.50"), (999.994, 0.0, "999.99"),
    (1000.0, 0.0, "1,000"), (-1234567.4, 0.0, "-1,234,567"), (12.3, 5e6, "12"), (-0.2, 5e6, "0"),
])  # fmt: skip
def test_money(amount: float | None, beside: float, text: str) -> None:
    assert money(amount, beside) == text


def test_shares() -> None:
    assert (percent(None), percent(0.1234), percent(-1.5)) == ("", "12.3%", "-150.0%")


@pytest.mark.parametrize(("values", "line"), [
    ([], ""), ([5.0], "▄"), ([5.0, 5.0], "▄▄"), ([0.0, 7.0], "▁█"),
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "▁▂▃▄▅▆▇█"),
])  # fmt: skip
def test_a_trend(values: list[float], line: str) -> None:
    assert sparkline(values) == line


@pytest.mark.parametrize("width", [60, 80, 140])
def test_what_is_shown_sums_and_fits(width: int) -> None:
    text = risk_text(figures(10), width=width, shown=Shown(top=3, worst=2))
    assert max(map(len, text.splitlines())) <= width
    assert "(7 more)" in text
    assert "(residual)" not in text
    assert text.count("2026-11-20") == 3, "the day, and two of the worst"
    assert text.index("VaR 99%") < text.index("ES 99%")


def test_a_residual_and_a_figure_that_there_is_not_are_told() -> None:
    text = risk_text(figures(9, es=None))
    assert "(residual)" in text
    assert "ES 99% 1 day   none" in text
    assert "mind it" in text
    assert "filled" in text


def test_limits_tell_what_is_not_known_and_who_was_not_told() -> None:
    one = LimitVerdict(
        line=3, scope_level="desk", scope="coal", measure="var", alpha="99%", horizon="1d", currency="EUR", value=None,
        soft=None, hard=5.0, used=None, state="unknown", because="no desk 'coal' (QX-RISK-014)",
    )  # fmt: skip
    found = LimitsVerdict(
        portfolio="energy", as_of="2026-11-20", state="unknown", limits=(one,), inputs=(), told=("chat",),
        untold="pager: refused",
    )  # fmt: skip
    text = limits_text(found, width=80)
    assert "line 3  no desk 'coal' (QX-RISK-014)" in text
    assert "1 unknown" in text
    assert "pager: refused" in text
    assert one.words == "var 99% 1d of desk coal: no desk 'coal' (QX-RISK-014)"


def test_what_takes_much_off_is_shown_as_what_adds_much() -> None:
    parts = [900.0, 300.0, 20.0, 10.0, -5.0, -400.0]
    assert heaviest(parts, 3, lambda each: each) == ([900.0, 300.0, -400.0], [20.0, 10.0, -5.0])
    assert heaviest(parts, 9, lambda each: each) == (parts, [])
    assert heaviest(parts, 0, lambda each: each) == ([], parts)
    assert heaviest([1.0, 1.0, -1.0], 2, lambda each: each) == ([1.0, 1.0], [-1.0])
