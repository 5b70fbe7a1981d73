"""A file that a command was asked to write: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from qx.kernel.errors import QxError


def write(path: str, data: bytes) -> None:
    """What stood there is replaced. Raises QX-CLI-004."""
    from qx.adapters.node import files

    at = Path(path)
    if at.is_dir():
        raise QxError("QX-CLI-004", f"{path} is a directory", hint="name a file")
    try:
        files.replace(at, data, like=at.absolute().parent)
    except OSError as error:
        hint = "name a file in a directory that exists"
        raise QxError("QX-CLI-004", f"{path}: {error.strerror}", hint=hint) from error
