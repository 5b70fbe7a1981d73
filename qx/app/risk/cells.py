"""Cells -> columns, part after part of a file: each value is checked as its field says, and what is wrong has its line.

Words are read once for each distinct one, numbers all at once: a million lines take seconds.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import Place, QxError
from qx.kernel.text import did_you_mean
from qx.risk.curves import first_day
from qx.risk.units import LOT, MINOR, unit_of
from qx.risk.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qx.app.risk.columns import Field

    Floats = NDArray[np.float64]
    Days = NDArray[np.datetime64]

WRONG = "QX-RISK-003"
MOST = 20  # errors that are told of one file
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EMPTY = np.iinfo(np.int64).min  # what numpy holds NaT as


class Sheet(NamedTuple):
    """The file that is read, and what is wrong in it so far."""

    file: str
    errors: list[QxError]

    def wrong(self, line: int, said: str, hint: str, code: str = WRONG) -> None:
        if len(self.errors) < MOST:
            self.errors.append(QxError(code, said, hint=hint, place=Place(self.file, int(line))))


class NameColumn:
    """Of kind id: no word stands twice, so none is looked up."""

    def __init__(self, field: Field, sheet: Sheet) -> None:
        self.field, self.sheet = field, sheet
        self._names: list[str] = []
        self._lines: list[NDArray[np.int64]] = []

    def add(self, cells: Sequence[str], lines: NDArray[np.int64]) -> None:
        names = list(map(str.strip, cells))
        if "" in names:
            self.sheet.wrong(lines[names.index("")], f"{self.field.name} is empty", self.field.about)
        self._names += names
        self._lines.append(lines)

    def done(self) -> Words:
        """Raises QX-RISK-003 where one stands twice."""
        hashes = np.fromiter(map(hash, self._names), np.int64, len(self._names))
        if len(np.unique(hashes)) < len(hashes):  # no two are equal whose hashes are not
            self._twice()
        return Words(np.arange(len(self._names), dtype=np.int32), tuple(self._names))

    def _twice(self) -> None:
        lines = np.concatenate(self._lines)
        seen: dict[str, int] = {}
        for name, line in zip(self._names, lines.tolist(), strict=True):
            first = seen.setdefault(name, line)
            if first != line:
                said = f"{self.field.name} {name} stands twice; the first in line {first}"
                raise QxError(WRONG, said, hint=f"each {self.field.name} once", place=Place(self.sheet.file, line))


class WordColumn:
    """Of kinds text, currency, unit, month, months."""

    def __init__(self, field: Field, sheet: Sheet) -> None:
        self.field, self.sheet = field, sheet
        self._number: dict[str, int] = {}  # of each cell as it is written the word
        self._words: dict[str, int] = {}
        self._parts: list[NDArray[np.int32]] = []

    def add(self, cells: Sequence[str], lines: NDArray[np.int64]) -> None:
        try:
            codes = np.fromiter(map(self._number.__getitem__, cells), np.int32, len(cells))
        except KeyError:
            self._meet(cells, lines)
            codes = np.fromiter(map(self._number.__getitem__, cells), np.int32, len(cells))
        self._parts.append(codes)

    def _meet(self, cells: Sequence[str], lines: NDArray[np.int64]) -> None:
        for cell in dict.fromkeys(cells):
            if cell not in self._number:
                word = cell.strip()
                if word not in self._words:
                    self._words[word] = len(self._words)
                    if (error := self._objection(word)) is not None:
                        self.sheet.wrong(lines[cells.index(cell)], *error)
                self._number[cell] = self._words[word]

    def _objection(self, word: str) -> tuple[str, str, str] | None:
        """(what is wrong, hint, code)."""
        field = self.field
        if not word:
            return (f"{field.name} is empty", field.about, WRONG) if field.filled else None
        if field.choices:
            if word in field.choices:
                return None
            return f"{field.name} is {word[:40]!r}", did_you_mean(word.lower()[:40], field.choices), WRONG
        return _CHECKS[field.kind](field.name, word) if field.kind in _CHECKS else None

    def done(self) -> Words:
        codes = np.concatenate(self._parts) if self._parts else np.empty(0, np.int32)
        return Words(codes, tuple(self._words))


class NumberColumn:
    """Of kinds number and whole: NaN is not told."""

    def __init__(self, field: Field, sheet: Sheet) -> None:
        self.field, self.sheet = field, sheet
        self._parts: list[Floats] = []

    def add(self, cells: Sequence[str], lines: NDArray[np.int64]) -> None:
        values = _floats(cells)
        if values is None:
            values = np.array([self._one(cell, line) for cell, line in zip(cells, lines, strict=True)], np.float64)
        else:
            self._finite(values, lines, bare=False)
        self._bounded(values, lines)
        self._parts.append(values)

    def take(self, values: Floats, empty: NDArray[np.bool_], lines: NDArray[np.int64]) -> None:
        """Numbers that a file holds as such."""
        self._finite(values[~empty], lines[~empty], bare=True)
        values = np.where(empty, np.nan, values)
        if self.field.filled and empty.any():
            self.sheet.wrong(lines[empty][0], f"{self.field.name} is empty", self.field.about)
        self._bounded(values, lines)
        self._parts.append(values)

    def _finite(self, values: Floats, lines: NDArray[np.int64], *, bare: bool) -> None:
        odd = np.flatnonzero(~np.isfinite(values))
        if len(odd):
            said = f"{self.field.name} is {values[odd[0]]}, which is no number"
            hint = "null where there is none" if bare else "nothing between the commas where there is none"
            self.sheet.wrong(lines[odd[0]], said, hint)

    def _one(self, cell: str, line: int) -> float:
        """Of a column in which a cell is empty, or no number."""
        text = cell.strip()
        if not text:
            if self.field.filled:
                self.sheet.wrong(line, f"{self.field.name} is empty", self.field.about)
            return np.nan
        values = _floats([text])
        if values is not None and np.isfinite(values[0]):
            return float(values[0])
        hint = "a finite number" if values is not None else "digits, a point, an exponent: 1250.5, -3e6; no 1,250"
        self.sheet.wrong(line, f"{self.field.name} is {text[:40]!r}, which is no number", hint)
        return np.nan

    def _bounded(self, values: Floats, lines: NDArray[np.int64]) -> None:
        field = self.field
        rules: list[tuple[NDArray[np.bool_], str]] = []
        if field.above is not None:
            rules.append((values <= field.above, f"above {field.above:g}"))
        if field.least is not None:
            rules.append((values < field.least, f"at least {field.least:g}"))
        if field.most is not None:
            rules.append((values > field.most, f"at most {field.most:g}"))
        if field.kind == "whole":
            rules.append((np.isfinite(values) & (values != np.floor(values)), "a whole number"))
        for wrong, wanted in rules:
            if wrong.any():
                row = int(wrong.argmax())
                self.sheet.wrong(lines[row], f"{field.name} is {values[row]:g}", wanted)

    def done(self) -> Floats:
        return np.concatenate(self._parts) if self._parts else np.empty(0, np.float64)


class DayColumn:
    """Of kind day, or one end of kind window: NaT is not told."""

    def __init__(self, field: Field, sheet: Sheet, of: Callable[[str], int | None] | None = None) -> None:
        self.field, self.sheet = field, sheet
        self._of = of or day_number
        self._number: dict[str, int] = {}
        self._parts: list[NDArray[np.int64]] = []

    def add(self, cells: Sequence[str], lines: NDArray[np.int64]) -> None:
        known = self._number
        for cell in dict.fromkeys(cells):
            if cell not in known:
                text = cell.strip()
                number = self._of(text) if text else None
                if number is None and (text or self.field.filled):
                    said = f"{self.field.name} is {text[:40]!r}" if text else f"{self.field.name} is empty"
                    hint = "days as 2026-11-20..2026-11-30" if self.field.kind == "window" else "a day as 2026-11-20"
                    self.sheet.wrong(lines[cells.index(cell)], said, hint)
                known[cell] = _EMPTY if number is None else number
        self._parts.append(np.fromiter(map(known.__getitem__, cells), np.int64, len(cells)))

    def take(self, days: Days, lines: NDArray[np.int64]) -> None:
        """Days that a file holds as such."""
        if self.field.filled and np.isnat(days).any():
            self.sheet.wrong(lines[np.isnat(days)][0], f"{self.field.name} is empty", "a day as 2026-11-20")
        self._parts.append(days.astype("datetime64[D]").astype(np.int64))

    def done(self) -> Days:
        parts = np.concatenate(self._parts) if self._parts else np.empty(0, np.int64)
        return parts.astype("datetime64[D]")


def day_number(text: str) -> int | None:
    """Days since 1970 of `2026-11-20`; None where it is no day."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).toordinal() - 719_163
    except ValueError:
        return None


