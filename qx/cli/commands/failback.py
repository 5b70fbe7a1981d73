"""`qx failback`: every cluster whose writer stands away from home goes back, planned or not at all."""

from __future__ import annotations

import typer

from qx.cli.frame import App
from qx.cli.moving import Clusters, Override, Reason, consent_of, drive
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

app = App()


@app.command()
def failback(
    ctx: typer.Context,
    cluster: Clusters = None,
    override: Override = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> Exit:
    """Return clusters to their home region: a planned move, or none."""
    from qx.app.plan import failback as plan
    from qx.app.workbench import Workbench

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    consent = consent_of(bench, reason, override=override)
    return drive(
        shell,
        bench,
        lambda: plan(bench, tuple(cluster or ()), consent),
        dry_run=dry_run,
        yes=yes,
        confirm=confirm,
    )
