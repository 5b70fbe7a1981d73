"""`qx durability [CLUSTER]`: who acknowledges commits, and making it as regions.yaml wishes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.app.durability import Standing
    from qx.app.workbench import Workbench

app = App()


@app.command()
def durability(
    ctx: typer.Context,
    cluster: Annotated[str | None, typer.Argument(metavar="[CLUSTER]", show_default=False,
                                                  help="Only this one.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make it as regions.yaml wishes.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the journal.")] = "",
) -> Exit:
    """Which standbys a commit waits for. A daemon makes it as regions.yaml wishes where the mode lets it act."""
    from qx.app.workbench import Workbench
    from qx.config.links import cluster_named
    from qx.render.durability import durability_document, durability_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    only = cluster_named(bench.platform, cluster) if cluster is not None else None
    if apply and (only is None or not reason):
        hint = "qx durability CLUSTER --apply --reason TEXT"
        raise QxError("QX-CLI-001", "--apply wants a cluster and a reason", hint=hint)
    found = asyncio.run(_go(bench, only, reason if apply else None, shell))
    shell.answer("durability", durability_document(found),
                 lambda palette, width: durability_text(found, bench.context, palette, width))
    return Exit.DONE if not apply or not found[0].left else Exit.UNKNOWN


async def _go(bench: Workbench, only: str | None, reason: str | None, shell: Shell) -> tuple[Standing, ...]:
    """`reason` None: it is only looked at."""
    from qx.app.deeds import record
    from qx.app.durability import concerned, standing, uphold
    from qx.app.observe import observe

    try:
        if only is not None and reason is not None:
            wanted = bench.platform.clusters[only].durability
            record(bench, "durability", (only,), {"reason": reason, "durability": wanted})
            await uphold(bench, await observe(bench), only, tell=shell.say)
        topology = await observe(bench)
        names = concerned(bench) if only is None else (only,)
        return tuple(standing(bench, topology.clusters[name]) for name in names)
    finally:
        await bench.close()