def window_ends(text: str) -> tuple[int, int] | None:
    """Of `2026-11-02..2026-11-30`, which also may be one day."""
    begin, dots, end = text.partition("..")
    first = day_number(begin.strip())
    last = day_number(end.strip()) if dots else first
    return None if first is None or last is None or last < first else (first, last)


def _floats(cells: Sequence[str]) -> Floats | None:
    """None where a cell is no plain number. Python's float also takes `1_000` and digits of other scripts."""
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    whole = "".join(cells)
    return values if whole.isascii() and "_" not in whole else None


def _currency(name: str, word: str) -> tuple[str, str, str] | None:
    if word in MINOR or (len(word) == 3 and word.isascii() and word.isalpha() and word.isupper()):
        return None
    return f"{name} is {word[:40]!r}, which is no currency", "three letters of ISO 4217, as USD, EUR, BHD", WRONG


def _unit(name: str, word: str) -> tuple[str, str, str] | None:
    if word.lower() in {LOT, "lots"} or _currency(name, word) is None:
        return None
    try:
        unit_of(word)
    except QxError as error:
        return error.message, error.hint, error.code
    return None


def _month(name: str, word: str) -> tuple[str, str, str] | None:
    if first_day(word) is not None:
        return None
    return f"{name} is {word[:40]!r}, which is no month", "a month as 2027-03", WRONG


def _months(name: str, word: str) -> tuple[str, str, str] | None:
    begin, dots, end = word.partition("..")
    first = first_day(begin.strip())
    last = first_day(end.strip()) if dots else first
    if first is not None and last is not None and first <= last:
        return None
    return f"{name} is {word[:40]!r}", "a month as 2027-03, or months as 2027-01..2027-12", WRONG


_CHECKS = {"currency": _currency, "unit": _unit, "month": _month, "months": _months}
