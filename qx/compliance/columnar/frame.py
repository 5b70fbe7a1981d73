"""Source: a chunk's columns as the steps want them; Frame: its rows that one set of parameters judges. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from qx.compliance.columnar import facts
from qx.compliance.columnar.values import Coded, Const, Numbers, Union, at
from qx.compliance.facts import FACTS, amounts_of, facts_of, rates_of
from qx.compliance.fields import FIELDS
from qx.compliance.judge import environment
from qx.compliance.language import AS_OF, SCREENED
from qx.compliance.validate import Asked
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from qx.compliance.columnar.column import Chunk, Column
    from qx.compliance.columnar.program import Program
    from qx.compliance.columnar.values import Places, Value
    from qx.compliance.dated import InForce
    from qx.compliance.validate import Rulebook


class Source:
    """Fields and facts of a whole chunk that rest on no parameter."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self._known: dict[str, Value] = {}

    def path(self, path: str) -> Value:
        if path not in self._known:
            self._known[path] = self._made(path)
        return self._known[path]

    def _made(self, path: str) -> Value:
        if path in self.chunk.facts:
            return prepared(path, self.chunk.facts[path])
        if path in FIELDS:
            column = self.chunk.columns.get(path)
            return Const(MISSING) if column is None else prepared(path, column)
        if path == facts.MALFORMED:
            return facts.in_order([
                _malformed(path, column) for path, column in sorted(self.chunk.columns.items()) if column.malformed
            ])  # fmt: skip
        if path in facts.APART:
            return facts.listed(path, self.path)
        if path == facts.LINKED:
            return facts.linked(self.path, self.chunk.rows)
        return self._by_rows(path)

    def _by_rows(self, path: str) -> Value:
        """A fact that has no form in columns, row by row."""
        found = [facts_of(self.chunk.transaction(row), {}, {}).get(path) for row in range(self.chunk.rows)]
        there = [value for value in found if value is not None]
        if not there:
            return Const(MISSING)
        places = np.cumsum([value is not None for value in found]) - 1
        codes = np.where([value is not None for value in found], places, len(there))
        return Coded(codes, there, complete=len(there) == len(found))


class Window(NamedTuple):
    """What is in force between two changes of any rule."""

    at: datetime  # a moment of it
    params: dict[str, dict[str, InForce | None]]  # by pack
    rates: Mapping[str, Decimal]
    fixed: Mapping[str, Mapping[str, Any]]  # by pack: what every row's environment holds

    @classmethod
    def of(cls, book: Rulebook, at: datetime) -> Window:
        params = book.params_at(at)
        rates = {currency: rate for each in params.values() for currency, rate in rates_of(each).items()}
        fixed = {pack.pack: environment(pack, {}, params[pack.pack]) for pack in book.packs}
        return cls(at, params, rates, fixed)


class Frame:
    """Some rows, all of one window. `at`: of each its asOf. `screened`: of all rows, the facts that screening found."""

    def __init__(
        self, program: Program, source: Source, places: Places | None, rows: int, *, at: Value, window: Window,
        screened: Mapping[str, Value], timezones: Mapping[str, ZoneInfo],
    ) -> None:
        self.rows, self.timezones, self.window = rows, timezones, window
        self._source, self._places, self._at, self._screened = source, places, at, screened
        self._steps = program.steps
        self._values: list[Value | None] = [None] * len(program.steps)
        self._paths: dict[str, Value] = {}

    def value(self, step: int) -> Value:
        found = self._values[step]
        if found is None:
            found = self._values[step] = self._steps[step](self)
        return found

    def asked(self, row: int, place: int) -> Asked:
        """All that the rules are asked with about the row of the chunk that has this place here."""
        values = self._source.chunk.transaction(row).values
        told = {name: at(self.path(name), place) for name in FACTS if name not in facts.AMOUNTS}
        there = {name: value for name, value in told.items() if value is not MISSING}
        fields = {**values, **there, **amounts_of(values, self.window.rates), AS_OF: at(self.path(AS_OF), place)}
        return Asked(fields, self.window.params, _Environments(fields, self.window.fixed))

    def forget(self) -> None:
        """What the steps came to, which nobody asks for any more."""
        self._values.clear()

    def param(self, pack: str, name: str) -> Value:
        found = self.window.params[pack].get(name)
        return Const(MISSING if found is None else found.value)

    def path(self, path: str) -> Value:
        if path not in self._paths:
            self._paths[path] = self._made(path)
        return self._paths[path]

    def _made(self, path: str) -> Value:
        if path == AS_OF:
            return self._at
        given = path in self._source.chunk.facts
        if path in self._screened and not given:
            return self._taken(self._screened[path])
        if path in SCREENED and not given:
            return Const(MISSING)
        if path in facts.CONVERTED and not given:
            return facts.converted(path, self.path, self.window.rates, self.rows)
        return self._taken(self._source.path(path))

    def _taken(self, value: Value) -> Value:
        return value if self._places is None else taken(value, self._places)


class _Environments(dict[str, dict[str, Any]]):
    """Made when a pack's is asked for."""

    def __init__(self, fields: dict[str, Any], fixed: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self._fields, self._fixed = fields, fixed

    def __missing__(self, pack: str) -> dict[str, Any]:
        self[pack] = found = {**self._fields, **self._fixed[pack]}
        return found


def taken(value: Value, places: Places) -> Value:
    """Of these rows; no source has truths."""
    match value:
        case Coded():
            return value.of(places)
        case Numbers(found, error):
            return Numbers(found[places], None if error is None else error[places])
        case Union(parts):
            return Union([part.of(places) for part in parts])
    return value  # the same for all


def prepared(path: str, column: Column) -> Value:
    """Without what is malformed, which is not there."""
    values: Sequence[Any] = column.values
    texts: Sequence[Any] | None = column.texts
    count = len(values)
    codes = column.codes.astype(np.intp)
    if column.malformed:
        good = [code for code in range(count) if code not in column.malformed]
        place = np.full(count + 1, len(good), np.intp)
        place[good] = np.arange(len(good))
        codes, count = place[codes], len(good)  # -1 is the last place
        values, texts = [values[code] for code in good], [column.texts[code] for code in good]
    else:
        codes[codes < 0] = count
    complete = not bool((codes == count).any())
    if not count or bool((codes == count).all()):
        return Const(MISSING)
    decimal = path in FIELDS and FIELDS[path].kind == "decimal"
    return Coded(codes, values, complete=complete, texts=texts if decimal else None)


def _malformed(path: str, column: Column) -> Coded:
    """(path,) where it is malformed."""
    bad = np.zeros(len(column.values) + 1, np.intp)
    bad[list(column.malformed)] = 1
    return Coded(bad[column.codes], [(), (path,)], complete=True)
