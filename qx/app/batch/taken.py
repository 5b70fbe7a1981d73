"""Taken: what the command line names as FILE, as a file that can be read twice; and whether it is one transaction."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.app.batch import source
from qx.app.compliance import document_of
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from qx.model.batch import Form


class Taken(NamedTuple):
    """`form` None: one transaction."""

    path: Path
    name: str
    form: Form | None

    def document(self) -> Any:
        """Raises QX-TXN-001."""
        if self.path.stat().st_size > source.LONGEST:
            raise QxError("QX-TXN-001", f"{self.name} is longer than any transaction", hint="one object on each line")
        return document_of(self.path.read_bytes(), self.name)


@contextmanager
def taken(stdin: TextIO, name: str, form: Form | None, *, batch: bool) -> Iterator[Taken]:
    """`form` None: to be found out. `batch`: one transaction too is taken as a batch of one. Raises QX-TXN-001."""
    with ExitStack() as stack:
        path = Path(name)
        try:
            if name == "-" or (path.exists() and not path.is_file() and not path.is_dir()):
                scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qx-input-")))
                spool = scratch / "input"
                source.spooled(stdin if name == "-" else stack.enter_context(path.open(encoding="utf-8")), spool)
                path = spool
            with path.open("rb") as file:
                found = source.form_of(file, name) if form in (None, "json") else form
        except OSError as error:
            raise QxError("QX-TXN-001", f"{name} cannot be read: {error.strerror or error}") from error
        if found is None and batch:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qx-input-")))
            only = scratch / "array"
            only.write_bytes(b"[" + path.read_bytes() + b"]")
            path, found = only, "json"
        yield Taken(path, name, found)
