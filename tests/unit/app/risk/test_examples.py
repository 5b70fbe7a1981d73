"""examples/: what its generator writes, and a book that every part of `qx risk` can use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from qx.app.risk.files import (
    Files,
    beside,
    read_factors,
    read_limits,
    read_pnl,
    read_positions,
    read_quotes,
    read_shocks,
)
from qx.model.risk import Instrument
from qx.risk.market import Market, market
from tools.energy_book import files
from tools.energy_book.__main__ import FOLDER, write

EXAMPLES: Files = beside(FOLDER / "portfolio.csv")


@cache
def generated() -> dict[str, str]:
    return files()


@cache
def today() -> Market:
    return market(read_factors(EXAMPLES.factors)[0], read_quotes(EXAMPLES.prices)[0])


@pytest.mark.parametrize("name", ["portfolio", "prices", "factors", "scenarios", "limits", "pnl"])
def test_the_generator_writes_these_bytes(name: str) -> None:
    path = getattr(EXAMPLES, name)
    assert path.read_bytes() == generated()[path.name].encode(), "python -m tools.energy_book"


def test_there_is_nothing_else_and_it_is_small(tmp_path: Path) -> None:
    write(tmp_path)
    kept = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert kept.keys() == {path.name for path in tmp_path.iterdir()} | {"README.md"}
    assert sum(kept.values()) < 1_500_000


def test_it_holds_every_instrument_several_currencies_and_units() -> None:
    held, _ = read_positions(EXAMPLES.portfolio)
    assert set(held.text("instrument").words) == set(get_args(Instrument))
    assert {"USD", "EUR", "GBP", "BHD"} <= set(held.text("currency").words)
    assert {"lot", "bbl", "gal", "MMBtu", "t", "MWh", "therm"} <= set(held.text("unit").words)
    assert set(held.text("exercise").words) == {"", "european", "american"}
    assert 30 <= len(held) <= 60


def test_its_market_has_rolls_holes_and_every_return_type() -> None:
    found = today()
    assert (str(found.as_of), len(found.returns)) == ("2026-11-20", 650)
    assert {each.return_type for each in found.factors} == {"absolute", "relative", "log", "shifted_log"}
    assert {each.kind for each in found.factors} == {"price", "vol", "fx", "rate", "basis"}
    assert {told.what for told in found.treatments} == {"converted", "filled", "rolled", "stale"}
    assert np.isfinite(found.returns).all()


def test_its_volatilities_and_correlations_are_those_of_such_markets() -> None:
    found = today()

    def moves(name: str) -> NDArray[np.float64]:
        yearly: NDArray[np.float64] = found.returns[:, found.index[name]] * 252**0.5
        return yearly

    assert 0.25 < moves("HO.M1").std() < 0.50
    assert 0.45 < moves("NG.M1").std() < 0.95
    assert 0.40 < moves("TTF.M1").std() < 0.85
    assert 0.05 < moves("EURUSD").std() < 0.10
    assert np.corrcoef([moves("CL.M1"), moves("BZ.M1")]).min() > 0.85
    assert np.corrcoef([moves("CL.M1"), moves("NG.M1")]).min() < 0.4
    assert moves("CL.M1").std() > 1.5 * moves("CL.M12").std(), "moves fade with the delivery month"


def test_the_other_files_can_be_read() -> None:
    roots = {each.root for each in today().factors}
    shocks, _ = read_shocks(EXAMPLES.scenarios)
    assert {each.factor.partition(".")[0].rstrip("*") for each in shocks} <= roots
    limits, _ = read_limits(EXAMPLES.limits)
    held, _ = read_positions(EXAMPLES.portfolio)
    for each in limits:
        assert each.scope_level == "total" or each.scope in held.text(each.scope_level).words
    pnl, read = read_pnl(EXAMPLES.pnl)
    assert read.rows == 1_500
    for book in range(len(pnl.book.words)):
        mine = pnl.book.codes == book
        assert 1 <= np.count_nonzero(pnl.actual[mine] < -pnl.var[mine]) <= 10
