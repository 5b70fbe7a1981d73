"""`qx rules`: the rule packs themselves; `watch` and `review` stand beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.commands.rules_review import review, watch
from qx.cli.frame import App
from qx.cli.instants import instant_of
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit
from qx.kernel.text import plural

if TYPE_CHECKING:
    from qx.model.rules import RulePack

app = App("The rules that transactions are held against: what they say, and whether their own tests hold.")
app.command("watch")(watch)
app.add_typer(review, name="review")

Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILE]...", help="Packs; none: those that are shipped.", show_default=False),
]


@app.command("list")
def list_(
    ctx: typer.Context,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="REGION", help="Only what holds there.", show_default=False),
    ] = None,
) -> None:
    """Every rule, with its severity, its evidence and where it stands."""
    from qx.app.compliance import Desk
    from qx.render.rules import listed, rules_text

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    found = listed(desk.rulebook(region).packs if region is not None else desk.packs)
    shell.answer("rules", {"rules": found}, lambda palette, width: rules_text(found, palette, width))


@app.command("show")
def show(ctx: typer.Context, rule: Annotated[str, typer.Argument(metavar="RULE", help="BH-FC-112-WIRE")]) -> None:
    """One rule: what it says, by which parameters, and its tests."""
    from qx.app.compliance import Desk
    from qx.render.rules import rule_text

    shell: Shell = ctx.obj
    pack, found = Desk(shell.env, shell.config).rule(rule)
    params = {name: param for name, param in pack.params.items() if f'"{name}"' in found.predicate}
    document = {"pack": pack.pack, "version": pack.version, "rule": found, "params": params}
    shell.answer("rule", document, lambda palette, width: rule_text(pack, found, params, palette, width))


@app.command("lint")
def lint(ctx: typer.Context, files: Files = None) -> None:
    """Read packs, and tell everything that is wrong with them, each with its place."""
    shell: Shell = ctx.obj
    packs = _packs(shell, files)
    told = f"{plural(len(packs), 'pack')}, {plural(sum(len(pack.rules) for pack in packs), 'rule')}: nothing is wrong"
    document = {"packs": [{"pack": pack.pack, "version": pack.version, "rules": len(pack.rules)} for pack in packs]}
    shell.answer("rules-lint", document, lambda _palette, _width: told)


@app.command("test")
def run_tests(ctx: typer.Context, files: Files = None) -> Exit:
    """Run the tests that stand inside the rules."""
    from qx.app.compliance import broken_tests
    from qx.render.rules import failures_text

    shell: Shell = ctx.obj
    packs = _packs(shell, files)
    failed = broken_tests(packs)
    count = sum(len(rule.tests) for pack in packs for rule in pack.rules)
    document = {"tests": count, "failures": failed}
    shell.answer("rules-test", document, lambda palette, width: failures_text(count, failed, palette, width))
    return Exit.FINDINGS if failed else Exit.DONE


@app.command("diff")
def diff(
    ctx: typer.Context,
    as_of: Annotated[
        list[str], typer.Option("--as-of", metavar="INSTANT", help="Twice: the earlier instant, and the later.")
    ],
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="REGION", help="Only what holds there.", show_default=False),
    ] = None,
    transactions: Annotated[
        str | None,
        typer.Option("--transactions", metavar="FILE", show_default=False,
                     help="Judge these at both: JSON, an array of it, or NDJSON; - for standard input."),
    ] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Pass over fields that are not known.")] = False,
) -> Exit:
    """What turns between two instants: rules, parameters, windows; and whose answer turns with it."""
    from qx.app import difference
    from qx.app.compliance import Desk
    from qx.render.rules import difference_text

    shell: Shell = ctx.obj
    if len(as_of) != 2:
        raise QxError("QX-CLI-001", "a difference is between two instants", hint="--as-of INSTANT --as-of INSTANT")
    since, until = (instant_of(text, "--as-of") for text in as_of)
    if since >= until:
        raise QxError("QX-CLI-001", f"{as_of[0]} is not before {as_of[1]}", hint="the earlier instant stands first")
    desk = Desk(shell.env, shell.config)
    if transactions is None:
        packs = desk.rulebook(region).packs if region is not None else desk.packs
        found = difference.of_packs(packs, region or "", since, until)
    elif region is None:
        raise QxError("QX-CLI-001", "transactions are judged by the rules of a region", hint="--region REGION")
    else:
        given = difference.documents(shell.streams.stdin, transactions)
        found = difference.of_transactions(desk, desk.rulebook(region), since, until, given, lenient=lenient)
    shell.answer("rules-diff", found, lambda palette, width: difference_text(found, palette, width))
    return Exit.UNKNOWN if found.unread else Exit.DONE


def _packs(shell: Shell, files: list[str] | None) -> tuple[RulePack, ...]:
    from qx.app.compliance import Desk
    from qx.compliance.lint import check
    from qx.config.pack import load

    if not files:
        return Desk(shell.env, shell.config).packs
    for file in files:
        if not Path(file).is_file():
            raise QxError("QX-CFG-001", f"{file} is no file", hint="name the YAML of a rule pack")
    return tuple(load(Path(file), check) for file in files)
