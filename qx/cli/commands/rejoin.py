"""`qx rejoin [REGION...]`: what does not follow the writer is salvaged, rewound or cloned, and verified as a
replica.
"""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.moving import Clusters, Reason, consent_of, drive
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

app = App()


@app.command()
def rejoin(
    ctx: typer.Context,
    region: Annotated[list[str] | None, typer.Argument(help="Only nodes of these regions.")] = None,
    cluster: Clusters = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> Exit:
    """Bring back nodes that do not follow the writer; what only they hold is kept first."""
    from qx.app.plan import rejoin as plan
    from qx.app.workbench import Workbench

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    consent = consent_of(bench, reason)
    return drive(
        shell,
        bench,
        lambda: plan(bench, tuple(region or ()), tuple(cluster or ()), consent),
        dry_run=dry_run,
        yes=yes,
        confirm=confirm,
    )
