"""`qx rules list|show|lint|test`: the rule packs themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit
from qx.kernel.text import plural

if TYPE_CHECKING:
    from qx.model.rules import RulePack

app = App("The rules that transactions are held against: what they say, and whether their own tests hold.")

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
