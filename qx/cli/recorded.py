"""The record, opened for one command and closed with it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.app.compliance import Desk
    from qx.app.evidence import Records
    from qx.cli.shell import Shell


@contextmanager
def recorded(shell: Shell) -> Iterator[tuple[Desk, Records]]:
    """What a store does is told on stderr."""
    from qx.app.compliance import Desk
    from qx.app.evidence import opened

    desk = Desk(shell.env, shell.config)
    evidence = opened(desk, shell.env, shell.say)
    try:
        yield desk, evidence
    finally:
        evidence.close()
