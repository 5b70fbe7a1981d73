"""Why a KYC provider has no word, as all its drivers say it. Nothing of the party stands in a message."""

from __future__ import annotations

import re

from qx.ports.kyc import KycSilent

_QUOTED = re.compile(r"'[^']*'|`\$\.?([\w.\[\]]*)`")


class KycLater(KycSilent):
    """Asking again may help. `after`: seconds that the other side asked for."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__("QX-KYC-001", message)
        self.after = after


def unusable(name: str, why: str, error: Exception | None = None) -> KycSilent:
    """`error`: what the answer's reader said, of which values are left out."""
    words = "" if error is None else f": {_QUOTED.sub(lambda found: found[1] or '…', str(error))}"
    return KycSilent("QX-KYC-002", f"{name}: {why}{words}")
