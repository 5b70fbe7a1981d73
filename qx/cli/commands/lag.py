"""`qx lag [CLUSTER]`: how far every replica is behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import Watch
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.render.lag import Lags

app = App()


@app.command()
def lag(
    ctx: typer.Context,
    cluster: Annotated[str | None, typer.Argument(help="Only this cluster.", show_default=False)] = None,
    watch: Watch = None,
) -> Exit:
    """How far every replica is behind its writer, in bytes, seconds and transactions."""
    from qx.app.workbench import Workbench
    from qx.render.lag import gist, lag_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    only = None
    if cluster is not None:
        from qx.config.links import cluster_named

        only = cluster_named(bench.platform, cluster)
    if watch is not None:
        from qx.cli.watching import watch as again

        again(shell, watch, "lag", lambda: _look(bench, only), lag_text, gist)
        return Exit.DONE
    found = asyncio.run(_once(bench, only))
    shell.answer("lag", found, lambda palette, width: lag_text(found, palette, width))
    if found.replicas and not found.answered:
        raise QxError("QX-OBS-003", "nothing answered", hint="is this machine cut off? `qx doctor` looks closer")
    return Exit.DONE


async def _once(bench: Workbench, only: str | None) -> Lags:
    try:
        return await _look(bench, only)
    finally:
        await bench.close()


async def _look(bench: Workbench, only: str | None) -> Lags:
    from qx.app.observe import look
    from qx.failover.quorum_wait import waits_on
    from qx.render.lag import Lags, replica_lags

    seen = await look(bench)
    views = [view for name, view in seen.topology.clusters.items() if only in {None, name}]
    return Lags(
        config_file=str(bench.found.path),
        why=bench.found.why,
        at=seen.topology.at,
        replicas=tuple(each for view in views for each in replica_lags(view)),
        warnings=seen.warnings,
        durability={v.name: words for v in views if (words := waits_on(bench.platform.clusters[v.name], v))},
    )
