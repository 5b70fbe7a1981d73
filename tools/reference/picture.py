"""The picture of a planned failover: regions, route, writer, and the steps with their point of no return.

Drawn from the planned steps themselves. It has a ground of its own, and follows the reader's light or dark scheme.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape  # nosec B406 - it writes XML and reads none

from tools.reference.steps import FROM, THIRD, TO, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.plan import Step

WIDTH, HEIGHT, MARGIN = 960, 508, 36
STYLE = """
svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #8c959f; --box: #f6f8fa; --good: #1a7f37;
      --good-box: #dafbe1; --wait: #9a6700; --wait-box: #fff8c5; --stop: #cf222e; --blue: #0969da; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #0d1117; --ink: #e6edf3; --soft: #9198a1; --line: #6e7681; --box: #161b22; --good: #3fb950;
        --good-box: #12261e; --wait: #d29922; --wait-box: #2a2111; --stop: #f85149; --blue: #58a6ff; }
}
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
.title { font-weight: 600; font-size: 14px; } .small { font-size: 12px; } .tiny { font-size: 11px; } .soft { fill: var(--soft); }
.mid { text-anchor: middle; } .end { text-anchor: end; }
.box { fill: var(--box); stroke: var(--line); } .writer { fill: var(--good-box); stroke: var(--good); stroke-width: 2; }
.wait { fill: var(--wait-box); stroke: var(--wait); } .ground { fill: var(--ground); stroke: var(--line); }
.arrow { fill: none; stroke: var(--soft); stroke-width: 1.5; marker-end: url(#head); }
.before { stroke-dasharray: 5 4; } .now { stroke: var(--good); stroke-width: 2.5; marker-end: url(#good); }
.streams { stroke: var(--blue); marker-end: url(#blue); }
.bar { stroke: var(--stop); stroke-width: 2.5; } .stop { fill: var(--stop); font-weight: 600; }
.good { fill: var(--good); } .waits { fill: var(--wait); } .blue { fill: var(--blue); }
"""
MARKER = (
    '<marker id="{0}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 10 5 0 10z" fill="var({1})"/></marker>'
)


class Chip(NamedTuple):
    step: Step
    x: float

    @property
    def name(self) -> str:
        return self.step.id.split(".")[1]


def picture() -> str:
    steps = sequence("postgresql", "planned")
    pitch = (WIDTH - 2 * MARGIN) / len(steps)
    chips = [Chip(step, MARGIN + number * pitch) for number, step in enumerate(steps)]
    markers = "".join(MARKER.format(*each) for each in (("head", "--soft"), ("good", "--good"), ("blue", "--blue")))
    label = f"A planned failover from {FROM} to {TO}: " + ", ".join(chip.name for chip in chips)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(label)}</title>", f"<style>{STYLE}</style>", f"<defs>{markers}</defs>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
        *_world(), *_timeline(chips, pitch - 5), "</svg>\n",
    ])


def _world() -> Iterator[str]:
    """Who is where, and where clients are sent: dashed before the move, solid after it."""
    yield _box(36, 24, 236, 74, "box")
    yield _text(50, 48, "qx", "title")
    yield _text(50, 67, "observe, judge, plan, run", "small soft")
    yield _text(50, 85, "store: lease, epoch, journal", "small soft")
    yield _box(400, 24, 160, 32, "box")
    yield _text(480, 45, "clients", "title mid")
    yield _arrow(480, 56, 480, 74, "")
    yield _box(400, 76, 160, 40, "box")
    yield _text(480, 94, "route", "title mid")
    yield _text(480, 109, "follows the epoch", "small soft mid")
    yield _arrow(400, 104, 200, 168, "before")
    yield _text(262, 132, "before: epoch 6", "small soft end")
    yield _arrow(480, 116, 480, 168, "now")
    yield _text(492, 146, "after: epoch 7", "small good")
    rows = (
        (36, FROM, "the old writer", "stopped, its start held, pinned:", "it can come back as a replica only", "box"),
        (350, TO, "the writer", "had replayed all that was ever", "acknowledged before it was promoted", "writer"),
        (664, THIRD, "a replica", "follows the new writer", "", "box"),
    )
    for x, region, role, first, second, look in rows:
        yield _box(x, 170, 260, 84, look)
        yield _text(x + 14, 194, region, "title")
        yield _text(x + 246, 194, role, "small soft end")
        yield _text(x + 14, 217, first, "small")
        yield _text(x + 14, 235, second, "small")
    yield _arrow(350, 226, 300, 226, "streams")
    yield _arrow(610, 226, 660, 226, "streams")
    yield _text(325, 244, "WAL", "small blue mid")
    yield _text(635, 244, "WAL", "small blue mid")


def _timeline(chips: list[Chip], width: float) -> Iterator[str]:
    """The steps, what clients notice of them, and the point of no return."""
    turn = next(chip for chip in chips if chip.step.point_of_no_return)
    head = f"PostgreSQL, planned: {len(chips)} steps, each announced in the journal before it is taken"
    yield _text(MARGIN, 294, head, "title")
    for waiting, first, last in _spells(chips):
        left, right = first.x, last.x + width
        words, look, colour = ("clients wait", "waits", "--wait") if waiting else ("clients write", "good", "--good")
        yield _text((left + right) / 2, 322, words, f"small mid {look}")
        yield f'<path d="M{left:.0f} 336v-6H{right:.0f}v6" fill="none" stroke="var({colour})"/>'
    for chip in chips:
        yield _box(chip.x, 342, width, 34, "wait" if chip.step.outage else "box", 5)
        yield _text(chip.x + width / 2, 363, chip.name, "mid tiny stop" if chip is turn else "mid tiny")
    at = turn.x - 2.5
    yield f'<path class="bar" d="M{at:.1f} 330V446"/>'
    yield _text(at - 10, 402, "a step fails: every step is undone,", "small end")
    yield _text(at - 10, 419, f"{FROM} writes again within the budget", "small end")
    yield _text(at + 10, 402, "only forward, by whoever resumes the run,", "small")
    yield _text(at + 10, 419, "unless proof says that nothing was promoted", "small")
    yield _text(at, 464, f"point of no return: INTENDED({turn.name}) in the journal", "stop mid")
    yield _text(at, 484, "not the promotion itself: whether that happened may not be known", "small soft mid")


def _spells(chips: list[Chip]) -> Iterator[tuple[bool, Chip, Chip]]:
    first = last = chips[0]
    for chip in chips[1:]:
        if chip.step.outage != first.step.outage:
            yield first.step.outage, first, last
            first = chip
        last = chip
    yield first.step.outage, first, last


def _box(x: float, y: float, width: float, height: float, look: str, round_: int = 8) -> str:
    return f'<rect class="{look}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="{round_}"/>'


def _text(x: float, y: float, words: str, look: str) -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y}">{escape(words)}</text>'


def _arrow(x: float, y: float, to_x: float, to_y: float, look: str) -> str:
    return f'<path class="arrow {look}" d="M{x} {y} {to_x} {to_y}"/>'
