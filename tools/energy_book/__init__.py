"""The example book of examples/: `python -m tools.energy_book` writes the same bytes each time.

All of it is made up: names, holdings and prices. Roots, lots and units are those of the markets; the levels and their
moves come from a two-factor model of forward curves (short-term moves that fade with the delivery month, and a common
long-term one) with volatility that clusters and tails of a Student t, all from one seed. Only the standard library is
used, whose generator and inverse normal give the same figures everywhere; what is written is rounded to ticks.
"""

from __future__ import annotations

from tools.energy_book.book import portfolio
from tools.energy_book.factors import factors
from tools.energy_book.prices import prices
from tools.energy_book.settings import limits, pnl, scenarios

NOTE = "# Made up by `python -m tools.energy_book`: no price of a market, no holding of anybody.\n"


def files() -> dict[str, str]:
    """File name under examples/ -> its text."""
    made = {
        "portfolio.csv": portfolio(), "prices.csv": prices(), "factors.csv": factors(), "scenarios.csv": scenarios(),
        "limits.csv": limits(), "pnl.csv": pnl(),
    }  # fmt: skip
    return {name: NOTE + text for name, text in made.items()}
