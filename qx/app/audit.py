"""The audit of a store: what was looked at, what does not hold, and what an earlier export knew."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.engine.chain import Export, export, missing_from, read_export, verify, verify_approvals, verify_runs
from qx.failover.approving import signature_of
from qx.kernel.errors import QxError
from qx.model.audit import Audit

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.compliance import Desk
    from qx.app.workbench import Workbench
    from qx.ports.store import Store


def audit_store(bench: Workbench, against: str | None) -> Audit:
    """The whole chain, every run's plan and outcome, the signatures of what was approved, and whether the export
    `against` is still part of it.
    """
    store = bench.store
    chain = store.chain()
    forged, signatures = verify_approvals(chain, lambda each: signature_of(each, bench.platform, bench.signed_by))
    breaks = [*verify(chain), *verify_runs(chain, store.runs(sys.maxsize), store.plan), *forged]
    missing: tuple[str, ...] = ()
    if against is not None:
        kept = _read(against)
        if kept.header.store_id != store.store_id:
            said = f"{against} was exported from store {kept.header.store_id}, this is {store.store_id}"
            raise QxError("QX-STORE-007", said, hint="Compare with an export of this store.")
        breaks += verify(kept.chain, whole=kept.header.run is None)
        missing = tuple(link.digest for link in missing_from(chain, kept.chain))
    return Audit(
        verified=not breaks and not missing, source="store", name=bench.store_name, store_id=store.store_id, run=None,
        count=len(chain), head=chain[-1].digest if chain else "", breaks=tuple(breaks), compared_with=against,
        missing=missing, approvals=signatures,
    )  # fmt: skip


def nothing_but_records() -> Audit:
    """Where no regions.yaml names a store."""
    return Audit(
        verified=True, source="records", name="the records of validations", store_id="", run=None, count=0, head="",
        breaks=(),
    )  # fmt: skip


def with_records(audit: Audit, desk: Desk, say: Callable[[str], None]) -> Audit:
    """Also the validations of every region."""
    records = desk.evidence(say)
    try:
        found = tuple(records.verify(region) for region in records.regions)
    finally:
        records.close()
    return replace(audit, verified=audit.verified and all(each.verified for each in found), records=found)


def audit_file(path: str) -> Audit:
    """An exported file by itself, offline."""
    kept = _read(path)
    breaks = verify(kept.chain, whole=kept.header.run is None)
    return Audit(
        verified=not breaks, source="file", name=path, store_id=kept.header.store_id, run=kept.header.run,
        count=kept.header.count, head=kept.header.head, breaks=tuple(breaks),
    )


def export_of(store: Store, run: str | None) -> Export:
    """The whole store's export, or one run's."""
    found = store.run(run).id if run else None
    chain = store.entries(found) if found else store.chain()
    return read_export(export(store.store_id, chain, found), "export")


def write_export(kept: Export, path: str) -> None:
    """A new file, readable by its owner only, on the disk when this returns. Raises QX-STORE-007, also if it exists."""
    lines = export(kept.header.store_id, kept.chain, kept.header.run)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a handle, not a path
            file.writelines(line + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        hint = "Name a file that does not exist yet, in a directory that does."
        raise QxError("QX-STORE-007", f"{path}: {error.strerror}", hint=hint) from error


def _read(path: str) -> Export:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return read_export(file, path)
    except OSError as error:
        raise QxError("QX-STORE-007", f"{path}: {error.strerror}", hint="A file of `qx audit export`.") from error
    except UnicodeDecodeError as error:
        raise QxError("QX-STORE-004", f"{path} is not text: {error}") from error
