"""`qx maintenance on|off|list`: while it lasts nothing is moved automatically, and a manual move is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import duration
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.spans import Seconds

if TYPE_CHECKING:
    from qx.app.workbench import Workbench

app = App("Keep a cluster, a region or everything where it is, for a while.")

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="A cluster, a region, or '*' for everything.")]


@app.command("on")
def begin(
    ctx: typer.Context,
    scope: Scope,
    lasting: Annotated[
        Seconds,
        typer.Option("--for", parser=duration, metavar="DURATION", help="How long (30m, 2h): it ends by itself."),
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: shown to whoever is refused.")],
) -> None:
    """Begin it, or replace the one of the same scope."""
    from qx.app import maintaining

    shell: Shell = ctx.obj
    bench = _bench(shell)
    if lasting <= 0 or not reason.strip():
        raise QxError("QX-CLI-001", "maintenance needs an end and a reason", hint="--for 2h --reason TEXT")
    maintaining.begin(bench, _scope(bench, scope), lasting, reason)
    _answer(shell, bench)


@app.command("off")
def end(
    ctx: typer.Context,
    scope: Scope,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept in the journal.")] = "",
) -> None:
    """End it at once."""
    from qx.app import maintaining

    shell: Shell = ctx.obj
    bench = _bench(shell)
    name = _scope(bench, scope)
    if not maintaining.end(bench, name, reason):
        shell.say(f"there was no maintenance of {name}")
    _answer(shell, bench)


@app.command("list")
def list_windows(ctx: typer.Context) -> None:
    """Those in force."""
    shell: Shell = ctx.obj
    _answer(shell, _bench(shell))


def _bench(shell: Shell) -> Workbench:
    from qx.app.workbench import Workbench

    return Workbench(shell.env, shell.config)


def _scope(bench: Workbench, scope: str) -> str:
    """The cluster's name, the region's key (also for an alias), or '*'. Raises QX-OBS-002."""
    from qx.kernel.text import did_you_mean

    platform = bench.platform
    if scope == "*" or scope in platform.clusters or scope in platform.regions:
        return scope
    aliases = {alias: key for key, region in platform.regions.items() for alias in region.aliases}
    if scope in aliases:
        return aliases[scope]
    hint = did_you_mean(scope, [*platform.clusters, *platform.regions, *aliases, "*"])
    raise QxError("QX-OBS-002", f"neither a cluster nor a region: {scope}", hint=hint)


def _answer(shell: Shell, bench: Workbench) -> None:
    from qx.render import encode
    from qx.render.control import maintenance_text

    now = bench.clock.now()
    windows = bench.store.maintenance(now)
    shell.answer(
        "maintenance",
        {"windows": encode.builtins(windows)},
        lambda palette, width: maintenance_text(windows, now, bench.context, palette, width),
    )
