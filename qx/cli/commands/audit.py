"""`qx audit verify|export`: the proof that the record is the record."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.text import plural

app = App("Verify the record, and take a copy that can be verified elsewhere.")


@app.command("verify")
def verify(
    ctx: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="An export, verified by itself; none: the store.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="FILE", show_default=False,
                     help="An earlier export: is every entry of it still in the store?"),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", show_default=False,
                     help="Only this validation, qxv1-...: prove that it is in the record of its region."),
    ] = None,
) -> None:
    """Recompute the whole chain, and that of every region's validations. That one was rewritten whole, or cut, shows
    only --against an export kept elsewhere, or a signed checkpoint.
    """
    from qx.app.audit import audit_file, audit_store, nothing_but_records, with_records
    from qx.app.compliance import Desk
    from qx.app.workbench import Workbench
    from qx.render.audit import audit_text

    shell: Shell = ctx.obj
    if sum(each is not None for each in (file, against, validation)) > 1:
        said = "FILE is verified by itself, --against is for the store, --id for one validation"
        raise QxError("QX-CLI-001", said, hint="leave out all but one of them")
    if validation is not None:
        _proof(shell, validation)
        return
    if file is not None:
        audit, context = audit_file(file), file
    else:
        desk = Desk(shell.env, shell.config)
        audit, context = nothing_but_records(), desk.context
        if desk.config_path is not None or against is not None:
            bench = Workbench(shell.env, shell.config)
            audit, context = audit_store(bench, against), bench.context
        audit = with_records(audit, desk, shell.say)
    shell.answer("audit", audit, lambda palette, width: audit_text(audit, context, palette, width))
    broken = len(audit.breaks) + len(audit.missing)
    where = [audit.name] if broken else []
    for record in audit.records:
        broken += len(record.faults)
        where += [record.store] if record.faults else []
    if broken:
        hint = "Compare with exports kept elsewhere: --against FILE."
        raise QxError("QX-STORE-004", f"{', '.join(where)}: {plural(broken, 'break')}", hint=hint)
    away = [record.region for record in audit.records if not record.reached]
    if away:
        raise QxError("QX-STORE-009", f"not reached: {', '.join(away)}; of these records nothing is known")


def _proof(shell: Shell, validation_id: str) -> None:
    from qx.app.compliance import Desk
    from qx.render.verify import proof_text

    desk = Desk(shell.env, shell.config)
    records = desk.evidence(shell.say)
    try:
        found = records.find(validation_id)
        if found is None:
            raise QxError("QX-TXN-005", f"{validation_id} is not in the record of any region here")
        proof = records.proof(found)
    finally:
        records.close()
    shell.answer("audit-proof", proof, lambda palette, width: proof_text(proof, desk.context, palette, width))
    if not proof.verified:
        hint = "`qx audit verify` names every place that does not hold."
        raise QxError("QX-STORE-004", f"{validation_id}: {'; '.join(proof.broken)}", hint=hint)


@app.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A new file; - for standard output.", show_default=False)
    ] = "-",
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", show_default=False, help="Only this run.")] = None,
) -> None:
    """The record as NDJSON: a header, then each entry with its digest. `qx audit verify FILE` verifies it anywhere."""
    from qx.app.audit import export_of, write_export
    from qx.app.workbench import Workbench
    from qx.engine import chain
    from qx.render.run import entry_fields

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    kept = export_of(bench.store, run)
    head = kept.header
    fields = {"store_id": head.store_id, "run": head.run, "count": head.count, "head": head.head}
    if file != "-":
        write_export(kept, file)
        told = f"{file}: {head.count} entries of store {head.store_id}"
        shell.answer("audit-export", {**fields, "file": file}, lambda _palette, _width: told)
    elif shell.flags.output == "json":
        entries = [entry_fields(chained) for chained in kept.chain]
        shell.answer("audit-export", {**fields, "entries": entries}, lambda _palette, _width: "")
    else:
        for line in chain.export(head.store_id, kept.chain, head.run):
            shell.streams.data(line)
