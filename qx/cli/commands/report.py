"""`qx report compliance`: what the record of a region says of a span of time; `qx report fulfilled`: it was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qx.cli.frame import App
from qx.cli.instants import instant_of
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit
from qx.kernel.text import plural

if TYPE_CHECKING:
    from qx.model.report import ComplianceReport

app = App("Regulatory summaries of a region, from its record.")

Form = Literal["html", "json", "csv"]
FORMS = ("html", "json", "csv")


@app.command("compliance")
def compliance(
    ctx: typer.Context,
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="Whose record.")],
    since: Annotated[str, typer.Option("--from", metavar="INSTANT", help="From then on; a day begins in UTC.")],
    until: Annotated[str, typer.Option("--to", metavar="INSTANT", help="Until then, not included.")],
    form: Annotated[
        Form | None, typer.Option("--format", metavar="FORM", show_default=False, help="html, json or csv.")
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FORM|FILE", help="table, json, ndjson, html or csv; or a file.")
    ] = "table",
) -> Exit:
    """Statuses, rules that fired, obligations due and missed, overrides, packs and lists, the state of the record."""
    from qx.adapters.clock import SystemClock
    from qx.app.outfile import write
    from qx.app.report import summary
    from qx.cli.recorded import recorded
    from qx.render.report import report_text

    shell: Shell = ctx.obj
    file = "" if output in (*FORMS, "table", "ndjson") else output
    kind = form or Path(file).suffix.removeprefix(".")
    if file and kind not in FORMS:
        hint = "a name in .html, .json or .csv, or --format"
        raise QxError("QX-CLI-001", f"--output {output}: its form is not known", hint=hint)
    span = instant_of(since, "--from"), instant_of(until, "--to")
    with recorded(shell) as (desk, evidence):
        found = summary(desk, evidence, SystemClock(), region, *span)
    if file:
        write(file, _written(found, kind).encode())
        shell.say(f"{file}: {plural(found.validations, 'validation')} of {found.region}")
    elif form in ("html", "csv") or output in ("html", "csv"):
        shell.answered = True
        shell.streams.data(_written(found, form or output).rstrip("\r\n"))
    else:
        shell.flags = shell.flags._replace(output=form or output)
        shell.answer("compliance-report", found, lambda palette, width: report_text(found, palette, width))
    if not found.record.reached:
        return Exit.UNKNOWN
    return Exit.DONE if found.record.verified else Exit.FAILED


def _written(found: ComplianceReport, form: str) -> str:
    from qx.render.encode import document, json_text
    from qx.render.report import report_csv
    from qx.render.report_html import report_html

    if form == "html":
        return report_html(found)
    return report_csv(found) if form == "csv" else json_text(document("compliance-report", found)) + "\n"


@app.command("fulfilled")
def fulfilled(
    ctx: typer.Context,
    validation: Annotated[str, typer.Argument(metavar="VALIDATION", help="Whose obligation: qxv1-...")],
    rule: Annotated[str, typer.Argument(metavar="RULE", help="By which rule.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What was done: kept with it.")],
    by: Annotated[
        str, typer.Option("--by", metavar="WHO", show_default=False, help="Who says so. [account@machine]")
    ] = "",
) -> None:
    """Say that an obligation was fulfilled: what nobody says so of is missed once it is due."""
    from qx.adapters.clock import SystemClock
    from qx.app.report import fulfilled as say
    from qx.app.workbench import Workbench
    from qx.cli.recorded import recorded

    shell: Shell = ctx.obj
    if not reason.strip():
        raise QxError("QX-CLI-001", "what was done is to be said", hint="--reason TEXT")
    account = Workbench(shell.env, shell.config).operator
    with recorded(shell) as (_, evidence):
        note = say(evidence, SystemClock(), validation, rule, by.strip() or account, account, reason)
    shell.answer("fulfilled", note, lambda _palette, _width: f"{note.about} {rule.upper()}: fulfilled, says {note.who}")
