"""What failover, failback, rejoin, apply and resume share: consent, progress, the answer, the exit code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.app.run import Ended
    from qx.app.workbench import Workbench
    from qx.cli.shell import Shell
    from qx.model.journal import Entry
    from qx.model.plan import Consent, Plan, Refusal
    from qx.model.standing import DrillResult
    from qx.ports.report import Reporter

Clusters = Annotated[
    list[str] | None, typer.Option("--cluster", metavar="CLUSTER", help="Only this one. Repeatable.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why: kept in the journal.")
]
Override = Annotated[
    list[str] | None,
    typer.Option("--override", metavar="GATE", help="Pass cooldown, maintenance, calendar or risk, with --reason."),
]


def consent_of(
    bench: Workbench,
    reason: str,
    accept_loss: str = "",
    attest: list[str] | None = None,
    override: list[str] | None = None,
) -> Consent:
    """Raises QX-CLI-001 for consent without a reason, or a loss that cannot be read."""
    from qx.failover.gates import parse_loss
    from qx.model.plan import Consent

    if (accept_loss or attest or override) and not reason.strip():
        raise QxError("QX-CLI-001", "consent needs a reason", hint="--reason TEXT")
    unknown = set(override or []) - {"cooldown", "maintenance", "calendar", "risk"}
    if unknown:
        raise QxError(
            "QX-CLI-001",
            f"--override {min(unknown)}: no such gate to override",
            hint="cooldown, maintenance, calendar, risk",
        )
    if accept_loss and accept_loss != "unknown":
        try:
            parse_loss(accept_loss)
        except ValueError as error:
            raise QxError("QX-CLI-001", f"--accept-loss: {error}", hint="5MiB, 10s or unknown") from error
    return Consent(
        accept_loss=accept_loss,
        attest_fenced=tuple(attest or ()),
        override=tuple(override or ()),
        reason=reason,
        by=bench.operator,
    )


def answer_plan(shell: Shell, plan: Plan | Refusal) -> Exit:
    """The plan or the refusal itself: what --dry-run prints."""
    from qx.model.plan import Plan
    from qx.render.plan import plan_text, refusal_text

    if isinstance(plan, Plan):
        shell.answer("plan", plan, lambda palette, width: plan_text(plan, palette, width))
        return Exit.DONE
    shell.answer("refusal", plan, lambda palette, _: refusal_text(plan, palette))
    failing = {gate.gate for gate in plan.gates if not gate.passed}
    return Exit.LEASE if "lease" in failing else Exit.REFUSED  # what other gates saw may be the holder's doing


def ask(shell: Shell, plan: Plan, confirm: str | None, *, yes: bool) -> None:
    """Raises QX-CLI-003 unless somebody consented: --yes, --confirm REGION, or the word typed at the terminal."""
    targets = {plan.runbook.name} if plan.runbook else {stage.target for stage in plan.stages}
    if confirm is not None:
        if confirm not in targets:
            raise QxError(
                "QX-CLI-003", f"--confirm {confirm}: the plan is about {', '.join(sorted(targets))}"
            )
        return
    if yes:
        return
    if not shell.streams.interactive:
        raise QxError(
            "QX-CLI-003",
            f"the runbook {plan.runbook.name} changes things" if plan.runbook else "this changes which region writes",
            hint="repeat with --yes, or look first with --dry-run",
        )
    from qx.render.plan import plan_text

    shell.say(
        plan_text(
            plan,
            shell.streams.palette(shell.streams.stderr, no_color=shell.flags.no_color),
            shell.streams.width,
        )
    )
    word = min(targets)
    thing = "runbook's name" if plan.runbook else "region"
    shell.streams.stderr.write(f"\nType the {thing} to go on ({word}): ")
    shell.streams.stderr.flush()
    if shell.streams.stdin.readline().strip() != word:
        raise QxError("QX-CLI-003", "not confirmed: nothing was changed")


class LineReporter:
    """One line per step on stderr, as it ends."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._began: dict[str, float] = {}

    def began(self, plan: Plan, run: str) -> None:
        from qx.render.plan import headline

        self._shell.say(f"{headline(plan)} · run {run}")

    def wrote(self, entry: Entry) -> None:
        from qx.model.journal import Event
        from qx.render.progress import entry_line

        if entry.event in (Event.INTENDED, Event.UNDOING):
            self._began[entry.step] = entry.at
        palette = self._shell.streams.palette(self._shell.streams.stderr, no_color=self._shell.flags.no_color)
        line = entry_line(entry, self._began.get(entry.step), palette)
        if line is not None:
            self._shell.say(line)


def drive(
    shell: Shell,
    bench: Workbench,
    make: Callable[[], Awaitable[Plan | Refusal]],
    *,
    dry_run: bool,
    yes: bool,
    confirm: str | None,
) -> Exit:
    """Plan; print it (--dry-run) or ask, run it and answer with what it came to."""
    from qx.app.run import execute
    from qx.model.plan import Plan

    async def go() -> Exit:
        try:
            plan = await make()
            if dry_run or not isinstance(plan, Plan) or not plan.steps:
                return answer_plan(shell, plan)
            ask(shell, plan, confirm, yes=yes)
            return answer_run(shell, plan, await execute(bench, plan, LineReporter(shell)))
        finally:
            await bench.close()

    return asyncio.run(go())


def drive_run(shell: Shell, bench: Workbench, plan: Plan, go: Callable[[Reporter], Awaitable[Ended]]) -> Exit:
    """Run what was planned earlier."""

    async def run() -> Exit:
        try:
            return answer_run(shell, plan, await go(LineReporter(shell)))
        finally:
            await bench.close()

    return asyncio.run(run())


def answer_run(shell: Shell, plan: Plan, ended: Ended) -> Exit:
    from qx.render.progress import outcome_text, results

    document: dict[str, Any] = {
        "run": ended.run,
        "plan": plan.id,
        "intent": plan.intent,
        "outcome": ended.outcome.value,
        "exit": int(ended.exit),
        "clusters": results(plan, ended.entries),
        "error": ended.entries and _error(ended),
    }
    shell.answer(
        "result",
        document,
        lambda palette, _: outcome_text(plan, ended.run, ended.outcome, ended.entries, palette),
    )
    if ended.error is not None and ended.exit is not Exit.DONE:
        from qx.render.diagnostic import diagnostic

        shell.say(diagnostic(ended.error))
    return ended.exit


def answer_drill(shell: Shell, bench: Workbench, result: DrillResult) -> Exit:
    from qx.app.drill import drills
    from qx.render.drill import drill_text

    goals, trend = bench.platform.clusters[result.cluster].objectives, drills(bench.store, result.cluster)
    shell.answer("drill", result, lambda palette, width: drill_text(result, goals, trend, palette, width))
    return Exit.DONE if result.met else Exit.FINDINGS


def _error(ended: Ended) -> dict[str, str] | None:
    error = ended.error
    return None if error is None else {"code": error.code, "message": error.message, "hint": error.hint}
