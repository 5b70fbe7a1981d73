"""Rows: what one chunk of a file holds, whatever its form: transactions as columns, and what is no transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qx.model.batch import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qx.compliance.columnar.column import Chunk
    from qx.kernel.errors import QxError

SHOWN = 500  # characters of a reject


class Rows(NamedTuple):
    """`lines`: of each row of the chunk, where it stands. `document`: of a row, as a reader of one would have it."""

    chunk: Chunk
    lines: Sequence[int]
    rejects: tuple[Reject, ...]
    document: Callable[[int], Any]


def reject(line: int, error: QxError, text: str) -> Reject:
    return Reject(line=line, code=error.code, reason=error.message, hint=error.hint, text=text[:SHOWN])
