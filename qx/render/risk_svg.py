"""The pictures of a risk report, as inline SVG coloured by the page: distribution, bars, backtest, correlations.

Pure. Every picture tells its numbers in words too, for who cannot see it. Text from files is escaped.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from qx.render.risk import money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qx.model.risk_report import BacktestDay, Bin, Correlation

STYLE = """
.gain{fill:var(--good)}.loss{fill:var(--bad)}.pale{fill:var(--soft);opacity:.45}
.mark{stroke:var(--ink);stroke-width:1.5}.mark2{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 3}
.days{fill:none;stroke:var(--soft);opacity:.6}.path{fill:none;stroke:var(--ink);stroke-width:1.25}.ring{fill:var(--paper);stroke:var(--bad);stroke-width:2}
.plus{fill:var(--bad)}.minus{fill:#3b82d0}.cell{stroke:var(--line);stroke-width:.5}
svg .said{fill:var(--ink)}svg .over-it{paint-order:stroke;stroke:var(--paper);stroke-width:4px}.fell{stroke:var(--bad)}
svg .on{fill:var(--ink);font-size:9px}
"""
WIDTH, TALL = 1000, 260
LEFT, RIGHT, ABOVE, BELOW = 64, 12, 30, 26
_ROW, _NAME, _FIGURE = 24, 230, 130  # of bars that lie
_LETTERS = 32  # of a name beside a bar
_MOST_DAYS = 6  # of labels on an axis of days
_LABEL = 110


class Bar(NamedTuple):
    name: str
    value: float
    told: str = ""  # beside it, where it is not the amount alone


class Mark(NamedTuple):
    """A line across the distribution, at a P&L."""

    name: str
    at: float


def distribution(bins: Sequence[Bin], marks: Sequence[Mark], currency: str) -> str:
    """Columns of counts over the P&L; those wholly beyond the first mark are losses of the tail."""
    low, high = bins[0].low, bins[-1].high
    low, high = min([low, *(each.at for each in marks)]), max([high, *(each.at for each in marks)])
    most = max(each.count for each in bins)
    room = TALL - ABOVE - BELOW

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / ((high - low) or 1.0)

    parts = [*_across(_ticks(0, most, 3, whole=True), lambda value: TALL - BELOW - room * value / (most or 1))]
    for each in bins:
        if each.count:
            tall = room * each.count / most
            wide = max(0.5, x(each.high) - x(each.low) - 1)
            kind = "loss" if marks and each.high <= marks[0].at else "pale"
            title = f"<title>{escape(f'{each.count}: {money(each.low)} to {money(each.high)} {currency}')}</title>"
            place = f'x="{x(each.low):.2f}" y="{TALL - BELOW - tall:.2f}" width="{wide:.2f}" height="{tall:.2f}"'
            parts.append(f'<rect class="{kind}" {place}>{title}</rect>')
    parts += [
        f'<text x="{x(value):.2f}" y="{TALL - 8}" text-anchor="middle">{escape(short(value))}</text>'
        for value in _ticks(low, high, 7)
    ]
    labels = []
    for number, mark in enumerate(sorted(marks, key=lambda each: each.at, reverse=True)):
        at = x(mark.at)
        side = "end" if number and at > LEFT + _LABEL else "start"  # the second lies beyond the first
        nudge = 4 if side == "start" else -4
        top = 14 * number + 4
        parts.append(f'<line class="{"mark2" if number else "mark"}" x1="{at:.2f}" x2="{at:.2f}" '
                     f'y1="{top}" y2="{TALL - BELOW}"/>')  # fmt: skip
        labels.append(f'<text class="said over-it" x="{at + nudge:.2f}" y="{top + 8}" text-anchor="{side}">'
                      f"{escape(mark.name)}</text>")  # fmt: skip
    parts += labels
    said = "; ".join(f"{mark.name} at a P&L of {money(mark.at)} {currency}" for mark in marks)
    total = sum(each.count for each in bins)
    return _svg(TALL, f"{total:,} scenarios from {money(low)} to {money(high)} {currency}. {said}", parts)


def bars(rows: Sequence[Bar], what: str, *, loss_positive: bool = False) -> str:
    """One lying bar for each; what costs is coloured so: below 0, or above it with `loss_positive`."""
    tall = _ROW * len(rows) + 8
    least = min(0.0, *(row.value for row in rows))
    most = max(0.0, *(row.value for row in rows))
    span = (most - least) or 1.0
    room = WIDTH - _NAME - _FIGURE

    def x(value: float) -> float:
        return _NAME + room * (value - least) / span

    parts = []
    for number, row in enumerate(rows):
        y = 4 + _ROW * number
        start, end = sorted((x(0.0), x(row.value)))
        costs = (row.value > 0) if loss_positive else (row.value < 0)
        told = row.told or money(row.value)
        parts.append(f'<text class="said" x="{_NAME - 8}" y="{y + 15}" text-anchor="end">'
                     f"{escape(clipped(row.name or '(none)', _LETTERS))}</text>")  # fmt: skip
        parts.append(f'<rect class="{"loss" if costs else "gain"}" x="{start:.2f}" y="{y + 3}" '
                     f'width="{max(1.0, end - start):.2f}" height="{_ROW - 8}">'
                     f"<title>{escape(f'{row.name}: {told}')}</title></rect>")  # fmt: skip
        parts.append(f'<text x="{WIDTH - 2}" y="{y + 15}" text-anchor="end">{escape(told)}</text>')
    parts.append(f'<line class="axis" x1="{x(0.0):.2f}" x2="{x(0.0):.2f}" y1="0" y2="{tall}"/>')
    said = "; ".join(f"{row.name or '(none)'} {row.told or money(row.value)}" for row in rows)
    return _svg(tall, f"{what}: {said}", parts)


def backtest(days: Sequence[BacktestDay], currency: str) -> str:
    """Each day's P&L, the VaR it was held against as a line below zero, and a ring at each exception."""
    least = min(*(each.pnl for each in days), -max(each.var for each in days), 0.0)
    most = max(*(each.pnl for each in days), 0.0)
    span = (most - least) or 1.0
    room = TALL - ABOVE - BELOW
    step = (WIDTH - LEFT - RIGHT) / len(days)

    def x(number: int) -> float:
        return LEFT + step * (number + 0.5)

    def y(value: float) -> float:
        return ABOVE + room * (most - value) / span

    parts = [*_across(_ticks(least, most, 5), y)]
    up = "".join(f"M{x(n):.1f} {y(0):.1f}V{y(each.pnl):.1f}" for n, each in enumerate(days) if not each.exception)
    parts.append(f'<path class="days" d="{up}" stroke-width="{max(0.6, step * 0.6):.2f}"/>')
    line = "".join(f"{'L' if n else 'M'}{x(n):.1f} {y(-each.var):.1f}" for n, each in enumerate(days))
    parts.append(f'<path class="path" d="{line}"/>')
    exceptions = [(n, each) for n, each in enumerate(days) if each.exception]
    for n, each in exceptions:
        title = f"{each.date}: {money(each.pnl)} {currency}, VaR {money(each.var)}"
        parts.append(f'<line class="fell" x1="{x(n):.1f}" x2="{x(n):.1f}" y1="{y(0):.1f}" y2="{y(each.pnl):.1f}"/>')
        parts.append(f'<circle class="ring" cx="{x(n):.1f}" cy="{y(each.pnl):.1f}" r="3.5">'
                     f"<title>{escape(title)}</title></circle>")  # fmt: skip
    every = max(1, math.ceil(len(days) / _MOST_DAYS))
    for n in range(0, len(days), every):
        side = "start" if n == 0 else "middle"
        parts.append(f'<text x="{x(n):.1f}" y="{TALL - 8}" text-anchor="{side}">{escape(days[n].date)}</text>')
    worst = ", ".join(f"{each.date} {money(each.pnl)}" for _, each in exceptions)
    said = f"{len(exceptions)} exceptions in {len(days)} days{': ' if worst else ''}{worst}"
    return _svg(TALL, said, parts)


def correlations(found: Correlation) -> str:
    """A square for each pair, as strong as the two move together; figures where there is room for them."""
    count = len(found.factors)
    size = min(40.0, (WIDTH - _LABEL) / count)
    told = count <= 16
    letters = 14
    parts = []
    for row, name in enumerate(found.factors):
        y = _LABEL * 0.7 + size * row
        parts.append(f'<text class="said" x="{_LABEL - 6}" y="{y + size / 2 + 4:.1f}" text-anchor="end">'
                     f"{escape(clipped(name, letters))}</text>")  # fmt: skip
        middle = _LABEL + size * (row + 0.5)
        parts.append(f'<text class="said" transform="translate({middle + 4:.1f} {_LABEL * 0.7 - 6:.1f}) rotate(-45)">'
                     f"{escape(clipped(name, letters))}</text>")  # fmt: skip
        for column, other in enumerate(found.factors):
            value = found.matrix[row][column]
            x = _LABEL + size * column
            title = f"<title>{escape(f'{name} and {other}: {value:.2f}')}</title>"
            kind = "plus" if value >= 0 else "minus"
            parts.append(f'<rect class="cell {kind}" x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" '
                         f'height="{size:.1f}" fill-opacity="{0.8 * abs(value):.3f}">{title}</rect>')  # fmt: skip
            if told and row != column:
                parts.append(f'<text class="on" x="{x + size / 2:.1f}" y="{y + size / 2 + 3:.1f}" '
                             f'text-anchor="middle">{value:.2f}</text>')  # fmt: skip
    tall = math.ceil(_LABEL * 0.7 + size * count + 6)
    wide = math.ceil(_LABEL * 1.6 + size * count)
    return _svg(tall, _strongest(found), parts, wide)


def _strongest(found: Correlation) -> str:
    pairs = [
        (found.matrix[row][column], name, found.factors[column])
        for row, name in enumerate(found.factors)
        for column in range(row)
    ]
    first = sorted(pairs, key=lambda pair: -abs(pair[0]))[:5]
    said = ", ".join(f"{one} and {other} {value:.2f}" for value, other, one in first)
    return f"correlations of {len(found.factors)} factors; the strongest: {said or 'none'}"


def short(value: float) -> str:
    """`-1.5M`, `250k`, `12`."""
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{_three(value / size)}{letter}"
    return _three(value)


def _three(value: float) -> str:
    """Three digits, never with an exponent; what is less than a cent is nothing."""
    if abs(value) < 0.005:
        return "0"
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"


def clipped(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Round figures between, at most so many."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 5, 10, 20) if span / (step * factor) <= most)
    if whole:
        step = max(1.0, step)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _across(values: Iterable[float], y: Callable[[float], float]) -> Iterator[str]:
    for value in values:
        yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.2f}" y2="{y(value):.2f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y(value) + 4:.2f}" text-anchor="end">{escape(short(value))}</text>'


def _svg(tall: int, said: str, parts: Iterable[str], wide: int = WIDTH) -> str:
    head = f'<svg viewBox="0 0 {wide} {tall}" role="img" aria-label="{escape(said)}">'
    return f"{head}{''.join(parts)}</svg>"
