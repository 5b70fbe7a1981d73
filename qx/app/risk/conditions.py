"""Scenarios told in part: some moves, or the loss alone. The rest comes from the covariance of the history."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from qx.app.risk.cases import Case, Known, blank
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean, plural
from qx.model.risk import Place, Shock
from qx.model.risk_stress import Plausible
from qx.risk.conditional import expected
from qx.risk.returns import between, defined
from qx.risk.reverse import Plausibility, reverse, strayed
from qx.risk.stress import curve_of, laid, wild

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.risk.inputs import Loaded
    from qx.model.risk import Factor

    Floats = NDArray[np.float64]

GIVEN, SOUGHT = "given", "reverse"  # names of these scenarios
_MOVE = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(%?)")
_AMOUNT = re.compile(r"((?:\d[\d,_]*(?:\.\d*)?|\.\d+))\s*(%|k|M|bn)?")
_SIZES = {"k": 1e3, "M": 1e6, "bn": 1e9}
_PRICED = ("price", "basis")
_RARE = 1e-12  # a chance below that has no inverse worth telling
_HINT = "FACTOR=MOVE, as CL.M1=-10% or CL*=-5 (in the factor's own unit)"


def expectation(loaded: Loaded, given: Sequence[str]) -> Case:
    """All factors, some of them as `given` (FACTOR=MOVE), the others as expected then. Raises QX-RISK-001, QX-RISK-008,
    QX-RISK-009, QX-RISK-012, QX-RISK-013.
    """
    market = loaded.market
    told = _given(given, market.factors)
    at = np.array(sorted(told), np.intp)
    base = market.base[at]
    after = laid([told[int(n)] for n in at], [market.factors[n] for n in at], base).levels
    moves = np.array([_return(market.factors[n], base[k], after[k]) for k, n in enumerate(at)])
    found = expected(market.returns, at, moves)
    levels = market.moved(found.returns[None, :])[0]
    levels[at] = after
    wide = np.abs(market.per_return()) * found.deviation
    known = {
        n: Known(float(wide[n]), None if math.isnan(found.explained[n]) else float(found.explained[n]))
        for n in range(len(levels))
    }
    words = ", ".join(f"{market.factors[n].factor} {_signed(after[k] - base[k])}" for k, n in enumerate(at[:4]))
    title = f"the others as expected given {words}{' and more' if len(at) > 4 else ''}"
    far = strayed(market.returns[:, at], moves)
    result = msgspec.structs.replace(
        blank(GIVEN, "conditional", title), plausible=_plausible(far), method="E[others | given]",
        note=f"covariance of {plural(len(market.returns), 'daily return')}, drift taken as zero",
    )  # fmt: skip
    how = {n: "given" if n in told else "expected" for n in range(len(levels))}
    return Case(levels, how, result, known)


def sought(loaded: Loaded, asked: str) -> Case:
    """The likeliest moves that lose as much. Raises QX-RISK-001, QX-RISK-009, QX-RISK-012."""
    book, market = loaded.book, loaded.market
    loss = _amount(asked, float(book.value().sum()))
    exposures = book.exposures().by_factor(len(market.factors))

    def pnl(moves: Floats) -> Floats:
        return book.totals(market.moved(moves))

    found = reverse(loss, exposures, market.returns, pnl)
    bad = int(np.count_nonzero(book.totals(market.moved(market.returns)) <= -loss))
    how = f"{found.method}, {plural(found.starts, 'start')}, {plural(found.steps, 'step')}"
    result = msgspec.structs.replace(
        blank(SOUGHT, "reverse", f"the likeliest moves that lose {loss:,.0f}"),
        plausible=_plausible(found.plausibility, bad), method=found.method if found.method != "search" else how,
        note=f"nearest by the covariance of {plural(len(market.returns), 'daily return')}, drift taken as zero; "
             "a normal day is far thinner in its tails than markets are",
    )  # fmt: skip
    levels = market.moved(found.returns[None, :])[0]
    return Case(levels, dict.fromkeys(range(len(levels)), "sought"), result)


def _plausible(found: Plausibility, bad: int | None = None) -> Plausible:
    beyond = found.beyond if bad is not None else None
    return Plausible(
        mahalanobis=found.distance, degrees=found.degrees, percentile=found.percentile, beyond=beyond,
        one_in_days=1 / beyond if beyond is not None and beyond > _RARE else None, history_as_far=found.days,
        history_as_bad=bad, history=found.history,
    )  # fmt: skip


def _given(given: Sequence[str], factors: Sequence[Factor]) -> dict[int, Shock]:
    """Factor -> its move. A name is a factor's, a curve's or a pattern."""
    found: dict[int, Shock] = {}
    for text in given:
        name, _, move = (part.strip() for part in text.rpartition("="))
        match = _MOVE.fullmatch(move)
        if not name or match is None:
            raise QxError("QX-RISK-001", f"no move of a factor: {text}", hint=_HINT)
        percent = match[2] == "%"
        for at in _named(name, factors):
            if at in found:
                raise QxError("QX-RISK-001", f"{factors[at].factor} is given twice", hint="each factor one move")
            found[at] = Shock(
                scenario=GIVEN, factor=factors[at].factor, shock=float(match[1]),
                shock_type="rel" if percent else "abs", unit="%" if percent else "", place=Place("--given", 1),
            )  # fmt: skip
    return found


def _named(name: str, factors: Sequence[Factor]) -> list[int]:
    exact = [at for at, each in enumerate(factors) if each.factor == name]
    curve = [at for at, each in enumerate(factors) if each.kind in _PRICED and curve_of(each.factor)[0] == name]
    fits = [at for at, each in enumerate(factors) if fnmatchcase(each.factor, name)] if wild(name) else []
    priced = [at for at in fits if factors[at].kind in _PRICED]
    found = exact or curve or priced or fits
    if not found:
        hint = did_you_mean(name, [each.factor for each in factors])
        raise QxError("QX-RISK-013", f"--given {name}: it fits no factor", hint=hint)
    return found


def _return(factor: Factor, before: float, after: float) -> float:
    pair = np.array([before, after])
    if not defined(factor.return_type, pair, factor.shift).all():
        said = f"--given takes {factor.factor} from {before:g} to {after:g}: no {factor.return_type} return does"
        raise QxError("QX-RISK-008", said, hint="a smaller move, or return_type absolute or shifted_log")
    return float(between(factor.return_type, pair[:1], pair[1:], factor.shift)[0])


def _amount(text: str, value: float) -> float:
    """`1,000,000`, `5M`, or `5%` of the absolute value of the portfolio."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise QxError("QX-RISK-001", f"no loss: {text}", hint="an amount (1,000,000, 5M) or a share of the value: 5%")
    number = float(match[1].replace(",", "").replace("_", ""))
    if match[2] == "%":
        if not value:
            said = "the portfolio is worth 0: a share of that is no loss"
            raise QxError("QX-RISK-001", said, hint="--reverse with an amount, as 5M")
        return abs(value) * number / 100
    return number * _SIZES.get(match[2] or "", 1.0)


def _signed(amount: float) -> str:
    return f"{amount:+.4g}"
