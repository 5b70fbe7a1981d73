"""`qx failover --to REGION`: move the write role, planned where the writer answers, unplanned where it does not."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.moving import Clusters, Override, Reason, consent_of, drive
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

app = App()


@app.command()
def failover(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="REGION", help="The region that shall write.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="REGION", show_default=False, help="Only clusters that write there."),
    ] = None,
    cluster: Clusters = None,
    excepted: Annotated[
        list[str] | None, typer.Option("--except", metavar="CLUSTER", help="Leave this one out. Repeatable.")
    ] = None,
    accept_loss: Annotated[
        str,
        typer.Option(
            "--accept-loss",
            metavar="SIZE|SECONDS|unknown",
            show_default=False,
            help="Consent to a loss, with --reason.",
        ),
    ] = "",
    attest_fenced: Annotated[
        list[str] | None,
        typer.Option(
            "--attest-fenced",
            metavar="NODE",
            help="Your word that REGION or CLUSTER/REGION cannot write, with --reason.",
        ),
    ] = None,
    override: Override = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> Exit:
    """Move the write role to a region, and nothing that was acknowledged is lost; or say why not."""
    from qx.app.plan import failover as plan
    from qx.app.workbench import Workbench

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    consent = consent_of(bench, reason, accept_loss, attest_fenced, override)
    return drive(
        shell,
        bench,
        lambda: plan(bench, to, source, tuple(cluster or ()), tuple(excepted or ()), consent),
        dry_run=dry_run,
        yes=yes,
        confirm=confirm,
    )
