"""A plan, or a refusal, as text: first what it means, then what would be done, then why it may be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, printable
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.plan import Candidate, GateResult, Loss, Plan, Refusal, StagePlan


def plan_text(plan: Plan, palette: Palette = PLAIN, width: int | None = None) -> str:
    """Headline, what moves, what is not concerned, the steps, the gates."""
    parts = [headline(plan, palette)]
    if plan.runbook is not None:
        from qx.render.runbook import plan_steps

        return "\n\n".join([*parts, plan_steps(plan, palette, width)])
    parts += [_stage(stage, palette) for stage in plan.stages]
    if plan.not_concerned:
        parts.append("\n".join(f"not concerned: {name}: {why}" for name, why in plan.not_concerned.items()))
    if not plan.steps:
        return "\n\n".join([*parts, "Nothing to do."])
    parts.append(steps_table(plan, palette, width))
    parts.append(gates_table(plan.gates, palette, width))
    return "\n\n".join(parts)


def headline(plan: Plan, palette: Palette = PLAIN) -> str:
    """Context, plan id, steps, what it would cost: the first line of every mutating command."""
    outage = max((stage.estimate_outage_s for stage in plan.stages), default=0.0)
    losses = [loss_words(stage.loss) for stage in plan.stages if stage.loss is not None]
    worst = next((words for words in losses if words != "none"), "none" if losses else "")
    cost = [f"write outage about {format_seconds(outage)}"] if outage else []
    cost += [f"loss {worst}"] if worst else []
    line = [
        f"{plan.platform} ({plan.config_file})",
        f"plan {plan.id}",
        *(["the way there, then back"] if plan.intent == "drill" else []),
        plural(len(plan.steps), "step"),
        *cost,
    ]
    return palette.paint(plan.intent, "strong") + ": " + " · ".join(line)


def loss_words(loss: Loss) -> str:
    """`none`, `unknown`, or the range in bytes, seconds, transactions."""
    if loss.bytes_low is None or loss.bytes_high is None:
        return "unknown"
    if loss.bytes_high == 0:
        return "none"
    words = [f"{format_bytes(loss.bytes_low)} to {format_bytes(loss.bytes_high)}"]
    if loss.seconds_low is not None and loss.seconds_high is not None:
        words.append(f"{format_seconds(loss.seconds_low)} to {format_seconds(loss.seconds_high)}")
    if loss.transactions_high:
        words.append(f"{loss.transactions_low} to {plural(loss.transactions_high, 'transaction')}")
    return ", ".join(words)


def _stage(stage: StagePlan, palette: Palette) -> str:
    name = palette.paint(stage.cluster, "strong")
    if stage.mode == "rejoin":
        return f"{name} ({stage.kind}): replicas of {stage.target} afterwards: {stage.redundancy_after}"
    lines = [
        f"{name} ({stage.kind}): {stage.source or '?'} → {palette.paint(stage.target, 'accent')}, {stage.mode}"
    ]
    if stage.loss is not None:
        lines.append(f"  loss: {loss_words(stage.loss)} ({stage.loss.because})")
    lines.append(f"  replicas after: {stage.redundancy_after}")
    if stage.mode == "planned":
        lines.append(f"  undone by itself unless clients write again within {format_seconds(stage.budget_s)}")
    lines += [f"  {candidate_words(c)}" for c in stage.candidates if c.region != stage.target]
    return "\n".join(lines)


def candidate_words(candidate: Candidate) -> str:
    verdict = "could take it" if candidate.eligible else "not eligible"
    behind = ""
    if candidate.lag is not None and candidate.lag.bytes:
        behind = f", {format_bytes(candidate.lag.bytes)} behind"
    return printable(f"{candidate.region}: {verdict}{behind} ({candidate.because})")


def steps_table(plan: Plan, palette: Palette, width: int | None) -> str:
    rows: list[list[Cell | str]] = []
    for number, step in enumerate(plan.steps, 1):
        mark: Cell | str = (
            Cell("no return", "bad") if step.point_of_no_return else "undone" if step.undo else ""
        )
        outage: Cell | str = Cell("stopped", "warn") if step.outage else "going on"
        rows.append([str(number), step.id, step.action.region, outage, mark, step.because])
    columns = [
        Column("", right=True),
        Column("step"),
        Column("at"),
        Column("writes"),
        Column("on failure"),
        Column("because", give="wrap"),
    ]
    return table(columns, rows, width=width, palette=palette)


def gates_table(gates: tuple[GateResult, ...], palette: Palette, width: int | None) -> str:
    rows: list[list[Cell | str]] = []
    for gate in gates:
        verdict = Cell("pass", "good") if gate.passed else Cell("REFUSED", "bad")
        if gate.consent:
            verdict = Cell("consent", "warn")
        because = f"{gate.because} [{gate.consent}]" if gate.consent else gate.because
        rows.append([gate.cluster, gate.gate, verdict, printable(because)])
    columns = [Column("cluster"), Column("gate"), Column("verdict"), Column("because", give="wrap")]
    return table(columns, rows, width=width, palette=palette)


def refusal_text(refusal: Refusal, palette: Palette = PLAIN) -> str:
    """Every gate that fails, and for each the smallest change that would let it pass."""
    failing = [gate for gate in refusal.gates if not gate.passed]
    head = palette.paint(f"{refusal.intent} refused", "bad")
    parts = [f"{head} by {plural(len(failing), 'gate')}; nothing was changed."]
    lines = []
    for gate in failing:
        lines.append(f"{gate.cluster}: {palette.paint(gate.gate, 'strong')}: {printable(gate.because)}")
        if gate.remedy:
            lines.append(f"  would pass: {printable(gate.remedy)}")
    parts.append("\n".join(lines))
    for cluster, candidates in refusal.candidates.items():
        if any(gate.cluster == cluster for gate in failing):
            parts.append(
                "\n".join([f"candidates for {cluster}:", *(f"  {candidate_words(c)}" for c in candidates)])
            )
    refused = sorted({gate.cluster for gate in failing})
    if {gate.cluster for gate in refusal.gates} - set(refused):
        parts.append(f"The others would go: --except {' --except '.join(refused)}")
    return "\n\n".join(parts)
