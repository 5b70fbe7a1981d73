"""`qx risk report`: figures, pictures, conventions and data of a portfolio, as one page of HTML or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli import risk_options as flag

if TYPE_CHECKING:
    from qx.cli.shell import Shell

Html = Annotated[
    str | None,
    typer.Option("--html", metavar="OUT", show_default=False, help="Write the page there: all of it in one file."),
]


def report(
    ctx: typer.Context,
    file: flag.Portfolio,
    html: Html = None,
    method: flag.MethodFlag = "historical",
    alpha: flag.Alpha = "99%",
    horizon: flag.HorizonFlag = "1d",
    by: flag.By = "book,desk,factor,trade",
    prices: flag.Prices = None,
    factors: flag.Factors = None,
    scenarios: flag.Scenarios = None,
    currency: flag.Currency = "USD",
    as_of: flag.AsOf = None,
    window: flag.Window = None,
    quantile: flag.Quantile = "kth-worst",
    scaling: flag.Scaling = None,
    revaluation: flag.RevaluationFlag = "full",
    volatility: flag.Volatility = None,
    distribution: flag.Drawn = "normal",
    seed: flag.Seed = 0,
    draws: flag.Draws = None,
    jobs: flag.Jobs = None,
    top: flag.Top = 10,
) -> None:
    """VaR and ES, contributions, backtest, stress, correlation, conventions and data as numbers; --html: as a page."""
    from qx.app.outfile import write
    from qx.app.risk import asked as words
    from qx.app.risk.inputs import Named
    from qx.app.risk.report import reported
    from qx.cli.batching import progress_of
    from qx.render.risk import Shown, risk_text
    from qx.render.risk_html import risk_html
    from qx.risk.level import level

    shell: Shell = ctx.obj
    estimated = words.volatility_of(volatility) if volatility is not None else None
    wanted = words.check(words.Asked(
        method=method, alpha=level(alpha), horizon=words.days_of(horizon), scaling=scaling, quantile=quantile,
        by=words.levels_of(by), currency=words.currency_of(currency), revaluation=revaluation,
        as_of=words.day_of(as_of) if as_of is not None else None, window=window, seed=seed, draws=draws or words.DRAWS,
        jobs=jobs, distribution=distribution, volatility=estimated,
    ))  # fmt: skip
    with progress_of(shell, flag.DRAWING, "draws", wanted=method == "monte-carlo") as tell:
        found = reported(Named(file, prices, factors, scenarios), wanted, tell)
    if html is not None:
        write(html, risk_html(found).encode())
        shell.say(f"{html}: risk of {found.portfolio} on {found.figures.as_of}")
    shell.answer("risk-report", found, lambda palette, width: risk_text(found.figures, palette, width, Shown(top)))
