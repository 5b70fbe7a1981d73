"""`qx control show|adopt`: what the store rules, and taking over what another one did."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App("Which store rules which cluster, under which epoch.")


@app.command("show")
def show(ctx: typer.Context) -> None:
    """The store, its id, and of each cluster the epoch, the recorded writer and who holds the lease."""
    from qx.app.workbench import Workbench
    from qx.render.control import control_document, control_text, ruled

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    store, path = bench.store, bench.store_name
    clusters = ruled(tuple(bench.platform.clusters), store.rules(), store.leases())
    shell.answer(
        "control",
        control_document(store.store_id, path, clusters),
        lambda palette, width: control_text(
            store.store_id, path, clusters, bench.clock.now(), bench.context, palette, width
        ),
    )


@app.command("adopt")
def adopt(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Argument(help="The cluster to take over.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the journal.")],
) -> None:
    """Take over a cluster that another store, or a later epoch, says is its own. Exactly one writer must be seen."""
    import asyncio

    from qx.app.adopt import adopt as take
    from qx.app.workbench import Workbench
    from qx.model.lease import Rule

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)

    async def go() -> Rule:
        try:
            return await take(bench, cluster, reason)
        finally:
            await bench.close()

    rule = asyncio.run(go())
    text = f"{cluster} is ruled by this store now: epoch {rule.epoch}, writer {rule.writer}"
    shell.answer("adoption", rule, lambda _, __: text)
