"""Files: what is read from CSV and Parquet, and each kind of mistake with its line and what would mend it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.app.risk import csvfile
from qx.app.risk.csvfile import Csv
from qx.app.risk.files import (
    beside,
    read_factors,
    read_limits,
    read_pnl,
    read_positions,
    read_quotes,
    read_shocks,
)
from qx.kernel.errors import Problems, QxError
from qx.model.risk import Place, Position
from tests.unit.risk.holdings import positions_of

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "position_id,instrument,underlying,quantity,unit,currency"
LINE = "a,future,CL,10,lot,USD"
PORTFOLIO = f"""\
# what is held
{HEAD},contract,strike,expiry,option_type,pricing_window,liquidity_days

{LINE},2027-03,,,,,
# an option
 b ,option, CL ,-1.5e1,lot,USD,2027-01..2027-06,70,2026-12-15,call,,20
c,cargo,BZ,6000,t,USD,,,,,2026-11-02..2026-11-30,
"""
PRICES = "date,factor,value,contract\n2026-01-05,CL,70.5,2026-02\n2026-01-06,CL,71,2026-02\n"


def put(folder: Path, text: str, name: str = "portfolio.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def refusal(read: Callable[[Path], object], path: Path) -> QxError:
    with pytest.raises(QxError) as caught:
        read(path)
    assert caught.value.hint
    return caught.value


def at(error: QxError) -> str:
    return str(error.place).rpartition("/")[2]


# -- what is read -------------------------------------------------------------------------------------------------


def test_positions_are_read_with_their_lines(tmp_path: Path) -> None:
    path = put(tmp_path, PORTFOLIO)
    found, read = read_positions(path)
    assert [each.place.line for each in found] == [4, 6, 7]
    assert found[1] == Position(
        position_id="b", instrument="option", underlying="CL", quantity=-15.0, unit="lot", currency="USD",
        place=Place(str(path), 6), contract="2027-01..2027-06", strike=70.0, expiry=date(2026, 12, 15),
        option_type="call", liquidity_days=20,
    )  # fmt: skip
    assert found[2].pricing_window == (date(2026, 11, 2), date(2026, 11, 30))
    assert (read.role, read.rows, read.sha256) == ("portfolio", 3, hashlib.sha256(PORTFOLIO.encode()).hexdigest())
    assert [each.position_id for each in found[::2]] == ["a", "c"]
    assert found[-1] == found[2]
    with pytest.raises(IndexError):
        found[3]


def test_positions_as_columns_are_the_positions(tmp_path: Path) -> None:
    found, _ = read_positions(put(tmp_path, PORTFOLIO))
    assert list(positions_of(list(found))) == list(found)
    assert list(positions_of([])) == []


def test_columns_that_are_not_there_tell_nothing(tmp_path: Path) -> None:
    found, _ = read_positions(put(tmp_path, f"{HEAD}\n{LINE}\n"))
    assert np.isnan(found.number("strike")).all()
    assert found.number("ratio_2").tolist() == [1.0]
    assert np.isnat(found.day("expiry")).all()
    assert found.text("book").words == ("",)
    assert (found[0].ratio_2, found[0].strike, found[0].book) == (1.0, None, "")


def test_quotes_are_read_long_and_wide(tmp_path: Path) -> None:
    long, _ = read_quotes(put(tmp_path, PRICES, "prices.csv"))
    assert (long.value.tolist(), long.line.tolist(), long.contract.at(1)) == ([70.5, 71.0], [2, 3], "2026-02")
    wide, read = read_quotes(put(tmp_path, "date,CL,BZ\n2026-01-05,70.5,\n\n2026-01-06, 71 ,75\n", "prices.csv"))
    assert [wide.factor.at(row) for row in range(3)] == ["CL", "CL", "BZ"]
    assert (wide.value.tolist(), wide.line.tolist()) == ([70.5, 71.0, 75.0], [2, 4, 4])
    assert read.rows == 3
    rolled, _ = read_quotes(put(tmp_path, "date,CL.M1@2026-02,CL.M1@2026-03\n2026-01-05,70,71\n", "prices.csv"))
    assert [rolled.factor.at(row) for row in range(2)] == ["CL.M1", "CL.M1"]
    assert [rolled.contract.at(row) for row in range(2)] == ["2026-02", "2026-03"]


def test_the_other_files_are_read(tmp_path: Path) -> None:
    text = "factor,kind,return_type,shift,tenor_days\nCL.M1,price,shifted_log,50,30\nX,vol,log,,\n"
    factors, _ = read_factors(put(tmp_path, text))
    assert (factors[0].shift, factors[0].tenor_days, factors[0].max_stale_days, factors[1].shift) == (50.0, 30, 5, 0.0)
    shocks, _ = read_shocks(put(tmp_path, "scenario,factor,shock,shock_type,date\ncrash,CL*,-0.2,rel,2020-04-20\n"))
    assert (shocks[0].factor, shocks[0].shock, shocks[0].date, shocks[0].horizon_days) == ("CL*", -0.2, "2020-04-20", 1)
    limits, _ = read_limits(put(tmp_path, "scope_level,scope,measure,hard,alpha\ntotal,,var,1e6,99%\n"))
    assert (limits[0].soft, limits[0].hard, limits[0].alpha) == (None, 1e6, "99%")
    pnl, _ = read_pnl(put(tmp_path, "date,pnl_actual,var\n2026-01-05,-5,7\n2026-01-06,5,7\n"))
    assert (pnl.actual.tolist(), pnl.var.tolist(), pnl.book.words) == ([-5.0, 5.0], [7.0, 7.0], ("",))
    assert np.isnan(pnl.es).all()


def test_files_lie_beside_the_portfolio_unless_they_are_named(tmp_path: Path) -> None:
    found = beside(tmp_path / "book.csv", prices=Path("/data/p.csv"))
    assert (found.prices, found.factors) == (Path("/data/p.csv"), tmp_path / "factors.csv")
    put(tmp_path, "", "limits.parquet")
    assert beside(tmp_path / "book.csv").limits == tmp_path / "limits.parquet"
    put(tmp_path, "", "limits.csv")
    assert beside(tmp_path / "book.csv").limits == tmp_path / "limits.csv"


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, lambda text: text.rstrip("\n"),
    lambda text: text.replace("70", '"70"'), lambda text: text.replace("\n", "\n\n\n"),
    lambda text: text + ",,,,,,,,,,,\n",
])  # fmt: skip
def test_line_ends_marks_quotes_and_empty_lines_change_nothing(change: Callable[[str], str], tmp_path: Path) -> None:
    plain, _ = read_positions(put(tmp_path, PORTFOLIO))
    other, _ = read_positions(put(tmp_path, change(PORTFOLIO)))
    nowhere = Place("", 0)
    assert [replace(each, place=nowhere) for each in other] == [replace(each, place=nowhere) for each in plain]


def test_a_quoted_cell_may_hold_commas_and_lines(tmp_path: Path) -> None:
    text = f'{HEAD},counterparty\n{LINE},"Hanse\nEnergie, ""AG"""\nb,future,CL,1,lot,USD,\n'
    found, _ = read_positions(put(tmp_path, text))
    assert (found[0].counterparty, found[0].place.line, found[1].place.line) == ('Hanse\nEnergie, "AG"', 2, 4)


