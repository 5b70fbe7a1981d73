"""Facts over columns: each in parts, one for every field that it rests on, of which each distinct value is asked alone.

What the parts come to is what `qx.compliance.facts.LISTED` says of a transaction that has this one field. Pure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qx.compliance.columnar import operations as do
from qx.compliance.columnar.values import Coded, Const, Numbers, Union, combined, number_of, numbers
from qx.compliance.facts import CURRENCIES, LISTED
from qx.compliance.fields import COUNTRIES
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from qx.compliance.columnar.values import Value

    Ask = Callable[[str], Value]

MALFORMED = "facts.malformed"
APART: dict[str, tuple[str, ...]] = {  # lists of texts, and the fields that they are of, in their order
    "facts.badIdentifiers": (
        "vessel.imo", "counterparty.bic", "payment.bic", "isin", "payment.originator.account",
        "payment.beneficiary.account",
    ),
    "facts.badLeis": ("counterparty.lei", "ourEntity.lei"),
    "facts.countries": (*COUNTRIES, "counterparty.owners"),
    "facts.attested": ("attestations",),
}  # fmt: skip
SORTED = "facts.countries"
CONVERTED = {  # amount, currency that it is wanted in
    **{f"facts.linked{currency.title()}": ("facts.linked", currency) for currency in CURRENCIES},
    "facts.monthCashGyd": ("payment.monthCashTotal", "GYD"),
}
LINKED = "facts.linked"
AMOUNTS = frozenset({LINKED, *CONVERTED})
CONVERSION = 2.0**-49  # what rates and a quotient may be off by, relative, with room
QUANTUM = 1e-9  # converted amounts are rounded to it


def listed(fact: str, ask: Ask) -> Value:
    """Of APART. `ask`: a field's column."""
    parts = [(path, found) for path in APART[fact] if isinstance(found := ask(path), Coded)]
    told = [found.each(_teller(fact, path)) for path, found in parts]
    return Union([_fewer(each) for each in told]) if fact == SORTED and told else in_order(told)


def in_order(parts: list[Coded]) -> Value:
    """Lists of texts one after the other; a part that is not there adds nothing."""
    some = [_fewer(part) for part in parts if any(part.values)]
    if not some:
        return Const(())
    codes, row_of = combined(some)
    values = [tuple(text for part in some for text in _texts(part.at(int(row)))) for row in row_of]
    return Coded(codes, values, complete=True)


def converted(fact: str, ask: Ask, rates: Mapping[str, Decimal], rows: int) -> Value:
    """An amount in another currency. `rates`: of one dollar, by currency."""
    path, to = CONVERTED[fact]
    amount, currency = ask(path), ask("currency")
    if isinstance(amount, Const) or not isinstance(currency, Coded):
        return Const(MISSING)
    known = [*currency.values, ""]
    same = np.array([of == to for of in known]).take(currency.codes, mode="clip")
    ratio = np.array([_ratio(of, to, rates) for of in known]).take(currency.codes, mode="clip")
    given = numbers(amount)
    value = given.value * ratio
    if same.all():
        return given
    off = np.zeros(rows) if given.error is None else given.error
    error = np.where(same, off, 2 * off * ratio + np.abs(value) * CONVERSION + QUANTUM)
    return Numbers(value, np.where(np.isnan(value), 0.0, error))


def linked(ask: Ask, rows: int) -> Value:
    return do.default(ask("linkedAmount"), ask("amount"), rows)


def _ratio(of: str, to: str, rates: Mapping[str, Decimal]) -> float:
    if of == to:
        return 1.0
    return number_of(rates[to])[0] / number_of(rates[of])[0] if of in rates and to in rates else float("nan")


def _teller(fact: str, path: str) -> Callable[[Any], tuple[str, ...]]:
    def tell(value: Any) -> tuple[str, ...]:
        return _of_text(fact, path, value) if isinstance(value, str) else LISTED[fact]({path: value})

    return tell


@lru_cache(maxsize=1 << 16)
def _of_text(fact: str, path: str, value: str) -> tuple[str, ...]:
    return LISTED[fact]({path: value})


def _fewer(of: Coded) -> Coded:
    """Each value once."""
    places: dict[Any, int] = {}
    codes = np.array([*(places.setdefault(value, len(places)) for value in of.values), -1])
    codes[-1] = len(places)
    return Coded(codes.take(of.codes, mode="clip"), list(places), complete=of.complete)


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is MISSING else value
