"""`qx validate FILE --region R`: a transaction held against the rules of a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from datetime import datetime

    from qx.model.validation import Verdict

app = App()

EXITS: dict[Verdict, Exit] = {"approved": Exit.DONE, "conditional": Exit.CONDITIONAL, "rejected": Exit.REJECTED}


@app.command()
def validate(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A transaction as JSON; - for standard input.")],
    region: Annotated[
        str, typer.Option("--region", metavar="REGION", help="Whose rules: a region, its alias, or a jurisdiction.")
    ],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="INSTANT", show_default=False,
                     help="Judge as of then. [the transaction's asOf, else the beginning of today in UTC]"),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Every rule, also those that are kept.")] = False,
    lenient: Annotated[bool, typer.Option("--lenient", help="Pass over fields that are not known.")] = False,
) -> Exit:
    """Hold a transaction against the rules of a region: status, score, findings with citations, what is missing."""
    from qx.app.compliance import Desk, read_document
    from qx.compliance.screening import screen
    from qx.compliance.transaction import read
    from qx.compliance.validate import validate as judge
    from qx.render.validation import validation_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    book = desk.rulebook(region)
    transaction = read(read_document(shell.streams.stdin, file), lenient=lenient)
    at = _moment(as_of) if as_of else transaction.as_of or desk.now(book)
    screened = screen(transaction, desk.lists, at)
    found = judge(transaction, book, at, screened, everything=explain)
    shell.answer("validation", found, lambda palette, width: validation_text(found, desk.context, palette, width))
    return EXITS[found.status]


def _moment(text: str) -> datetime:
    from qx.compliance.dated import instant

    try:
        return instant(text, "UTC")
    except ValueError as error:
        raise typer.BadParameter(f"{error}: 2026-11-22, or 2026-11-22T09:00:00Z", param_hint="--as-of") from error
