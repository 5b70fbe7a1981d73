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
) -> None:
    """Recompute the whole chain. That it was rewritten whole, or cut, shows only --against an export kept elsewhere."""
    from qx.app.audit import audit_file, audit_store
    from qx.app.workbench import Workbench
    from qx.render.audit import audit_text

    shell: Shell = ctx.obj
    if file is not None and against is not None:
        said = "FILE is verified by itself, --against is for the store"
        raise QxError("QX-CLI-001", said, hint="leave out one of them")
    if file is not None:
        audit, context = audit_file(file), file
    else:
        bench = Workbench(shell.env, shell.config)
        audit = audit_store(bench.store, bench.store_name, against)
        context = bench.context
    shell.answer("audit", audit, lambda palette, width: audit_text(audit, context, palette, width))
    if not audit.verified:
        broken = plural(len(audit.breaks) + len(audit.missing), "break")
        hint = "Compare with exports kept elsewhere: --against FILE."
        raise QxError("QX-STORE-004", f"{audit.name}: {broken}", hint=hint)


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
