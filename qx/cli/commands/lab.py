"""`qx lab up|down|status|demo|fault`: real regions on this machine, and what may happen to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.spans import Bytes, Seconds, format_seconds, parse_bytes, parse_seconds
from qx.kernel.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.lab.lab import Lab
    from qx.lab.status import LabStatus
    from qx.render.paint import Palette
    from qx.render.table import Cell

app = App("Real regions on this machine: PostgreSQL, Redis and the network between them.")
fault = App("What happens to regions, and how to take it back.")
app.add_typer(fault, name="fault")


def _size(text: str) -> Bytes:
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _seconds(text: str) -> Seconds:
    try:
        return parse_seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        show_default=False,
        help="Where the lab lives. [$XDG_STATE_HOME/qx/lab, ~/.local/state/qx/lab]",
    ),
]
What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="REGION: all that is there. CLUSTER/REGION: one server. node/REGION: servers, guards, controller. "
        "controller/REGION. etcd/REGION.",
    ),
]
From = Annotated[str, typer.Argument(metavar="FROM", help="A region, or ops: where qx and the clients stand.")]
To = Annotated[str, typer.Argument(metavar="TO", help="A region, or ops.")]
Both = Annotated[bool, typer.Option("--both", help="Both directions.")]


@app.command()
def up(
    ctx: typer.Context,
    regions: Annotated[int, typer.Option(min=3, max=6, help="How many regions.")] = 3,
    pg: Annotated[Literal["16", "18"], typer.Option(help="PostgreSQL's version, from the wheel.")] = "16",
    pg_bin: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="An installed PostgreSQL instead: where initdb is."),
    ] = None,
    redis_bin: Annotated[
        Path | None,
        typer.Option(metavar="PATH", show_default=False, help="An installed Redis or Valkey server instead."),
    ] = None,
    disk: Annotated[
        Bytes | None,
        typer.Option(
            parser=_size,
            metavar="SIZE",
            show_default=False,
            help="A disk of that size for each server, so that it can be filled (as root).",
        ),
    ] = None,
    guards: Annotated[
        bool,
        typer.Option("--guards", help="For `qx daemon`: servers under guards, clusters in mode auto, profile fast."),
    ] = False,
    controllers: Annotated[
        bool,
        typer.Option("--controllers", help="As --guards, with etcd and `qx daemon --region` running in each region."),
    ] = False,
    durability: Annotated[
        Literal["async", "quorum"],
        typer.Option("--durability", help="Of PostgreSQL clusters with two standbys or more."),
    ] = "async",
    directory: Directory = None,
) -> None:
    """Start a lab; prints the line that puts its regions.yaml in force."""
    import shlex

    from qx.lab.status import status as look
    from qx.lab.up import Wish
    from qx.lab.up import up as start

    shell: Shell = ctx.obj
    wish = Wish(
        regions=regions, pg=int(pg), pg_bin=pg_bin, redis_bin=redis_bin, disk_bytes=disk, guards=guards,
        durability=durability,
        controllers=controllers,
    )  # fmt: skip
    lab = start(_place(shell, directory), wish, shell.say)
    shell.answer("lab", look(lab), lambda _, __: f"export QX_CONFIG={shlex.quote(str(lab.config))}")


@app.command()
def down(ctx: typer.Context, directory: Directory = None) -> None:
    """End the lab, running or crashed, and remove everything of it."""
    from qx.lab.down import down as end

    shell: Shell = ctx.obj
    place = _place(shell, directory)
    removed = end(place)
    text = f"the lab in {place} is gone" if removed else f"there is no lab in {place}"
    shell.answer("lab-down", {"directory": place, "removed": removed}, lambda _, __: text)


@app.command()
def status(ctx: typer.Context, directory: Directory = None) -> None:
    """Show its servers, routes and broken links, past all of its faults."""
    from qx.lab.lab import running
    from qx.lab.status import status as look

    shell: Shell = ctx.obj
    seen = look(running(_place(shell, directory)))
    shell.answer("lab", seen, lambda palette, width: _status(seen, palette, width))


@app.command()
def demo(
    ctx: typer.Context, pg: Annotated[Literal["16", "18"], typer.Option(help="PostgreSQL's version.")] = "16"
) -> None:
    """The main job, on a lab of its own: planned, unplanned, rejoin, failback, measured by clients."""
    import tempfile

    from qx.lab.demo import Stage, demo_text
    from qx.lab.down import down as end
    from qx.lab.status import status as look
    from qx.lab.up import Wish
    from qx.lab.up import up as start

    shell: Shell = ctx.obj
    with tempfile.TemporaryDirectory(prefix="qx-demo-") as directory:
        place = Path(directory, "lab")
        try:
            lab = start(place, Wish(regions=3, pg=int(pg)), shell.say)
            done = Stage(look(lab), shell.env, shell.say).play()
        finally:
            end(place)
    shell.answer("demo", done, lambda palette, width: demo_text(done, palette, width))


@fault.command()
def kill(ctx: typer.Context, what: What, directory: Directory = None) -> None:
    """Kill -9: a server, a controller, a member of etcd, or all of a region."""
    from qx.lab import faults

    _inflict(ctx, directory, lambda lab: faults.kill(lab, what), f"killed {what}")


@fault.command()
def freeze(ctx: typer.Context, what: What, directory: Directory = None) -> None:
    """SIGSTOP: connections stay open, nothing answers."""
    from qx.lab import faults

    _inflict(ctx, directory, lambda lab: faults.freeze(lab, what), f"froze {what}")


@fault.command()
def cut(ctx: typer.Context, source: From, target: To, both: Both = False, directory: Directory = None) -> None:
    """Stop bytes that travel FROM to TO; healing delivers them.

    Whoever opened the connection: one direction only, unless --both.
    """
    _link(ctx, directory, (source, target, both), "drop", f"cut {source} -> {target}")


@fault.command()
def refuse(ctx: typer.Context, source: From, target: To, both: Both = False, directory: Directory = None) -> None:
    """Reset connections that FROM opened to TO, and refuse new ones."""
    _link(ctx, directory, (source, target, both), "refuse", f"{target} refuses {source}")


@fault.command()
def delay(
    ctx: typer.Context,
    source: From,
    target: To,
    by: Annotated[Seconds, typer.Argument(parser=_seconds, metavar="DURATION", help="One way: 80ms, 2s.")],
    both: Both = False,
    directory: Directory = None,
) -> None:
    """Let bytes travel FROM to TO for so long."""
    _link(ctx, directory, (source, target, both), "pass", f"{source} -> {target} takes {format_seconds(by)}", by)


@fault.command()
def isolate(
    ctx: typer.Context,
    region: Annotated[str, typer.Argument(metavar="REGION", help="The region, or ops.")],
    directory: Directory = None,
) -> None:
    """Cut every link from and to a region."""
    from qx.lab import faults

    _inflict(ctx, directory, lambda lab: faults.isolate(lab, region), f"isolated {region}")


@fault.command()
def restart(
    ctx: typer.Context,
    what: What,
    as_writer: Annotated[
        bool, typer.Option("--as-writer", help="Take away first what makes it a replica: a zombie.")
    ] = False,
    directory: Directory = None,
) -> None:
    """Start what is dead past qx, as a plain supervisor would."""
    from qx.lab import faults

    _inflict(ctx, directory, lambda lab: faults.restart(lab, what, as_writer=as_writer), f"started {what}")


@fault.command()
def fill(ctx: typer.Context, what: What, directory: Directory = None) -> None:
    """Fill a server's own disk to the last byte (up --disk SIZE)."""
    from qx.lab import faults

    _inflict(ctx, directory, lambda lab: faults.fill(lab, what), f"filled the disk of {what}")


