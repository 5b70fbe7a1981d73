"""Somebody who knows customers. One port, several drivers, one contract suite.

`look` is one question about one party: it ends at its own deadline whatever the other side does. It never guesses: what
cannot be understood, or is about somebody else, is no word.
"""

from __future__ import annotations

from typing import Protocol

from qx.kernel.errors import QxError
from qx.model.kyc import KycRecord, Party, Unknown


class KycSilent(QxError):
    """No word: QX-KYC-001 no answer was had, QX-KYC-002 one that cannot be used. The message holds no secret, and
    nothing of the party.
    """


class KycProvider(Protocol):
    async def look(self, party: Party) -> KycRecord | Unknown:
        """Raises KycSilent, and QX-SEC-* when a secret cannot be had."""

    async def close(self) -> None: ...
