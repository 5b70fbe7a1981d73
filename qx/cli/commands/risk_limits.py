"""`qx risk limits`: figures held against limits.csv; `qx risk history`: what was kept."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from qx.cli import risk_options as flag
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

FailOn = Literal["soft", "hard"]


def limits(
    ctx: typer.Context,
    file: flag.Portfolio,
    limits: flag.Limits = None,
    prices: flag.Prices = None,
    factors: flag.Factors = None,
    scenarios: flag.Scenarios = None,
    pnl: flag.Pnl = None,
    currency: flag.Currency = "USD",
    as_of: flag.AsOf = None,
    window: flag.Window = None,
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", metavar="DAYS", show_default=False,
                     help="Prices older than that are stale: 4d. [any age will do]"),
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", metavar="STATE", help="Exit 7 at or above it: soft or hard.")
    ] = "hard",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the verdict: for the gate `risk`, and for the daemon to tell.")
    ] = False,
    tell: Annotated[
        bool, typer.Option("--tell", help="Tell a breach at once, through every channel of regions.yaml.")
    ] = False,
    name: flag.Name = None,
) -> Exit:
    """Hold a portfolio against its limits: 0 within, 7 at or above --fail-on, 2 where data are stale or missing."""
    from qx.app.risk.asked import Asked, currency_of, day_of, days_of
    from qx.app.risk.inputs import Named
    from qx.app.risk.judge import Keeping, judged_and_kept
    from qx.render.risk_limits import limits_text
    from qx.risk.limits import at_least

    shell: Shell = ctx.obj
    asked = Asked(currency=currency_of(currency), as_of=day_of(as_of) if as_of is not None else None, window=window)
    named = Named(file, prices, factors, scenarios, limits, pnl)
    oldest = days_of(max_age) if max_age is not None else None
    found = judged_and_kept(shell.env, shell.config, named, asked, name or "", oldest, Keeping(keep, tell))
    shell.answer("risk-limits", found, lambda palette, width: limits_text(found, palette, width))
    if at_least(found.state, fail_on):
        return Exit.FINDINGS
    return Exit.USAGE if any(each.state == "unknown" for each in found.limits) else Exit.DONE


def history(
    ctx: typer.Context,
    portfolio: Annotated[
        str, typer.Argument(metavar="[PORTFOLIO]", show_default=False, help="Its file, or the name it was kept under.")
    ] = "",
    region: Annotated[
        str | None, typer.Option("--region", metavar="REGION", show_default=False, help="Only that one.")
    ] = None,
) -> None:
    """Figures that were kept, day by day, and the last verdict on the limits of each portfolio."""
    from qx.app.risk.history import history as read
    from qx.app.risk.history import name_of, opened
    from qx.render.risk_limits import history_text

    shell: Shell = ctx.obj
    with opened(shell.env, shell.config) as store:
        found = read(store, name_of(portfolio, ""), region)
    shell.answer("risk-history", found, lambda palette, width: history_text(found, palette, width))
