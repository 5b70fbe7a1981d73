"""What `qx validate` adds to one answer: every region side by side, and obligations as a calendar file."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from qx.cli.asking import known

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from qx.app.compliance import Desk
    from qx.cli.shell import Shell
    from qx.compliance.transaction import Transaction
    from qx.model.validation import Validation


EVERY = "all"  # for --region: each of them


def answer_everywhere(
    shell: Shell, desk: Desk, transaction: Transaction, at: datetime | None
) -> tuple[Validation, ...]:
    """Answers with the comparison, and keeps each on record; the validations, the strictest first. `at` None: as
    `qx.app.conflict` takes it.
    """
    from qx.app.conflict import judged
    from qx.compliance.conflict import STRICT, compare
    from qx.render.conflict import conflict_text

    answers = judged(desk, transaction, at, partial(known, shell, desk))
    every = [each.found for each in answers]
    found = compare(every)
    shell.answer("conflict", found, lambda palette, width: conflict_text(found, desk.context, palette, width))
    with closing(desk.evidence(shell.say)) as record:
        record.keep([each.kept for each in answers])
    return tuple(sorted(every, key=lambda each: STRICT.index(each.status)))


def write_calendar(path: str, found: Iterable[Validation]) -> None:
    """Their obligations (RFC 5545). Raises QX-CLI-004."""
    from qx.app.outfile import write
    from qx.render.calendar import calendar

    write(path, calendar(found).encode())
