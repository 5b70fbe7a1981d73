"""A PostgreSQL server behind the port: what qx asks it to do, each within a deadline.

Invariants: nothing is sent twice that may have had an effect; what takes effect later is waited for and seen, never
assumed; a session is named after its run and epoch, and those of lower epochs can be ended.

Rights beyond pg_monitor, where the role is no superuser: EXECUTE on pg_promote and pg_reload_conf, ALTER SYSTEM on the
parameters set (PostgreSQL 15), REPLICATION for slots, pg_checkpoint (15), pg_signal_backend, what pg_rewind needs, and
CREATE on the database until qx's own tables stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString

from psycopg import sql

from qx.adapters.answer import Declined
from qx.adapters.look import View, look
from qx.adapters.poll import until
from qx.adapters.postgres import marker as own
from qx.adapters.postgres import observe, synchronous
from qx.adapters.postgres.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.observation import Marker, Observation, Silence
    from qx.ports.clock import Clock

POLL_S: Final = 0.004

_DUPLICATE = "42710"  # another was faster
_GONE_OR_TAKEN = frozenset({"42704", "55006"})  # dropped by another, or in use by now
# Where a setting stands above postgresql.auto.conf, so that ALTER SYSTEM has no effect.
_ABOVE_THE_FILE = frozenset({"command line", "environment variable", "override"})

_CREATE_SLOT: LiteralString = """
SELECT (pg_create_physical_replication_slot(%s, true)).slot_name::text
WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = %s)
"""
_DROP_SLOTS: LiteralString = """
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ANY (%s) AND NOT active
"""
_RELOADED: LiteralString = "SELECT pg_conf_load_time() > %s"
_HEARTBEAT: LiteralString = "SELECT pg_logical_emit_message(false, 'qx', '')"
_SETTINGS: LiteralString = "SELECT name, source, pending_restart FROM pg_settings WHERE name = ANY (%s)"
_PROMOTED: LiteralString = """
SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,
       current_setting('default_transaction_read_only')