@fault.command()
def heal(
    ctx: typer.Context,
    what: Annotated[
        str | None, typer.Argument(metavar="[WHAT|ops]", help="As for kill. None: everything.")
    ] = None,
    directory: Directory = None,
) -> None:
    """Take faults back: links, disks, frozen and dead servers."""
    from qx.lab import faults

    mended: list[str] = []
    _inflict(ctx, directory, lambda lab: mended.extend(faults.heal(lab, what)[1]), "healed", mended)


def _place(shell: Shell, directory: Path | None) -> Path:
    from qx.lab.lab import default_directory

    return (directory or default_directory(shell.env)).resolve()


def _inflict(
    ctx: typer.Context,
    directory: Path | None,
    act: Callable[[Lab], object],
    done: str,
    mended: list[str] | None = None,
) -> None:
    from qx.lab.lab import locked, running
    from qx.lab.status import status as look

    shell: Shell = ctx.obj
    place = _place(shell, directory)
    running(place)
    with locked(place):
        act(running(place))
        seen = look(running(place))
    text = f"{done}: {', '.join(mended) or 'nothing was broken'}" if mended is not None else done
    shell.answer("lab", seen, lambda _, __: text)


def _link(
    ctx: typer.Context,
    directory: Path | None,
    ends: tuple[str, str, bool],
    mode: Literal["pass", "drop", "refuse"],
    done: str,
    delay_s: float = 0.0,
) -> None:
    from qx.lab import faults

    source, target, both = ends

    def act(lab: Lab) -> None:
        faults.link(lab, source, target, mode, delay_s)
        if both:
            faults.link(lab, target, source, mode, delay_s)

    _inflict(ctx, directory, act, done + (", and back" if both else ""))


def _status(seen: LabStatus, palette: Palette, width: int | None) -> str:
    from qx.render.table import Cell, table

    def shown(state: str) -> Cell:
        return Cell(state, "good" if state == "running" else "bad")

    nodes = table(
        ["region", "cluster", "state", "pid", "dsn"],
        [[n.region, n.cluster, shown(n.state), str(n.pid or ""), n.dsn] for n in seen.nodes],
        width=width,
        palette=palette,
    )
    routes = table(
        ["route of", "epoch", "leads to", "clients connect to"],
        [[r.cluster, str(r.epoch), r.target or ("holds" if r.hold else "closed"), r.dsn] for r in seen.routes],
        width=width,
        palette=palette,
    )
    links = [
        f"{link.source} -> {link.target}: {link.mode if link.mode != 'pass' else format_seconds(link.delay_s)}"
        for link in seen.links
    ]
    broken = f"{plural(len(links), 'link')} broken: {'; '.join(links)}" if links else "every link passes"
    beside = [
        table(
            [what, "state", "pid", "log"],
            [[each.region, shown(each.state), str(each.pid or ""), each.log] for each in parts],
            width=width,
            palette=palette,
        )
        for what, parts in (("controller of", seen.controllers), ("etcd of", seen.etcd))
        if parts
    ]
    return "\n\n".join((f"{seen.config}", nodes, *beside, routes, broken))
