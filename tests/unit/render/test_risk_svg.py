"""Pictures of a risk report: to scale, with their numbers in words, with nothing of a file unescaped."""

from __future__ import annotations

import re

import pytest

from qx.model.risk_report import BacktestDay, Bin, Correlation
from qx.render.risk_svg import Bar, Mark, backtest, bars, clipped, correlations, distribution, short

EVIL = '"><script>x</script>'


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (1e-9, "0"), (12.3456, "12.3"), (-999.4, "-999"), (999.7, "1000"), (1500.0, "1.5k"), (-2.5e6, "-2.5M"),
    (999_960.0, "1000k"), (3e9, "3bn"),
])  # fmt: skip
def test_an_amount_in_short(value: float, text: str) -> None:
    assert short(value) == text


def test_a_long_name_is_clipped() -> None:
    assert clipped("abcdef", 4) == "abc…"
    assert clipped("abcd", 4) == "abcd"


def test_bars_lie_on_both_sides_of_nothing() -> None:
    drawn = bars([Bar("a", 300.0), Bar("b", -100.0), Bar(EVIL, 0.0)], "parts", loss_positive=True)
    found = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn)
    assert [kind for kind, _, _ in found] == ["loss", "gain", "gain"]
    (_, right, wide), (_, left, narrow), _ = found
    assert float(wide) == pytest.approx(3 * float(narrow), abs=0.05)
    assert float(left) + float(narrow) == pytest.approx(float(right), abs=0.02)
    assert "<script" not in drawn
    assert 'aria-label="parts: a 300.00; b -100.00' in drawn


def test_bars_of_nothing_but_zeros_are_drawn_too() -> None:
    assert bars([Bar("a", 0.0)], "parts").count("<rect") == 1


def test_the_tail_of_a_distribution_is_marked() -> None:
    bins = [Bin(-30.0, -20.0, 2), Bin(-20.0, -10.0, 0), Bin(-10.0, 0.0, 5), Bin(0.0, 10.0, 9)]
    drawn = distribution(bins, [Mark("VaR 20", -20.0), Mark("ES 25", -25.0)], "USD")
    heights = dict(zip(("loss", "a", "b"), re.findall(r'<rect class="\w+"[^>]* height="([\d.]+)"', drawn), strict=True))
    assert drawn.count('class="loss"') == 1
    assert float(heights["b"]) / float(heights["a"]) == pytest.approx(9 / 5, abs=1e-3)
    assert "16 scenarios from -30.00 to 10.00 USD. VaR 20 at a P&amp;L of -20.00 USD" in drawn
    one = distribution([Bin(0.0, 0.0, 7)], [Mark("VaR 0", 0.0)], "USD")  # a book that nothing moves
    assert "nan" not in one


def test_exceptions_are_ringed() -> None:
    days = [BacktestDay(date=f"2026-11-{n:02}", pnl=-12.0 if n == 5 else float(n), var=10.0, exception=n == 5)
            for n in range(1, 20)]  # fmt: skip
    drawn = backtest(days, "USD")
    assert drawn.count('class="ring"') == 1
    assert 'aria-label="1 exceptions in 19 days: 2026-11-05 -12.00"' in drawn


def test_correlations_are_a_square() -> None:
    found = Correlation(factors=("A", EVIL), left_out=0, matrix=((1.0, -0.5), (-0.5, 1.0)))
    drawn = correlations(found)
    assert drawn.count('class="cell plus"') == drawn.count('class="cell minus"') == 2
    assert 'fill-opacity="0.400"' in drawn
    assert "<script" not in drawn
