"""Prices as columns, in the order of the file. What is wrong with their values or their order is told with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import Place, QxError
from qx.risk.words import Words, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Quote


class Quotes(NamedTuple):
    """All arrays (n,)."""

    file: str
    line: NDArray[np.int64]
    day: NDArray[np.datetime64]  # [D]
    factor: Words
    value: NDArray[np.float64]
    contract: Words
    unit: Words
    currency: Words

    def place(self, row: int) -> Place:
        return Place(self.file, int(self.line[row]))

    def only(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Quotes:
        words = (Words(each.codes[rows], each.words) for each in (self.factor, self.contract, self.unit, self.currency))
        factor, contract, unit, currency = words
        return Quotes(
            self.file, self.line[rows], self.day[rows], factor, self.value[rows], contract, unit, currency
        )  # fmt: skip


def quotes_of(quotes: Sequence[Quote]) -> Quotes:
    """Of one file."""
    return Quotes(
        file=quotes[0].place.file if quotes else "",
        line=np.array([each.place.line for each in quotes], np.int64),
        day=np.array([each.date for each in quotes], "datetime64[D]"),
        factor=words_of([each.factor for each in quotes]),
        value=np.array([each.value for each in quotes], np.float64),
        contract=words_of([each.contract for each in quotes]),
        unit=words_of([each.unit for each in quotes]),
        currency=words_of([each.currency for each in quotes]),
    )


def refused(quotes: Quotes) -> list[QxError]:
    """QX-RISK-003: no numbers, or lines without a contract among those that have one. QX-RISK-004: a day twice, or
    days of a series that do not ascend. The first of each kind.
    """
    found: list[QxError] = []
    odd = np.flatnonzero(~np.isfinite(quotes.value))
    if len(odd):
        row = int(odd[0])
        said = f"{quotes.factor.at(row)} is {quotes.value[row]} on {quotes.day[row]}, which is no price"
        hint = "a finite number; leave the line out where there is no price"
        found.append(QxError("QX-RISK-003", said, hint=hint, place=quotes.place(row)))
    contracts = len(quotes.contract.words)
    series = quotes.factor.codes.astype(np.int64) * contracts + quotes.contract.codes
    order = np.argsort(series, kind="stable")
    same = np.diff(series[order]) == 0
    step = np.diff(quotes.day[order].astype(np.int64))
    for wrong, twice in ((same & (step == 0), True), (same & (step < 0), False)):
        rows = np.flatnonzero(wrong)
        if len(rows):
            pairs = order[rows + 1]
            which = rows[int(np.argmin(quotes.line[pairs]))]
            found.append(_out_of_order(quotes, int(order[which]), int(order[which + 1]), twice=twice))
    found += _unnamed(quotes)
    return found


def _out_of_order(quotes: Quotes, before: int, row: int, *, twice: bool) -> QxError:
    name = f"{quotes.factor.at(row)} {quotes.contract.at(row)}".strip()
    first = f"line {quotes.line[before]}"
    if twice:
        said = f"{name} has a second value for {quotes.day[row]}; the first stands in {first}"
        hint = "one value for each factor, contract and day"
    else:
        said = f"{name} goes back to {quotes.day[row]} from {quotes.day[before]} in {first}"
        hint = "sort the lines by date"
    return QxError("QX-RISK-004", said, hint=hint, place=quotes.place(row))


def _unnamed(quotes: Quotes) -> list[QxError]:
    """A factor of several contracts has one on every line."""
    if "" not in quotes.contract.words or len(quotes.contract.words) == 1:
        return []
    bare = quotes.contract.codes == quotes.contract.words.index("")
    count = len(quotes.factor.words)
    some = np.bincount(quotes.factor.codes[~bare], minlength=count) > 0
    rows = np.flatnonzero(bare & some[quotes.factor.codes])
    if not len(rows):
        return []
    row = int(rows[0])
    said = f"{quotes.factor.at(row)} names no contract here, and does on other lines"
    return [QxError("QX-RISK-003", said, hint="contract on each line of a factor, or on none", place=quotes.place(row))]
