"""A portfolio, loaded: positions compiled against their market, and the digests of the files that it rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qx.app.risk import files
from qx.app.risk.table import raise_all
from qx.kernel.errors import Place, QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from qx.app.risk.files import Files
    from qx.model.risk import Correlation, Treatment
    from qx.model.risk_answers import InputFile
    from qx.risk.book import Book
    from qx.risk.market import Market
    from qx.risk.positions import Positions


class Named(NamedTuple):
    """Files as they were named; None: beside the portfolio."""

    portfolio: str
    prices: str | None = None
    factors: str | None = None
    scenarios: str | None = None
    limits: str | None = None
    pnl: str | None = None

    @property
    def files(self) -> Files:
        rest = {name: Path(path) for name, path in self._asdict().items() if path and name != "portfolio"}
        return files.beside(Path(self.portfolio), **rest)


class Loaded(NamedTuple):
    positions: Positions
    market: Market
    book: Book
    inputs: tuple[InputFile, ...]
    correlated: tuple[tuple[int, int, float], ...] = ()  # pairs of factors, whose correlation is given

    @property
    def treatments(self) -> Sequence[Treatment]:
        """All that was done to the data."""
        return *self.market.treatments, *self.book.treatments


def load(
    named: Files, currency: str, *, as_of: date | None = None, window: int | None = None, greeks: bool = False,
    correlations: str = "",
) -> Loaded:
    """`window`: only so many of the last returns; `greeks`: delta, gamma and vega instead of full revaluation;
    `correlations`: a file of them. Raises QX-RISK-002 to QX-RISK-012, with FILE:LINE.
    """
    from qx.risk.book import compile_book
    from qx.risk.market import market

    positions, first = files.read_positions(named.portfolio)
    factors, second = files.read_factors(named.factors)
    quotes, third = files.read_quotes(named.prices)
    today = market(factors, quotes, as_of=as_of, window=window)
    book = compile_book(positions, today, currency, greeks_only=greeks)
    if not correlations:
        return Loaded(positions, today, book, (first, second, third))
    given, fourth = files.read_correlations(Path(correlations))
    return Loaded(positions, today, book, (first, second, third, fourth), _pairs(given, today))


def _pairs(given: Sequence[Correlation], market: Market) -> tuple[tuple[int, int, float], ...]:
    found: dict[tuple[int, int], float] = {}
    errors = []
    for each in given:
        place = Place(each.place.file, each.place.line)
        unknown = [name for name in (each.factor, each.factor_2) if name not in market.index]
        if unknown:
            hint = did_you_mean(unknown[0], market.index)
            errors.append(QxError("QX-RISK-003", f"no factor {unknown[0]}", hint=hint, place=place))
            continue
        one, other = sorted((market.index[each.factor], market.index[each.factor_2]))
        if one == other or (one, other) in found:
            said = f"{each.factor} with {each.factor_2}: " + ("itself" if one == other else "told twice")
            errors.append(QxError("QX-RISK-003", said, hint="each pair of different factors once", place=place))
        found[one, other] = each.correlation
    raise_all(errors)
    return tuple((*pair, value) for pair, value in found.items())
