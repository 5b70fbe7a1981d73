"""`qx waive RULE`: ask that one finding need not be heeded for a while. It changes no verdict."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.instants import instant_of
from qx.cli.shell import Shell
from qx.kernel.errors import QxError

app = App()


@app.command()
def waive(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Whose finding: HOUSE-LIMIT")],
    until: Annotated[str, typer.Option("--until", metavar="INSTANT", help="From then on it counts nothing.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept with it.")],
    validation: Annotated[
        str, typer.Option("--id", metavar="VALIDATION", show_default=False, help="An override: of this one validation.")
    ] = "",
    counterparty: Annotated[
        str, typer.Option("--counterparty", metavar="NAME|LEI", show_default=False,
                          help="A waiver: of every validation with this counterparty.")
    ] = "",
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="REGION", show_default=False,
                     help="With --counterparty: only there. [wherever the rule's pack holds]"),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="WHO", show_default=False, help="Who asks. [account@machine]")
    ] = "",
) -> None:
    """Ask for an override or a waiver. Somebody else has to give it: `qx waivers approve`."""
    from qx.cli.commands.waivers import waivers_of
    from qx.render.waivers import waiver_text

    shell: Shell = ctx.obj
    if bool(validation) == bool(counterparty.strip()):
        said = "a waiver is of one validation, or of a counterparty"
        raise QxError("QX-CLI-001", said, hint="--id or --counterparty")
    if not reason.strip():
        raise QxError("QX-CLI-001", "a waiver needs a reason", hint="--reason TEXT")
    at = instant_of(until, "--until")
    with waivers_of(shell) as desk:
        if validation:
            found = desk.ask_for_one(rule, validation, at, by.strip() or desk.account, reason)
        else:
            found = desk.ask_for_all(rule, counterparty, region, at, by.strip() or desk.account, reason)
    shell.answer("waiver", found, lambda palette, width: waiver_text(found, palette, width))
