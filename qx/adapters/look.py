"""Looking: an answer becomes an Observation, its absence a Silence that says why. A server's condition never raises.

Invariants: `at` is the instant of asking, so that what was seen is never older than it says; every look ends at its
deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.kernel.errors import QxError
from qx.model.observation import Observation, Silence

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from qx.model.observation import EndpointFacts, PgFacts, Reason, RedisFacts
    from qx.model.redis_cluster import RedisClusterFacts
    from qx.ports.clock import Clock

_SAID_NO: dict[str, Reason] = {
    "42501": "auth",  # insufficient_privilege
    "57P03": "starting",  # cannot_connect_now
    "NOAUTH": "auth",
    "NOPERM": "auth",
    "WRONGPASS": "auth",
    "LOADING": "starting",
}


class View(NamedTuple):
    """What is looked at, and from where: a cluster's name or an endpoint's, its region, the observer's region."""

    subject: str
    region: str
    observer: str

    @property
    def node(self) -> str:
        return f"{self.subject}/{self.region}"


async def look(
    view: View, clock: Clock, answer: Awaitable[PgFacts | RedisFacts | RedisClusterFacts | EndpointFacts]
) -> Observation | Silence:
    """What `answer` yields, dated; for a QxError the Silence that it means."""
    at, began = clock.now(), clock.elapsed()
    try:
        facts = await answer
    except QxError as error:
        reason, detail = _meaning(error)
        return Silence(subject=view.subject, region=view.region, observer=view.observer, at=at,
                       reason=reason, detail=detail)
    return Observation(subject=view.subject, region=view.region, observer=view.observer, at=at,
                       took_s=clock.elapsed() - began, facts=facts)


def _meaning(error: QxError) -> tuple[Reason, str]:
    if isinstance(error, NoAnswer | LostAnswer):
        return error.reason, error.detail
    if isinstance(error, Declined):
        return _SAID_NO.get(error.state, "protocol"), error.words
    return "secret" if error.code.startswith("QX-SEC-") else "protocol", error.message
