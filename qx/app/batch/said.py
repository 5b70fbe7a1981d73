"""Said: what is told of each row's findings, as JSON: rule, outcome, severity, message.

What a rule says of a row follows from few of its fields. Rows that are alike in those are told alike: one of them is
asked the exact way, or its sentence is filled in, and the others get the same bytes. Never: guesses. A fact that this
module does not know is asked for row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from qx.compliance.closure import PARAM
from qx.compliance.columnar.facts import APART
from qx.compliance.columnar.names import PARTIES
from qx.compliance.columnar.outcomes import OUTCOMES
from qx.compliance.facts import CURRENCIES, HELD, LAWS, fact_name
from qx.compliance.fields import FIELDS
from qx.compliance.judge import filled
from qx.compliance.language import AS_OF, paths_in
from qx.compliance.validate import TOLD, order
from qx.model.validation import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from qx.compliance.columnar.column import Chunk, Column
    from qx.compliance.columnar.evaluate import Evaluated
    from qx.compliance.dated import InForce
    from qx.compliance.judge import Compiled
    from qx.compliance.validate import Rulebook

    Places = NDArray[np.intp]

MALFORMED = "facts.malformed"
REMEMBERED = 20_000  # messages
_LINKED = ("facts.linked", *(f"facts.linked{currency.title()}" for currency in CURRENCIES))
_OWNED = tuple(fact_name(what, law) for law in LAWS for what in HELD)
_SCREENED = ("facts.screened", "facts.confirmed", "facts.possible", "facts.sectoral", "facts.confirmedAs",
             "facts.clearedBy")  # fmt: skip
_NAMED = tuple(dict.fromkeys(path for party in PARTIES for path in party))
VALUE: dict[str, tuple[str, ...]] = {  # fact -> all that its value follows from
    **APART,
    **dict.fromkeys(_LINKED, ("amount", "linkedAmount", "currency")),
    "facts.monthCashGyd": ("payment.monthCashTotal", "currency"),
    **dict.fromkeys(_OWNED, ("counterparty.owners",)),
    **dict.fromkeys((*_SCREENED, "facts.vesselListed"), _NAMED),
    "facts.copies": ("facts.copies",),
    MALFORMED: (MALFORMED,),
}  # fmt: skip
THERE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # fact -> on what its presence hangs: presence, value
    **dict.fromkeys((*APART, *_SCREENED, MALFORMED), ((), ())),
    **dict.fromkeys(_LINKED, (("amount", "linkedAmount"), ("currency",))),
    "facts.monthCashGyd": (("payment.monthCashTotal",), ("currency",)),
    **dict.fromkeys(_OWNED, ((), ("counterparty.owners",))),
    "facts.vesselListed": (("vessel.imo",), ()),
    "facts.copies": (("facts.copies",), ()),
}  # fmt: skip


class _Rest(NamedTuple):
    """What a message follows from: whether these are there, and the values of those. `plain`: it can be filled in from
    fields and parameters alone.
    """

    there: tuple[str, ...]
    values: tuple[str, ...]
    plain: bool = False


class Teller:
    """Of one rulebook and one file."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._missing = [_of_missing(one) for one in book.rules]
        self._failure = [_of_template(one.rule.message) for one in book.rules]
        self._known: dict[tuple[int, int, bytes], str] = {}  # where nothing but presence decides, and one moment

    def findings(self, chunk: Chunk, found: Evaluated, at: datetime | None) -> list[bytes]:
        """Of each row its findings as a JSON list. `at`: the one moment at which all are judged; None: several."""
        about = _About(chunk, found, at, None if at is None else self._book.params_at(at))
        made: list[tuple[tuple[int, int, str], NDArray[np.object_]]] = []
        for number, one in enumerate(self._book.rules):
            outcomes = found.outcomes[number]
            for place in np.flatnonzero(np.bincount(outcomes, minlength=len(OUTCOMES))).tolist():
                outcome = OUTCOMES[place]
                if outcome in TOLD:
                    continue
                rows = np.flatnonzero(outcomes == place)
                said = {"ruleId": one.rule.id, "outcome": outcome, "severity": one.rule.severity}
                head = msgspec.json.encode(said)[:-1] + b',"message":'
                column = np.full(chunk.rows, b"", object)
                column[rows] = self._messages(number, place, about, rows, head)
                like = Finding(rule_id=one.rule.id, outcome=outcome, severity=one.rule.severity, title="",
                               citation=one.rule.citation)  # fmt: skip
                made.append((order(like), column))
        made.sort(key=lambda each: each[0])
        if not made:
            return [b"[]"] * chunk.rows
        return [b"[" + b"".join(parts)[:-1] + b"]" for parts in zip(*(column for _, column in made), strict=True)]

    def _messages(self, number: int, place: int, about: _About, rows: Places, head: bytes) -> NDArray[np.object_]:
        """Of these rows: `head`, the message, the end of the object and a comma."""
        one, outcome = self._book.rules[number], OUTCOMES[place]
        if outcome == "fail" and "{" not in one.rule.message:
            groups, first = np.zeros(len(rows), np.intp), rows[:1]
            rest: _Rest | None = _Rest((), (), plain=True)
        else:
            rest = self._failure[number] if outcome == "fail" else self._missing[number]
            groups, first = about.alike(rest, rows)
        told = np.empty(len(first), object)
        for group, row in enumerate(first.tolist()):
            if outcome == "fail" and rest is not None and rest.plain and about.one_moment and row not in about.odd:
                message = filled(one.rule.message, about.data(rest.values, one.pack.pack, row))
            else:
                message = self._asked(number, place, about, rest, row)
            told[group] = head + msgspec.json.encode(message) + b"},"
        return told[groups]

    def _asked(self, number: int, place: int, about: _About, rest: _Rest | None, row: int) -> str:
        lasting = rest is not None and not rest.values and about.one_moment and row not in about.odd
        key = (number, place, about.presence(rest.there, row) if rest is not None and lasting else b"")
        if not lasting or key not in self._known:
            message = about.message(self._book.rules[number], OUTCOMES[place], row)
            if not lasting:
                return message
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = message
        return self._known[key]


