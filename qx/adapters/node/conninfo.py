"""A conninfo for a program's argv: its password waits in a passfile of mode 0600 that lives as long as the
program needs it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qx.adapters.node import files
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def without_password(conninfo: str, data_dir: Path, *, named: str = "", **defaults: str) -> Iterator[str]:
    """`conninfo`, with `defaults` for what it leaves open; a password goes to a file beside `data_dir`. `named`: the
    application_name, instead of what the conninfo says.
    """
    try:
        words = conninfo_to_dict(conninfo)
    except ProgrammingError:
        raise QxError("QX-NODE-006", "the upstream's conninfo cannot be read") from None  # its text may hold a secret
    password = words.pop("password", None)
    spoken = defaults | {name: str(value) for name, value in words.items()}
    if named:
        spoken["application_name"] = named
    if password is None:
        yield make_conninfo("", **spoken)
        return
    passfile = Path(f"{data_dir}.qx-pass")
    escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
    files.remove(passfile)  # of a run that was killed
    files.replace(passfile, f"*:*:*:*:{escaped}\n".encode(), like=data_dir)
    try:
        yield make_conninfo("", **spoken, passfile=str(passfile))
    finally:
        files.remove(passfile)
