"""`qx risk`: what a portfolio may lose; its verbs stand in modules beside this one."""

from __future__ import annotations

from qx.cli.commands.risk_explain import explain
from qx.cli.commands.risk_limits import history, limits
from qx.cli.commands.risk_measure import figures
from qx.cli.commands.risk_report import report
from qx.cli.commands.risk_series import backtest, metrics
from qx.cli.commands.risk_stress import stress
from qx.cli.frame import App

app = App("What a portfolio may lose, by which convention and how surely.")
app.command("var")(figures)
app.command("es")(figures)
app.command("stress")(stress)
app.command("backtest")(backtest)
app.command("metrics")(metrics)
app.command("explain")(explain)
app.command("limits")(limits)
app.command("history")(history)
app.command("report")(report)
