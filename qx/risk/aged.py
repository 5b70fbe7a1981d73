"""Age-weighted history (Boudoukh, Richardson and Whitelaw 1998): a scenario weighs less the older it is.

The weights go into the same tail estimator as equal ones: the VaR is the first scenario at which the cumulated weight
of the worst reaches 1 - alpha, and the ES splits the weight of that one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qx.kernel.errors import QxError

Floats = NDArray[np.float64]


def weights(count: int, decay: float) -> Floats:
    """-> (count,), oldest first, summing to 1; each is `decay` times the next younger. 1 weighs all alike.

    Raises QX-RISK-001 unless 0 < decay <= 1, QX-RISK-009 where there is nothing to weigh.
    """
    if not 0 < decay <= 1:
        raise QxError("QX-RISK-001", f"no decay: {decay:g}", hint="above 0 and not above 1, as 0.995")
    if count < 1:
        raise QxError("QX-RISK-009", "no scenario to weigh", hint="bring more days of prices")
    raw: Floats = decay ** np.arange(count - 1, -1, -1, dtype=np.float64)
    raw /= raw.sum()
    return raw


def effective(weight: Floats) -> float:
    """As many equally weighted observations tell a variance as precisely (Kish)."""
    return float(weight.sum() ** 2 / (weight @ weight))
