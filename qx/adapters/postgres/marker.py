"""qx's own two tables in a cluster: who rules it (`qx.control`), and a row to prove that it takes writes (`qx.probe`).

Invariants: one row each; an epoch never falls; another store's marker is replaced only when forced. Both are created at
the first write, and readable for pg_monitor. No write of them waits for a standby (`synchronous_commit`), so that a
quorum which is not there yet cannot hold up the very steps that bring it about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from qx.adapters.answer import Declined, ruled

if TYPE_CHECKING:
    from qx.adapters.postgres.session import Row, Session
    from qx.model.observation import Marker
    from qx.ports.clock import Clock

_MISSING = frozenset({"3F000", "42P01"})  # schema, table

# The lock serialises two first uses: IF NOT EXISTS does not.
_CREATE: LiteralString = """
DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('qx.control'));
    CREATE SCHEMA IF NOT EXISTS qx;
    CREATE TABLE IF NOT EXISTS qx.control (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        store_id text NOT NULL, epoch bigint NOT NULL, writer text NOT NULL, at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS qx.probe (one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL);
    GRANT USAGE ON SCHEMA qx TO pg_monitor;
    GRANT SELECT ON qx.control, qx.probe TO pg_monitor;
    PERFORM set_config('synchronous_commit', 'local', true);
END $$
"""
_MARK: LiteralString = """
INSERT INTO qx.control AS c (store_id, epoch, writer) VALUES (%s, %s, %s)
ON CONFLICT (one) DO UPDATE
SET store_id = excluded.store_id, epoch = excluded.epoch, writer = excluded.writer, at = now()
WHERE c.epoch <= excluded.epoch AND (c.store_id = excluded.store_id OR %s)
RETURNING set_config('synchronous_commit', 'local', true)
"""
# An asynchronous commit would be acknowledged before its WAL is written: the position would not cover it.
_PROBE: LiteralString = """
INSERT INTO qx.probe (at) VALUES (clock_timestamp()) ON CONFLICT (one) DO UPDATE SET at = excluded.at
RETURNING set_config('synchronous_commit', 'local', true)
"""
_STANDING: LiteralString = "SELECT store_id, epoch FROM qx.control"
_FLUSHED: LiteralString = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"


async def write_marker(session: Session, clock: Clock, marker: Marker, timeout: float, *, force: bool) -> None:
    """Raises QX-STORE-003 (another store's, unless forced) and QX-STORE-006 (a higher epoch, forced or not)."""
    deadline = clock.elapsed() + timeout
    wanted = (marker.store_id, marker.epoch, marker.writer, force)
    if await _write(session, clock, deadline, _MARK, wanted):
        return
    standing = await session.ask(_STANDING, timeout=deadline - clock.elapsed(), harmless=True)
    for store_id, epoch in standing:
        raise ruled(session.node, marker, store_id, epoch, force=force)
    raise Declined(session.node, "", "its marker was removed while it was written", hint="see who writes to qx.control")


async def write_probe(session: Session, clock: Clock, timeout: float) -> int:
    """A committed write, on this server's own disk; the position that covers it, in bytes."""
    deadline = clock.elapsed() + timeout
    await _write(session, clock, deadline, _PROBE, None)
    [(position,)] = await session.ask(_FLUSHED, timeout=deadline - clock.elapsed(), harmless=True)
    return int(position)


async def _write(
    session: Session, clock: Clock, deadline: float, statement: LiteralString, parameters: tuple[object, ...] | None
) -> list[Row]:
    try:
        return await session.ask(statement, parameters, timeout=deadline - clock.elapsed())
    except Declined as error:
        if error.state not in _MISSING:
            raise
    await session.ask(_CREATE, timeout=deadline - clock.elapsed())
    return await session.ask(statement, parameters, timeout=deadline - clock.elapsed())
