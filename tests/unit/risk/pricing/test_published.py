"""Prices of E. Haug, "The Complete Guide to Option Pricing Formulas" (1998), as QuantLib's own suite quotes
them.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from qx.risk.pricing import american, asian, black76, spread

REFERENCE = Path(os.environ.get("QX_REFERENCE_DIR", "/nonexistent")) / "risk"
fetched = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="QX_REFERENCE_DIR names no directory with `risk`, the published prices"
)
PRINTED = 6e-5  # four places, of which the table rounds some the other way
BAW = 3e-3  # what QuantLib allows itself on this table, its own distance being 2.8e-3; ours is 1.8e-3
CALL, PUT = 1, -1
# sign, F, K, T, vol, price; r = 0.10
BLACK = (
    (PUT, 19, 19, 0.75, 0.28, 1.7011), (CALL, 90, 100, 0.1, 0.15, 0.0205), (CALL, 100, 100, 0.1, 0.15, 1.8734),
    (CALL, 110, 100, 0.1, 0.15, 9.9413), (CALL, 100, 100, 0.1, 0.25, 3.1217), (CALL, 90, 100, 0.1, 0.35, 0.9474),
    (CALL, 110, 100, 0.1, 0.35, 11.1381), (CALL, 100, 100, 0.5, 0.15, 4.0232), (CALL, 90, 100, 0.5, 0.25, 2.7026),
    (CALL, 100, 100, 0.5, 0.25, 6.6997), (CALL, 110, 100, 0.5, 0.25, 12.7857), (CALL, 100, 100, 0.5, 0.35, 9.3679),
    (PUT, 90, 100, 0.1, 0.15, 9.9210), (PUT, 110, 100, 0.1, 0.15, 0.0408), (PUT, 100, 100, 0.1, 0.25, 3.1217),
    (PUT, 90, 100, 0.1, 0.35, 10.8479), (PUT, 110, 100, 0.1, 0.35, 1.2376), (PUT, 100, 100, 0.5, 0.15, 4.0232),
    (PUT, 90, 100, 0.5, 0.25, 12.2149), (PUT, 110, 100, 0.5, 0.25, 3.2734), (PUT, 100, 100, 0.5, 0.35, 9.3679),
    (PUT, 90, 100, 0.5, 0.35, 14.4452),
)  # fmt: skip
AMERICAN = (
    (CALL, 100, 100, 0.1, 0.15, 1.8771), (CALL, 90, 100, 0.1, 0.25, 0.3159), (CALL, 110, 100, 0.1, 0.25, 10.3919),
    (CALL, 100, 100, 0.1, 0.35, 4.3777), (CALL, 90, 100, 0.5, 0.15, 0.8208), (CALL, 110, 100, 0.5, 0.15, 10.8087),
    (CALL, 100, 100, 0.5, 0.25, 6.8015), (CALL, 110, 100, 0.5, 0.25, 13.0170), (CALL, 90, 100, 0.5, 0.35, 5.0063),
    (CALL, 110, 100, 0.5, 0.35, 15.5689), (PUT, 100, 100, 0.1, 0.15, 1.8770), (PUT, 90, 100, 0.1, 0.25, 10.2533),
    (PUT, 110, 100, 0.1, 0.25, 0.4562), (PUT, 100, 100, 0.1, 0.35, 4.3777), (PUT, 90, 100, 0.5, 0.15, 10.5595),
    (PUT, 110, 100, 0.5, 0.15, 1.0822), (PUT, 100, 100, 0.5, 0.25, 6.8014), (PUT, 90, 100, 0.5, 0.35, 14.6945),
    (PUT, 110, 100, 0.5, 0.35, 5.8823),
)  # fmt: skip
# T, vol 1, vol 2, and the prices at correlations -0.5, 0, 0.5; F 122 and 120, K 3, r 0.10
KIRK = (
    (0.1, 0.20, 0.20, (4.7530, 3.7970, 2.5537)), (0.1, 0.25, 0.20, (5.4275, 4.3712, 3.0086)),
    (0.1, 0.20, 0.25, (5.4061, 4.3451, 2.9723)), (0.5, 0.20, 0.20, (10.7517, 8.7020, 6.0257)),
    (0.5, 0.25, 0.20, (12.1941, 9.9340, 7.0067)), (0.5, 0.20, 0.25, (12.1483, 9.8780, 6.9284)),
)  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("sign", "forward", "strike", "years", "vol", "told"), BLACK)
def test_black76(sign: int, forward: float, strike: float, years: float, vol: float, told: float) -> None:
    assert abs(black76.price(forward, strike, years, vol, 0.10, sign) - told) < PRINTED


@pytest.mark.parametrize(("sign", "forward", "strike", "years", "vol", "told"), AMERICAN)
def test_barone_adesi_whaley(
    sign: int, forward: float, strike: float, years: float, vol: float, told: float
) -> None:
    assert abs(american.price(forward, strike, years, vol, 0.10, sign) - told) < BAW


@pytest.mark.parametrize(("years", "vol", "vol_2", "told"), KIRK)
def test_kirk(years: float, vol: float, vol_2: float, told: tuple[float, ...]) -> None:
    found = spread.price(122, 120, 3, years, vol, vol_2, np.array([-0.5, 0.0, 0.5]), 0.10, CALL)
    assert np.abs(found - told).max() < PRINTED


def test_turnbull_wakeman_of_26_weeks() -> None:
    weeks = asian.days([[0.5 * week / 26 for week in range(1, 27)]])
    assert abs(asian.price(100, 100, weeks, 0.2, 0.05, CALL, settled=0.5).item() - 3.2700) < PRINTED


def test_deltas() -> None:
    found = black76.greeks(105, 100, 0.5, 0.36, 0.10, np.array([CALL, PUT]))
    assert np.abs(found.delta - [0.5946, -0.3566]).max() < PRINTED


@fetched
def test_black76_and_baw_of_the_file() -> None:
    seen = {"european": 0, "american_baw": 0}
    for row in rows("black76_haug.csv"):
        if row["q"] != row["r"]:
            continue
        forward, strike, years, vol, rate = (float(row[name]) for name in ("S_or_F", "K", "T", "vol", "r"))
        formula = black76.price if row["style"] == "european" else american.price
        found = formula(forward, strike, years, vol, rate, CALL if row["type"] == "Call" else PUT)
        assert abs(found - float(row["value"])) < (PRINTED if row["style"] == "european" else BAW), row
        if row["closed_form"]:
            assert abs(found - float(row["closed_form"])) < 1e-8, row
        seen[row["style"]] += 1
    assert min(seen.values()) > 0


@fetched
def test_kirk_of_the_file() -> None:
    table = rows("kirk_spread_haug.csv")
    names = ("F1", "F2", "K", "T", "v1", "v2", "rho", "r", "value", "kirk")
    f, g, k, t, v, u, c, r, told, closed = ([float(row[name]) for row in table] for name in names)
    found = spread.price(f, g, k, t, v, u, c, r, CALL)
    assert np.abs(found - told).max() < PRINTED
    assert np.abs(found - closed).max() < 1e-8


@fetched
def test_deltas_of_the_file() -> None:
    for row in json.loads((REFERENCE / "black76_greeks_haug.json").read_text(encoding="utf-8"))["rows"]:
        sign = CALL if row["type"] == "Call" else PUT
        found = black76.greeks(row["F"], row["K"], row["T"], row["vol"], row["r"], sign)
        assert abs(found.delta - row["delta"]) < PRINTED
