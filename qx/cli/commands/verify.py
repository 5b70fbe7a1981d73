"""`qx verify ID|FILE`: a validation computed once more, and whether it comes out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.text import plural

app = App()


@app.command()
def verify(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="qxv1-...: a validation of the record; or one that `qx validate"
                                                    " -o json` wrote, - for standard input.")
    ],
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="REGION", show_default=False, help="Look in the record of this region only."),
    ] = None,
    transaction: Annotated[
        str | None,
        typer.Option("--transaction", metavar="FILE", show_default=False,
                     help="The transaction of FILE, where it holds none itself and no record does."),
    ] = None,
) -> None:
    """Compute a validation once more, by the packs, lists and engine that it rests on, and compare every field."""
    from qx.app.compliance import Desk
    from qx.app.recompute import Verifier
    from qx.compliance.evidence import PREFIX
    from qx.render.verify import verification_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    records = desk.evidence(shell.say)
    of_file = what == "-" or not what.startswith(PREFIX) or Path(what).is_file()
    try:
        verifier = Verifier(desk, records)
        if of_file:
            if region is not None:
                raise QxError("QX-CLI-001", "--region is for the record", hint="a FILE names its region itself")
            found = verifier.of_file(shell.streams.stdin, what, transaction)
        else:
            if transaction is not None:
                raise QxError("QX-CLI-001", "--transaction is for a FILE", hint="the record holds the transaction")
            found = verifier.of_record(what, region)
    finally:
        records.close()
    shell.answer("verification", found, lambda palette, width: verification_text(found, desk.context, palette, width))
    if found.result == "differs":
        fields = ", ".join(each.field for each in found.differences)
        raise QxError("QX-TXN-006", f"{plural(len(found.differences), 'field')} of {found.validation_id}: {fields}")
    if found.result == "unknown":
        hint = "the qx that made it has them, or the record of its region"
        raise QxError("QX-TXN-007", f"{found.validation_id}: not at hand: {', '.join(found.not_at_hand)}", hint=hint)