CELL = st.text(st.characters(codec="utf-8", exclude_characters='",\r\n#\ufeff\x00'), max_size=6)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=30), st.sampled_from([1, 7, 1 << 22]))
def test_both_ways_of_splitting_see_the_same(rows: list[tuple[str, str, str]], block: int) -> None:
    lines = ["x,y,z", *(",".join(row) for row in rows)]
    plain, before = "\n".join(lines), csvfile.BLOCK
    csvfile.BLOCK = block
    try:
        one, other = Csv(plain.encode(), "f"), Csv(plain.replace("x", '"x"', 1).encode(), "f")
        seen = [
            [row for part in each.parts() for row in zip(part.lines, *part.cells, strict=True)] for each in (one, other)
        ]
    finally:
        csvfile.BLOCK = before
    assert one.header == other.header == ["x", "y", "z"]
    assert seen[0] == seen[1]


# -- Parquet ------------------------------------------------------------------------------------------------------


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.parquet"
    pq.write_table(pa.table({
        "position_id": ["a", "b"], "instrument": pa.array(["future", "option"]).dictionary_encode(),
        "underlying": ["CL", "CL"], "quantity": pa.array([10, -15], pa.int32()), "unit": ["lot", "lot"],
        "currency": ["USD", "USD"], "strike": pa.array([None, 70.5]), "contract": ["2027-03", None],
        "expiry": pa.array([None, date(2026, 12, 15)]), "pricing_window": [None, "2026-11-02..2026-11-30"],
    }), path)  # fmt: skip
    found, read = read_positions(path)
    assert (found[0].quantity, found[0].strike, found[0].place.line) == (10.0, None, 1)
    assert (found[1].strike, found[1].expiry, found[1].contract) == (70.5, date(2026, 12, 15), "")
    assert (found[1].pricing_window, read.rows) == ((date(2026, 11, 2), date(2026, 11, 30)), 2)


