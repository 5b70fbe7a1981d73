"""`qx control show`: what the store rules."""

from __future__ import annotations

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App("Which store rules which cluster, under which epoch.")


@app.command("show")
def show(ctx: typer.Context) -> None:
    """The store, its id, and of each cluster the epoch, the recorded writer and who holds the lease."""
    from qx.app.storage import store_path
    from qx.app.workbench import Workbench
    from qx.render.control import control_document, control_text, ruled

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    store, path = bench.store, str(store_path(bench.platform, bench.env))
    clusters = ruled(tuple(bench.platform.clusters), store.rules(), store.leases())
    shell.answer(
        "control",
        control_document(store.store_id, path, clusters),
        lambda palette, width: control_text(
            store.store_id, path, clusters, bench.clock.now(), bench.context, palette, width
        ),
    )
