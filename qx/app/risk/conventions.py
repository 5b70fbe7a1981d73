"""Conventions: what a figure means, in words; and how one day became several."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.errors import QxError
from qx.model.risk_answers import Convention
from qx.risk import horizon

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qx.app.risk.asked import Asked
    from qx.app.risk.inputs import Loaded
    from qx.model.risk_answers import Horizon

    Floats = NDArray[np.float64]

SETTING = "QX-RISK-001"
ACERBI_TASCHE = "mean of the worst (1 - level), the scenario at its boundary in part (Acerbi and Tasche)"
_BY_ITSELF: dict[str, Horizon] = {"historical": "overlapping", "age": "overlapping"}
_CAN: dict[str, tuple[Horizon, ...]] = {
    "historical": ("overlapping", "sqrt", "autocorrelated"), "age": ("overlapping", "sqrt", "autocorrelated"),
    "filtered": ("sqrt", "autocorrelated"), "evt": ("overlapping", "sqrt", "autocorrelated"),
    "cornish-fisher": ("overlapping", "sqrt", "autocorrelated"), "parametric": ("sqrt", "autocorrelated"),
    "monte-carlo": ("sqrt",),
}  # fmt: skip


class Words(NamedTuple):
    """What one method's convention says."""

    words: str
    tail: str
    quantile: str = ""
    es: str = ACERBI_TASCHE
    emulates: str = ""
    ddof: int | None = None
    valued: str = ""  # where that is not as asked


def scaling(asked: Asked) -> Horizon:
    """How it comes to several days. Raises QX-RISK-001."""
    how = asked.scaling or _BY_ITSELF.get(asked.method, "sqrt")
    if how not in _CAN[asked.method]:
        said = f"--scaling {how} with --method {asked.method}"
        raise QxError(SETTING, said, hint=f"one of {', '.join(_CAN[asked.method])}")
    return how


def stretch(asked: Asked, how: Horizon, pnl: Floats) -> tuple[float, str]:
    """What a figure of one day is multiplied by, and the words for the horizon."""
    if asked.horizon == 1:
        return 1.0, "1 trading day"
    if how == "overlapping":
        return 1.0, f"{asked.horizon} trading days: overlapping moves of that length"
    if how == "sqrt":
        factor = horizon.root_of_time(asked.horizon)
        return factor, f"{asked.horizon} trading days: one day times their square root, {factor:.4f}"
    found = horizon.autocorrelation(pnl)
    factor = horizon.root_of_time(asked.horizon, found)
    said = f"one day times {factor:.4f}, by the autocorrelation {found:.3f} of its P&L"
    return factor, f"{asked.horizon} trading days: {said}"


def convention(loaded: Loaded, asked: Asked, words: Words, reached: str, volatility: str = "") -> Convention:
    """`reached`: the words for the horizon."""
    kinds = Counter(each.return_type for each in loaded.market.factors)
    full = "full revaluation of every position in every scenario"
    valued = full if asked.revaluation == "full" else "delta, gamma and vega of every position"
    return Convention(
        words=words.words, tail=words.tail, quantile=words.quantile, emulates=words.emulates, es=words.es,
        horizon=reached, returns=dict(sorted(kinds.items())), revaluation=words.valued or valued,
        volatility=volatility, ddof=words.ddof,
    )  # fmt: skip


def ordinal(count: int) -> str:
    """`1st`, `2nd`, `11th`."""
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count:,}{ending}"