def test_prices_as_parquet_long_and_wide(tmp_path: Path) -> None:
    days = pa.array([date(2026, 1, 5), date(2026, 1, 6)])
    long, wide = tmp_path / "long.parquet", tmp_path / "wide.pq"
    times = days.cast(pa.timestamp("ns"))
    pq.write_table(pa.table({"date": times, "factor": ["CL", "CL"], "value": ["70.5", "71"]}), long)
    pq.write_table(pa.table({"date": days, "CL": [70.5, 71.0], "BZ": pa.array([None, 75.0])}), wide)
    assert read_quotes(long)[0].value.tolist() == [70.5, 71.0]
    found = read_quotes(wide)[0]
    assert (found.value.tolist(), found.line.tolist()) == ([70.5, 71.0, 75.0], [1, 2, 2])
    assert str(found.day[2]) == "2026-01-06"


@pytest.mark.parametrize(("column", "values", "said"), [
    ("quantity", pa.array([float("nan")]), "quantity is nan"), ("quantity", pa.array([None], pa.float64()),
     "quantity is empty"),
    ("quantity", pa.array([[1.0]]), "is of type list"), ("instrument", pa.array(["futures"]),
     "instrument is 'futures'"),
])  # fmt: skip
def test_mistakes_in_parquet_have_their_row(column: str, values: pa.Array, said: str, tmp_path: Path) -> None:
    table = {"position_id": ["a"], "instrument": ["future"], "underlying": ["CL"], "quantity": [1.0], "unit": ["lot"]}
    path = tmp_path / "portfolio.parquet"
    pq.write_table(pa.table({**table, column: values}), path)
    error = refusal(read_positions, path)
    assert said in error.message
    assert error.code == ("QX-RISK-002" if "type" in said else "QX-RISK-003")
    assert "type" in said or at(error) == "portfolio.parquet:1"


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    assert refusal(read_positions, put(tmp_path, PORTFOLIO, "portfolio.parquet")).code == "QX-RISK-002"
    path = tmp_path / "prices.parquet"
    pq.write_table(pa.table({"date": ["2026-01-05"], "factr": ["CL"], "value": [1.0]}), path)
    assert refusal(read_quotes, path).hint == "did you mean 'factor'?"


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "code", "place", "said", "hint"), [
    ("", "QX-RISK-002", "portfolio.csv:1", "no header", "its columns"),
    ("# only a comment\n\n", "QX-RISK-002", "portfolio.csv:1", "no header", "its columns"),
    (f"{HEAD}\n", "QX-RISK-010", "portfolio.csv:1", "no position", "a line below"),
    (HEAD.replace("quantity", "quantitiy"), "QX-RISK-002", "portfolio.csv:1", "'quantitiy'",
     "did you mean 'quantity'?"),
    (HEAD.replace("quantity", "Quantity"), "QX-RISK-002", "portfolio.csv:1", "'Quantity'", "did you mean 'quantity'?"),
    (f"#\n{HEAD},unit", "QX-RISK-002", "portfolio.csv:2", "two columns are unit", "one column"),
    ("position_id,instrument\n", "QX-RISK-002", "portfolio.csv:1", "no underlying, quantity, unit",
     "columns of portfolio"),
    (f"{HEAD}\n{LINE},7\n", "QX-RISK-002", "portfolio.csv:2", "7 cells, and the header has 6", "quotes"),
    (f'{HEAD}\n{LINE}\n"b",future\n', "QX-RISK-002", "portfolio.csv:3", "2 cells", "quotes"),
    (f'{HEAD}\n"a"x,future,CL,10,lot,USD\n', "QX-RISK-002", "portfolio.csv:2", "no CSV", "quotes in pairs"),
    (f"{HEAD}\n{LINE}\n{LINE}\n", "QX-RISK-003", "portfolio.csv:3", "a stands twice; the first in line 2", "once"),
    (f"{HEAD}\n,future,CL,10,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "position_id is empty", "its name"),
    (f"{HEAD}\na,futur,CL,10,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "instrument is 'futur'",
     "did you mean 'future'?"),
    (f"{HEAD}\na,,CL,10,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "instrument is empty", "what it is"),
    (f"{HEAD}\na,future,CL,,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "quantity is empty", "in `unit`"),
    (f"{HEAD}\n{LINE}\nb,future,CL,NaN,lot,USD\n", "QX-RISK-003", "portfolio.csv:3", "quantity is nan",
     "nothing between"),
    (f"{HEAD}\na,future,CL,inf,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "quantity is inf", "nothing between"),
    (f"{HEAD}\na,future,CL,ten,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "quantity is 'ten'", "digits"),
    (f'{HEAD}\na,future,CL,"1,000",lot,USD\n', "QX-RISK-003", "portfolio.csv:2", "quantity is '1,000'", "no 1,250"),
    (f"{HEAD}\na,future,CL,1_000,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "quantity is '1_000'", "digits"),
    (f"{HEAD}\na,future,CL,١٢,lot,USD\n", "QX-RISK-003", "portfolio.csv:2", "quantity is '١٢'", "digits"),
    (f"{HEAD}\na,future,CL,10,barel,USD\n", "QX-RISK-005", "portfolio.csv:2", "'barel'", "did you mean 'barrel'?"),
    (f"{HEAD}\na,future,CL,10,lot,Dollar\n", "QX-RISK-003", "portfolio.csv:2", "currency is 'Dollar'", "ISO 4217"),
    (f"{HEAD},contract\n{LINE},H27\n", "QX-RISK-003", "portfolio.csv:2", "contract is 'H27'", "2027-03"),
    (f"{HEAD},contract\n{LINE},2027-06..2027-01\n", "QX-RISK-003", "portfolio.csv:2", "2027-06..2027-01", "2027-03"),
    (f"{HEAD},expiry\n{LINE},15/12/2026\n", "QX-RISK-003", "portfolio.csv:2", "expiry is '15/12/2026'", "2026-11-20"),
    (f"{HEAD},expiry\n{LINE},2026-02-30\n", "QX-RISK-003", "portfolio.csv:2", "2026-02-30", "2026-11-20"),
    (f"{HEAD},expiry\n{LINE},20261215\n", "QX-RISK-003", "portfolio.csv:2", "20261215", "2026-11-20"),
    (f"{HEAD},pricing_window\n{LINE},2026-12-01\u20132026-12-31\n", "QX-RISK-003", "portfolio.csv:2",
     "pricing_window", ".."),
    (f"{HEAD},lot_size\n{LINE},0\n", "QX-RISK-003", "portfolio.csv:2", "lot_size is 0", "above 0"),
    (f"{HEAD},correlation\n{LINE},1.5\n", "QX-RISK-003", "portfolio.csv:2", "correlation is 1.5", "at most 1"),
    (f"{HEAD},liquidity_days\n{LINE},2.5\n", "QX-RISK-003", "portfolio.csv:2", "liquidity_days is 2.5",
     "a whole number"),
])  # fmt: skip
def test_mistakes_of_a_portfolio(text: str, code: str, place: str, said: str, hint: str, tmp_path: Path) -> None:
    error = refusal(read_positions, put(tmp_path, text))
    assert (error.code, at(error)) == (code, place)
    assert said in error.message
    assert hint in error.hint


def test_bytes_that_are_no_utf_8_are_refused_with_their_line(tmp_path: Path) -> None:
    for quote in ("", '"'):
        path = tmp_path / "portfolio.csv"
        path.write_bytes(f"{HEAD},book\n{LINE},{quote}x{quote}\n".encode() + b"b,future,CL,1,lot,USD,\xff\n")
        error = refusal(read_positions, path)
        assert (error.code, at(error), error.hint) == ("QX-RISK-002", "portfolio.csv:3", "save it as UTF-8")


def test_a_file_that_is_not_there_is_refused_with_the_flag_that_names_another(tmp_path: Path) -> None:
    error = refusal(read_quotes, tmp_path / "prices.csv")
    assert (error.code, error.hint) == ("QX-RISK-002", "--prices FILE, or prices.csv beside the portfolio")
    assert refusal(read_positions, tmp_path / "none.csv").code == "QX-RISK-002"


def test_all_mistakes_are_told_at_once_and_no_more_than_twenty(tmp_path: Path) -> None:
    text = f"{HEAD}\na,futures,CL,x,lot,USD\nb,future,CL,1,lots?,usd\n"
    with pytest.raises(Problems) as caught:
        read_positions(put(tmp_path, text))
    assert [at(error) for error in caught.value.errors] == ["portfolio.csv:2"] * 2 + ["portfolio.csv:3"] * 2
    with pytest.raises(Problems) as caught:
        read_positions(put(tmp_path, f"{HEAD}\n" + "".join(f"{n},future,CL,x{n},lot,USD\n" for n in range(50))))
    assert len(caught.value.errors) == 20


@pytest.mark.parametrize(("text", "code", "said", "hint"), [
    ("date,factor,value\n2026-01-05,CL,\n", "QX-RISK-003", "value is empty", "no line where"),
    ("date,factor,value\n2026-01-05,CL,nan\n", "QX-RISK-003", "value is nan", "nothing between"),
    ("date,factor,value\n,CL,1\n", "QX-RISK-003", "date is empty", "2026-11-20"),
    ("date,factor,value,contract\n2026-01-05,CL,1,CLG6\n", "QX-RISK-003", "contract is 'CLG6'", "2027-03"),
    ("date,factor,price\n2026-01-05,CL,1\n", "QX-RISK-002", "no value", "long:"),
    ("dates,CL\n2026-01-05,1\n", "QX-RISK-002", "no date", "did you mean 'date'?"),
    ("date,CL,CL\n2026-01-05,1,2\n", "QX-RISK-002", "two columns are CL", "one column"),
    ("date,CL,\n2026-01-05,1,2\n", "QX-RISK-002", "a column has no name", "one column"),
    ("date,CL\n2026-01-05,abc\n", "QX-RISK-003", "CL is 'abc'", "digits"),
])  # fmt: skip
def test_mistakes_of_prices(text: str, code: str, said: str, hint: str, tmp_path: Path) -> None:
    error = refusal(read_quotes, put(tmp_path, text, "prices.csv"))
    assert (error.code, at(error)) == (code, "prices.csv:1" if code == "QX-RISK-002" else "prices.csv:2")
    assert said in error.message
    assert hint in error.hint


@pytest.mark.parametrize(("read", "text", "code", "said"), [
    (read_factors, "factor,kind,return_type\nCL,prices,log\n", "QX-RISK-003", "kind is 'prices'"),
    (read_factors, "factor,kind,return_type\nCL,price,logs\n", "QX-RISK-003", "return_type is 'logs'"),
    (read_factors, "factor,kind,return_type\n", "", ""),
    (read_shocks, "scenario,factor,shock,shock_type\na,CL,1,relative\n", "QX-RISK-003", "shock_type is 'relative'"),
    (read_limits, "scope_level,scope,measure\ntotal,,var\n", "QX-RISK-003", "neither soft nor hard"),
    (read_limits, "scope_level,scope,measure,soft,hard\ntotal,,var,2,1\n", "QX-RISK-003",
     "soft (2) lies above hard (1)"),
    (read_limits, "scope_level,scope,measure,hard\nbooks,,var,1\n", "QX-RISK-003", "scope_level is 'books'"),
    (read_pnl, "date,pnl_actual,var\n2026-01-05,1,-5\n", "QX-RISK-003", "var is -5"),
    (read_pnl, "date,pnl_actual\n2026-01-06,1\n2026-01-06,1\n", "QX-RISK-004", "2026-01-06 stands after"),
    (read_pnl, "date,pnl_actual\n2026-01-06,1\n2026-01-05,1\n", "QX-RISK-004", "2026-01-05 stands after"),
])  # fmt: skip
def test_mistakes_of_the_other_files(
    read: Callable[[Path], object], text: str, code: str, said: str, tmp_path: Path
) -> None:
    path = put(tmp_path, text, "some.csv")
    if not code:
        assert read(path)
        return
    error = refusal(read, path)
    assert error.code == code
    assert said in error.message


def test_books_of_a_pnl_file_may_take_turns(tmp_path: Path) -> None:
    days = [date(2026, 1, 5) + timedelta(days=number) for number in range(3)]
    text = "date,book,pnl_actual\n" + "".join(f"{day},{book},1\n" for day in days for book in "AB")
    assert len(read_pnl(put(tmp_path, text))[0].day) == 6


def test_csv_needs_no_library_that_is_slow_to_import(tmp_path: Path) -> None:
    put(tmp_path, PRICES, "prices.csv")
    code = (
        "import sys; from pathlib import Path; from qx.app.risk.files import *; import qx.risk.market;"
        f"read_positions(Path({str(put(tmp_path, PORTFOLIO))!r})); read_quotes(Path({str(tmp_path / 'prices.csv')!r}));"
        "print(*sys.modules.keys() & {'pyarrow', 'pandas', 'scipy', 'difflib'})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == []


def test_a_portfolio_of_many_lines_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvfile, "BLOCK", 4_096)
    lines = [f"p{number},future,{'CL' if number % 3 else 'BZ'},{number}.5,lot,USD" for number in range(5_000)]
    found, _ = read_positions(put(tmp_path, "\n".join([HEAD, *lines]) + "\n"))
    assert (len(found), found[4_999].quantity, found[4_999].place.line) == (5_000, 4_999.5, 5_001)
    assert found.number("quantity").sum() == sum(range(5_000)) + 2_500
    assert [found[row].underlying for row in (0, 1, 3)] == ["BZ", "CL", "BZ"]
