"""`qx disarm CLUSTER`: the daemon only tells what it would do."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App()


@app.command()
def disarm(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the journal.")],
) -> None:
    """Take the consent back: from now on nothing is moved unasked. What is already running ends."""
    from qx.app.arming import disarm as take
    from qx.app.workbench import Workbench
    from qx.config.links import cluster_named

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    name = cluster_named(bench.platform, cluster)
    was = take(bench, name, reason)
    said = f"{name} is disarmed" if was else f"{name} was not armed"
    shell.answer("disarming", {"cluster": name, "was_armed": was}, lambda _palette, _width: said)
