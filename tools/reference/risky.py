"""The JSON documents of market risk: qx risk."""

from __future__ import annotations

from qx.model.backtest import Backtest, BacktestCheck, BacktestException, TrafficLight
from qx.model.performance import Drawdown, Performance
from qx.model.risk import Treatment
from qx.model.risk_answers import (
    Breakdown,
    Contribution,
    Convention,
    ErrorInterval,
    InputFile,
    Liquidity,
    LiquidityStep,
    RiskFigures,
    Simulation,
    TailScenario,
)
from qx.model.risk_backtest import Backtests, BookBacktest, BookPerformance, Performances
from qx.model.risk_explain import FigureEffect, PnlBreakdown, PnlParts, PositionEffect, RiskExplained
from qx.model.risk_limits import LimitsVerdict, LimitVerdict, RiskHistory, RiskKept, RiskStanding
from qx.model.risk_report import BacktestDay, Backtested, Bin, Correlation, Distribution, RiskReport
from qx.model.risk_stress import (
    FactorMove,
    Plausible,
    ScenarioList,
    ScenarioListed,
    StressBreakdown,
    StressFigures,
    StressPart,
    StressResult,
)
from tools.reference.document import Document

RISK = {
    "risk": Document(
        "qx risk var, qx risk es",
        "VaR and ES of a portfolio, with their intervals, their convention, who adds what, and what they rest on.",
        RiskFigures,
        also=(ErrorInterval, Convention, Breakdown, Contribution, TailScenario, Treatment, InputFile, Simulation,
              Liquidity, LiquidityStep),
    ),
    "risk-stress": Document(
        "qx risk stress", "P&L under scenarios, the worst first.", StressFigures,
        also=(StressResult, StressBreakdown, StressPart, FactorMove, Plausible),
    ),
    "risk-scenarios": Document(
        "qx risk stress --list", "Scenarios and factors that there are.", ScenarioList, also=(ScenarioListed,)
    ),
    "risk-backtest": Document(
        "qx risk backtest", "Of each book: were its VaR and ES right.", Backtests,
        also=(BookBacktest, Backtest, BacktestCheck, BacktestException, TrafficLight),
    ),
    "risk-metrics": Document(
        "qx risk metrics", "How the P&L of each book did.", Performances, also=(BookPerformance, Performance, Drawdown),
    ),
    "risk-explain": Document(
        "qx risk explain", "What changed since another day, in parts that sum to it.", RiskExplained,
        also=(FigureEffect, PositionEffect, PnlParts, PnlBreakdown),
    ),
    "risk-limits": Document(
        "qx risk limits", "Limits held against figures, the worst first.", LimitsVerdict, also=(LimitVerdict,),
    ),
    "risk-history": Document(
        "qx risk history", "Figures that were kept, and the last verdict on limits of each portfolio.", RiskHistory,
        also=(RiskKept, RiskStanding),
    ),
    "risk-report": Document(
        "qx risk report", "All of it in one document: what the page shows.", RiskReport,
        also=(Distribution, Bin, Backtested, BacktestDay, Correlation),
    ),
}  # fmt: skip
