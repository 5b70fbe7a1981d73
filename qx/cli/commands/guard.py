"""`qx guard status|run|start`: who binds which server, a guard for a supervisor, and a cold start by a person."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from qx.cli.frame import App
from qx.cli.options import Timeout
from qx.cli.shell import Shell
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from qx.app.workbench import Workbench

T = TypeVar("T")

app = App("The small processes that end a server when its lease is over.")


@app.command("status")
def status(
    ctx: typer.Context,
    cluster: Annotated[str | None, typer.Argument(metavar="[CLUSTER]", show_default=False, help="Of it only.")] = None,
) -> None:
    """Every node that has a control: its server, its guard, and how long it may still run."""
    from qx.app.attested import attestations
    from qx.app.guards import look
    from qx.render import encode
    from qx.render.guards import guards_text

    shell: Shell = ctx.obj
    bench = _bench(shell)
    name = None if cluster is None else _cluster(bench, cluster)
    guards = asyncio.run(_closing(bench, look(bench, name)))
    waiting = [word for word in attestations(bench).waiting() if name in (None, word.cluster)]
    shell.answer(
        "guards",
        {"guards": encode.builtins(guards), "attested": encode.builtins(waiting)},
        lambda palette, width: guards_text(guards, waiting, bench.context, palette, width),
    )


@app.command("run")
def run(
    ctx: typer.Context,
    settings: Annotated[Path, typer.Option("--settings", metavar="FILE", help="The node's own settings.")],
) -> None:
    """Become the guard of the node's server, in the foreground: what a supervisor runs (docs/how-to/guard.md).

    A replica is started at any time, a writer only while qx itself asks the supervisor for it. SIGTERM is a clean stop.
    """
    from qx.adapters.node.agent import read_settings
    from qx.adapters.node.supervised import become

    shell: Shell = ctx.obj
    become(read_settings(settings), settings, shell.env)


@app.command("start")
def start(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Whose writer is started.")],
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="Where the writer stood last.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the journal.")],
    attest: Annotated[
        bool, typer.Option("--attest", help="Your word that no other server of it writes or can, where no store knows.")
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Start a cluster's writer again where it stood last, under its guard: a cold start, where no daemon would.

    Waits for a minute, or as long as --timeout says, until the server takes connections.
    """
    from qx.app.attested import attestations
    from qx.app.guards import START_S, Wish
    from qx.app.guards import start as begin
    from qx.config.links import region_named
    from qx.render.guards import start_text

    shell: Shell = ctx.obj
    bench = _bench(shell)
    if not reason.strip():
        raise QxError("QX-CLI-001", "a start needs a reason", hint="--reason TEXT")
    where, lasting = region_named(bench.platform, region), START_S if timeout is None else float(timeout)
    wish = Wish(_cluster(bench, cluster), where, reason, attest, lasting)
    started = asyncio.run(_closing(bench, begin(bench, wish)))
    kept = str(attestations(bench).path)
    shell.answer("guard-start", started, lambda palette, width: start_text(started, kept, palette, width))


def _bench(shell: Shell) -> Workbench:
    from qx.app.workbench import Workbench

    return Workbench(shell.env, shell.config)


def _cluster(bench: Workbench, name: str) -> str:
    from qx.config.links import cluster_named

    return cluster_named(bench.platform, name)


async def _closing(bench: Workbench, doing: Awaitable[T]) -> T:
    try:
        return await doing
    finally:
        await bench.close()
