"""The files of `qx risk`, read: where they lie, what is in them, and the digest of their bytes.

CSV (UTF-8, a header, `#` comments) or Parquet, by the name of the file. A file is read once, as a whole; what is wrong
in it is refused with FILE:LINE, at most twenty objections at a time. Nothing is guessed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from qx.app.risk import columns
from qx.app.risk.csvfile import csv_table
from qx.app.risk.table import UNREADABLE, Table, raise_all
from qx.kernel.errors import Place, QxError
from qx.model import risk
from qx.model.risk_answers import InputFile
from qx.risk.positions import Positions
from qx.risk.words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.risk.columns import File
    from qx.risk.quotes import Quotes

_T = TypeVar("_T", risk.Factor, risk.Shock, risk.Limit, risk.Correlation)
SUFFIXES = {".parquet", ".pq"}
NAMES = ("prices", "factors", "scenarios", "limits", "pnl")


class Files(NamedTuple):
    """Where each lies, there or not."""

    portfolio: Path
    prices: Path
    factors: Path
    scenarios: Path
    limits: Path
    pnl: Path


class Pnl(NamedTuple):
    """All (n,), days ascending within each book; NaN is not told. VaR and ES: losses positive."""

    file: str
    line: NDArray[np.int64]
    day: NDArray[np.datetime64]
    book: Words
    actual: NDArray[np.float64]
    hypothetical: NDArray[np.float64]
    var: NDArray[np.float64]
    es: NDArray[np.float64]
    currency: Words


def beside(portfolio: Path, **named: Path | None) -> Files:
    """Those that are not named (prices=, factors=, scenarios=, limits=, pnl=) lie beside the portfolio: as CSV, or as
    Parquet where only that is there.
    """
    found = {}
    for name in NAMES:
        told = named.get(name)
        plain = portfolio.with_name(f"{name}.csv")
        packed = portfolio.with_name(f"{name}.parquet")
        found[name] = told or (packed if packed.exists() and not plain.exists() else plain)
    return Files(portfolio=portfolio, **found)


def read_positions(path: Path) -> tuple[Positions, InputFile]:
    """Raises QX-RISK-002, QX-RISK-003, QX-RISK-005, and QX-RISK-010 where there is none."""
    table, read = _table(path, columns.PORTFOLIO)
    if not len(table.lines):
        place = Place(str(path), 1)
        raise QxError("QX-RISK-010", "the portfolio holds no position", hint="a line below its header", place=place)
    return Positions(table.file, table.lines, texts=table.texts, numbers=table.numbers, days=table.days), read


def read_quotes(path: Path) -> tuple[Quotes, InputFile]:
    """Long or wide. Their order and their values are `qx.risk.market`'s to judge. Raises QX-RISK-002, QX-RISK-003."""
    from qx.app.risk.prices import csv_quotes, parquet_quotes

    data = _bytes(path, "prices")
    quotes = (parquet_quotes if path.suffix in SUFFIXES else csv_quotes)(data, str(path))
    return quotes, _read("prices", path, data, len(quotes.line))


def read_factors(path: Path) -> tuple[tuple[risk.Factor, ...], InputFile]:
    """Raises QX-RISK-002, QX-RISK-003."""
    table, read = _table(path, columns.FACTORS)
    return tuple(_structs(table, columns.FACTORS, risk.Factor)), read


def read_shocks(path: Path) -> tuple[tuple[risk.Shock, ...], InputFile]:
    """Raises QX-RISK-002, QX-RISK-003."""
    table, read = _table(path, columns.SCENARIOS)
    return tuple(_structs(table, columns.SCENARIOS, risk.Shock)), read


def read_limits(path: Path) -> tuple[tuple[risk.Limit, ...], InputFile]:
    """Raises QX-RISK-002, QX-RISK-003."""
    table, read = _table(path, columns.LIMITS)
    limits = tuple(_structs(table, columns.LIMITS, risk.Limit))
    errors = []
    for each in limits:
        place = Place(each.place.file, each.place.line)
        if each.soft is None and each.hard is None:
            said = "neither soft nor hard is told"
            errors.append(QxError("QX-RISK-003", said, hint="one of them at least", place=place))
        elif each.soft is not None and each.hard is not None and each.soft > each.hard:
            said = f"soft ({each.soft:g}) lies above hard ({each.hard:g})"
            errors.append(QxError("QX-RISK-003", said, hint="a warning comes before a breach", place=place))
    raise_all(errors)
    return limits, read


def read_correlations(path: Path) -> tuple[tuple[risk.Correlation, ...], InputFile]:
    """Raises QX-RISK-002, QX-RISK-003."""
    table, read = _table(path, columns.CORRELATIONS)
    return tuple(_structs(table, columns.CORRELATIONS, risk.Correlation)), read


def read_pnl(path: Path) -> tuple[Pnl, InputFile]:
    """Raises QX-RISK-002, QX-RISK-003, QX-RISK-004."""
    table, read = _table(path, columns.PNL)
    count = len(table.lines)
    empty = Words(np.zeros(count, np.int32), ("",))
    nothing = np.full(count, np.nan)
    found = Pnl(
        table.file, table.lines, table.days["date"], table.texts.get("book", empty), table.numbers["pnl_actual"],
        table.numbers.get("pnl_hypothetical", nothing), table.numbers.get("var", nothing),
        table.numbers.get("es", nothing), table.texts.get("currency", empty),
    )  # fmt: skip
    order = np.argsort(found.book.codes, kind="stable")
    step = np.diff(found.day[order].astype(np.int64))
    wrong = np.flatnonzero((np.diff(found.book.codes[order]) == 0) & (step <= 0))
    if len(wrong):
        row = int(order[wrong + 1].min())
        name = f" of {found.book.at(row)}" if found.book.at(row) else ""
        said = f"{found.day[row]}{name} stands after a day that is not before it"
        raise QxError("QX-RISK-004", said, hint="one line for each book and day; days ascend", place=table.place(row))
    return found, read


# -- what they have in common ----------------------------------------------------------------------


def _bytes(path: Path, role: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        own = role in {"portfolio", "pnl", "correlations"}
        hint = "a CSV or Parquet file" if own else f"--{role} FILE, or {role}.csv beside the portfolio"
        said = f"it cannot be read: {error.strerror}"
        raise QxError(UNREADABLE, said, hint=hint, place=Place(str(path))) from error


def _read(role: str, path: Path, data: bytes, rows: int) -> InputFile:
    return InputFile(role=role, path=str(path), sha256=hashlib.sha256(data).hexdigest(), rows=rows)


def _table(path: Path, file: File) -> tuple[Table, InputFile]:
    data = _bytes(path, file.role)
    if path.suffix in SUFFIXES:
        from qx.app.risk.parquet import parquet_table

        table = parquet_table(data, str(path), file)
    else:
        table = csv_table(data, str(path), file)
    return table, _read(file.role, path, data, len(table.lines))


def _structs(table: Table, file: File, kind: type[_T]) -> list[_T]:
    return [kind(**row) for row in _rows(table, file)]  # type: ignore[arg-type]


def _rows(table: Table, file: File) -> Sequence[dict[str, object]]:
    made: list[dict[str, object]] = [{"place": risk.Place(table.file, int(line))} for line in table.lines]
    for name, words in table.texts.items():
        for row, told in enumerate(made):
            told[name] = words.at(row)
    for name, numbers in table.numbers.items():
        whole = file.fields[name].kind == "whole"
        for row, told in enumerate(made):
            if not np.isnan(numbers[row]):
                told[name] = int(numbers[row]) if whole else float(numbers[row])
    return made
