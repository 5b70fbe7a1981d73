"""In which way a PostgreSQL server acknowledges commits: set, and seen to be in force in all of its processes.

`synchronous_standby_names` takes effect in three places at three moments: each walsender lets commits go by what it has
read itself; the checkpointer says whether commits wait at all; new backends know what the postmaster knows. So after
the reload a new connection is opened: once it stands, the postmaster has signalled everyone. Then every walsender is
waited for until it is seen idle: it takes in the signal before it deals with another reply. The checkpointer is seen
idle twice, a moment apart: for it that is as near to a proof as PostgreSQL comes.

Never: says that a way is in force because it was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from qx.adapters.answer import Declined
from qx.adapters.poll import until

if TYPE_CHECKING:
    from qx.adapters.postgres.session import Session
    from qx.ports.clock import Clock

POLL_S = 0.005
APART_S = 0.05
NAMES, COMMIT = "synchronous_standby_names", "synchronous_commit"

_IN_FORCE: LiteralString = "SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names'"
_COMMIT: LiteralString = "SELECT current_setting('synchronous_commit') IN ('on', 'remote_apply')"
_SENDERS: LiteralString = """
SELECT a.pid, a.wait_event = 'WalSenderMain'
FROM pg_stat_activity AS a JOIN pg_stat_replication AS r USING (pid) WHERE a.backend_type = 'walsender'
"""
_CHECKPOINTER: LiteralString = """
SELECT true FROM pg_stat_activity WHERE backend_type = 'checkpointer'
AND wait_event IN ('CheckpointerMain', 'CheckpointWriteDelay')
"""


async def acknowledges_early(session: Session, timeout: float) -> bool:
    """Whether sessions that say nothing else are told of a commit before a standby has flushed it."""
    [(safe,)] = await session.ask(_COMMIT, timeout=timeout, harmless=True)
    return not safe


async def in_force(fresh: Session, clock: Clock, names: str, deadline: float) -> None:
    """Returns when `names` is in force in every process that was there. `fresh`: a session that has not connected yet,
    made after the server was seen to have reloaded. Raises LostAnswer when that is not seen in time.
    """
    [(found,)] = await fresh.ask(_IN_FORCE, timeout=deadline - clock.elapsed(), harmless=True)
    if found != names:
        raise Declined(fresh.node, "", f"{NAMES} is {found!r}, not {names!r}: something stands above ALTER SYSTEM")
    first = await fresh.ask(_SENDERS, timeout=deadline - clock.elapsed(), harmless=True)
    waited = {pid for pid, idle in first if not idle}

    async def taken(left: float) -> bool | None:
        rows = await fresh.ask(_SENDERS, timeout=left, harmless=True)
        waited.intersection_update(pid for pid, idle in rows if not idle)  # one that is gone lets nothing go any more
        return None if waited else True

    if waited:
        await until(fresh.node, clock, deadline, POLL_S, taken, "a walsender did not take in the change")

    async def idle(left: float) -> bool | None:
        return True if await fresh.ask(_CHECKPOINTER, timeout=left, harmless=True) else None

    for _ in range(2):
        await clock.sleep(APART_S)
        await until(fresh.node, clock, deadline, POLL_S, idle, "the checkpointer did not take in the change")
