"""The flags that commands of `qx risk` share: one spelling, one meaning."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.model.risk_answers import Distribution, Horizon, Method, Revaluation

DRAWING = {"draw": "drawing", "apart": "once more"}  # what progress tells of
Portfolio = Annotated[str, typer.Argument(metavar="FILE", help="The portfolio: CSV or Parquet.")]
MethodFlag = Annotated[Method, typer.Option("--method", metavar="METHOD",
                       help="historical, age, filtered, evt, parametric, cornish-fisher or monte-carlo.")]  # fmt: skip
Alpha = Annotated[str, typer.Option("--alpha", metavar="LEVEL", help="Confidence level: 99%, 0.975.")]
HorizonFlag = Annotated[str, typer.Option("--horizon", metavar="DAYS", help="Trading days: 1d, 10d.")]
Scaling = Annotated[
    Horizon | None,
    typer.Option("--scaling", metavar="HOW", show_default=False,
                 help="How more than one day is come to: overlapping, sqrt, autocorrelated. [what the method can]"),
]  # fmt: skip
Quantile = Annotated[str, typer.Option("--quantile", metavar="RULE",
                     help="kth-worst, type1 to type9, hull, higher, linear, ore, quantlib...")]  # fmt: skip
Emulate = Annotated[
    str | None,
    typer.Option("--emulate", metavar="TOOL", show_default=False,
                 help="As that prints: quantlib, ore, performanceanalytics, riskfolio, skfolio, empyrical, quantstats, "
                      "excel."),
]  # fmt: skip
By = Annotated[
    str,
    typer.Option("--by", metavar="LEVELS",
                 help="Drill down by book, desk, strategy, region, counterparty, limit_group, instrument, currency, "
                      "trade, factor, tenor."),
]  # fmt: skip
Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="Names of each level that the table shows.")]
Prices = Annotated[
    str | None,
    typer.Option("--prices", metavar="FILE", show_default=False, help="Levels by day. [prices.csv beside FILE]"),
]  # fmt: skip
Factors = Annotated[
    str | None,
    typer.Option("--factors", metavar="FILE", show_default=False, help="What moves. [factors.csv beside FILE]"),
]  # fmt: skip
Scenarios = Annotated[
    str | None,
    typer.Option("--scenarios", metavar="FILE", show_default=False, help="[scenarios.csv beside FILE]"),
]  # fmt: skip
Limits = Annotated[
    str | None,
    typer.Option("--limits", metavar="FILE", show_default=False, help="[limits.csv beside FILE]"),
]  # fmt: skip
Currency = Annotated[str, typer.Option("--currency", metavar="ISO", help="Of all amounts.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", show_default=False, help="Value on that day. [the last of the prices]"),
]  # fmt: skip
Window = Annotated[
    int | None,
    typer.Option("--window", metavar="DAYS", min=1, show_default=False, help="Only the last returns. [all]"),
]  # fmt: skip
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Monte Carlo: of all streams.")]
Draws = Annotated[
    int | None,
    typer.Option("--draws", metavar="N", min=1, show_default=False,
                 help="Monte Carlo: so many, or at most so many with --precision. [1,000,000]"),
]  # fmt: skip
Precision = Annotated[
    str | None,
    typer.Option("--precision", metavar="SHARE", show_default=False,
                 help="Monte Carlo: stop when the 95% interval of the VaR is within that share of it: 1%."),
]  # fmt: skip
Engine = Annotated[
    str | None,
    typer.Option("--engine", metavar="URL", show_default=False,
                 help="Monte Carlo on many machines: dask://HOST:PORT. [this machine]"),
]  # fmt: skip
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, show_default=False, help="Threads at work. [one each processor]"),
]  # fmt: skip
Drawn = Annotated[Distribution, typer.Option("--distribution", metavar="NAME",
                  help="Monte Carlo and parametric: normal, t5; Monte Carlo also copula.")]  # fmt: skip
Volatility = Annotated[
    str | None,
    typer.Option("--volatility", metavar="HOW", show_default=False,
                 help="equal, ewma:0.94 or garch. [filtered: ewma:0.94, else equal]"),
]  # fmt: skip
RevaluationFlag = Annotated[Revaluation, typer.Option("--revaluation", metavar="HOW",
                            help="full, or greeks: delta, gamma and vega alone.")]  # fmt: skip
Decay = Annotated[float, typer.Option("--decay", metavar="RATE", help="Age-weighted: weight of a day over the next.")]
Correlations = Annotated[
    str | None,
    typer.Option("--correlations", metavar="FILE", show_default=False,
                 help="Parametric and Monte Carlo: of some pairs of factors, instead of history's."),
]  # fmt: skip
Liquidity = Annotated[bool, typer.Option("--liquidity",
                      help="Also with the days that it takes to get out: Basel's cascade, orderly closing.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the figures in the store, for `qx risk history`.")]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", show_default=False, help="Under which it is kept. [the name of FILE]"),
]  # fmt: skip
Pnl = Annotated[
    str | None,
    typer.Option("--pnl", metavar="FILE", show_default=False, help="P&L by day, of drawdown. [pnl.csv beside FILE]"),
]  # fmt: skip
