"""Units and currencies of prices against those of their factors: what they are converted by, and what is assumed.

Afterwards each factor has a unit of `qx.risk.units` (or none) and a currency of ISO 4217 (or none), and its values are
told in these. `%` and `bp` of a volatility or a rate become a share of one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from qx.kernel.errors import Place, QxError
from qx.model.risk import Treatment
from qx.risk.units import price_unit, ratio, unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Factor
    from qx.risk.quotes import Quotes

_PAIR = re.compile(r"([A-Z]{3})[/_.-]?([A-Z]{3})")
_SHARES = {"%": 0.01, "pct": 0.01, "percent": 0.01, "bp": 1e-4}


class Told(NamedTuple):
    """What a value is told in: `scale` of (currency, unit) in one of it."""

    unit: str
    currency: str
    scale: float


class Reconciled(NamedTuple):
    factors: tuple[Factor, ...]
    value: NDArray[np.float64]  # (n,), in the unit and currency of its factor
    treatments: tuple[Treatment, ...]


def reconciled(factors: Sequence[Factor], quotes: Quotes, of: NDArray[np.intp]) -> Reconciled:
    """`of`: of each quote its factor. Raises QX-RISK-005 (units), QX-RISK-003 (currencies)."""
    units, currencies = quotes.unit.words, quotes.currency.words
    key = (of * len(units) + quotes.unit.codes) * len(currencies) + quotes.currency.codes
    distinct, first, back = np.unique(key, return_index=True, return_inverse=True)
    scale = np.ones(len(distinct), np.float64)
    made: list[Factor] = [_own(each) for each in factors]
    treatments: list[Treatment] = [_named(each) for each, now in zip(factors, made, strict=True) if _derived(each, now)]
    treatments += [
        _converted(before, after, before.currency, before.unit, int(np.count_nonzero(of == at)))
        for at, (before, after) in enumerate(zip(factors, made, strict=True)) if _scale_of(before) != 1.0
    ]  # fmt: skip
    counts = np.bincount(back, minlength=len(distinct))
    for at in np.argsort(first):  # in the order of the file
        row = int(first[at])
        index, place = int(of[row]), quotes.place(row)
        factor, own = made[index], _scale_of(factors[index])
        unit, currency = quotes.unit.at(row), quotes.currency.at(row)
        if not unit and not currency:
            scale[at] = own
            continue
        told = _told(factor.kind, unit, currency, place)
        factor = made[index] = _filled(factor, told)
        scale[at] = _conversion(factor, told, own, place)
        if scale[at] != 1.0:
            treatments.append(_converted(factor, factor, currency, unit, int(counts[at])))
    return Reconciled(tuple(made), quotes.value * scale[back], tuple(treatments))


def _own(factor: Factor) -> Factor:
    """Its own unit and currency as they are held."""
    place = Place(factor.place.file, factor.place.line)
    if factor.kind == "fx":
        pair = _PAIR.fullmatch(factor.factor)
        by_name = (pair[1], pair[2]) if pair else ("", "")
        unit, currency = factor.unit or by_name[0], factor.currency or by_name[1]
        if not unit or not currency:
            said = f"{factor.factor} does not say which currency it prices in which other"
            hint = "unit: the currency that is priced; currency: in which; or a name as EURUSD"
            raise QxError("QX-RISK-003", said, hint=hint, place=place)
        return msgspec.structs.replace(factor, unit=unit, currency=currency)
    told = _told(factor.kind, factor.unit, factor.currency, place)
    return msgspec.structs.replace(factor, unit=told.unit, currency=told.currency, shift=factor.shift * told.scale)


def _derived(before: Factor, after: Factor) -> bool:
    return before.kind == "fx" and (before.unit, before.currency) != (after.unit, after.currency)


def _named(factor: Factor) -> Treatment:
    return Treatment(what="assumed", subject=factor.factor, words="its name says which currencies it is of")


def _scale_of(factor: Factor) -> float:
    if factor.kind == "fx":
        return 1.0
    return _told(factor.kind, factor.unit, factor.currency, Place(factor.place.file, factor.place.line)).scale


def _told(kind: str, unit: str, currency: str, place: Place) -> Told:
    """Of the words of a unit and a currency; a unit may be a price unit (USD/bbl)."""
    if kind in {"vol", "rate"} and unit.lower() in _SHARES:
        return Told("", currency, _SHARES[unit.lower()])
    if kind == "fx":
        return Told(unit, currency, 1.0)
    scale = 1.0
    if "/" in unit:
        price = price_unit(unit, place)
        unit, scale = price.unit, price.scale
        if currency and price_unit(currency, place).currency != price.currency:
            said = f"the unit is {price.currency} for a {unit}, the currency {currency}"
            raise QxError("QX-RISK-003", said, hint="one of the two is wrong", place=place)
        return Told(unit, price.currency, scale)
    if currency:
        money = price_unit(currency, place)
        currency, scale = money.currency, money.scale
    return Told(unit_of(unit, place).name if unit else "", currency, scale)


def _filled(factor: Factor, told: Told) -> Factor:
    """With what its quotes say where it says nothing itself."""
    if factor.kind == "fx":
        return factor
    unit, currency = factor.unit or told.unit, factor.currency or told.currency
    if (unit, currency) == (factor.unit, factor.currency):
        return factor
    return msgspec.structs.replace(factor, unit=unit, currency=currency)


def _conversion(factor: Factor, told: Told, own: float, place: Place) -> float:
    """What a value as told is multiplied by."""
    if factor.kind == "fx":
        allowed = {"", factor.unit, factor.currency, f"{factor.currency}/{factor.unit}"}
        if told.unit not in allowed or told.currency not in {"", factor.currency}:
            said = f"{factor.factor} is told in {factor.currency} for one {factor.unit}"
            said += f", not in {told.currency or factor.currency} for one {told.unit or factor.unit}"
            raise QxError("QX-RISK-003", said, hint="a rate is not turned round: give it as it is named", place=place)
        return 1.0
    if told.currency and told.currency != factor.currency:
        said = f"{factor.factor} is told in {told.currency} here, in {factor.currency} elsewhere"
        raise QxError("QX-RISK-003", said, hint="one currency for a factor; positions are converted, prices are not",
                      place=place)  # fmt: skip
    scale = told.scale if told.currency or told.scale != 1.0 else own
    return scale * ratio(factor.unit, told.unit, place=place) if told.unit and factor.unit else scale


def _converted(subject: Factor, held: Factor, currency: str, unit: str, count: int) -> Treatment:
    told = unit if held.kind in {"vol", "rate"} else "/".join(filter(None, (currency, unit)))
    words = f"told in {told}, held in {_written(held)}"
    return Treatment(what="converted", subject=subject.factor, words=words, count=count)


def _written(factor: Factor) -> str:
    return "shares of one" if factor.kind in {"vol", "rate"} else "/".join(filter(None, (factor.currency, factor.unit)))
