"""Secret references: `env:NAME`, `file:/PATH`, `cmd:PROGRAM ARGS`, `keyring:SERVICE/USER`. Nothing is resolved.

No message of this module holds the text it was given: it may be the secret itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

FORMS = "env:NAME, file:/PATH, cmd:PROGRAM ARGS, keyring:SERVICE/USER"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Reference(NamedTuple):
    """Where a secret is to be found: `scheme` is env, file, cmd or keyring."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"


def parse_reference(text: str) -> Reference:
    """Raises ValueError in words that do not repeat the text."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in {"env", "file", "cmd", "keyring"}:
        raise ValueError("is not a secret reference")
    if scheme == "env" and not _NAME.fullmatch(rest):
        raise ValueError("env: wants the name of a variable")
    if scheme == "file" and not rest.startswith("/"):
        raise ValueError("file: wants an absolute path")
    if scheme == "cmd":
        command(rest)
    if scheme == "keyring" and not all(rest.partition("/")):
        raise ValueError("keyring: wants SERVICE/USER")
    return Reference(scheme, rest)


def command(rest: str) -> list[str]:
    """The argv of a `cmd:` reference. Raises ValueError."""
    import shlex

    try:
        argv = shlex.split(rest)
    except ValueError as error:
        raise ValueError("cmd: has a quote that is not closed") from error
    if not argv:
        raise ValueError("cmd: wants a program and its arguments")
    return argv
