"""One run from its journal: what was done when, how long it took, what it proved, and what went wrong, line by line.

The bar of an act lies where the act lay within the run. The plan is asked only what the run came to: the journal tells.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from qx.kernel.spans import format_seconds
from qx.kernel.text import shorten
from qx.model.journal import Event, Outcome, RunOutcome
from qx.render import encode
from qx.render.acts import acts
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone, printable
from qx.render.progress import outcome_text, results, said
from qx.render.runs import run_fields, standing, standing_cell
from qx.render.table import Cell, fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.model.journal import Chained, Entry, Run
    from qx.model.lease import Lease
    from qx.model.plan import Plan
    from qx.render.acts import Act

_BAR_LEAST, _BAR_MOST = 8, 40
_BESIDE = 30  # columns of a line without its step's name and its bar
_PROOF_MOST = 600  # characters; -o json has the rest
_INDENT = " " * 10
_IN_HEAD = ("plan", "digest", "by")

_TONES: dict[Outcome | None, Tone] = {
    Outcome.DONE: "good", Outcome.FAILED: "bad", Outcome.UNKNOWN: "warn", Outcome.UNDONE: "warn",
    Outcome.SKIPPED: "dim", None: "accent",
}


def run_document(
    run: Run, plan: Plan | None, entries: Sequence[Chained], leases: Sequence[Lease], assessed: tuple[Entry, ...] = ()
) -> dict[str, Any]:
    """The fields of a `qx.run/1`: the run's own, `results` per cluster, `acts`, all `entries` with their digests.

    `assessed`: entries of later runs that measured what this one lost.
    """
    plain = tuple(chained.entry for chained in entries)
    return {
        **run_fields(run, leases),
        "results": encode.builtins(results(plan, plain + assessed)) if plan else [],
        "acts": [{**encode.builtins(act), "took_s": act.took_s} for act in acts(plain)],
        "entries": [entry_fields(chained) for chained in entries],
    }


def entry_fields(chained: Chained) -> dict[str, Any]:
    """The fields of a `qx.entry/1`, none left out."""
    entry = chained.entry
    return {
        "run": entry.run, "seq": entry.seq, "at": entry.at, "event": entry.event, "step": entry.step,
        "outcome": entry.outcome, "epoch": entry.epoch, "proof": entry.proof, "error": entry.error,
        "previous": chained.previous, "digest": chained.digest,
    }


def run_text(
    run: Run, plan: Plan | None, entries: Sequence[Chained], leases: Sequence[Lease], context: str,
    palette: Palette = PLAIN, width: int | None = None, assessed: tuple[Entry, ...] = (),
) -> str:
    """Head, a line per act with its bar and below it what it proved or why it failed, and what it all came to."""
    plain = tuple(chained.entry for chained in entries)
    parts = [f"{context}\n{_head(run, leases, palette, width)}", "\n".join(_journal(run, plain, palette, width))]
    if plan is not None and run.outcome is not RunOutcome.OPEN:
        parts.append(outcome_text(plan, run.id, run.outcome, plain + assessed, palette))
    if standing(run, leases) == "orphaned":
        parts.append(palette.paint(f"nobody executes it any more; next: qx runs resume {run.id}", "bad"))
    return "\n\n".join(part for part in parts if part)


def _head(run: Run, leases: Sequence[Lease], palette: Palette, width: int | None) -> str:
    took = f", took {format_seconds(max(0.0, run.ended_at - run.started_at))}" if run.ended_at is not None else ""
    pairs: list[tuple[str, Cell | str]] = [
        ("run", Cell(run.id, "strong")),
        ("intent", run.intent),
        ("outcome", standing_cell(standing(run, leases))),
        ("started", f"{moment(run.started_at)} by {run.by}{took}"),
        ("clusters", ", ".join(run.clusters)),
    ]
    if run.plan_id:
        pairs.append(("plan", f"{run.plan_id}, digest {run.plan_digest[:16]}"))
    return fields(pairs, width=width, palette=palette)


def _journal(run: Run, entries: Sequence[Entry], palette: Palette, width: int | None) -> Iterator[str]:
    told = {act.seq: act for act in acts(entries)}
    began, ended = run.started_at, max([run.ended_at or 0.0, *(entry.at for entry in entries)])
    names = max((len(_name(act)) for act in told.values()), default=0)
    room = max(_BAR_LEAST, (width or _BESIDE + names + _BAR_MOST) - _BESIDE)
    names = min(names, max(_BAR_LEAST, room - _BAR_LEAST))
    bar = min(_BAR_MOST, max(_BAR_LEAST, room - names))
    resumed = False
    for entry in entries:
        at = f"{'+' + format_seconds(max(0.0, entry.at - began)):>8}"
        if (act := told.get(entry.seq)) is not None:
            took = "" if act.took_s is None else format_seconds(act.took_s)
            left, length, glyph = _bar(act, began, ended, bar)
            drawn = " " * left + palette.paint(glyph * length, _TONES[act.outcome]) + " " * (bar - left - length)
            outcome = palette.paint(act.outcome.value.lower() if act.outcome else "open", _TONES[act.outcome])
            yield f"{at}  {shorten(_name(act), names):<{names}}  {took:>7}  {drawn}  {outcome}"
            yield from _below(act.proof, act.error, palette, width)
        elif (line := _event(entry, resumed=resumed)) is not None:
            yield f"{at}  {palette.paint(line, 'warn' if entry.event is Event.ABANDONED else 'plain')}"
            if entry.event in (Event.STARTED, Event.NOTE):
                proof = {key: value for key, value in entry.proof.items() if key not in _IN_HEAD}
                yield from _below(proof, entry.error, palette, width)
            resumed = resumed or entry.event is Event.LEASED


def _event(entry: Entry, *, resumed: bool) -> str | None:
    """The words for what is no act; None for the ends of acts, which stand where they began."""
    match entry.event:
        case Event.STARTED:
            return "started"
        case Event.LEASED:
            epochs = ", ".join(f"{cluster} epoch {epoch}" for cluster, epoch in entry.proof.items())
            return printable(f"{'resumed' if resumed else 'leased'}: {epochs}")
        case Event.ABANDONED:
            return printable(f"{entry.step}: interrupted before its point of no return, undoing")
        case Event.NOTE:
            return printable(f"note {entry.step}".rstrip())
        case Event.CLOSED:
            return printable(f"closed: {entry.proof.get('outcome', '')}")
        case _:
            return None


def _name(act: Act) -> str:
    return printable(act.step if act.verb == "do" else f"{act.verb} {act.step}")


def _bar(act: Act, began: float, ended: float, room: int) -> tuple[int, int, str]:
    """Where the act's bar begins, how long it is, of what it is made. At least one column, within `room`."""
    span = max(ended - began, 1e-9)
    until = ended if act.ended_at is None else act.ended_at
    left = min(room - 1, max(0, int((act.started_at - began) / span * room)))
    length = min(room - left, max(1, round((until - act.started_at) / span * room)))
    return left, length, "░" if act.ended_at is None else "█" if act.verb == "do" else "▒"


def _below(proof: dict[str, Any], error: dict[str, Any] | None, palette: Palette, width: int | None) -> Iterator[str]:
    said = " · ".join(_words(proof))
    if len(said) > _PROOF_MOST:
        said = said[:_PROOF_MOST] + "… (-o json has all)"
    yield from _folded(said, "dim", palette, width)
    if error is not None:
        yield from _folded(f"{error.get('code', '')}: {error.get('message', '')}", "bad", palette, width)
        if error.get("hint"):
            yield from _folded(f"help: {error['hint']}", "plain", palette, width)


def _folded(text: str, tone: Tone, palette: Palette, width: int | None) -> Iterator[str]:
    """Lines below an act, indented; whole when the width is not known."""
    lines = [printable(text)] if width is None else textwrap.wrap(printable(text), max(20, width - len(_INDENT)))
    return (f"{_INDENT}{palette.paint(line, tone)}" for line in lines if line)


def _words(proof: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """A proof as `name value`, nested names joined by dots."""
    for key, value in proof.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _words(value, f"{name}.")
        else:
            scalar = isinstance(value, (str, int)) and not isinstance(value, bool)
            yield f"{name} {said(key, value) if scalar else json.dumps(value, ensure_ascii=False)}"
