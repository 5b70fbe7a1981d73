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
    import asyncio

    from qx.app.arming import disarm as take
    from qx.app.arming import unbind
    from qx.app.workbench import Workbench
    from qx.config.links import cluster_named
    from qx.kernel.errors import QxError

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    name = cluster_named(bench.platform, cluster)
    was = take(bench, name, reason)
    said, freed, untold = f"{name} is disarmed" if was else f"{name} was not armed", "", ""

    async def free() -> str:
        try:
            return await unbind(bench, name)
        finally:
            await bench.close()

    try:
        freed = asyncio.run(free())
    except QxError as error:
        untold = str(error)
        shell.say(f"the guard of its writer was not told: its controller does that, or it ends the server: {untold}")
    said += f"; its writer in {freed} runs without a deadline" if freed else ""
    document = {"cluster": name, "was_armed": was, "freed": freed, "untold": untold}
    shell.answer("disarming", document, lambda _palette, _width: said)
