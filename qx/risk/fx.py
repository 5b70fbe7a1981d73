"""Exchange rates: how to come from one currency to another through the factors of kind fx."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.kernel.errors import Place
    from qx.model.risk import Factor


class FxPath(NamedTuple):
    """One unit of the first currency in the other: the product of level ** exponent. Empty: the same currency."""

    factors: tuple[int, ...]
    exponents: tuple[int, ...]  # 1, or -1 where the rate is told the other way round

    def rate(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of levels (..., F): (...)."""
        product = np.ones(levels.shape[:-1], dtype=np.float64)
        for factor, exponent in zip(self.factors, self.exponents, strict=True):
            product = product * levels[..., factor] if exponent > 0 else product / levels[..., factor]
        return product


def path(factors: Sequence[Factor], currency: str, base: str, place: Place | None = None) -> FxPath:
    """The shortest; of several the one whose factors come first. Raises QX-RISK-006."""
    pairs = [(at, each.unit, each.currency) for at, each in enumerate(factors) if each.kind == "fx"]
    ways = {currency: FxPath((), ())}
    edge = [currency]
    while edge and base not in ways:
        further = []
        for here in edge:
            so_far = ways[here]
            for at, one, other in pairs:
                for start, end, exponent in ((one, other, 1), (other, one, -1)):
                    if start == here and end not in ways:
                        ways[end] = FxPath((*so_far.factors, at), (*so_far.exponents, exponent))
                        further.append(end)
        edge = further
    if base not in ways:
        known = sorted({word for _, one, other in pairs for word in (one, other)})
        hint = f"a factor of kind fx with unit {currency} and currency {base} (or through a third), and its prices"
        said = f"no exchange rate leads from {currency or 'no currency'} to {base}"
        said += f"; known: {', '.join(known)}" if known else "; there is no factor of kind fx"
        raise QxError("QX-RISK-006", said, hint=hint, place=place)
    return ways[base]
