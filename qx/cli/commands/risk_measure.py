"""`qx risk var` and `qx risk es`: one command, which tells the figure first that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from qx.cli import risk_options as flag

if TYPE_CHECKING:
    from qx.cli.shell import Shell


def figures(
    ctx: typer.Context,
    file: flag.Portfolio,
    method: flag.MethodFlag = "historical",
    alpha: flag.Alpha = "99%",
    horizon: flag.HorizonFlag = "1d",
    by: flag.By = "book,desk,factor",
    prices: flag.Prices = None,
    factors: flag.Factors = None,
    currency: flag.Currency = "USD",
    as_of: flag.AsOf = None,
    window: flag.Window = None,
    quantile: flag.Quantile = "kth-worst",
    emulate: flag.Emulate = None,
    scaling: flag.Scaling = None,
    revaluation: flag.RevaluationFlag = "full",
    volatility: flag.Volatility = None,
    decay: flag.Decay = 0.995,
    distribution: flag.Drawn = "normal",
    seed: flag.Seed = 0,
    draws: flag.Draws = None,
    precision: flag.Precision = None,
    engine: flag.Engine = None,
    jobs: flag.Jobs = None,
    correlations: flag.Correlations = None,
    liquidity: flag.Liquidity = False,
    top: flag.Top = 10,
    keep: flag.Keep = False,
    name: flag.Name = None,
) -> None:
    """VaR and ES of a portfolio, each with its interval and its convention, and who adds what to them."""
    from qx.app.risk import asked as words
    from qx.app.risk.inputs import Named
    from qx.app.risk.measure import measured
    from qx.cli.batching import progress_of
    from qx.kernel.errors import QxError
    from qx.kernel.text import plural
    from qx.render.risk import Shown, risk_text
    from qx.risk.level import level

    shell: Shell = ctx.obj
    if draws is not None and method != "monte-carlo":
        raise QxError("QX-RISK-001", f"--draws with --method {method}: nothing is drawn", hint="--method monte-carlo")
    share = words.share_of(precision) if precision is not None else None
    estimated = words.volatility_of(volatility) if volatility is not None else None
    wanted = words.check(words.Asked(
        method=method, alpha=level(alpha), horizon=words.days_of(horizon), scaling=scaling, quantile=quantile,
        emulate=emulate or "", by=words.levels_of(by), currency=words.currency_of(currency),
        as_of=words.day_of(as_of) if as_of is not None else None, window=window, seed=seed,
        draws=draws or (words.MOST_DRAWS if share is not None else words.DRAWS), precision=share, engine=engine or "",
        jobs=jobs, distribution=distribution, volatility=estimated, revaluation=revaluation,
        decay=decay, correlations=correlations or "", liquidity=liquidity,
    ))  # fmt: skip
    with progress_of(shell, flag.DRAWING, "draws", wanted=method == "monte-carlo") as tell:
        done = measured(Named(file, prices, factors), wanted, "es" if ctx.info_name == "es" else "var", tell)
        regions = done.regions() if keep else {}
    found = done.document
    if keep:
        from qx.adapters.clock import SystemClock
        from qx.app.risk.history import keep_figures, name_of, opened

        under = name_of(file, name or "")
        with opened(shell.env, shell.config) as store:
            count = keep_figures(store, found, under, SystemClock().now(), regions)
        shell.say(f"kept: {plural(count, 'figure')} of {under}, {found.as_of}")
    shell.answer("risk", found, lambda palette, width: risk_text(found, palette, width, Shown(top)))
