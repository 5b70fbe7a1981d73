"""A run's entries as lines while they happen, and what it came to at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from qx.kernel.lsn import format_lsn
from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.plan import Loss
from qx.render.paint import PLAIN, Palette, Tone, printable

if TYPE_CHECKING:
    from qx.model.plan import Plan

POSITIONS = frozenset({"checkpoint", "replayed", "beyond", "fork", "end", "position"})
_TONES: dict[Outcome, Tone] = {
    Outcome.DONE: "good",
    Outcome.FAILED: "bad",
    Outcome.UNKNOWN: "warn",
    Outcome.SKIPPED: "dim",
    Outcome.UNDONE: "warn",
}
MEANING = {
    RunOutcome.DONE: ("good", "done"),
    RunOutcome.DEGRADED: ("warn", "moved, but degraded: something is left to do"),
    RunOutcome.UNDONE: ("bad", "failed and undone: nothing moved"),
    RunOutcome.FAILED: ("bad", "failed"),
    RunOutcome.PARTIAL: ("warn", "partly done: some clusters moved, others were undone"),
    RunOutcome.STUCK: ("warn", "not finished: an outcome is unknown"),
    RunOutcome.OPEN: ("warn", "still open"),
}

OF_RUNBOOKS = MEANING | {
    RunOutcome.DEGRADED: ("warn", "done, but for steps that are not required"),
    RunOutcome.UNDONE: ("bad", "failed and undone: nothing of it stays"),
    RunOutcome.PARTIAL: ("warn", "failed, and part of what was done stays"),
}


class StageResult(Struct, frozen=True, kw_only=True):
    """What became of one cluster. `write_outage_s`: from its route's closing to its opening, by the journal."""

    cluster: str
    kind: str
    source: str | None
    target: str
    mode: str
    moved: bool
    epoch: int
    write_outage_s: float | None
    estimated_loss: Loss | None
    measured_loss: tuple[dict[str, Any], ...]  # of each salvage: node, diverged, commits, bytes, into, run


def results(plan: Plan, entries: tuple[Entry, ...]) -> tuple[StageResult, ...]:
    """Per cluster, from the journal alone."""
    return tuple(
        StageResult(
            cluster=stage.cluster,
            kind=stage.kind,
            source=stage.source,
            target=stage.target,
            mode=stage.mode,
            moved=_ended(entries, f"{stage.cluster}.promote") or _ended(entries, f"{stage.cluster}.handover"),
            epoch=max(
                (entry.proof.get(stage.cluster, 0) for entry in entries if entry.event is Event.LEASED),
                default=0,
            ),
            write_outage_s=_outage(entries, stage.cluster),
            estimated_loss=stage.loss,
            measured_loss=_salvaged(entries, stage.cluster),
        )
        for stage in plan.stages
    )


def _salvaged(entries: tuple[Entry, ...], cluster: str) -> tuple[dict[str, Any], ...]:
    kept = ("node", "diverged", "commits", "bytes", "into")
    return tuple(
        {key: entry.proof.get(key) for key in kept} | {"run": entry.run}
        for entry in entries
        if entry.step.startswith(f"{cluster}.salvage.") and entry.outcome is Outcome.DONE
    )


def _ended(entries: tuple[Entry, ...], step: str) -> bool:
    return any(e.step == step and e.event is Event.ENDED and e.outcome is Outcome.DONE for e in entries)


def _outage(entries: tuple[Entry, ...], cluster: str) -> float | None:
    closed = next(
        (e.at for e in entries if e.step == f"{cluster}.close-route" and e.event is Event.INTENDED), None
    )
    opened = [
        e.at
        for e in entries
        if e.outcome in (Outcome.DONE, Outcome.UNDONE)
        and (
            e.step == f"{cluster}.open-route"
            or (e.step == f"{cluster}.close-route" and e.event is Event.UNDO_ENDED)
        )
    ]
    return max(0.0, opened[0] - closed) if closed is not None and opened else None


