"""`qx daemon`: watch continuously, and act by policy."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

app = App()

_LONG_LIFE = (2_000, 10, 10)  # nearly as often as Python by itself: with a short command's, cycles were 12 MB an hour


@app.command()
def daemon(
    ctx: typer.Context,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="REGION", show_default=False, help="Be the controller of this region only."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look until every finding is confirmed, act, and end.")] = False,
) -> Exit:
    """Watch every region; tell, ask or act on a lost writer, as each cluster's mode says. Logs to stderr, JSON lines
    unless that is a terminal. SIGHUP reads regions.yaml anew, SIGTERM lets a run end first.

    --once, for cron: exit 0 when every cluster has a writer in the end, 7 when one has none.
    """
    import asyncio

    from qx.adapters.clock import SystemClock
    from qx.app.scheduled import demand
    from qx.app.workbench import Workbench
    from qx.config.links import region_named
    from qx.daemon.daemon import Daemon, once_over
    from qx.daemon.log import Log

    shell: Shell = ctx.obj
    stderr = shell.streams.stderr
    log = Log(stderr, SystemClock(), as_json=shell.flags.output != "table" or not stderr.isatty())

    def bench() -> Workbench:
        found = Workbench(shell.env, shell.config)
        if region is not None:
            found.region = region_named(found.platform, region)
        demand(found)
        return found

    if not once:
        gc.freeze()
        gc.set_threshold(*_LONG_LIFE)
        asyncio.run(Daemon(bench, log).run())
        return Exit.DONE
    topology = asyncio.run(once_over(bench(), log))
    writers = {name: view.writer for name, view in topology.clusters.items()} if topology else {}
    lost = sorted(name for name, writer in writers.items() if writer is None)
    said = f"no writer: {', '.join(lost)}" if lost else f"{len(writers)} clusters have a writer"
    shell.answer("watch", {"writers": writers, "without_writer": lost}, lambda _palette, _width: said)
    return Exit.FINDINGS if lost or not writers else Exit.DONE
