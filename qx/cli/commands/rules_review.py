"""`qx rules watch` and `qx rules review`: packs and lists that come from outside, and who decides on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import DryRun, duration
from qx.cli.recorded import recorded
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit
from qx.kernel.spans import Seconds
from qx.kernel.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qx.app.door import Door
    from qx.app.review import Review
    from qx.model.candidate import Submission

LISTEN = "127.0.0.1:8787"

review = App("Candidates of rule packs and lists: nothing of them is in force before somebody else accepts it.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The candidate, or the beginning of its name.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", show_default=False, help="Who decides. [account@machine]")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why: kept with it.")]


@review.command("list")
def list_(ctx: typer.Context) -> None:
    """What waits, and what was decided."""
    from qx.render.review import candidates_text

    shell: Shell = ctx.obj
    found = _review(shell).candidates()
    shell.answer("candidates", {"candidates": found}, lambda palette, width: candidates_text(found, palette, width))


@review.command("show")
def show(ctx: typer.Context, name: Name) -> Exit:
    """One: what is wrong with it, what its tests say, how it differs from what is in force."""
    from qx.render.review import reviewed_text

    shell: Shell = ctx.obj
    desk = _review(shell)
    found = desk.reviewed(desk.named(name))
    shell.answer("reviewed", found, lambda palette, width: reviewed_text(found, palette, width))
    return Exit.DONE if found.candidate.sound else Exit.FINDINGS


@review.command("accept")
def accept(ctx: typer.Context, name: Name, by: By = "", reason: Reason = "", dry_run: DryRun = False) -> Exit:
    """Put it in force. Whoever sent it cannot."""
    from msgspec.structs import replace

    from qx.render.review import reviewed_text

    shell: Shell = ctx.obj
    _wants(reason)
    with _deciding(shell) as desk:
        found = desk.reviewed(desk.named(name))
        if not dry_run:
            account = _account(shell)
            found = replace(found, candidate=desk.accept(found.candidate, by.strip() or account, account, reason))
    shell.answer("reviewed", found, lambda palette, width: reviewed_text(found, palette, width))
    return Exit.DONE


@review.command("reject")
def reject(ctx: typer.Context, name: Name, by: By = "", reason: Reason = "") -> None:
    """Put it away for good: the same content is not taken again."""
    from qx.render.review import candidate_text

    shell: Shell = ctx.obj
    _wants(reason)
    account = _account(shell)
    with _deciding(shell) as desk:
        found = desk.reject(desk.named(name), by.strip() or account, account, reason)
    shell.answer("candidate", found, lambda palette, width: candidate_text(found, palette, width))


def watch(
    ctx: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", show_default=False,
                     help=f"Take what submitters send, signed. [{LISTEN}, where no --from is given]"),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="DIRECTORY|URL", show_default=False, help="Look there again and again."),
    ] = None,
    every: Annotated[
        Seconds, typer.Option("--every", parser=duration, metavar="DURATION", help="Between two looks.")
    ] = Seconds(60),  # noqa: B008 - frozen
    once: Annotated[bool, typer.Option("--once", help="One look at each --from, then end.")] = False,
) -> Exit:
    """Take in packs and lists for review, by a signed webhook or from feeds. Nothing of them comes into force by it."""
    import asyncio

    from qx.adapters.clock import SystemClock
    from qx.app.watch import PATH, Feeds
    from qx.app.watch import watch as watching
    from qx.render.review import candidate_text, candidates_text

    shell: Shell = ctx.obj
    sources, clock = tuple(source or ()), SystemClock()
    if once and (listen or not sources):
        raise QxError("QX-CLI-001", "--once looks at feeds", hint="--from DIRECTORY|URL, without --listen")
    if not once and shell.flags.output == "json":
        raise QxError("QX-CLI-001", "-o json is one document, watching has no end", hint="use -o ndjson, or --once")
    found: list[Submission] = []
    failed: list[QxError] = []

    def told(candidate: Submission) -> None:
        if once:
            found.append(candidate)
        else:
            shell.answer("candidate", candidate, lambda palette, width: candidate_text(candidate, palette, width))

    def not_told(error: QxError) -> None:
        failed.append(error)
        shell.say(str(error))

    place = _review(shell)
    feeds = Feeds(place, sources, told, not_told)
    if once:
        feeds.look()
        shell.answer("candidates", {"candidates": found}, lambda palette, width: candidates_text(found, palette, width))
        return Exit.UNKNOWN if failed else Exit.DONE
    at = listen or ("" if sources else LISTEN)
    door = _door(shell, place, told) if at else None
    if sources:
        shell.say(f"{plural(len(sources), 'feed')}, looked at every {every}")
    asyncio.run(watching(door, at, feeds, clock, every, lambda where: shell.say(f"http://{where}{PATH}")))
    return Exit.DONE


def _door(shell: Shell, place: Review, told: Callable[[Submission], None]) -> Door:
    from qx.adapters.clock import SystemClock
    from qx.adapters.ed25519 import signed_by
    from qx.app.compliance import Desk
    from qx.app.door import Door

    platform = Desk(shell.env, shell.config).platform
    if platform is None or not platform.submitters:
        said = "nobody may send anything: regions.yaml names no submitter"
        raise QxError("QX-RULE-004", said, hint="add submitters.NAME.key, an Ed25519 public key; or use --from")
    return Door(place, platform.submitters, SystemClock(), signed_by, told)


def _review(shell: Shell) -> Review:
    from qx.adapters.clock import SystemClock
    from qx.app.compliance import Desk
    from qx.app.review import Review

    return Review(Desk(shell.env, shell.config), shell.env, SystemClock())


@contextmanager
def _deciding(shell: Shell) -> Iterator[Review]:
    """With the record, which keeps who decided."""
    from qx.adapters.clock import SystemClock
    from qx.app.review import Review

    with recorded(shell) as (desk, evidence):
        yield Review(desk, shell.env, SystemClock(), evidence)


def _account(shell: Shell) -> str:
    from qx.app.workbench import Workbench

    return Workbench(shell.env, shell.config).operator


def _wants(reason: str) -> None:
    if not reason.strip():
        raise QxError("QX-CLI-001", "a decision needs a reason", hint="--reason TEXT")
