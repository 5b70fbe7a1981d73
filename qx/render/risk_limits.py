"""`qx risk limits` and `qx risk history` as people read them."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.risk import inputs_text, money, percent
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.risk_limits import LimitsVerdict, LimitVerdict, RiskHistory, RiskKept, State

_TONES: dict[State, Tone] = {"within": "good", "soft": "warn", "hard": "bad", "unknown": "warn"}
_BARS = "▁▂▃▄▅▆▇█"
TREND, NARROW = 30, 14  # days that a sparkline shows, and on a terminal that is less than WIDE
WIDE = 100


def limits_text(found: LimitsVerdict, palette: Palette = PLAIN, width: int | None = None) -> str:
    counted = [f"{n} {state}" for state in _TONES if (n := sum(each.state == state for each in found.limits))]
    counts = Counter(each.currency for each in found.limits)
    usual = max(sorted(counts), key=counts.__getitem__, default="")
    pairs: list[tuple[str, Cell | str]] = [
        ("portfolio", f"{found.portfolio} as of {found.as_of}"),
        ("limits", Cell(", ".join(counted) or "none", _TONES[found.state])),
        ("amounts", usual + (", where no other is told" if len(counts) > 1 else "")),
    ]
    if found.told:
        pairs.append(("told", ", ".join(found.told)))
    if found.untold:
        pairs.append(("not told", Cell(found.untold, "bad")))
    columns = [
        Column("LIMIT", give="wrap"), Column("OF", give="wrap"), Column("VALUE", right=True),
        Column("SOFT", right=True), Column("HARD", right=True), Column("USED", right=True), Column("STATE"),
    ]  # fmt: skip
    rows = [_row(each, usual) for each in found.limits]
    blocks = [fields(pairs, width=width, palette=palette)]
    if rows:
        blocks.append(table(columns, rows, width=width, palette=palette))
    untold = [
        (f"line {each.line}", Cell(each.because, "warn")) for each in found.limits if each.state == "unknown"
    ]
    if untold:
        blocks.append(fields(untold, width=width, palette=palette))
    blocks.append(inputs_text(found.inputs, palette, width))
    return "\n\n".join(block for block in blocks if block)


def _row(each: LimitVerdict, usual: str) -> list[Cell | str]:
    """`usual`: the currency that need not be told."""
    what = " ".join(filter(None, (each.measure, each.alpha, each.horizon)))
    money_of = f"({each.currency})" if each.currency != usual else ""
    place = " ".join(filter(None, (each.scope_level, each.scope, money_of)))
    return [what, place, money(each.value) or "?", money(each.soft), money(each.hard), percent(each.used),
            Cell(each.state, _TONES[each.state])]  # fmt: skip


def history_text(found: RiskHistory, palette: Palette = PLAIN, width: int | None = None) -> str:
    """A line for each series, with its trend; then the last verdicts on limits."""
    columns = [
        Column("PORTFOLIO", give="cut"), Column("MEASURED", give="wrap"), Column("VAR", right=True),
        Column("ES", right=True), Column("CHANGE", right=True), Column("TREND"),
    ]  # fmt: skip
    trend = NARROW if width is not None and width < WIDE else TREND
    rows = [_series(list(each), trend) for _, each in groupby(found.kept, key=_of)]
    blocks = []
    if rows:
        blocks.append(table(columns, rows, width=width, palette=palette))
    if found.standings:
        heads = [Column("LIMITS OF", give="cut"), Column("STATE"), Column("AS OF"), Column("JUDGED"),
                 Column("BECAUSE", give="wrap")]  # fmt: skip
        told: list[list[Cell | str]] = [
            [each.portfolio, Cell(each.state, _TONES[each.state]), each.as_of, moment(each.at), each.because]
            for each in found.standings
        ]
        blocks.append(table(heads, told, width=width, palette=palette))
    return "\n\n".join(blocks)


def _of(kept: RiskKept) -> tuple[str, str, str, str, int, str]:
    return kept.portfolio, kept.region, kept.method, kept.alpha, kept.horizon_days, kept.currency


def _series(days: Sequence[RiskKept], trend: int) -> list[Cell | str]:
    last, before = days[-1], days[-2] if len(days) > 1 else None
    change = percent(last.var / before.var - 1) if before is not None and before.var else ""
    change = f"+{change}" if change and not change.startswith("-") else change
    how = f"{last.method} {last.alpha} {plural(last.horizon_days, 'day')}, {last.currency}, to {last.as_of}"
    name = f"{last.portfolio} {last.region}".strip()
    return [name, how, money(last.var), money(last.es), change, sparkline([each.var for each in days[-trend:]])]


def sparkline(values: Sequence[float]) -> str:
    """One character each, from the lowest of them to the highest; of equal ones the middle. '' of none."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if low == high:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)
