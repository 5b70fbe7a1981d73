"""`qx risk explain`: why VaR and ES changed since a day, and what the P&L since then came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli import risk_options as flag

if TYPE_CHECKING:
    from qx.cli.shell import Shell

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", show_default=False, help="The day before. [the last before the last]"),
]
Before = Annotated[
    str | None,
    typer.Option("--before", metavar="FILE", show_default=False, help="The portfolio of then. [the same]"),
]


def explain(
    ctx: typer.Context,
    file: flag.Portfolio,
    since: Since = None,
    before: Before = None,
    method: flag.MethodFlag = "historical",
    alpha: flag.Alpha = "99%",
    horizon: flag.HorizonFlag = "1d",
    by: flag.By = "book",
    prices: flag.Prices = None,
    factors: flag.Factors = None,
    currency: flag.Currency = "USD",
    as_of: flag.AsOf = None,
    window: flag.Window = None,
    seed: flag.Seed = 0,
    top: flag.Top = 10,
) -> None:
    """What changed since then: window, market, time, positions, each with its part; and the P&L by what brought it."""
    from qx.app.risk import asked as words
    from qx.app.risk.explain import explained
    from qx.app.risk.inputs import Named
    from qx.cli.batching import progress_of
    from qx.render.risk_explain import explain_text
    from qx.risk.level import level

    shell: Shell = ctx.obj
    wanted = words.check(words.Asked(
        method=method, alpha=level(alpha), horizon=words.days_of(horizon), by=words.levels_of(by), seed=seed,
        currency=words.currency_of(currency), as_of=words.day_of(as_of) if as_of is not None else None, window=window,
    ))  # fmt: skip
    day = words.day_of(since) if since is not None else None
    with progress_of(shell, flag.DRAWING, "draws", wanted=method == "monte-carlo") as tell:
        found = explained(Named(file, prices, factors), wanted, day, before, tell)
    shell.answer("risk-explain", found, lambda palette, width: explain_text(found, palette, width, top))
