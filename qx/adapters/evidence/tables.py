"""The SQL of the record in PostgreSQL 14 to 18: schema `qx_evidence`, which holds the chains of one region or more."""

from __future__ import annotations

from typing import LiteralString

CREATE: LiteralString = """
CREATE SCHEMA IF NOT EXISTS qx_evidence;
CREATE TABLE qx_evidence.head (
    region text PRIMARY KEY, number bigint NOT NULL, digest text NOT NULL, rows bigint NOT NULL,
    covered bigint NOT NULL, pending bigint NOT NULL
);
CREATE TABLE qx_evidence.blocks (
    region text, number bigint, kind text NOT NULL, at double precision NOT NULL, by text NOT NULL,
    basis text NOT NULL, count integer NOT NULL, root text NOT NULL, previous text NOT NULL, digest text NOT NULL,
    body bytea NOT NULL, PRIMARY KEY (region, number)
);
ALTER TABLE qx_evidence.blocks ALTER body SET STORAGE EXTERNAL;
CREATE INDEX ON qx_evidence.blocks (region, kind, at);
CREATE INDEX ON qx_evidence.blocks (root);
CREATE INDEX ON qx_evidence.blocks (region, basis, count);
CREATE TABLE qx_evidence.lines (
    region text, key bytea, block bigint NOT NULL, place integer NOT NULL, PRIMARY KEY (region, key)
);
CREATE INDEX ON qx_evidence.lines (region, block);
CREATE TABLE qx_evidence.slices (
    region text, block bigint, byte integer, keys bytea NOT NULL, PRIMARY KEY (region, block, byte)
);
CREATE TABLE qx_evidence.contents (
    region text, digest text, kind text NOT NULL, body bytea NOT NULL, PRIMARY KEY (region, digest)
);
CREATE FUNCTION qx_evidence.kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'kept as written'; END $$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON qx_evidence.blocks EXECUTE FUNCTION qx_evidence.kept();
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON qx_evidence.lines EXECUTE FUNCTION qx_evidence.kept();
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON qx_evidence.slices EXECUTE FUNCTION qx_evidence.kept();
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON qx_evidence.contents EXECUTE FUNCTION qx_evidence.kept();
"""
STANDS: LiteralString = "SELECT to_regclass('qx_evidence.contents') IS NOT NULL"
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

HEAD: LiteralString = "SELECT number, digest, rows, covered, pending FROM qx_evidence.head WHERE region = %s"
SET_HEAD: LiteralString = """
INSERT INTO qx_evidence.head VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (region) DO UPDATE SET
number = EXCLUDED.number, digest = EXCLUDED.digest, rows = EXCLUDED.rows, covered = EXCLUDED.covered,
pending = EXCLUDED.pending
"""
HAS_ROOT: LiteralString = "SELECT 1 FROM qx_evidence.blocks WHERE region = %s AND root = %s AND basis = %s LIMIT 1"
LARGE: LiteralString = "SELECT count(*) FROM qx_evidence.blocks WHERE region = %s AND basis = %s AND count >= %s"
LINES: LiteralString = "SELECT key FROM qx_evidence.lines WHERE region = %s AND key = ANY (%s)"
SLICES: LiteralString = """
SELECT s.keys FROM qx_evidence.blocks b JOIN qx_evidence.slices s ON s.region = b.region AND s.block = b.number
WHERE b.region = %s AND b.basis = %s AND b.count >= %s AND s.byte = %s
"""
OF_BASIS_AFTER: LiteralString = """
SELECT number, count FROM qx_evidence.blocks WHERE region = %s AND basis = %s AND number > %s
"""
LINES_OF: LiteralString = "SELECT key, place FROM qx_evidence.lines WHERE region = %s AND block = %s"
SLICES_OF: LiteralString = "SELECT keys FROM qx_evidence.slices WHERE region = %s AND block = %s"
PUT_BLOCK: LiteralString = "INSERT INTO qx_evidence.blocks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
PUT_LINES: LiteralString = """
INSERT INTO qx_evidence.lines SELECT %s, key, %s, place FROM unnest(%s::bytea[], %s::int[]) AS t (key, place)
"""
PUT_SLICES: LiteralString = """
INSERT INTO qx_evidence.slices SELECT %s, %s, byte, keys FROM unnest(%s::int[], %s::bytea[]) AS t (byte, keys)
"""
DIGESTS: LiteralString = """
SELECT digest FROM qx_evidence.blocks WHERE region = %s AND number BETWEEN %s AND %s ORDER BY number
"""
STANDING: LiteralString = "SELECT digest FROM qx_evidence.contents WHERE region = %s AND digest = ANY (%s)"
PUT_CONTENT: LiteralString = "INSERT INTO qx_evidence.contents VALUES (%s, %s, %s, %s)"

_LINK: LiteralString = """
SELECT region, number, kind, at, by, basis, count, root, previous, digest, body FROM qx_evidence.blocks
"""
BLOCK: LiteralString = _LINK + "WHERE region = %s AND number = %s"
BLOCKS: LiteralString = _LINK + "WHERE region = %s AND number > %s ORDER BY number LIMIT 8"
COVERING: LiteralString = (
    _LINK + "WHERE region = %s AND kind = 'checkpoint' AND number > %s ORDER BY number LIMIT 1"
)
BETWEEN: LiteralString = """
SELECT number FROM qx_evidence.blocks WHERE region = %s AND kind = %s AND at >= %s AND at < %s ORDER BY at, number
"""
LINES_OF_ID: LiteralString = "SELECT block FROM qx_evidence.lines WHERE region = %s AND key BETWEEN %s AND %s"
SLICES_OF_ID: LiteralString = """
SELECT block, keys FROM qx_evidence.slices WHERE region = %s AND byte = %s AND position(%s::bytea IN keys) > 0
"""
INDEXED: LiteralString = """
SELECT block FROM qx_evidence.lines WHERE region = %s UNION SELECT block FROM qx_evidence.slices WHERE region = %s
"""
CONTENT: LiteralString = "SELECT digest, kind, body FROM qx_evidence.contents WHERE region = %s AND digest = %s"
CONTENTS: LiteralString = "SELECT digest FROM qx_evidence.contents WHERE region = %s ORDER BY digest"