WHERE NOT pg_is_in_recovery()
"""
_SENDERS: LiteralString = "SELECT pid FROM pg_stat_replication WHERE pid = ANY (%s)"
_OLDER: LiteralString = """
SELECT pid FROM pg_stat_activity
WHERE substring(application_name FROM '^qx/[^/]+/([0-9]{1,18})$')::bigint < %s AND pid <> pg_backend_pid()
"""


class PostgresServer:
    """One node. `password` is asked for at each connect and may raise QX-SEC-*; `tag` is '<run>/<epoch>' of a run."""

    def __init__(
        self,
        cluster: str,
        region: str,
        observer: str,
        url: str,
        password: Callable[[], str],
        clock: Clock,
        tag: str = "",
        heard: Callable[[], None] | None = None,
    ) -> None:
        self._view = View(cluster, region, observer)
        self._clock = clock
        self._session = Session(self._view.node, url, password, tag, heard)
        self._same = (url, password, tag)

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, observe.facts(self._session, timeout))

    async def heartbeat(self, timeout: float) -> None:
        await self._session.ask(_HEARTBEAT, timeout=timeout, harmless=True)

    async def close(self) -> None:
        await self._session.close()

    async def checkpoint(self, timeout: float) -> None:
        await self._session.ask("CHECKPOINT", timeout=timeout)

    async def create_slots(self, names: tuple[str, ...], timeout: float) -> tuple[str, ...]:
        """One by one: those before one that is refused (QX-NODE-007) stand."""
        deadline = self._clock.elapsed() + timeout
        created = []
        for name in names:
            try:
                created += await self._session.ask(_CREATE_SLOT, (name, name), timeout=self._left(deadline))
            except Declined as error:
                if error.state != _DUPLICATE:
                    raise
        return tuple(row[0] for row in created)

    async def drop_slots(self, names: tuple[str, ...], timeout: float) -> None:
        deadline = self._clock.elapsed() + timeout
        try:
            await self._session.ask(_DROP_SLOTS, (list(names),), timeout=timeout)
        except Declined as error:
            if error.state not in _GONE_OR_TAKEN:
                raise
            await self._session.ask(_DROP_SLOTS, (list(names),), timeout=self._left(deadline))

    async def alter_system(self, settings: dict[str, str | None], timeout: float) -> None:
        """One by one: those before one that is refused (QX-NODE-007) stand in postgresql.auto.conf, not in force."""
        deadline = self._clock.elapsed() + timeout
        for name, value in settings.items():
            words = sql.SQL("SET {} = {}").format(sql.Identifier(*name.split(".")), sql.Literal(value))
            if value is None:
                words = sql.SQL("RESET {}").format(sql.Identifier(*name.split(".")))
            await self._session.ask(sql.SQL("ALTER SYSTEM ") + words, timeout=self._left(deadline))
        [(loaded, _)] = await self._session.ask(
            "SELECT pg_conf_load_time(), pg_reload_conf()", timeout=self._left(deadline)
        )

        async def reloaded(left: float) -> bool | None:
            [(yes,)] = await self._session.ask(_RELOADED, (loaded,), timeout=left, harmless=True)
            return yes or None

        await until(self._view.node, self._clock, deadline, POLL_S, reloaded, "the reload was not seen to happen")
        in_force = await self._session.ask(
            _SETTINGS, (list(settings),), timeout=self._left(deadline), harmless=True
        )
        for name, source, pending_restart in in_force:
            if pending_restart:
                raise Declined(self._view.node, "", f"{name} is written, but takes a restart of the server")
            if source in _ABOVE_THE_FILE:
                raise Declined(self._view.node, "", f"{name} is set on the server's {source}, above any file")

    async def set_synchronous(self, names: str, timeout: float) -> None:
        """Takes ALTER SYSTEM on both parameters, and pg_monitor to see the server's processes."""
        deadline = self._clock.elapsed() + timeout
        settings: dict[str, str | None] = {synchronous.NAMES: names}
        if names and await synchronous.acknowledges_early(self._session, timeout):
            settings[synchronous.COMMIT] = "on"
        await self.alter_system(settings, self._left(deadline))
        fresh = Session(self._view.node, *self._same)
        try:
            await synchronous.in_force(fresh, self._clock, names, deadline)
        finally:
            await fresh.close()

    async def end_senders(self, pids: tuple[int, ...], timeout: float) -> None:
        """Returns when they are gone."""
        await self._end(_SENDERS, (list(pids),), "walsenders still run", timeout)

    async def replayed(self, timeout: float) -> tuple[int, int]:
        """QX-NODE-001 when no answer came: asking changes nothing."""
        return await observe.replayed(self._session, timeout)

    async def promote(self, timeout: float) -> int:
        deadline = self._clock.elapsed() + timeout
        [(sent,)] = await self._session.ask("SELECT pg_promote(false)", timeout=timeout)
        if not sent:
            raise Declined(self._view.node, "", "the server could not signal its own promotion")

        async def promoted(left: float) -> tuple[int, str] | None:
            rows = await self._session.ask(_PROMOTED, timeout=left, harmless=True)
            return (int(rows[0][0]), rows[0][1]) if rows else None

        pending = "promotion was asked for, it is still in recovery"
        timeline, read_only = await until(self._view.node, self._clock, deadline, POLL_S, promoted, pending)
        if read_only == "on":
            raise Declined(
                self._view.node, "25006",
                f"it is promoted to timeline {timeline}, but default_transaction_read_only is on",
                hint="ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf()",
            )
        return timeline

    async def history(self, timeline: int, timeout: float) -> tuple[tuple[int, int], ...]:
        """Takes EXECUTE on pg_read_binary_file, as pg_rewind does."""
        return await observe.history(self._session, timeline, timeout)

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None:
        await own.write_marker(self._session, self._clock, marker, timeout, force=force)

    async def write_probe(self, timeout: float) -> int:
        return await own.write_probe(self._session, self._clock, timeout)

    async def expel(self, below_epoch: int, timeout: float) -> int:
        """Returns when they are gone."""
        return await self._end(_OLDER, (below_epoch,), "sessions of lower epochs are still open", timeout)

    async def _end(self, which: LiteralString, parameters: tuple[object, ...], pending: str, timeout: float) -> int:
        """Ends the backends whose `pid` the query `which` gives, and sees them gone; returns how many."""
        deadline = self._clock.elapsed() + timeout
        ending = sql.SQL("SELECT pg_terminate_backend(pid) FROM ({}) AS these").format(sql.SQL(which))
        ended = await self._session.ask(ending, parameters, timeout=timeout)

        async def gone(left: float) -> bool | None:
            return None if await self._session.ask(which, parameters, timeout=left, harmless=True) else True

        if ended:
            await until(self._view.node, self._clock, deadline, POLL_S, gone, pending)
        return len(ended)

    def _left(self, deadline: float) -> float:
        return deadline - self._clock.elapsed()
