"""Runbooks as text: the list, one of them, its plan, and what waits for an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.kernel.spans import format_seconds
from qx.model import asked
from qx.render import encode
from qx.render.paint import PLAIN, Palette, printable
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.plan import Plan, Step
    from qx.model.runbook import Runbook


def list_text(found: Sequence[Any], context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    """`found`: qx.app.runbook.Listed."""
    columns: list[Column | str] = ["runbook", "from", Column("title", give="wrap"), Column("inputs", give="wrap")]
    rows: list[list[Cell | str]] = [
        [
            Cell(each.name, "bad" if each.problem else "strong"), each.why,
            Cell(printable(each.problem), "bad") if each.problem else printable(each.title), ", ".join(each.inputs),
        ]
        for each in found
    ]  # fmt: skip
    return f"{context}\n{table(columns, rows, width=width, palette=palette)}" if rows else f"{context}\nno runbook"


def book_document(book: Runbook, file: str, why: str) -> dict[str, Any]:
    """The fields of a `qx.runbook/1`: those of the file, as it says them, and where it stands."""
    return {"file": file, "why": why, **encode.builtins(book)}


def book_text(book: Runbook, file: str, why: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    parts = [f"{palette.paint(book.runbook, 'strong')}: {book.title} ({file}, {why})"]
    parts.append(printable(book.description.strip()))
    inputs: list[list[Cell | str]] = []
    for name, one in book.inputs.items():
        must = Cell("must be given", "accent") if one.default is None else _default(one.default)
        inputs.append([name, str(type(one).__struct_config__.tag), must, printable(one.about)])
    if inputs:
        columns: list[Column | str] = ["input", "type", "default", Column("about", give="wrap")]
        parts.append(table(columns, inputs, width=width, palette=palette))
    rows: list[list[Cell | str]] = []
    for step in book.steps:
        rows.append(_listed(step, ""))
        rows += [_listed(inner, "  ") for inner in getattr(step, "steps", ())]
    parts.append(table(["step", "do", "undo", Column("because", give="wrap")], rows, width=width, palette=palette))
    return "\n\n".join(part for part in parts if part)


def _default(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _listed(step: Any, indent: str) -> list[Cell | str]:
    verb = str(type(step).__struct_config__.tag)
    undo = str(type(step.undo).__struct_config__.tag) if step.undo is not None else ""
    return [f"{indent}{step.id}", verb, undo, printable(step.because)]


def plan_steps(plan: Plan, palette: Palette = PLAIN, width: int | None = None) -> str:
    """What a plan made of a runbook would do, step by step, with the inputs that it was made with."""
    called = plan.runbook
    if called is None:
        return ""
    inputs = ", ".join(f"{name}={_default(value)}" for name, value in called.inputs.items()) or "none"
    head = [f"{palette.paint(called.name, 'strong')}: {called.title}", f"  from {called.file}", f"  inputs: {inputs}"]
    rows: list[list[Cell | str]] = []
    for number, step in enumerate(plan.steps, 1):
        fails = Cell("undone", "warn") if step.undo is not None else "" if step.required else "goes on"
        rows.append([str(number), step.id, printable(words(step.action)), _limit(step), fails, printable(step.because)])
    columns: list[Column | str] = [
        Column("", right=True), "step", Column("what", give="wrap"), "at most", "on failure",
        Column("because", give="wrap"),
    ]
    note = "Moves are planned when their turn comes: qx failover --dry-run shows what one would be now."
    steps = table(columns, rows, width=width, palette=palette)
    moves = any(isinstance(step.action, asked.Subplan) for step in plan.steps)
    return "\n\n".join(["\n".join(head), steps, *([note] if moves else [])])


def _limit(step: Step) -> str:
    return format_seconds(step.timeout_s)


def words(action: Any) -> str:
    """What is done, in a line, with its condition."""
    when = f" when {action.when}" if getattr(action, "when", "") else ""
    match action:
        case asked.Subplan():
            said = [action.verb, *(["to", action.to] if action.to else []), *(["of", ", ".join(action.clusters)]
                    if action.clusters else [])]  # fmt: skip
            consent = [f"accepts loss {action.accept_loss}"] if action.accept_loss else []
            consent += [f"attests {', '.join(action.attest_fenced)} fenced"] if action.attest_fenced else []
            consent += [f"overrides {', '.join(action.override)}"] if action.override else []
            text = " ".join(said) + (f" ({'; '.join(consent)})" if consent else "")
        case asked.Maintain():
            lasting = f"on for {format_seconds(action.lasting_s)}" if action.lasting_s else "off"
            text = f"maintenance {lasting}: {action.scope}"
        case asked.Sql():
            text = f"{_where(action)}: {'WRITES ' if action.writes else ''}{' '.join(action.statement.split())}"
        case asked.RedisCommand():
            text = f"{_where(action)}: {'WRITES ' if action.writes else ''}{' '.join(action.command)}"
        case asked.HttpCall():
            text = f"{action.method} {action.url}"
        case asked.Command():
            text = " ".join(action.argv)
        case asked.Approve():
            text = f"somebody else approves: {action.message}"
        case asked.WaitUntil():
            text = f"until {action.until}"
        case asked.Notify():
            text = f"tell {', '.join(action.channels) or 'everybody'}: {action.message}"
        case _:
            text = type(action).__name__
    return text + when


def _where(action: asked.Sql | asked.RedisCommand) -> str:
    return f"{action.cluster} in {action.region}" if action.region else f"{action.cluster}'s writer"
