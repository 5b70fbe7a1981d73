"""`qx risk backtest`: was the VaR right; `qx risk metrics`: how a P&L did. Both look at pnl.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qx.cli import risk_options as flag
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.cli.shell import Shell

Series = Annotated[str, typer.Argument(metavar="FILE", help="P&L by day: CSV or Parquet.")]
Books = Annotated[
    list[str] | None,
    typer.Option("--book", metavar="BOOK", show_default=False, help="Only that one; may be told again. [all]"),
]
Against = Literal["actual", "hypothetical", "both"]
FailOn = Literal["doubtful", "rejected"]


def backtest(
    ctx: typer.Context,
    file: Series,
    alpha: flag.Alpha = "99%",
    horizon: flag.HorizonFlag = "1d",
    against: Annotated[
        Against, typer.Option("--against", metavar="P&L", help="actual, hypothetical or both.")
    ] = "actual",
    significance: Annotated[str, typer.Option("--significance", metavar="LEVEL", help="Of the tests.")] = "5%",
    book: Books = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", metavar="VERDICT", show_default=False,
                     help="Exit 7 at or above it: doubtful or rejected."),
    ] = None,
) -> Exit:
    """Were VaR and ES right: Kupiec, Christoffersen, joint, TUFF, traffic light, Acerbi-Szekely; of every book."""
    from qx.app.risk.asked import days_of
    from qx.app.risk.backtesting import BacktestAsked, backtested
    from qx.render.risk_backtest import backtest_text
    from qx.risk.level import level

    shell: Shell = ctx.obj
    asked = BacktestAsked(
        level(alpha), days_of(horizon), level(significance),
        ("actual", "hypothetical") if against == "both" else (against,), tuple(book or ()),
    )  # fmt: skip
    found = backtested(file, asked)
    shell.answer("risk-backtest", found, lambda palette, width: backtest_text(found, palette, width))
    failed = {"doubtful": ("doubtful", "rejected"), "rejected": ("rejected",), None: ()}[fail_on]
    return Exit.FINDINGS if found.verdict in failed else Exit.DONE


def metrics(
    ctx: typer.Context,
    file: Series,
    capital: Annotated[
        float | None,
        typer.Option("--capital", metavar="AMOUNT", show_default=False,
                     help="That the P&L is a return on. [none: figures are amounts]"),
    ] = None,
    returns: Annotated[
        bool, typer.Option("--returns", help="pnl_actual holds returns: 0.01 is 1%; they compound.")
    ] = False,
    periods: Annotated[float, typer.Option("--periods", metavar="N", help="In a year: 252, 52, 12.")] = 252.0,
    risk_free: Annotated[
        float, typer.Option("--risk-free", metavar="RETURN", help="A year's, taken off by Sharpe: 0.02.")
    ] = 0.0,
    required: Annotated[
        float, typer.Option("--required", metavar="RETURN", help="A year's, what Sortino and Omega measure from.")
    ] = 0.0,
    against: Annotated[
        Literal["actual", "hypothetical"], typer.Option("--against", metavar="P&L", help="actual or hypothetical.")
    ] = "actual",
    book: Books = None,
) -> None:
    """How a P&L did: Sharpe with its error, Sortino, Calmar, Omega, drawdown, volatility; of every book and of all."""
    from qx.app.risk.metrics import MetricsAsked
    from qx.app.risk.metrics import metrics as measured
    from qx.kernel.errors import QxError
    from qx.render.risk_backtest import metrics_text

    shell: Shell = ctx.obj
    if capital is not None and (returns or not capital > 0):
        said = f"--capital {capital:g}" + (" with --returns" if returns else "")
        raise QxError("QX-RISK-001", said, hint="an amount above 0 that P&L is a return on; returns want none")
    if (risk_free or required) and capital is None and not returns:
        hint = "--capital AMOUNT, or --returns"
        raise QxError("QX-RISK-001", "a return is wanted, and P&L in amounts is none without a capital", hint=hint)
    if not 0 < periods < float("inf"):
        raise QxError("QX-RISK-001", f"--periods {periods:g}", hint="so many in a year: 252 of days, 12 of months")
    found = measured(file, MetricsAsked(capital, returns, periods, risk_free, required, against, tuple(book or ())))
    shell.answer("risk-metrics", found, lambda palette, width: metrics_text(found, palette, width))
