"""`qx residency check|matrix|retention`: may data of a class leave a place, and how long are they kept?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.instants import instant_of
from qx.cli.shell import Shell
from qx.kernel.exits import Exit
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from datetime import datetime

    from qx.app.residency import Border
    from qx.model.residency import Answer

app = App("Which data may live where: by the rule packs, by regions.yaml, and by what you can show.")

EXITS: dict[Answer, Exit] = {"allowed": Exit.DONE, "conditional": Exit.CONDITIONAL, "refused": Exit.REJECTED}

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="INSTANT", show_default=False,
                 help="Judge as of then. [the beginning of today in UTC, or the last change of a rule since]"),
]  # fmt: skip
CLASS = "pii, kyc_pii, customer_information, trade_record, market_data, petroleum_data, session, sanctions_result"


@app.command("check")
def check(
    ctx: typer.Context,
    data_class: Annotated[str, typer.Option("--class", metavar="CLASS", help=f"Of the data: {CLASS}.")],
    source: Annotated[
        str, typer.Option("--from", metavar="PLACE", help="Where they belong: a region, its alias, or a jurisdiction.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help="Where they would live, likewise.")],
    as_of: AsOf = None,
    safeguard: Annotated[
        list[str] | None,
        typer.Option("--safeguard", metavar="NAME", show_default=False,
                     help="One that is in place: scc, bcr, idta, tia, contract... May be given often."),
    ] = None,
    approval: Annotated[
        list[str] | None,
        typer.Option("--approval", metavar="NAME", show_default=False,
                     help="One that was given: OM-2.8.1, PDPL-12, GY-MINISTER... May be given often."),
    ] = None,
    keys_held_by: Annotated[
        str, typer.Option("--keys-held-by", metavar="WHO", show_default=False,
                          help="Who holds the keys that they are encrypted with: licensee, provider or none."),
    ] = "",
    recipient_dpf: Annotated[
        bool,
        typer.Option("--recipient-dpf", help="The recipient is certified under the Data Privacy Framework."),
    ] = False,
) -> Exit:
    """Allowed (exit 0), conditional (10) or refused (20): by which rules and instrument, until when, and what would
    carry it. What is not named is not there.
    """
    from qx.compliance.fields import FIELDS
    from qx.render.residency import checked_text

    shell: Shell = ctx.obj
    held_by = FIELDS["dataFlow.keysHeldBy"].words
    if keys_held_by and keys_held_by not in held_by:
        raise typer.BadParameter(f"one of {', '.join(held_by)} is wanted", param_hint="--keys-held-by")
    border = _border(shell)
    data_class = _class(data_class)
    here, there = border.place(source), border.place(to)
    try:
        named = border.evidence(safeguard or (), approval or (), keys_held_by, dpf=recipient_dpf)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--safeguard / --approval") from error
    found = border.check(data_class, here, there, _at(border, as_of), named)
    shell.answer("residency", found, lambda palette, width: checked_text(found, border.context, palette, width))
    return EXITS[found.status]


@app.command("matrix")
def matrix(
    ctx: typer.Context,
    data_class: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help=f"Only of these: {CLASS}.", show_default=False)
    ] = None,
    as_of: AsOf = None,
) -> None:
    """From every jurisdiction to every other, class by class, with no evidence named."""
    from qx.app.residency import matrix_of
    from qx.render.residency import matrix_text

    shell: Shell = ctx.obj
    border = _border(shell)
    found = matrix_of(border, (_class(data_class),) if data_class else None, _at(border, as_of))
    shell.answer("residency-matrix", found, lambda palette, width: matrix_text(found, border.context, palette, width))


@app.command("retention")
def retention(
    ctx: typer.Context,
    data_class: Annotated[str, typer.Option("--class", metavar="CLASS", help=f"Of the data: {CLASS}.")],
    source: Annotated[
        str, typer.Option("--from", metavar="PLACE", help="Where they belong: a region, its alias, or a jurisdiction.")
    ],
    under: Annotated[
        list[str] | None,
        typer.Option("--under", metavar="PLACE", show_default=False,
                     help="Whose law applies besides: us for a trade that sanctions touch. May be given often."),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """How long they must be kept: the longest of all regimes, with who has them deleted sooner."""
    from qx.compliance.retention import retained
    from qx.render.residency import retention_text

    shell: Shell = ctx.obj
    border = _border(shell)
    places = [border.place(word) for word in (source, *(under or ()))]
    laws = tuple(dict.fromkeys(each for place in places for each in place.jurisdictions))
    found = retained(_class(data_class), laws, _at(border, as_of).date())
    shell.answer("retention", found, lambda palette, width: retention_text(found, palette, width))


def _border(shell: Shell) -> Border:
    from qx.app.compliance import Desk
    from qx.app.residency import Border

    return Border(Desk(shell.env, shell.config))


def _class(word: str) -> str:
    from qx.compliance.fields import DATA_CLASSES

    if word not in DATA_CLASSES:
        raise typer.BadParameter(f"no class '{word}': {did_you_mean(word, DATA_CLASSES)}", param_hint="--class")
    return word


def _at(border: Border, as_of: str | None) -> datetime:
    from qx.adapters.clock import SystemClock

    return instant_of(as_of, "--as-of") if as_of else border.now(SystemClock().now())
