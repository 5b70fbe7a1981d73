-- The journal of a regional database: append-only, hash-chained, written by triggers only. Every init-*.sql includes this file.
--
-- audit.seal(TABLE)   append-only: INSERT is recorded; UPDATE, DELETE and TRUNCATE are refused
-- audit.watch(TABLE)  a register with a state: INSERT and UPDATE are recorded; DELETE and TRUNCATE are refused
-- audit.verify()      no row: the chain holds; else the first places where it does not
-- audit.head          the newest digest. Copy it elsewhere: only that shows that the end of the chain was cut off
--
-- Rows hold references and digests, never a person: what has to be erased one day must not stand in a chain.
-- One chain per database: writers of registers wait for each other until they commit. Registers bear that, an order book would not.
-- The tables belong to the role that runs this file. Applications are members of book_writer, which owns nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'book_writer') THEN
        CREATE ROLE book_writer NOLOGIN;
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS audit;
GRANT USAGE ON SCHEMA audit TO book_writer;

CREATE TABLE IF NOT EXISTS audit.entry (
    seq      bigint      PRIMARY KEY,
    at       timestamptz NOT NULL,
    login    text        NOT NULL,  -- the role that was logged in
    actor    text        NOT NULL,  -- whom the application named with SET LOCAL audit.actor; else the login
    action   text        NOT NULL CHECK (action IN ('INSERT', 'UPDATE')),
    subject  text        NOT NULL,  -- schema.table
    was      jsonb       CHECK ((was IS NOT NULL) = (action = 'UPDATE')),
    became   jsonb       NOT NULL,
    previous bytea       NOT NULL CHECK (length(previous) = 32),
    digest   bytea       NOT NULL CHECK (length(digest) = 32)
);
COMMENT ON TABLE audit.entry IS
    'Who changed which register, chained: digest = sha256(previous, the entry). SOX s.404, GDPR Art. 5(2), CBB FC-7.1.1';
GRANT SELECT ON audit.entry TO book_writer;

CREATE OR REPLACE FUNCTION audit.digest_of(entry audit.entry) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(entry.previous || convert_to(jsonb_build_array(
        entry.seq, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        entry.login, entry.actor, entry.action, entry.subject, entry.was, entry.became)::text, 'UTF8'))
$$;

CREATE OR REPLACE FUNCTION audit.record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry audit.entry;
BEGIN
    -- Held until commit. A REPEATABLE READ transaction that waited here fails on the primary key: it never forks the chain.
    PERFORM pg_advisory_xact_lock('audit.entry'::regclass::oid::bigint);
    SELECT last.seq + 1, last.digest INTO entry.seq, entry.previous
        FROM audit.entry AS last ORDER BY last.seq DESC LIMIT 1;
    entry.seq      := coalesce(entry.seq, 1);
    entry.previous := coalesce(entry.previous, sha256(''));
    entry.at       := clock_timestamp();
    entry.login    := session_user;
    entry.actor    := coalesce(nullif(current_setting('audit.actor', true), ''), session_user);
    entry.action   := TG_OP;
    entry.subject  := TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME;
    entry.was      := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
    entry.became   := to_jsonb(NEW);
    entry.digest   := audit.digest_of(entry);
    INSERT INTO audit.entry SELECT entry.*;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%.% keeps what was written: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Record the correction as a new row.';
END
$$;

CREATE OR REPLACE FUNCTION audit.seal(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()', target);
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_record AFTER INSERT ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION audit.record()', target);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO book_writer', target);
END
$$;

CREATE OR REPLACE FUNCTION audit.watch(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_refuse BEFORE DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()', target);
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_record AFTER INSERT OR UPDATE ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION audit.record()', target);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %s TO book_writer', target);
END
$$;

REVOKE EXECUTE ON FUNCTION audit.record(), audit.seal(regclass), audit.watch(regclass) FROM PUBLIC;

CREATE OR REPLACE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

CREATE OR REPLACE FUNCTION audit.verify() RETURNS TABLE (seq bigint, problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH chain AS (
        SELECT entry.seq, entry.previous, entry.digest, audit.digest_of(entry) AS computed,
               row_number() OVER in_order AS place,
               lag(entry.digest, 1, sha256('')) OVER in_order AS before
        FROM audit.entry AS entry
        WINDOW in_order AS (ORDER BY entry.seq)
    ), judged AS (
        SELECT chain.seq, CASE
            WHEN chain.digest <> chain.computed THEN 'entry was changed'
            WHEN chain.seq <> chain.place THEN 'an entry before it is missing'
            WHEN chain.previous <> chain.before THEN 'does not follow the entry before it'
        END AS problem
        FROM chain
    )
    SELECT judged.seq, judged.problem FROM judged WHERE judged.problem IS NOT NULL ORDER BY judged.seq LIMIT 10
$$;

CREATE OR REPLACE VIEW audit.head AS
    SELECT seq, at, encode(digest, 'hex') AS digest FROM audit.entry ORDER BY seq DESC LIMIT 1;
GRANT SELECT ON audit.head TO book_writer;
