"""The questions that a PostgreSQL node is asked, as SQL: one statement each, for 14 to 18, in recovery or not.

Invariants: nothing is written, nothing waits. What fails in the other role, or may be missing or not granted, stands in
a CASE that is not reached then. For the latter that is not enough: permissions are checked before anything runs, so it
stands in a string. ts_stat is the one function of PostgreSQL's core that runs a query given as text without libxml; it
gives the words of the text vectors that the query yields: here one vector of one word. What backends do is asked once:
each of the views does so by itself, and it costs the more the more of them there are.
"""

from __future__ import annotations

from typing import LiteralString

_HERE: LiteralString = """
WITH here AS MATERIALIZED (
    SELECT pg_is_in_recovery() AS standby, clock_timestamp() AS now,
           extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) AS started_age_s
), wal AS MATERIALIZED (
    SELECT CASE WHEN standby THEN coalesce(pg_last_wal_replay_lsn(), '0/0')
           ELSE pg_current_wal_flush_lsn() END AS applied,
           CASE WHEN standby THEN pg_last_wal_receive_lsn() END AS received
    FROM here
), receiver AS MATERIALIZED (
    SELECT * FROM pg_stat_wal_receiver
), segment AS MATERIALIZED (
    SELECT word AS name FROM ts_stat($$
        SELECT array_to_tsvector(ARRAY[max(name)]) FROM pg_ls_waldir()
        WHERE name ~ '^[0-9A-F]{24}$' HAVING max(name) <> ''
    $$)
), lineage AS MATERIALIZED (
    SELECT CASE WHEN standby THEN greatest(
        (SELECT received_tli FROM receiver),
        (SELECT timeline_id FROM pg_control_checkpoint()),
        (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
        CASE WHEN NOT EXISTS (SELECT FROM receiver) AND has_function_privilege('pg_ls_waldir()', 'execute')
            THEN (SELECT ('x' || left(name, 8))::bit(32)::int FROM segment) END
    ) ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline
    FROM here
)"""

# (replayed position or flushed one, timeline)
REPLAYED: LiteralString = _HERE + "SELECT (applied - '0/0'::pg_lsn)::bigint, timeline FROM wal, lineage"  # noqa: S608 # nosec B608 - constants

# (text of a timeline history file, None where there is none)
HISTORY: LiteralString = "SELECT convert_from(pg_read_binary_file(%s, 0, 1048576, true), 'UTF8')"

# (JSON of PgFacts without `upstream`, and `conninfo`: primary_conninfo, None where it may not be read);
# parameter: the names of the settings
FACTS: LiteralString = _HERE + """, settings AS MATERIALIZED (
    SELECT name, coalesce(setting, '') AS setting FROM pg_settings WHERE name = ANY (%s) OR name = 'primary_conninfo'
), activity AS MATERIALIZED (
    SELECT pid, application_name, backend_start, backend_type, xact_start FROM pg_stat_get_activity(NULL)
), senders AS MATERIALIZED (
    SELECT json_agg(json_build_object(
        'name', coalesce(application_name, ''),
        'state', coalesce(state, ''),
        'sync_state', coalesce(sync_state, ''),
        'sent', coalesce(sent_lsn - '0/0'::pg_lsn, 0)::bigint,
        'flushed', coalesce(flush_lsn - '0/0'::pg_lsn, 0)::bigint,
        'replayed', coalesce(replay_lsn - '0/0'::pg_lsn, 0)::bigint,
        'reply_age_s', coalesce(extract(epoch FROM now - coalesce(reply_time, backend_start)), 0),
        'pid', pid
    ) ORDER BY application_name, pid) AS all
    FROM here, pg_stat_get_wal_senders() JOIN activity USING (pid) WHERE state IS DISTINCT FROM 'backup'
), slots AS MATERIALIZED (
    SELECT json_agg(json_build_object(
        'name', slot_name,
        'kind', slot_type,
        'active', active,
        'restart', coalesce(restart_lsn - '0/0'::pg_lsn, 0)::bigint,
        'wal_status', coalesce(wal_status, '')
    ) ORDER BY slot_name) AS all
    FROM pg_replication_slots
), archive_status AS MATERIALIZED (
    SELECT word::int AS ready FROM ts_stat($$
        SELECT array_to_tsvector(ARRAY[count(*)::text]) FROM pg_ls_archive_statusdir() WHERE name LIKE '%%.ready'
    $$)
), archiver AS MATERIALIZED (
    SELECT json_build_object(
        'mode', current_setting('archive_mode'),
        'failed', failed_count,
        'last_failed_age_s', CASE WHEN last_archived_time IS NULL OR last_failed_time > last_archived_time
            THEN extract(epoch FROM now - last_failed_time) END,
        'ready', CASE WHEN has_function_privilege('pg_ls_archive_statusdir()', 'execute')
            THEN (SELECT ready FROM archive_status) END
    ) AS it
    FROM here, pg_stat_archiver WHERE current_setting('archive_mode') <> 'off'
), control AS MATERIALIZED (
    SELECT word::json AS marker FROM ts_stat($$SELECT array_to_tsvector(ARRAY[to_json(c)::text]) FROM qx.control c$$)
), readable AS MATERIALIZED (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'qx' AND c.relname = 'control'
      AND has_schema_privilege(n.oid, 'usage') AND has_table_privilege(c.oid, 'select')
)
SELECT json_build_object(
    'in_recovery', standby,
    'system_id', (SELECT system_identifier::text FROM pg_control_system()),
    'timeline', timeline,
    'version', current_setting('server_version_num')::int,
    'position', (greatest(applied, received) - '0/0'::pg_lsn)::bigint,
    'replayed', (applied - '0/0'::pg_lsn)::bigint,
    'replay_paused', CASE WHEN standby THEN pg_get_wal_replay_pause_state() <> 'not paused' ELSE false END,
    'replay_age_s', CASE WHEN standby THEN extract(epoch FROM now - pg_last_xact_replay_timestamp()) END,
    'next_xid', pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    'receiver', CASE WHEN standby THEN (SELECT json_build_object(
        'status', coalesce(status, ''),
        'host', coalesce(sender_host, ''),
        'port', coalesce(sender_port, 0),
        'slot', coalesce(slot_name, ''),
        'timeline', coalesce(received_tli, 0),
        'latest_end', coalesce(latest_end_lsn - '0/0'::pg_lsn, 0)::bigint,
        'message_age_s', coalesce(extract(epoch FROM now - last_msg_receipt_time), started_age_s),
        'told_clock', extract(epoch FROM latest_end_time)::float8
    ) FROM receiver) END,
    'senders', coalesce((SELECT senders.all FROM senders), '[]'),
    'slots', coalesce((SELECT slots.all FROM slots), '[]'),
    'archiver', (SELECT it FROM archiver),
    'settings', coalesce((SELECT json_object_agg(name, setting) FROM settings WHERE name <> 'primary_conninfo'), '{}'),
    'started_age_s', started_age_s,
    'prepared', (SELECT count(*) FROM pg_prepared_xacts),
    'longest_xact_s', (SELECT coalesce(max(extract(epoch FROM now - xact_start)), 0) FROM activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
    'base_backups', (SELECT count(*) FROM pg_stat_progress_basebackup),
    'marker', CASE WHEN EXISTS (SELECT FROM readable) THEN (SELECT marker FROM control) END,
    'clock', extract(epoch FROM clock_timestamp())::float8
)::text, CASE WHEN standby THEN (SELECT setting FROM settings WHERE name = 'primary_conninfo') END
FROM here, wal, lineage
"""  # noqa: S608 # nosec B608 - constants
