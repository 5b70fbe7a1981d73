"""`qx runbook list|show|lint|schema|run`: plans written by hand, run by the same engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import DryRun, Yes
from qx.cli.shell import Shell
from qx.kernel.exits import Exit
from qx.kernel.text import plural

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.plan import Plan

app = App("Plans written by hand, run by the same engine as every move.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its file.")]


@app.command("list")
def list_books(ctx: typer.Context) -> None:
    """Every runbook: beside regions.yaml, in the user directory, and those that come with qx."""
    from qx.app.runbook import config_or_none, listed
    from qx.render.runbook import list_text

    shell: Shell = ctx.obj
    bench = _bench(shell)
    found, known = listed(bench), config_or_none(bench)[0]
    context = bench.context if known else "no regions.yaml"
    shell.answer("runbooks", {"runbooks": found}, lambda palette, width: list_text(found, context, palette, width))


@app.command("show")
def show(ctx: typer.Context, name: Name) -> None:
    """What it is for, what it wants to know, and what it does."""
    from qx.app.runbook import read
    from qx.render.runbook import book_document, book_text

    shell: Shell = ctx.obj
    found, book = read(_bench(shell), name)
    file = str(found.path)
    shell.answer(
        "runbook",
        book_document(book, file, found.why),
        lambda palette, width: book_text(book, file, found.why, palette, width),
    )


@app.command("lint")
def lint(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names or files; none: all.", show_default=False)
    ] = None,
) -> None:
    """List every error with its line and column, also what regions.yaml does not have."""
    from qx.app.runbook import find, listed, read
    from qx.kernel.errors import Problems, QxError

    shell: Shell = ctx.obj
    bench = _bench(shell)
    words = names or [each.file for each in listed(bench)]
    wrong: list[QxError] = []
    for word in words:
        try:
            read(bench, word)
        except Problems as problems:
            wrong += problems.errors
    if wrong:
        raise Problems(wrong)
    files = [str(find(bench, word).path) for word in words]
    text = "\n".join([*files, f"no errors in {plural(len(files), 'runbook')}"])
    shell.answer("runbook-lint", {"files": files}, lambda _, __: text)


@app.command("schema")
def schema(ctx: typer.Context) -> None:
    """Print the JSON Schema of a runbook's file, for editors."""
    from qx.config.schema import schema_of
    from qx.model.runbook import Runbook
    from qx.render import encode

    shell: Shell = ctx.obj
    described = schema_of(Runbook, "runbook")
    shell.answer("runbook-schema", described, lambda _, __: encode.json_text(described))


@app.command("run")
def run(
    ctx: typer.Context,
    name: Name,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="One of its inputs. Repeatable.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Exit:
    """Make its plan, and run it: step by step, undone when a step fails, resumed by `qx runs resume`."""
    from qx.app.runbook import plan
    from qx.cli.moving import drive

    shell: Shell = ctx.obj
    bench = _bench(shell)

    async def make() -> Plan:
        return plan(bench, name, inputs or ())

    return drive(shell, bench, make, dry_run=dry_run, yes=yes, confirm=None)


def _bench(shell: Shell) -> Workbench:
    from qx.app.workbench import Workbench

    return Workbench(shell.env, shell.config)
