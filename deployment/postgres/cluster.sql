-- Roles of a new cluster; once per cluster, by node.sh, as the server's owner. Everything here replicates to the standbys.
--   replicator  streams WAL, clones and rewinds; pg_hba.conf lets it in from replication networks only
--   qx          watches and moves the write role without being superuser; its own database is the only thing that it owns
\set ON_ERROR_STOP on
\getenv control_password CONTROL_PASSWORD
\getenv replication_password REPLICATION_PASSWORD
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';  -- a failing CREATE ROLE shall not put its password into the log

\if :{?replication_password}
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replication_password';
\endif

-- REPLICATION is what creating and dropping physical slots asks for.
CREATE ROLE qx LOGIN REPLICATION PASSWORD :'control_password';
GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO qx;
GRANT ALTER SYSTEM ON PARAMETER
    primary_conninfo, primary_slot_name, recovery_min_apply_delay, wal_retrieve_retry_interval,
    synchronous_standby_names, synchronous_commit, default_transaction_read_only TO qx;
CREATE DATABASE qx OWNER qx;
REVOKE ALL ON DATABASE qx FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;

\connect qx
-- The right to execute a built-in function is kept per database: these hold for connections to `qx`.
GRANT EXECUTE ON FUNCTION
    pg_promote(boolean, integer), pg_reload_conf(), pg_wal_replay_pause(), pg_wal_replay_resume(),
    pg_switch_wal(), pg_create_restore_point(text),
    pg_read_binary_file(text, bigint, bigint, boolean)  -- the histories of timelines; by it qx could read any book's files
    TO qx;

\if :{?replication_password}
-- What pg_rewind asks of its source.
GRANT CONNECT ON DATABASE qx TO replicator;
GRANT EXECUTE ON FUNCTION
    pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean),
    pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;
\endif
