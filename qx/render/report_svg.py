"""The two pictures of a regulatory summary, as inline SVG coloured by the page: shares of statuses, and their timeline.

Pure. Every picture tells its numbers in words too, for who cannot see it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.model.report import Counts, Span

WIDTH, BAR, TALL = 1000, 28, 180
LEFT, BELOW, ABOVE = 44, 22, 8  # room for the axes
_STATUSES = ("approved", "conditional", "rejected")
MOST_LABELS = 10


def shares(counts: Counts) -> str:
    """One bar, divided."""
    total, at, parts = counts.total, 0.0, []
    for status in _STATUSES:
        count = getattr(counts, status)
        if count:
            wide = WIDTH * count / total
            title = f"<title>{count} {status}, {count / total:.1%}</title>"
            parts.append(f'<rect class="{status}" x="{at:.2f}" y="0" width="{wide:.2f}" height="{BAR}">{title}</rect>')
            at += wide
    said = ", ".join(f"{getattr(counts, status)} {status}" for status in _STATUSES)
    head = f'<svg viewBox="0 0 {WIDTH} {BAR}" role="img" aria-label="{escape(said)}" preserveAspectRatio="none">'
    return f"{head}{''.join(parts)}</svg>"


def timeline(spans: Sequence[Span]) -> str:
    """A stacked bar for each span."""
    most = max((span.counts.total for span in spans), default=0)
    top = _round(most)
    room = TALL - BELOW - ABOVE
    step = (WIDTH - LEFT) / max(1, len(spans))
    parts = [*_axis(top, room)]
    every = -(-len(spans) // MOST_LABELS)
    for number, span in enumerate(spans):
        x = LEFT + number * step
        parts += _column(span, x, step, top, room)
        if number % every == 0:
            middle = f'x="{x + step / 2:.2f}" y="{TALL - 6}" text-anchor="middle"'
            parts.append(f"<text {middle}>{escape(span.since[5:])}</text>")
    said = f"validations over time, at most {most} in one"
    return f'<svg viewBox="0 0 {WIDTH} {TALL}" role="img" aria-label="{said}">{"".join(parts)}</svg>'


def _axis(top: int, room: float) -> Iterator[str]:
    for value in sorted({0, top // 2, top}):
        y = ABOVE + room - (room * value / top if top else 0)
        yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{y:.2f}" y2="{y:.2f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.2f}" text-anchor="end">{value}</text>'


def _column(span: Span, x: float, step: float, top: int, room: float) -> Iterator[str]:
    y = ABOVE + room
    gap = min(4.0, step * 0.2)
    wide = min(step - gap, 48.0)
    left = x + (step - wide) / 2
    for status in _STATUSES:
        count = getattr(span.counts, status)
        if count:
            tall = room * count / top
            y -= tall
            title = f"<title>{escape(span.since)}: {count} {status}</title>"
            place = f'x="{left:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{tall:.2f}"'
            yield f'<rect class="{status}" {place}>{title}</rect>'


def _round(most: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100... that is not below."""
    step = 1
    while True:
        for head in (2, 4, 10):
            if head * step >= most:
                return head * step
        step *= 10
