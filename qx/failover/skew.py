"""Skew: how far a server's clock is from the observer's, as far as one look can tell. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.sight import facts_of
from qx.model.observation import Observation

if TYPE_CHECKING:
    from qx.model.observation import Silence


def skew_of(seen: Observation | Silence) -> float | None:
    """Seconds that its clock is ahead, known to half of `took_s`; None where it did not say."""
    facts = facts_of(seen)
    if facts is None or facts.clock is None or not isinstance(seen, Observation):
        return None
    return facts.clock - (seen.at + seen.took_s / 2)
