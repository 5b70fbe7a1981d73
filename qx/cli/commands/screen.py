"""`qx screen NAME|FILE`: names held against sanctions lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.instants import instant_of
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from datetime import datetime

    from qx.model.screening import Result, Screening

app = App()

EXITS: dict[Result, Exit] = {
    "clear": Exit.DONE, "cleared": Exit.DONE, "unclear": Exit.UNKNOWN, "sectoral": Exit.FINDINGS,
    "possible": Exit.FINDINGS, "confirmed": Exit.FINDINGS,
}  # fmt: skip


@app.command()
def screen(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE", help="A name; a transaction as JSON; names, one to a line; - for stdin."
        ),
    ],
    lists: Annotated[
        str | None,
        typer.Option(
            "--lists",
            metavar="DIR",
            show_default=False,
            help="Lists held there. [lists/ beside regions.yaml, the user's data directory, what is shipped]",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="INSTANT", show_default=False, help="Who was listed then. [now]"),
    ] = None,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--min",
            metavar="SCORE",
            min=0.5,
            max=1.0,
            show_default=False,
            help="From which score on a name may be a listed one. [0.82]",
        ),
    ] = None,
    clear: Annotated[
        str | None,
        typer.Option(
            "--clear",
            metavar="SOURCE:UID",
            show_default=False,
            help="Record that this match is somebody else; wants --reason.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why it is cleared.")
    ] = "",
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="INSTANT", show_default=False, help="When that ends. [after 180 days]"
        ),
    ] = None,
) -> Exit:
    """Hold names against sanctions lists: who matches and why, what came near, whether anybody may be called clear."""
    from qx.adapters.clock import SystemClock
    from qx.app import lists as held
    from qx.app.compliance import Desk
    from qx.app.screening import ask, asked_of, cleared_now
    from qx.compliance.screening.lists import THRESHOLD
    from qx.render.screening import screening_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    directory = _directory(lists)
    threshold = THRESHOLD if minimum is None else minimum
    now = _instant(SystemClock().now())
    asked = asked_of(what, shell.streams.stdin)
    at = (
        instant_of(as_of, "--as-of")
        if as_of
        else (asked.transaction.as_of if asked.transaction else None) or now
    )
    used = held.load(shell.env, desk.config_path, directory=directory, threshold=threshold)
    if clear is not None:
        if not reason.strip():
            raise typer.BadParameter("say why it is somebody else", param_hint="--reason")
        end = instant_of(until, "--until") if until else None
        if end is not None and end <= now:
            raise typer.BadParameter("is over already", param_hint="--until")
        place = directory if directory is not None else held.place(shell.env, desk.config_path).path
        by = desk.operator(shell.env)
        made = cleared_now(asked, clear, used, place, by=by, reason=reason, now=now, until=end)
        shell.say(f"{made.party} is not {made.source}:{made.uid}, says {made.by}; until {made.until}")
        used = held.load(shell.env, desk.config_path, directory=directory, threshold=threshold)
        at = max(at, now)
    found = ask(asked, used, at)
    where = held.told(shell.env, desk.config_path, directory)
    shell.answer("screening", found, lambda palette, width: screening_text(found, where, palette, width))
    return _exit(found)


def _exit(found: Screening) -> Exit:
    exits = {EXITS[each.result] for each in found.screened}
    return next((each for each in (Exit.FINDINGS, Exit.UNKNOWN) if each in exits), Exit.DONE)


def _instant(seconds: float) -> datetime:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


def _directory(text: str | None) -> Path | None:
    if text is None:
        return None
    if not Path(text).is_dir():
        raise QxError(
            "QX-LIST-005", f"{text} is no directory", hint="`qx lists import --lists DIR FILE...` fills one"
        )
    return Path(text)
