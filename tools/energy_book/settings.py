"""scenarios.csv, limits.csv and pnl.csv of the example book."""

from __future__ import annotations

import math

from tools.energy_book.calendar import trading_days
from tools.energy_book.prices import Draws

SCENARIOS = (  # name, factor, shock, type, unit, probability, days, date
    ("crude crash", "CL*", -0.25, "rel", "", 0.02, 1, ""),
    ("crude crash", "BZ*", -0.22, "rel", "", 0.02, 1, ""),
    ("crude crash", "DUB*", -0.23, "rel", "", 0.02, 1, ""),
    ("crude crash", "VCL*", 0.60, "rel", "", 0.02, 1, ""),
    ("crude crash", "VBZ*", 0.55, "rel", "", 0.02, 1, ""),
    ("strait closed", "BZ*", 18, "abs", "bbl", 0.01, 5, ""),
    ("strait closed", "DUB*", 22, "abs", "bbl", 0.01, 5, ""),
    ("strait closed", "CL*", 12, "abs", "bbl", 0.01, 5, ""),
    ("strait closed", "GO*", 0.25, "rel", "", 0.01, 5, ""),
    ("strait closed", "HO*", 0.22, "rel", "", 0.01, 5, ""),
    ("strait closed", "JKM*", 0.45, "rel", "", 0.01, 5, ""),
    ("strait closed", "TTF*", 0.35, "rel", "", 0.01, 5, ""),
    ("cold snap", "NG.M1", 3.50, "abs", "MMBtu", 0.10, 5, ""),
    ("cold snap", "NG.M2", 2.80, "abs", "MMBtu", 0.10, 5, ""),
    ("cold snap", "NG.M3", 1.60, "abs", "MMBtu", 0.10, 5, ""),
    ("cold snap", "NG.M12", 0.20, "abs", "MMBtu", 0.10, 5, ""),
    ("cold snap", "WAHA", 0.90, "abs", "MMBtu", 0.10, 5, ""),
    ("cold snap", "VNG*", 0.50, "rel", "", 0.10, 5, ""),
    ("mild winter", "NG*", -0.30, "rel", "", 0.20, 20, ""),
    ("mild winter", "TTF*", -0.30, "rel", "", 0.20, 20, ""),
    ("mild winter", "NBP*", -0.30, "rel", "", 0.20, 20, ""),
    ("dollar rally", "EURUSD", -0.05, "log", "", 0.10, 10, ""),
    ("dollar rally", "GBPUSD", -0.06, "log", "", 0.10, 10, ""),
    ("dollar rally", "USDSGD", 0.03, "log", "", 0.10, 10, ""),
    ("peg broken", "USDBHD", 0.47, "set", "", 0.002, 1, ""),
    ("front at five", "CL.M1", 5, "set", "bbl", 0.005, 1, ""),
    ("front at five", "CL.M2", 22, "set", "bbl", 0.005, 1, ""),
)  # fmt: skip
LIMITS = (  # level, name, measure, alpha, horizon, soft, hard, currency
    ("total", "", "var", "99%", "1d", 1_600_000, 2_500_000, "USD"),
    ("total", "", "es", "97.5%", "1d", 2_000_000, 3_000_000, "USD"),
    ("total", "", "var", "99%", "10d", 6_000_000, 9_000_000, "USD"),
    ("total", "", "stress", "", "", 60_000_000, 90_000_000, "USD"),
    ("book", "CRUDE-US", "var", "99%", "1d", 3_000_000, 4_500_000, "USD"),
    ("book", "CRUDE-EU", "var", "99%", "1d", 1_000_000, 1_500_000, "USD"),
    ("book", "GAS-US", "var", "99%", "1d", 1_250_000, 2_000_000, "USD"),
    ("book", "GAS-EU", "var", "99%", "1d", 250_000, 400_000, "EUR"),
    ("desk", "Singapore", "es", "97.5%", "1d", 500_000, 900_000, "USD"),
    ("region", "me-central", "var", "99%", "1d", 400_000, 750_000, "USD"),
)  # fmt: skip
BOOKS = (("CRUDE-US", 620_000.0), ("GAS-US", 540_000.0), ("PRODUCTS", 310_000.0))  # P&L of a day
DAYS, WARM = 500, 60
DECAY, QUANTILE, BEYOND = 0.94, 2.45, 1.20  # of the VaR that was said; ES over VaR


def scenarios() -> str:
    head = "scenario,factor,shock,shock_type,unit,probability,horizon_days,date"
    return _lines(head, SCENARIOS)


def limits() -> str:
    return _lines("scope_level,scope,measure,alpha,horizon,soft,hard,currency", LIMITS)


def _lines(head: str, rows: tuple[tuple[object, ...], ...]) -> str:
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def pnl() -> str:
    """Three books; what was said for a day knows the days before it only."""
    days = trading_days()[-DAYS - WARM :]
    lines = ["date,book,pnl_actual,pnl_hypothetical,var,es,currency"]
    for seed, (book, size) in enumerate(BOOKS):
        draws = Draws(seed + 1)
        variance, said = 1.0, 1.0
        for number, day in enumerate(days):
            shock = draws.heavy() * math.sqrt(variance)
            fees = 0.04 * abs(draws.normal())
            var = QUANTILE * math.sqrt(said) * size
            if number >= WARM:
                clean, paid = round(shock * size), round((shock - fees) * size)
                lines.append(f"{day},{book},{paid},{clean},{var:.0f},{var * BEYOND:.0f},USD")
            said = DECAY * said + (1 - DECAY) * shock**2
            variance = 0.03 + 0.90 * variance + 0.07 * min(shock**2, 12.0)
    return "\n".join(lines) + "\n"
