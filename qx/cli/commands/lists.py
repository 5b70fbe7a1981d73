"""`qx lists import|list|show|cleared`: the sanctions lists that names are held against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.model.sanctions import Listed

app = App(
    "The sanctions lists that names are held against: official files in, versions, entries, who was cleared."
)

Directory = Annotated[
    str | None,
    typer.Option("--lists", metavar="DIR", show_default=False,
                 help="Where lists are held. [lists/ beside regions.yaml, else the user's data directory]"),
]  # fmt: skip


@app.command("import")
def import_(
    ctx: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="As they were downloaded; .gz too.")],
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="SOURCE",
            show_default=False,
            help="Whose list it must be: OFAC SDN, OFAC non-SDN, UN, EU, UK. [what the files show]",
        ),
    ] = "",
    published: Annotated[
        str,
        typer.Option(
            "--published",
            metavar="DAY",
            show_default=False,
            help="When it was published, where the files do not say. [the day they were last changed]",
        ),
    ] = "",
    lists: Directory = None,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--min",
            metavar="SCORE",
            min=0.5,
            max=1.0,
            show_default=False,
            help="The score whose false alarms are measured. [0.82]",
        ),
    ] = None,
    extract: Annotated[
        bool, typer.Option("--extract", help="Not the whole list: nobody is cleared against it.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take it although it looks implausible; wants --reason.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why, with --force.")
    ] = "",
) -> Exit:
    """Take official files in: read, checked against the former version, hashed, kept as a version of their own."""
    from datetime import UTC, date, datetime

    from qx.adapters.clock import SystemClock
    from qx.app import lists as held
    from qx.app.compliance import Desk
    from qx.compliance.screening.lists import THRESHOLD
    from qx.render.screening import Taken, taken_text

    shell: Shell = ctx.obj
    if force and not reason.strip():
        raise typer.BadParameter("say why it is taken all the same", param_hint="--reason")
    if published:
        try:
            date.fromisoformat(published)
        except ValueError as error:
            raise typer.BadParameter("is no day: 2026-11-22", param_hint="--published") from error
    desk = Desk(shell.env, shell.config)
    directory = None if lists is None else Path(lists)
    brought = held.bring(
        [Path(each) for each in files], shell.env, desk.config_path, datetime.fromtimestamp(SystemClock().now(), UTC),
        source=source, published=published, directory=directory, threshold=THRESHOLD if minimum is None else minimum,
        force=reason.strip() if force else "", extract=extract,
    )  # fmt: skip
    found = [
        Taken(
            source=each.held.source, version=each.held.version, entries=len(each.held.entries),
            names=sum(len(entry.names) + len(entry.weak) for entry in each.held.entries), path=str(each.path),
            new=each.new, former_version="" if each.former is None else each.former.version,
            former_entries=0 if each.former is None else len(each.former.entries), false_alarms=each.false_alarms,
            doubts=each.doubts,
        )
        for each in brought
    ]  # fmt: skip
    shell.answer("lists-import", {"lists": found}, lambda palette, width: taken_text(found, palette, width))
    return Exit.DONE


@app.command("list")
def list_(ctx: typer.Context, lists: Directory = None) -> None:
    """The lists in use: version, size, how long they are fresh, digest."""
    from qx.app import lists as held
    from qx.app.compliance import Desk
    from qx.compliance.screening.told import list_used
    from qx.render.screening import lists_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    directory = None if lists is None else Path(lists)
    used = held.load(shell.env, desk.config_path, directory=directory)
    where = held.told(shell.env, desk.config_path, directory)
    found = [list_used(each, sha) for each, sha in zip(used.lists, used.digests, strict=True)]
    document = {"held_in": where, "lists": found}
    shell.answer("lists", document, lambda palette, width: lists_text(found, where, palette, width))


@app.command("show")
def show(
    ctx: typer.Context,
    entry: Annotated[
        str, typer.Argument(metavar="SOURCE:UID", help="OFAC SDN:25577; the uid alone is enough.")
    ],
    lists: Directory = None,
) -> None:
    """One entry: its names, identifiers, programmes and dates."""
    from qx.app import lists as held
    from qx.app.compliance import Desk
    from qx.render.screening import entries_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    used = held.load(shell.env, desk.config_path, directory=None if lists is None else Path(lists))
    source, _, uid = entry.rpartition(":")
    found: list[tuple[str, Listed]] = [
        (each, listed) for listed, each in used.by_identifier("uid", uid) if source in ("", each)
    ]
    if not found:
        raise QxError(
            "QX-LIST-005",
            f"no entry '{entry}'",
            hint="`qx screen NAME` shows SOURCE and uid of what it finds",
        )
    document = {"entries": [{"source": each, "entry": listed} for each, listed in found]}
    shell.answer("list-entries", document, lambda palette, width: entries_text(found, palette, width))


@app.command("cleared")
def cleared(ctx: typer.Context, lists: Directory = None) -> None:
    """Matches that were found to be somebody else: who said so, why, until when."""
    from qx.app import lists as held
    from qx.app.compliance import Desk
    from qx.render.screening import cleared_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    used = held.load(shell.env, desk.config_path, directory=None if lists is None else Path(lists))
    found = list(used.cleared.values())
    shell.answer(
        "lists-cleared", {"cleared": found}, lambda palette, width: cleared_text(found, palette, width)
    )
