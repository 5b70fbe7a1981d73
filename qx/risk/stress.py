"""Stress: the levels that the factors take when a scenario's lines are laid over a market.

Which line moves a factor, the first that applies:

1. a line that names it;
2. lines that name tenors of its curve (CL.M1, CL.M12): linear in days between them, flat beyond the outermost;
3. a line that names its curve (CL), which moves all of it alike;
4. a line with wildcards (CL*): the one with most letters told, of equals the later. It reaches prices and bases; vols,
   rates and exchange rates only where it matches nothing else.

What no line moves stays.
"""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from qx.kernel.errors import Place as Spot
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.risk.units import price_unit, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from qx.model.risk import Factor, Shock

    Floats = NDArray[np.float64]

How = Literal["named", "tenor", "curve", "wildcard"]
DAYS: Final = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
_TENOR = re.compile(r"(?:([DWMY])(\d{1,4})|(\d{1,4})([DWMY]))")
_WILD = frozenset("*?[")
_PRICED = ("price", "basis")
_SHARES = {"%": 0.01, "bp": 1e-4}


class Move(NamedTuple):
    """What a scenario does to one factor."""

    factor: int  # its place in the market
    level: float  # that it takes, in its own unit
    how: How


class Laid(NamedTuple):
    """A scenario over a market."""

    levels: Floats  # (F,), those that no line moves as they were
    moves: tuple[Move, ...]  # by factor
    unmatched: tuple[Shock, ...]  # lines that fit no factor


def days_of(tenor: str) -> float | None:
    """M1, 1M, W2, Y1 -> days from today; None: not a tenor."""
    match = _TENOR.fullmatch(tenor)
    if match is None:
        return None
    return int(match[2] or match[3]) * DAYS[match[1] or match[4]]


def curve_of(name: str) -> tuple[str, float | None]:
    """CL.M1 -> CL and 30.4; a name without a tenor is its own curve."""
    stem, dot, last = name.rpartition(".")
    days = days_of(last) if dot else None
    return (stem, days) if days is not None else (name, None)


def wild(pattern: str) -> bool:
    return not _WILD.isdisjoint(pattern)


def by_name(shocks: Iterable[Shock]) -> dict[str, list[Shock]]:
    """Lines of a file by scenario, in the order in which they stand."""
    found: dict[str, list[Shock]] = {}
    for each in shocks:
        found.setdefault(each.scenario, []).append(each)
    return found


def laid(shocks: Sequence[Shock], factors: Sequence[Factor], base: Floats) -> Laid:
    """`base`: (F,). Raises QX-RISK-003 (a factor named twice, tenors of different types), QX-RISK-005, QX-RISK-008."""
    exact = _exact(shocks)
    curves = _curves(shocks, factors)
    wilds, met = _wildcards(shocks, factors)
    levels, moves, used = base.copy(), [], set(met)
    for at, factor in enumerate(factors):
        stem, days = curve_of(factor.factor)
        if factor.tenor_days is not None:
            days = float(factor.tenor_days)
        points = curves.get(stem) if days is not None else None
        if points is not None:
            used.update(id(shock) for _, shock in points)
        line, how = exact.get(factor.factor), "named"
        if line is None and points is not None and days is not None:
            amount = float(np.interp(days, [at for at, _ in points], [_amount(shock, factor) for _, shock in points]))
            levels[at] = _moved(float(base[at]), amount, points[0][1], factor)
            moves.append(Move(at, float(levels[at]), "tenor"))
            continue
        if line is None and factor.kind in _PRICED and stem in exact:
            line, how = exact[stem], "curve"
        if line is None:
            line, how = wilds.get(at), "wildcard"
        if line is None:
            continue
        used.add(id(line))
        levels[at] = _moved(float(base[at]), _amount(line, factor), line, factor)
        moves.append(Move(at, float(levels[at]), how))  # type: ignore[arg-type]  # str of the four above
    return Laid(levels, tuple(moves), tuple(each for each in shocks if id(each) not in used))


