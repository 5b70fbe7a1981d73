"""`qx risk stress`: what a portfolio loses when the market does as it did once, as is told, or as costs so much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli import risk_options as flag

if TYPE_CHECKING:
    from qx.cli.shell import Shell

Names = Annotated[
    list[str] | None,
    typer.Option("--scenario", metavar="NAME", show_default=False, help="Only that one; may be told again. [all]"),
]
Given = Annotated[
    list[str] | None,
    typer.Option("--given", metavar="FACTOR=MOVE", show_default=False,
                 help="The other factors as expected given that: CL.M1=-10%, CL*=-5; may be told again."),
]  # fmt: skip
Sought = Annotated[
    str | None,
    typer.Option("--reverse", metavar="AMOUNT|k%", show_default=False,
                 help="The likeliest moves that lose as much: 5M, or 5% of the value."),
]  # fmt: skip


def stress(
    ctx: typer.Context,
    file: flag.Portfolio,
    scenario: Names = None,
    scenarios: flag.Scenarios = None,
    listing: Annotated[bool, typer.Option("--list", help="Which scenarios and factors there are.")] = False,
    given: Given = None,
    reverse: Sought = None,
    by: flag.By = "book,desk,factor",
    prices: flag.Prices = None,
    factors: flag.Factors = None,
    currency: flag.Currency = "USD",
    as_of: flag.AsOf = None,
    window: flag.Window = None,
    top: flag.Top = 10,
) -> None:
    """P&L under scenarios, the worst first: of the past, of scenarios.csv, given in part, or sought by their loss."""
    from qx.app.risk import asked as words
    from qx.app.risk.inputs import Named
    from qx.app.risk.stress import StressAsked, listed, stressed
    from qx.render.risk_stress import scenarios_text, stress_text

    shell: Shell = ctx.obj
    named = Named(file, prices, factors, scenarios)
    if listing:
        found = listed(named)
        shell.answer("risk-scenarios", found, lambda palette, width: scenarios_text(found, palette, width))
        return
    asked = StressAsked(
        names=tuple(scenario or ()), given=tuple(given or ()), reverse=reverse or "", by=words.levels_of(by),
        currency=words.currency_of(currency), as_of=words.day_of(as_of) if as_of is not None else None, window=window,
    )  # fmt: skip
    answer = stressed(named, asked)
    shell.answer("risk-stress", answer, lambda palette, width: stress_text(answer, palette, width, top))
