"""A plan that a command was given by its file: read whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from typing import TextIO

    from qx.model.plan import Plan

HINT = "the file that --dry-run -o json wrote"


def is_file(word: str) -> bool:
    """Whether a plan is named by its file, and not by an id: `-`, a path, or anything that stands there."""
    return word == "-" or "/" in word or word.endswith(".json") or Path(word).exists()


def read(stdin: TextIO, file: str) -> Plan:
    """`-` is standard input. Raises QX-PLAN-005."""
    import msgspec

    from qx.model.plan import Plan

    try:
        data = stdin.read().encode() if file == "-" else Path(file).read_bytes()
        return msgspec.json.decode(data, type=Plan)
    except OSError as error:
        raise QxError("QX-PLAN-005", f"{file}: {error.strerror}", hint=HINT) from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise QxError("QX-PLAN-005", f"{file} is no plan: {error}", hint=HINT) from error
