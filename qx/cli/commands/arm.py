"""`qx arm CLUSTER`: let the daemon act on it unasked."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App()


@app.command()
def arm(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Its mode in regions.yaml must be auto.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the journal.")],
) -> None:
    """Consent that the daemon fails this cluster over unasked. Wants a drill that is fresh and met its objectives."""
    from qx.app.arming import arm as take
    from qx.app.workbench import Workbench
    from qx.config.links import cluster_named

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    arming = take(bench, cluster_named(bench.platform, cluster), reason)
    said = f"{arming.cluster} is armed; proven by the drill of run {arming.drill}"
    shell.answer("arming", arming, lambda _palette, _width: said)