def measured_losses(entries: tuple[Entry, ...]) -> list[str]:
    """What each salvage found beyond the fork: the loss as measured, no longer as estimated."""
    found = []
    for entry in entries:
        if ".salvage." not in entry.step or entry.outcome is not Outcome.DONE or "into" not in entry.proof:
            continue
        where, proof = entry.step.replace(".salvage.", "/"), entry.proof
        if proof.get("diverged") is False:
            found.append(f"{where}: nothing was lost, it holds nothing beyond the fork")
        elif proof.get("commits") is not None:
            size = format_bytes(proof.get("bytes") or 0)
            lost = plural(proof["commits"], "transaction")
            found.append(f"{where}: measured loss {lost}, {size}; kept in {proof['into']}")
        else:
            found.append(f"{where}: what it held is kept in {proof['into']}")
    return found


def entry_line(entry: Entry, began: float | None, palette: Palette = PLAIN) -> str | None:
    """One line for an entry that is worth one; None for those that only announce. `began`: when its step was
    announced.
    """
    match entry.event:
        case Event.ENDED | Event.UNDO_ENDED if entry.outcome is not None:
            verb = "undo " if entry.event is Event.UNDO_ENDED else ""
            took = f" {format_seconds(max(0.0, entry.at - began))}" if began is not None else ""
            word = palette.paint(entry.outcome.value.lower(), _TONES[entry.outcome])
            detail = f": {entry.error['message']}" if entry.error else proof_words(entry.proof)
            return printable_line(f"  {verb}{entry.step}", f"{word}{took}{detail}")
        case Event.ABANDONED:
            return f"  {entry.step}: {palette.paint('interrupted before its point of no return: undoing', 'warn')}"
        case Event.LEASED:
            return "  lease: " + ", ".join(
                f"{cluster} epoch {epoch}" for cluster, epoch in entry.proof.items()
            )
        case _:
            return None


def printable_line(left: str, right: str) -> str:
    return f"{printable(left):<34} {right}"


def said(key: str, value: str | float) -> str:
    """A proof's value as people know it: positions of PostgreSQL's log as `0/4018178`."""
    return format_lsn(value) if key in POSITIONS and isinstance(value, int) else str(value)


def proof_words(proof: dict[str, Any]) -> str:
    """The scalars of a proof, short."""
    words = [
        f"{key} {said(key, value)}"
        for key, value in proof.items()
        if isinstance(value, (str, int)) and value not in ("", True)
    ]
    return printable(" (" + ", ".join(words[:4]) + ")") if words else ""


def outcome_text(
    plan: Plan, run: str, outcome: RunOutcome, entries: tuple[Entry, ...], palette: Palette = PLAIN
) -> str:
    """The last word on a run: outcome, what moved, how long clients could not write, and what to do next."""
    tone, meaning = (MEANING if plan.runbook is None else OF_RUNBOOKS)[outcome]
    lines = [f"{palette.paint(meaning, tone)} · run {run}"]  # type: ignore[arg-type]  # the table above holds tones only
    for result in results(plan, entries):
        outage = (
            f", write outage {format_seconds(result.write_outage_s)}"
            if result.write_outage_s is not None
            else ""
        )
        if result.mode == "rejoin":
            lines.append(f"  {result.cluster}: replicas of {result.target}")
        elif result.moved:
            lines.append(
                f"  {result.cluster}: {result.source} → {result.target}, epoch {result.epoch}{outage}"
            )
        else:
            lines.append(f"  {result.cluster}: stays in {result.source}{outage}")
    nexts = {
        RunOutcome.STUCK: f"next: qx runs resume {run}",
        RunOutcome.DEGRADED: f"next: qx runs show {run}" + ("" if plan.runbook else "; qx rejoin"),
        RunOutcome.PARTIAL: f"next: qx runs show {run}",
    }
    lines += [f"  {words}" for words in measured_losses(entries)]
    if outcome in nexts:
        lines.append(nexts[outcome])
    elif any(r.mode == "unplanned" and r.moved and not r.measured_loss for r in results(plan, entries)):
        lines.append(
            "next: qx rejoin, when the old writer's region is back; the measured loss is pending until then"
        )
    return "\n".join(lines)
