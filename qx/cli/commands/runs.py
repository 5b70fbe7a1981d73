"""`qx runs list|show|watch|resume|close|ack|ledger`: what was executed, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import Timeout
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.journal import Chained, Run
    from qx.model.plan import Plan

app = App("The record of runs.")

RunName = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="Its id, or the beginning of it; none: the latest.", show_default=False),
]


@app.command("list")
def list_runs(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, the latest first.")] = 20,
) -> None:
    """What was run when, by whom, how it ended; for a run without an executor, the command that resumes it."""
    from qx.app.approving import waiting
    from qx.render import encode
    from qx.render.runs import run_fields, runs_text

    shell: Shell = ctx.obj
    bench = _bench(shell)
    runs, leases = bench.store.runs(limit), bench.store.leases()
    waits, now = waiting(bench), bench.clock.now()
    shell.answer(
        "runs",
        {"runs": [run_fields(run, leases) for run in runs], "waiting": encode.builtins(waits)},
        lambda palette, width: runs_text(runs, leases, waits, now, bench.context, palette, width),
    )


@app.command("show")
def show(ctx: typer.Context, run: RunName = None) -> None:
    """One run, act by act: when, how long, what it proved, what went wrong."""
    shell: Shell = ctx.obj
    bench = _bench(shell)
    _answer(shell, bench, _named(bench, run))


@app.command("watch")
def watch(ctx: typer.Context, run: RunName = None, timeout: Timeout = None) -> Exit:
    """Follow a run until it ends: each entry as it is written, and an exit code that tells how it ended."""
    import asyncio

    from qx.app.follow import follow
    from qx.app.run import EXITS
    from qx.render.progress import entry_line, outcome_text
    from qx.render.run import entry_fields

    shell: Shell = ctx.obj
    bench, output = _bench(shell), shell.flags.output
    found = _named(bench, run)
    began: dict[str, float] = {}

    def wrote(chained: Chained) -> None:
        entry = chained.entry
        since = began.get(entry.step)
        began[entry.step] = entry.at
        if output == "ndjson" or (output == "table" and entry_line(entry, since) is not None):
            shell.answer("entry", entry_fields(chained), lambda palette, _: entry_line(entry, since, palette) or "")

    if output == "table":
        shell.streams.data(f"{bench.context}\nrun {found.id}: {found.intent} by {found.by}")
    ended = asyncio.run(follow(bench.store, bench.clock, found.id, wrote, timeout))
    if output == "json":
        _answer(shell, bench, ended)
    elif output == "table" and (plan := _plan(bench, ended)) is not None:
        entries = tuple(chained.entry for chained in bench.store.entries(ended.id))
        shell.answer("run", ended, lambda palette, _: outcome_text(plan, ended.id, ended.outcome, entries, palette))
    return EXITS[ended.outcome]


@app.command("resume")
def resume(ctx: typer.Context, run: RunName = None, timeout: Timeout = None) -> Exit:
    """Go on with a run whose executor died: before its point of no return it is undone, after it finished."""
    from qx.app.run import resume as go_on
    from qx.cli.moving import drive_run

    shell: Shell = ctx.obj
    bench = _bench(shell)
    found = _named(bench, run)
    if not found.plan_id:
        raise QxError("QX-RUN-009", f"run {found.id} is a record without steps", hint="`qx runs show` tells more")
    plan = bench.store.plan(found.id)
    return drive_run(
        shell, bench, plan, lambda reporter: go_on(bench, found.id, reporter, 10.0 if timeout is None else timeout)
    )


@app.command("close")
def close(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the beginning of it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the journal.")],
) -> None:
    """End a run whose steps cannot be resumed. Refused while somebody is at work on it, and while a resume would have
    to finish what has passed its point of no return, or to undo what keeps clients waiting.
    """
    from qx.app.closing import close as take

    shell: Shell = ctx.obj
    bench = _bench(shell)
    if not reason.strip():
        raise QxError("QX-CLI-001", "closing a run needs a reason", hint="--reason TEXT")
    closed = take(bench, run, reason)
    shell.answer("closed-run", closed, lambda _palette, _width: f"run {closed.id} is closed as {closed.outcome}")


@app.command("ack")
def acknowledge(
    ctx: typer.Context,
    run: RunName = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept in the journal.")] = "",
) -> None:
    """Say that you have seen an automatic run: the cooldown of its clusters ends, and the daemon may act again."""
    from qx.app.arming import acknowledge as take

    shell: Shell = ctx.obj
    bench = _bench(shell)
    seen = take(bench, _named(bench, run).id, reason)
    shell.answer("acknowledgement", seen, lambda _palette, _width: f"run {seen.run} was acknowledged by {seen.by}")


@app.command("ledger")
def ledger(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, the latest first.")] = 20,
) -> None:
    """What the daemon decided, and in mode observe would have done; how often that would have been wrong."""
    from qx.app.ledger import decisions, false_positive_rate
    from qx.render import encode
    from qx.render.ledger import ledger_text

    shell: Shell = ctx.obj
    bench = _bench(shell)
    decided = decisions(bench.store)
    wrong, would = false_positive_rate(decided)
    shell.answer(
        "ledger",
        {"decided": encode.builtins(decided[:limit]), "would_act": would, "false_positives": wrong},
        lambda palette, width: ledger_text(decided[:limit], wrong, would, bench.context, palette, width),
    )


def _bench(shell: Shell) -> Workbench:
    from qx.app.workbench import Workbench

    return Workbench(shell.env, shell.config)


def _named(bench: Workbench, run: str | None) -> Run:
    """The run of that name, or the latest. Raises QX-RUN-004."""
    if run is not None:
        return bench.store.run(run)
    latest = bench.store.runs(1)
    if not latest:
        raise QxError("QX-RUN-004", "no run yet", hint="`qx failover --to REGION --dry-run` shows what one would do.")
    return latest[0]


def _plan(bench: Workbench, run: Run) -> Plan | None:
    return bench.store.plan(run.id) if run.plan_id else None


def _answer(shell: Shell, bench: Workbench, run: Run) -> None:
    from qx.app.assessed import assessments
    from qx.render.run import run_document, run_text

    plan, entries, leases = _plan(bench, run), bench.store.entries(run.id), bench.store.leases()
    assessed = assessments(bench.store, run, plan)
    shell.answer(
        "run",
        run_document(run, plan, entries, leases, assessed),
        lambda palette, width: run_text(run, plan, entries, leases, bench.context, palette, width, assessed),
    )
