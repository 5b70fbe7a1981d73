"""`qx apply PLAN`: run the plan that `--dry-run -o json` wrote, once, and only while its basis holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.moving import LineReporter, answer_drill, answer_plan, ask, drive_run
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.plans import is_file, read
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.plan import Plan

app = App()


@app.command()
def apply(
    ctx: typer.Context,
    file: Annotated[
        str,
        typer.Argument(metavar="PLAN", help="The plan's file, - for standard input, or the id of one to be approved."),
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> Exit:
    """Run a plan made earlier: refused when it is stale (with the difference) or was applied already.

    A drill's goes there and back.
    """
    from qx.app.run import apply as run
    from qx.app.workbench import Workbench

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    plan = _plan(shell, bench, file)
    if dry_run:
        return answer_plan(shell, plan)
    ask(shell, plan, confirm, yes=yes)
    if plan.intent == "drill":
        return _drill(shell, bench, plan)
    return drive_run(shell, bench, plan, lambda reporter: run(bench, plan, reporter))


def _plan(shell: Shell, bench: Workbench, word: str) -> Plan:
    from qx.app.approving import plan_named

    return read(shell.streams.stdin, word) if is_file(word) else plan_named(bench, word)


def _drill(shell: Shell, bench: Workbench, away: Plan) -> Exit:
    import asyncio

    from qx.app import drill as drilling

    async def go() -> Exit:
        try:
            return answer_drill(shell, bench, await drilling.apply(bench, away, LineReporter(shell)))
        finally:
            await bench.close()

    return asyncio.run(go())
