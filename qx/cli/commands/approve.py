"""`qx approve RUN|PLAN`: say yes to what waits for it; without one: show what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import DryRun
from qx.cli.plans import is_file, read
from qx.cli.shell import Shell
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.approval import ApprovalRequest

app = App()


@app.command()
def approve(
    ctx: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|PLAN]", show_default=False,
            help="What waits: a run, a plan, or a plan's file (- for standard input). None: show what waits.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why: kept with it.")
    ] = "",
    key: Annotated[
        str, typer.Option("--key", metavar="FILE", show_default=False,
                          help="Your private key, Ed25519, of ssh-keygen or PEM. [$QX_APPROVAL_KEY]")
    ] = "",
    dry_run: DryRun = False,
) -> None:
    """Approve what waits: a run, or a plan that is to be applied. Whoever asked for it cannot."""
    from qx.app.approving import give, waiting
    from qx.app.workbench import Workbench
    from qx.render import encode
    from qx.render.approvals import given_text, waiting_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    if what is None:
        found, now = waiting(bench), bench.clock.now()
        shell.answer(
            "approval-requests",
            {"requests": encode.builtins(found)},
            lambda palette, width: waiting_text(found, now, bench.context, palette, width),
        )
        return
    if dry_run:
        _show(shell, bench, what)
        return
    if not reason.strip():
        raise QxError("QX-CLI-001", "an approval needs a reason", hint="--reason TEXT")
    asked = _asked(shell, bench, what)
    given = give(bench, asked, reason, key, lambda path: _passphrase(shell, path))
    left = [each for each in waiting(bench) if each.request in asked]
    shell.answer(
        "approvals", {"approvals": encode.builtins(given), "waiting": encode.builtins(left)},
        lambda palette, _: given_text(asked, given, left, palette),
    )


def _asked(shell: Shell, bench: Workbench, what: str) -> tuple[ApprovalRequest, ...]:
    from qx.app.approving import named, request_of

    return (request_of(bench, read(shell.streams.stdin, what)),) if is_file(what) else named(bench, what)


def _show(shell: Shell, bench: Workbench, what: str) -> None:
    """The very plan that would be approved."""
    from qx.app.approving import named
    from qx.cli.moving import answer_plan
    from qx.engine.approvals import pending

    if is_file(what):
        answer_plan(shell, read(shell.streams.stdin, what))
        return
    request = named(bench, what)[0]
    answer_plan(shell, bench.store.plan(request.run) if request.run else pending(bench.store, request))


def _passphrase(shell: Shell, path: str) -> str:
    """Of the key's file, asked at the terminal; '' where there is none."""
    if not shell.streams.interactive:
        return ""
    from getpass import getpass

    return getpass(f"Passphrase of {path}: ", shell.streams.stderr)
