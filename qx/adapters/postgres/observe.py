"""What a PostgreSQL node tells of itself, in one round trip, as PgFacts.

The role needs pg_monitor. Without it pg_stat_replication and its like give rows without contents, which are decoded as
empty words and zeros. What even pg_monitor may not see is None: `marker` where qx's own table is not granted.

Timelines. A writer's is that of its WAL's file name: the control file is behind until the first checkpoint after a
promotion. A standby's is the highest of what it asks its upstream for, of its last restart point and of its minimum
recovery point; without a receiver also that of the WAL files in pg_wal, because the other two may be of before its
upstream's promotion. So it may be behind while a standby restores from an archive only, but it is never one that the
standby does not follow.

Ages are the server's own. PostgreSQL leaves no choice in two exceptions: a sender's `reply_age_s` and a standby's
`replay_age_s` compare its clock with the other server's. A receiver that was told nothing yet has `latest_end` 0.
`archiver.last_failed_age_s` is None when archiving has succeeded since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from qx.adapters.answer import Declined
from qx.adapters.postgres.query import FACTS, HISTORY, REPLAYED
from qx.kernel.lsn import parse_lsn
from qx.model.observation import PgFacts

if TYPE_CHECKING:
    from qx.adapters.postgres.session import Session

# In pg_settings' own units. Those that a standby must not have lower, that stop or slow a promotion, that rewind needs.
SETTINGS = (
    "archive_mode", "cluster_name", "data_checksums", "default_transaction_read_only", "fsync", "full_page_writes",
    "hot_standby", "hot_standby_feedback", "max_connections", "max_locks_per_transaction", "max_prepared_transactions",
    "max_replication_slots", "max_slot_wal_keep_size", "max_wal_senders", "max_worker_processes", "primary_slot_name",
    "recovery_min_apply_delay", "recovery_target_timeline", "synchronous_commit", "synchronous_standby_names",
    "wal_keep_size", "wal_level", "wal_log_hints", "wal_receiver_timeout", "wal_retrieve_retry_interval",
    "wal_sender_timeout",
)

_ONCE_MORE = frozenset({
    "55000",  # promoted between two parts of the query
    "XX000",  # the control file was read while it was written: PostgreSQL before 16.1 takes no lock
})


class _Told(PgFacts, frozen=True, kw_only=True):
    """PgFacts as the query gives them."""

    upstream: str = ""


_told = msgspec.json.Decoder(_Told)


async def facts(session: Session, timeout: float) -> PgFacts:
    """All there is to know of the node. Raises NoAnswer, Declined."""
    try:
        [(text, conninfo)] = await session.ask(FACTS, (list(SETTINGS),), timeout=timeout, harmless=True)
    except Declined as error:
        if error.state not in _ONCE_MORE:
            raise
        [(text, conninfo)] = await session.ask(FACTS, (list(SETTINGS),), timeout=timeout, harmless=True)
    told = _told.decode(text)
    known = {name: getattr(told, name) for name in PgFacts.__struct_fields__}
    return PgFacts(**(known | {"upstream": _upstream(told, conninfo)}))


async def replayed(session: Session, timeout: float) -> tuple[int, int]:
    """(replayed position, timeline); of a writer its flushed position. Raises NoAnswer, Declined."""
    [(position, timeline)] = await session.ask(REPLAYED, timeout=timeout, harmless=True)
    return position, timeline


async def history(session: Session, timeline: int, timeout: float) -> tuple[tuple[int, int], ...]:
    """(parent timeline, position where it was left) of each ancestor, oldest first. Raises NoAnswer, Declined."""
    if timeline == 1:
        return ()
    name = f"{timeline:08X}.history"
    [(text,)] = await session.ask(HISTORY, (f"pg_wal/{name}",), timeout=timeout, harmless=True)
    if text is None:
        raise Declined(session.node, "58P01", f"it has no pg_wal/{name}", hint="a server of that timeline has it")
    lines = (line.split() for line in text.splitlines())
    return tuple((int(words[0]), parse_lsn(words[1])) for words in lines if words and words[0].isdigit())


def _upstream(told: PgFacts, conninfo: str | None) -> str:
    """Of primary_conninfo; where it may not be read, or names several hosts, of the receiver."""
    if not told.in_recovery:
        return ""
    try:
        words = conninfo_to_dict(conninfo or "")
    except Error:  # newer than this libpq
        words = {}
    host = str(words.get("host") or words.get("hostaddr") or "")
    if (not host or "," in host) and told.receiver is not None and told.receiver.host:
        return f"{told.receiver.host}:{told.receiver.port}"
    return f"{host}:{words.get('port') or 5432}" if host else ""
