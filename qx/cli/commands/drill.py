"""`qx drill --cluster C`: move its writer away and back, and measure it."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

app = App()


@app.command()
def drill(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Option("--cluster", metavar="CLUSTER", help="Which one.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="REGION", help="Where to; none: the best.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> Exit:
    """A planned failover and the way back, both for real; the write outages are kept, for `qx arm` and the trend.

    Exit 7 when an objective of the cluster was missed.
    """
    import asyncio

    from qx.app import drill as drilling
    from qx.app.workbench import Workbench
    from qx.cli.moving import LineReporter, answer_plan, ask
    from qx.config.links import cluster_named, region_named
    from qx.model.plan import Plan
    from qx.render.drill import drill_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    name = cluster_named(bench.platform, cluster)
    target = region_named(bench.platform, to) if to else None

    async def go() -> Exit:
        try:
            away = await drilling.prepare(bench, name, target)
            if dry_run or not isinstance(away, Plan):
                return answer_plan(shell, away)
            ask(shell, away, confirm, yes=yes)
            result = await drilling.drill(bench, name, away, LineReporter(shell))
            goals, trend = bench.platform.clusters[name].objectives, drilling.drills(bench.store, name)
            shell.answer("drill", result, lambda palette, width: drill_text(result, goals, trend, palette, width))
            return Exit.DONE if result.met else Exit.FINDINGS
        finally:
            await bench.close()

    return asyncio.run(go())
