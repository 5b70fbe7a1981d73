"""A portfolio as columns: a million lines take a hundred megabytes. A line of it is a Position when it is asked for.

What a column does not tell is '' of words, NaN of numbers (1 of ratio_2, 0 of vol_shift), NaT of days. Columns that the
file has not are not held.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from qx.model.risk import Place, Position
from qx.risk.words import Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Days = NDArray[np.datetime64]

WINDOW = "pricing_window"
BEGIN, END = f"{WINDOW}.begin", f"{WINDOW}.end"  # of it two columns of days
WHOLE = ("liquidity_days",)
PART = 1 << 14  # rows that are made in one go
_OTHERWISE = {"ratio_2": 1.0, "vol_shift": 0.0}


class Positions(Sequence[Position]):
    """n lines of one file. Frozen in use: nothing writes to its columns."""

    def __init__(
        self, file: str, line: NDArray[np.int64], *, texts: Mapping[str, Words], numbers: Mapping[str, Floats],
        days: Mapping[str, Days],
    ) -> None:  # fmt: skip
        """Each column (n,), by the name of Position's field; `pricing_window` as BEGIN and END."""
        self.file, self.line = file, line
        self._texts, self._numbers, self._days = dict(texts), dict(numbers), dict(days)
        for name in _OTHERWISE.keys() & self._numbers.keys():
            self._numbers[name] = np.where(np.isnan(self._numbers[name]), _OTHERWISE[name], self._numbers[name])

    def __len__(self) -> int:
        return len(self.line)

    @overload
    def __getitem__(self, row: int) -> Position: ...
    @overload
    def __getitem__(self, row: slice) -> Positions: ...
    def __getitem__(self, row: int | slice) -> Position | Positions:
        if isinstance(row, slice):
            return self.only(np.arange(len(self))[row])
        return next(self.only(np.array([range(len(self))[row]], np.intp)).rows())

    def __iter__(self) -> Iterator[Position]:
        for start in range(0, len(self), PART):
            yield from self.only(np.arange(start, min(start + PART, len(self)))).rows()

    def only(self, rows: NDArray[np.intp]) -> Positions:
        texts = {name: Words(each.codes[rows], each.words) for name, each in self._texts.items()}
        numbers = {name: each[rows] for name, each in self._numbers.items()}
        days = {name: each[rows] for name, each in self._days.items()}
        return Positions(self.file, self.line[rows], texts=texts, numbers=numbers, days=days)

    def text(self, name: str) -> Words:
        found = self._texts.get(name)
        return found if found is not None else Words(np.zeros(len(self), np.int32), ("",))

    def number(self, name: str) -> Floats:
        found = self._numbers.get(name)
        return found if found is not None else np.full(len(self), _OTHERWISE.get(name, np.nan))

    def day(self, name: str) -> Days:
        found = self._days.get(name)
        return found if found is not None else np.full(len(self), "NaT", "datetime64[D]")

    def place(self, row: int) -> Place:
        return Place(self.file, int(self.line[row]))

    def rows(self) -> Iterator[Position]:
        """All of them, made at once: for parts of a portfolio."""
        columns: dict[str, list[object]] = {"place": [Place(self.file, line) for line in self.line.tolist()]}
        for name, each in self._texts.items():
            words = each.words
            columns[name] = [words[code] for code in each.codes.tolist()]
        for name, numbers in self._numbers.items():
            columns[name] = [_told(name, value) for value in numbers.tolist()]
        if "expiry" in self._days:
            columns["expiry"] = self._days["expiry"].tolist()
        if BEGIN in self._days:
            windows = zip(self._days[BEGIN].tolist(), self._days[END].tolist(), strict=True)
            columns[WINDOW] = [window if window[0] else None for window in windows]
        for values in zip(*columns.values(), strict=True):
            yield Position(**dict(zip(columns, values, strict=True)))


def _told(name: str, value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if name in WHOLE else value
