"""Options of a portfolio resolved: months, units, volatilities, interest and fixings, ready to be priced alike.

- Volatility is that of vol_factor (a factor, or a curve of which the contract's month is taken). A normal one
  (style bachelier) is in price units: those of its factor where it tells any, else of the position.
- Interest is that of the factors of kind rate in the option's currency, linear in tenor_days, flat beyond;
  without one there is no discounting, which is told.
- Years are days / 365 to expiry.
- An average is taken over the weekdays of pricing_window, or of the contract's month. Its known part comes from
  the prices.
- A spread is on F1 - ratio_2 F2, both in price_unit. Without a correlation that of their returns is taken, and
  told.
- A price in another currency than the option's is refused: that would be a different option.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from qx.kernel.errors import QxError
from qx.model.risk import Treatment
from qx.risk import averaging
from qx.risk.blends import Blend
from qx.risk.formulas import DAY
from qx.risk.linear import converted, good_of, place_of, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.risk import Factor, Position
    from qx.risk.linear import Paths, Quoted
    from qx.risk.market import Market

    Mix = tuple[tuple[int, float], ...]

OPTIONS: Final = frozenset({"option", "asian_option", "spread_option"})
Role = str  # price, level (may be negative), vol, rate


class Contract(NamedTuple):
    """One expiry and one month of a position, for one of its quantity."""

    formula: str
    amount: float  # money of its currency for one unit of its price
    path: int
    inputs: tuple[tuple[Role, Blend], ...]
    sign: float
    strike: float
    years: float
    correlation: float = 0.0
    share: float = 1.0
    fixed: float = 0.0
    left: tuple[float, ...] = ()  # years to each day of an average


class Reader:
    """What contracts have in common: the market, and what was done or assumed on the way."""

    def __init__(self, market: Market, paths: Paths) -> None:
        self.market, self.paths = market, paths
        self.treatments: dict[tuple[str, str], Treatment] = {}
        self._rates: dict[str, list[tuple[int, int]]] = {}

    def told(self, what: str, subject: str, words: str) -> None:
        """Once of each subject and words, counted."""
        before = self.treatments.get((subject, words))
        count = before.count + 1 if before else 1
        self.treatments[subject, words] = Treatment(what=what, subject=subject, words=words, count=count)

    def contracts(self, position: Position) -> list[Contract]:
        """Raises QX-RISK-003, QX-RISK-005..007, QX-RISK-011 and QX-RISK-012 with the place of the position."""
        months = averaging.months(position, place_of(position))
        return [self._contract(position, month, 1 / len(months)) for month in months]

    def _contract(self, position: Position, month: str, part: float) -> Contract:
        place, told = place_of(position), quoted(position)
        formula = formula_of(position)
        normal = formula.endswith("bachelier")
        strike = _wanted(position, "strike", position.strike)
        if position.option_type not in {"call", "put"}:
            raise _missing(position, "option_type", "call or put")
        mix = self.market.curve(position.underlying, month, place)
        factor = self.market.factors[mix[0][0]]
        currency = told.currency or factor.currency
        shift = position.vol_shift if position.style == "shifted" else 0.0
        size, unit = good_of(position, factor.unit)
        amount = part * size * converted(position, unit, told.unit or factor.unit) * told.scale
        role = "level" if normal else "price"
        inputs = [(role, self._price(position, mix, told, currency, shift))]
        vols = [(position.vol_factor, "vol_factor")]
        if position.instrument == "spread_option":
            if not position.underlying_2:
                raise _missing(position, "underlying_2", "the factor of its second leg")
            other = self.market.curve(position.underlying_2, month, place)
            leg = self._price(position, other, told, currency, 0.0)
            ratio = position.ratio_2
            inputs.append((role, Blend(tuple((at, weight * ratio) for at, weight in leg.parts))))
            vols.append((position.vol_factor_2, "vol_factor_2"))
        for number, (name, column) in enumerate(vols):
            ratio = position.ratio_2 if number else 1.0
            vol = self._vol(position, name, column, month, told, normal=normal, ratio=ratio)
            inputs.append(("vol", vol))
        path = self.paths.of(currency, place)
        sign = 1.0 if position.option_type == "call" else -1.0
        if position.instrument == "asian_option":
            scale = inputs[0][1].parts[0][1] / mix[0][1]
            return self._average(position, month, mix, scale, shift, currency, Contract(
                formula, amount, path, tuple(inputs), sign, strike + shift, 0.0))  # fmt: skip
        expiry = self._expiry(position)
        days = (expiry - self.market.as_of).days
        inputs.append(("rate", self._rate(currency, days)))
        correlation = (
            self._correlation(position, mix, month) if position.instrument == "spread_option" else 0.0
        )
        return Contract(formula, amount, path, tuple(inputs), sign, strike + shift, days * DAY, correlation)

    def _average(
        self,
        position: Position,
        month: str,
        mix: Mix,
        scale: float,
        shift: float,
        currency: str,
        contract: Contract,
    ) -> Contract:
        place, today = place_of(position), self.market.as_of
        span = position.pricing_window or averaging.month_of(month, place)
        days = averaging.window(*span, today, place)
        paid = max(position.expiry or span[1], span[1])
        if paid < today:
            raise _over(position, paid)
        fixed = 0.0
        if days.past:
            fixed = averaging.fixing(self.market, mix, days, place) * scale + shift
        one = timedelta(days=1)
        left = [at for at in _days(days.next, span[1], one) if at.weekday() < 5] if days.left else []
        later = (paid - today).days
        return contract._replace(
            inputs=(*contract.inputs, ("rate", self._rate(currency, later))), years=later * DAY,
            share=1.0 - days.fixed, fixed=fixed, left=tuple((at - today).days * DAY for at in left),
        )  # fmt: skip

    def _expiry(self, position: Position) -> date:
        if position.expiry is None:
            raise _missing(position, "expiry", "a day as 2026-12-15")
        if position.expiry < self.market.as_of:
            raise _over(position, position.expiry)
        return position.expiry

    # -- inputs ------------------------------------------------------------------------------------
    def _price(self, position: Position, mix: Mix, told: Quoted, currency: str, shift: float) -> Blend:
        factor = self.market.factors[mix[0][0]]
        if factor.currency and factor.currency != currency:
            said = f"{position.position_id} is struck in {currency}, and {factor.factor} is told in {factor.currency}"
            hint = "strike and price_unit in the currency of the factor; such an option is not priced"
            raise QxError("QX-RISK-012", said, hint=hint, place=place_of(position))
        scale = _scale(position, factor, told)
        return Blend(tuple((at, weight * scale) for at, weight in mix), shift)

    def _vol(
        self, position: Position, name: str, column: str, month: str, told: Quoted, *, normal: bool, ratio: float
    ) -> Blend:
        if not name:
            said = f"{position.position_id} has no {column}: its volatility moves with nothing"
            hint = f"{column}: a factor of kind vol; or tell delta, gamma and vega"
            raise QxError("QX-RISK-007", said, hint=hint, place=place_of(position))
        mix = self.market.curve(name, month, place_of(position))
        scale = 1.0
        if normal:
            factor = self.market.factors[mix[0][0]]
            scale = ratio * (_scale(position, factor, told) if factor.unit or factor.currency else 1.0)
        return Blend(tuple((at, weight * scale) for at, weight in mix))

    def _rate(self, currency: str, days: int) -> Blend:
        found = self._rates.get(currency)
        if found is None:
            rates = [(at, each) for at, each in enumerate(self.market.factors) if _is_rate(each, currency)]
            found = self._rates[currency] = sorted((each.tenor_days or 0, at) for at, each in rates)
            if not found:
                self.told("assumed", currency, "no factor of kind rate: options in it are not discounted")
        if not found:
            return Blend(())
        tenors = [tenor for tenor, _ in found]
        above = int(np.searchsorted(tenors, days))
        if above in {0, len(found)}:
            return Blend(((found[min(above, len(found) - 1)][1], 1.0),))
        (low, one), (high, other) = found[above - 1], found[above]
        share = (days - low) / (high - low)
        return Blend(((one, 1 - share), (other, share)))

    def _correlation(self, position: Position, mix: Mix, month: str) -> float:
        place = place_of(position)
        if position.correlation is not None:
            if not -1 <= position.correlation <= 1:
                said = f"{position.position_id} has a correlation of {position.correlation:g}"
                raise QxError("QX-RISK-003", said, hint="from -1 to 1", place=place)
            return position.correlation
        other = self.market.curve(position.underlying_2, month, place)
        one, two = (self.market.returns[:, max(each, key=lambda part: part[1])[0]] for each in (mix, other))
        if len(one) < 2 or not one.std() or not two.std():
            raise _missing(position, "correlation", "of its legs, from -1 to 1; prices tell none")
        found = float(np.corrcoef(one, two)[0, 1])
        self.told(
            "assumed", position.position_id, f"correlation {found:.4f} of {len(one)} returns of its legs"
        )
        return found


def formula_of(position: Position) -> str:
    """Of qx.risk.formulas. Raises QX-RISK-012 for a combination that has none."""
    american, normal = position.exercise == "american", position.style == "bachelier"
    kind = {"option": "", "asian_option": "asian", "spread_option": "spread"}[position.instrument]
    if american and (kind or normal):
        words = f"an american {f'{kind} option' if kind else 'option of style bachelier'}"
        hint = "american: style black76 or shifted, on one price; or tell delta, gamma and vega"
        said = f"{position.position_id}: {words} is not priced"
        raise QxError("QX-RISK-012", said, hint=hint, place=place_of(position))
    if kind == "spread" and position.style == "shifted":
        said = f"{position.position_id}: a spread option of style shifted is not priced"
        raise QxError(
            "QX-RISK-012", said, hint="style bachelier prices every difference", place=place_of(position)
        )
    if american:
        return "american"
    return " ".join(filter(None, (kind, "bachelier" if normal else ""))) or "black76"


def _scale(position: Position, factor: Factor, told: Quoted) -> float:
    """What a level of the factor is in the price unit of the position."""
    return converted(position, told.unit or factor.unit, factor.unit) / told.scale


def _is_rate(factor: Factor, currency: str) -> bool:
    return factor.kind == "rate" and (factor.currency or factor.root) == currency


def _days(first: date, last: date, step: timedelta) -> Sequence[date]:
    return [first + step * number for number in range((last - first).days + 1)]


def _wanted(position: Position, column: str, value: float | None) -> float:
    if value is None:
        raise _missing(position, column, "a number, in price_unit")
    return value


def _missing(position: Position, column: str, hint: str) -> QxError:
    said = f"{position.position_id} is an option without {column}"
    return QxError("QX-RISK-003", said, hint=f"{column}: {hint}", place=place_of(position))


def _over(position: Position, day: date) -> QxError:
    said = f"{position.position_id} ended on {day}, before the day of these prices"
    return QxError(
        "QX-RISK-003", said, hint="take the line out, or enter what it became", place=place_of(position)
    )
