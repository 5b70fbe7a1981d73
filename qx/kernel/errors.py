"""The one error of qx.

    QxError              every refusal, failure and bad input, with a code of `qx.kernel.codes`
    ├── Refused          a gate said no: nothing was changed
    ├── Unsure           sent and not confirmed: must be observed again, must never be called failed
    └── Problems         several QxErrors found in one go (all errors of a file at once)

Everything else that escapes is a bug and ends with exit code 70.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.codes import CODES, Code

if TYPE_CHECKING:
    from collections.abc import Sequence


class Place(NamedTuple):
    """Where in a file: 1-based line and column; `text` is the source line if it is known."""

    file: str
    line: int = 0
    column: int = 0
    text: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class QxError(Exception):
    """Code, message (what, where), hint (what would make it pass), place (if it has one)."""

    def __init__(self, code: str, message: str, *, hint: str = "", place: Place | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.place = place

    @property
    def entry(self) -> Code:
        return CODES[self.code]

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        return f"{self.code}{at}: {self.message}"


class Refused(QxError):
    """A gate, a guard or another holder said no; nothing was changed."""


class Unsure(QxError):
    """The act was sent, its answer never came: observe, do not repeat."""


class Problems(QxError):
    """Several errors of one input, all of them."""

    def __init__(self, errors: Sequence[QxError]) -> None:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first.code, first.message + more, hint=first.hint, place=first.place)
        self.errors = tuple(errors)
