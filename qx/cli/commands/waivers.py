"""`qx waivers`: what was asked to be waived, and who gave it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.recorded import recorded
from qx.cli.shell import Shell
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.app.waivers import Waivers
    from qx.model.waiver import Act

app = App("Overrides and waivers: asked for by one person, given by another, ending by themselves.")

Name = Annotated[str, typer.Argument(metavar="WAIVER", help="wv-..., or the beginning of it.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", show_default=False, help="Who says so. [account@machine]")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why: kept with it.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
) -> None:
    """What waits for somebody to give it, and what stands."""
    from qx.render.waivers import waivers_text

    shell: Shell = ctx.obj
    with waivers_of(shell) as desk:
        found = tuple(each for each in desk.all() if every or each.state in ("requested", "approved"))
    shell.answer("waivers", {"waivers": found}, lambda palette, width: waivers_text(found, palette, width))


@app.command("show")
def show(ctx: typer.Context, name: Name) -> None:
    """One: of what, until when, who asked, who gave it."""
    from qx.render.waivers import waiver_text

    shell: Shell = ctx.obj
    with waivers_of(shell) as desk:
        found = desk.named(name)
    shell.answer("waiver", found, lambda palette, width: waiver_text(found, palette, width))


@app.command("approve")
def approve(ctx: typer.Context, name: Name, by: By = "", reason: Reason = "") -> None:
    """Give it. Neither who asked for it can, nor who created, approved or settles the transaction."""
    _decide(ctx.obj, name, "approve", by, reason)


@app.command("refuse")
def refuse(ctx: typer.Context, name: Name, by: By = "", reason: Reason = "") -> None:
    """Say no to what waits."""
    _decide(ctx.obj, name, "refuse", by, reason)


@app.command("revoke")
def revoke(ctx: typer.Context, name: Name, by: By = "", reason: Reason = "") -> None:
    """End it now."""
    _decide(ctx.obj, name, "revoke", by, reason)


def _decide(shell: Shell, name: str, act: Act, by: str, reason: str) -> None:
    from qx.render.waivers import waiver_text

    if not reason.strip():
        raise QxError("QX-CLI-001", "a decision needs a reason", hint="--reason TEXT")
    with waivers_of(shell) as desk:
        found = desk.decide(desk.named(name), act, by.strip() or desk.account, reason)
    shell.answer("waiver", found, lambda palette, width: waiver_text(found, palette, width))


@contextmanager
def waivers_of(shell: Shell) -> Iterator[Waivers]:
    """The record is closed afterwards."""
    from qx.adapters.clock import SystemClock
    from qx.app.waivers import Waivers
    from qx.app.workbench import Workbench

    with recorded(shell) as (desk, evidence):
        yield Waivers(desk, evidence, SystemClock(), Workbench(shell.env, shell.config).operator)
