"""`qx apply PLAN`: run the plan that `--dry-run -o json` wrote, once, and only while its basis holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.moving import answer_plan, ask, drive_run
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.model.plan import Plan

app = App()


@app.command()
def apply(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's file, or - for standard input.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> Exit:
    """Run a plan made earlier: refused when it is stale (with the difference) or was applied already."""
    from qx.app.run import apply as run
    from qx.app.workbench import Workbench

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    plan = _read(shell, file)
    if dry_run:
        return answer_plan(shell, plan)
    ask(shell, plan, confirm, yes=yes)
    return drive_run(shell, bench, plan, lambda reporter: run(bench, plan, reporter))


def _read(shell: Shell, file: str) -> Plan:
    from pathlib import Path

    import msgspec

    from qx.model.plan import Plan

    try:
        data = shell.streams.stdin.read().encode() if file == "-" else Path(file).read_bytes()
        return msgspec.json.decode(data, type=Plan)
    except OSError as error:
        raise QxError(
            "QX-PLAN-005", f"{file}: {error.strerror}", hint="the file that --dry-run -o json wrote"
        ) from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise QxError(
            "QX-PLAN-005", f"{file} is no plan: {error}", hint="the file that --dry-run -o json wrote"
        ) from error