class _About:
    """A chunk and what it came to."""

    def __init__(
        self, chunk: Chunk, found: Evaluated, at: datetime | None,
        params: Mapping[str, Mapping[str, InForce | None]] | None,
    ) -> None:
        self.chunk, self.found, self.odd, self.one_moment = chunk, found, chunk.odd, at is not None
        self._params = params or {}

    def alike(self, rest: _Rest | None, rows: Places) -> tuple[Places, Places]:
        """(of each of these rows its group, of each group one row)."""
        if rest is None:
            return np.arange(len(rows)), rows
        values = rest.values if self.one_moment else (*rest.values, AS_OF)
        keys = [self._there(path)[rows].astype(np.int64) for path in rest.there]
        for path in values:
            wanted = [path] if path != MALFORMED else [path for path, column in self._columns() if column.malformed]
            keys += [column.codes[rows].astype(np.int64) for path in wanted if (column := self._column(path))]
        if self.odd:
            alone = np.full(self.chunk.rows, -1, np.int64)
            alone[list(self.odd)] = list(self.odd)
            keys.append(alone[rows])
        groups = np.zeros(len(rows), np.intp)
        for key in keys:
            both = groups * (int(key.max(initial=0)) + 2) + key + 1
            groups = np.unique(both, return_inverse=True)[1].reshape(-1)
        _, first = np.unique(groups, return_index=True)
        return groups, rows[first]

    def presence(self, paths: Iterable[str], row: int) -> bytes:
        return bytes(int(self._there(path)[row]) for path in paths)

    def data(self, paths: Iterable[str], pack: str, row: int) -> dict[str, Any]:
        """Values and parameters, for a message."""
        params = self._params[pack]
        found: dict[str, Any] = {PARAM + name: one.value for name, one in params.items() if one is not None}
        for path in paths:
            column = self._column(path)
            if column is not None and (code := int(column.codes[row])) >= 0 and code not in column.malformed:
                found[path] = column.values[code]
        return found

    def message(self, one: Compiled, outcome: str, row: int) -> str:
        asked = self.found.asked(row)
        if outcome == "fail":
            return filled(one.rule.message, asked.environments[one.pack.pack])
        return asked.judged(one).message

    def _columns(self) -> Iterable[tuple[str, Column]]:
        return sorted(self.chunk.columns.items())

    def _column(self, path: str) -> Column | None:
        return self.chunk.columns.get(path) or self.chunk.facts.get(path)

    def _there(self, path: str) -> NDArray[np.bool_]:
        column = self._column(path)
        if column is None:
            return np.zeros(self.chunk.rows, np.bool_)
        good = np.ones(len(column.texts) + 1, np.bool_)
        good[[*column.malformed, len(column.texts)]] = False
        return good[column.codes]


def _of_template(template: str) -> _Rest | None:
    """None: of a fact of which it is not known what it follows from."""
    names = dict.fromkeys(part.partition("}")[0] for part in template.split("{")[1:])
    wanted = [name for name in names if not name.startswith(PARAM)]
    if all(name in FIELDS and name != AS_OF for name in wanted):
        return _Rest((), tuple(wanted), plain=True)
    values: dict[str, None] = {}
    for name in wanted:
        if name in FIELDS:
            values[name] = None
        elif name in VALUE:
            values.update(dict.fromkeys(VALUE[name]))
        else:
            return None
    return _Rest((), tuple(values))


def _of_missing(one: Compiled) -> _Rest | None:
    """What decides which fields are missing."""
    there: dict[str, None] = {}
    values: dict[str, None] = {} if one.rule.untranslatable is None else {"attestations": None}
    for path in dict.fromkeys((*one.guards, *one.needs, *paths_in(one.tree))):
        if path in FIELDS:
            there[path] = None
        elif path in THERE:
            there.update(dict.fromkeys(THERE[path][0]))
            values.update(dict.fromkeys(THERE[path][1]))
        else:
            return None
    return _Rest(tuple(there), tuple(values))
