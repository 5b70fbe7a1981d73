"""A way out for notices. One port, several drivers, one contract suite.

`send` is one attempt: it ends at its deadline whatever the other side does, and repeats nothing itself.
"""

from __future__ import annotations

from typing import Protocol

from qx.kernel.errors import QxError
from qx.model.alert import Notice


class NotTaken(QxError):
    """The channel did not take the notice. `final`: repeating it would not help (QX-ALERT-002, else QX-ALERT-001).
    `retry_after`: seconds that the other side asked for. The message holds no secret and no address that is one.
    """

    def __init__(self, message: str, *, final: bool = False, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__("QX-ALERT-002" if final else "QX-ALERT-001", message, hint=hint)
        self.final = final
        self.retry_after = retry_after


class Notifier(Protocol):
    async def send(self, notice: Notice, timeout: float) -> str:
        """The other side's answer in a few words. Raises NotTaken, and QX-SEC-* when a secret cannot be had."""

    async def close(self) -> None: ...
