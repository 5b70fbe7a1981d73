"""pg_rewind of a stopped node against a running upstream. Own settings stay, and so does the pin.

Invariants: it is tried first without writing (--dry-run), so that a node which cannot be rewound is left as
it was; from its first write to its end the directory is barred and marked incomplete, so that nothing can
start it; an unclean stop is ended by us before, since pg_rewind cannot do that under a pin. The source must
have completed a checkpoint on its timeline: pg_rewind up to 15 otherwise says "no rewind required" (exit 0)
and leaves a node that never joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from qx.adapters.node import keepsakes, pgdata
from qx.adapters.node.conninfo import without_password
from qx.adapters.node.isolated import recover
from qx.adapters.node.programs import Ended, run
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.postgres import PostgresNode

_CLEAN = {"shut down", "shut down in recovery"}
_TIMELINES = (
    "SELECT (SELECT timeline_id FROM pg_control_checkpoint()), pg_is_in_recovery(), CASE WHEN NOT pg_is_in_recovery()"
    " THEN ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END"
)


def rewind(node: PostgresNode, conninfo: str, turn: Turn, deadline: Deadline) -> dict[str, Any]:
    """What was done. Raises QX-NODE-006 when it cannot be done: then clone."""
    if pgdata.holds_nothing(node.data_dir):
        raise _cannot(node, "it holds no data")
    if turn.memory.incomplete:
        raise _cannot(node, f"a {turn.memory.incomplete} was interrupted, which pg_rewind cannot mend")
    with without_password(conninfo, node.data_dir, dbname="postgres") as source:
        timeline = _check_source(node, source, deadline)
        control = node.control_file(deadline)
        required = recovered = False
        if not pgdata.is_unused_copy(node.data_dir):
            recovered = control.state not in _CLEAN
            required = _rewind(node, source, turn, deadline, recovers=recovered)
        elif control.timeline != timeline:
            raise _cannot(node, f"it is a copy of timeline {control.timeline} that was never started")
    pgdata.pin(node.data_dir)
    pgdata.set_upstream(node.data_dir, {"primary_conninfo": conninfo})
    if required:
        turn.remember(incomplete="")
        pgdata.unbar(node.data_dir)
    return {"rewound": required, "recovered": recovered, "took_s": round(deadline.spent, 3)}


def _rewind(node: PostgresNode, source: str, turn: Turn, deadline: Deadline, *, recovers: bool) -> bool:
    """Whether there was anything to rewind."""
    if recovers:
        try:
            recover(node, turn, deadline)
        except QxError as error:
            raise _cannot(node, error.message) from error
    told = _pg_rewind(node, source, ("--dry-run",), turn, deadline)
    if "no rewind required" in told.err + told.out:
        return False
    turn.remember(incomplete="rewind")
    keepsakes.keep(node.data_dir)
    pgdata.bar(node.data_dir)
    _pg_rewind(node, source, (), turn, deadline)
    keepsakes.put_back(node.data_dir)
    return True


def _check_source(node: PostgresNode, source: str, deadline: Deadline) -> int:
    """The timeline that it writes."""
    wait = max(1, round(deadline.left))
    try:
        with psycopg.connect(source, connect_timeout=min(10, wait), autocommit=True) as connection:
            row = connection.execute(_TIMELINES).fetchone()
    except psycopg.Error as error:
        raise _cannot(node, f"its upstream does not answer: {str(error).strip()}") from error
    checkpointed, in_recovery, current = row or (0, True, 0)
    if in_recovery:
        raise _cannot(node, "its upstream is a standby")
    if checkpointed != current:
        raise QxError(
            "QX-NODE-006",
            f"{node.where}: its upstream writes timeline {current} and has not completed a checkpoint on it",
            hint="CHECKPOINT there first",
        )
    return int(current)


def _pg_rewind(
    node: PostgresNode, source: str, options: tuple[str, ...], turn: Turn, deadline: Deadline
) -> Ended:
    program = (str(node.bin_dir / "pg_rewind"), "--target-pgdata", str(node.data_dir), "--source-server", source)
    try:
        told = run((*node.settings.run_as, *program, "--no-ensure-shutdown", *options), deadline, turn)
    except (OSError, TimeoutError) as error:
        raise _cannot(node, str(error)) from error
    if told.code != 0:
        raise _cannot(node, told.last_words(3))
    return told


def _cannot(node: PostgresNode, why: str) -> QxError:
    return QxError("QX-NODE-006", f"{node.where}: it cannot be rewound: {why}", hint="clone it instead")
