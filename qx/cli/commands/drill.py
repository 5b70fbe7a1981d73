"""`qx drill --cluster C`: move its writer away and back, and measure it; `--history`: what that measured before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import Confirm, DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.app.workbench import Workbench

app = App()


@app.command()
def drill(
    ctx: typer.Context,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="CLUSTER", help="Which one; for --history: none is all.",
                                 show_default=False)
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REGION", help="Where to; none: the best.", show_default=False)
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Move nothing: the drills that are kept, and how they went on.")
    ] = False,
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
    from qx.cli.moving import LineReporter, answer_drill, answer_plan, ask
    from qx.config.links import cluster_named, region_named
    from qx.model.plan import Plan

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    if history:
        return _history(shell, bench, cluster_named(bench.platform, cluster) if cluster else "")
    if cluster is None:
        raise QxError("QX-CLI-001", "a drill needs a cluster", hint="--cluster CLUSTER; --history for those before")
    name = cluster_named(bench.platform, cluster)
    target = region_named(bench.platform, to) if to else None

    async def go() -> Exit:
        try:
            away = await drilling.prepare(bench, name, target)
            if dry_run or not isinstance(away, Plan) or not away.steps:
                return answer_plan(shell, away)
            ask(shell, away, confirm, yes=yes)
            return answer_drill(shell, bench, await drilling.drill(bench, away, LineReporter(shell)))
        finally:
            await bench.close()

    return asyncio.run(go())


def _history(shell: Shell, bench: Workbench, cluster: str) -> Exit:
    from qx.app.drill import drills
    from qx.failover.trend import trends
    from qx.render import encode
    from qx.render.drill import history_text

    kept = drills(bench.store, cluster)
    goals = {name: described.objectives for name, described in bench.platform.clusters.items()}
    found = trends(kept, goals)
    shell.answer(
        "drills",
        {"drills": encode.builtins(kept), "trends": encode.builtins(found)},
        lambda palette, width: history_text(kept, found, bench.context, palette, width),
    )
    return Exit.DONE