def refuse_unmatched(found: Laid, factors: Sequence[Factor]) -> None:
    """Raises QX-RISK-013 at the first line that fits nothing: a book that does not move is no answer."""
    for each in found.unmatched:
        known = {factor.factor for factor in factors}
        raise QxError(
            "QX-RISK-013", f"scenario '{each.scenario}': '{each.factor}' fits no factor",
            hint=did_you_mean(each.factor, known), place=Spot(each.place.file, each.place.line),
        )  # fmt: skip


def _exact(shocks: Sequence[Shock]) -> dict[str, Shock]:
    found: dict[str, Shock] = {}
    for each in shocks:
        if wild(each.factor):
            continue
        if (first := found.get(each.factor)) is not None:
            said = f"scenario '{each.scenario}' moves {each.factor} twice, first on line {first.place.line}"
            raise _wrong(each, said, "one line for each factor of a scenario")
        found[each.factor] = each
    return found


def _curves(shocks: Sequence[Shock], factors: Sequence[Factor]) -> dict[str, list[tuple[float, Shock]]]:
    """Points of each curve: (days, line), the nearest first. A tenor lies where factors.csv puts it."""
    placed = {each.factor: float(each.tenor_days) for each in factors if each.tenor_days is not None}
    found: dict[str, list[tuple[float, Shock]]] = {}
    for each in shocks:
        stem, days = (each.factor, None) if wild(each.factor) else curve_of(each.factor)
        if days is None:
            continue
        found.setdefault(stem, []).append((placed.get(each.factor, days), each))
    for stem, points in found.items():
        points.sort(key=lambda point: point[0])
        if len({shock.shock_type for _, shock in points}) > 1:
            said = f"scenario '{points[0][1].scenario}' moves tenors of {stem} by shocks of several types"
            raise _wrong(points[1][1], said, "one shock_type for the tenors of a curve: between two types lies nothing")
    return found


def _wildcards(shocks: Sequence[Shock], factors: Sequence[Factor]) -> tuple[dict[int, Shock], set[int]]:
    """The line that reaches each factor, and which lines (by identity) reach any."""
    found: dict[int, tuple[int, Shock]] = {}
    met: set[int] = set()
    for each in shocks:
        if not wild(each.factor):
            continue
        fits = [at for at, factor in enumerate(factors) if fnmatchcase(factor.factor, each.factor)]
        priced = [at for at in fits if factors[at].kind in _PRICED]
        told = sum(char not in "*?[]" for char in each.factor)
        for at in priced or fits:
            met.add(id(each))
            if at not in found or told >= found[at][0]:
                found[at] = (told, each)
    return {at: shock for at, (_, shock) in found.items()}, met


def _amount(shock: Shock, factor: Factor) -> float:
    """Of the shock, in the factor's unit; of `rel` a share."""
    if shock.unit in _SHARES:
        return shock.shock * _SHARES[shock.unit]
    if not shock.unit or shock.shock_type in ("rel", "log"):
        return shock.shock
    place = _spot(shock)
    told = price_unit(shock.unit if "/" in shock.unit else f"{factor.currency or 'USD'}/{shock.unit}", place)
    if factor.currency and told.currency != factor.currency:
        said = f"a shock in {told.currency} to {factor.factor}, which is told in {factor.currency}"
        raise QxError("QX-RISK-005", said, hint=f"the shock in {factor.currency}", place=place)
    return shock.shock * told.scale * (ratio(factor.unit, told.unit, place=place) if factor.unit else 1.0)


def _moved(level: float, amount: float, shock: Shock, factor: Factor) -> float:
    if shock.shock_type == "abs":
        return level + amount
    if shock.shock_type == "set":
        return amount
    if level <= 0:
        said = f"scenario '{shock.scenario}': {factor.factor} is {level:g}: a {shock.shock_type} shock means nothing"
        raise QxError("QX-RISK-008", said, hint="shock_type abs or set", place=_spot(shock))
    return level * (1 + amount) if shock.shock_type == "rel" else level * math.exp(amount)


def _wrong(shock: Shock, said: str, hint: str) -> QxError:
    return QxError("QX-RISK-003", said, hint=hint, place=_spot(shock))


def _spot(shock: Shock) -> Spot:
    return Spot(shock.place.file, shock.place.line)
