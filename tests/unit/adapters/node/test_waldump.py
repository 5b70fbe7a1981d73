"""pg_waldump's lines as PostgreSQL 15 to 18 print them."""

from __future__ import annotations

from qx.adapters.node.waldump import Relation, read


def record(resource: str, length: int, xid: int, position: str, words: str) -> str:
    padded = f"rmgr: {resource:11} len (rec/tot): {length:6}/{length:6}, tx: {xid:10}, lsn: {position}"
    return f"{padded}, prev 0/01529A58, desc: {words}"


LINES = [
    record("Heap", 59, 731, "0/01529A90", "INSERT+INIT off 1 flags 0x08, blkref #0: rel 1663/5/16384 blk 0"),
    record("Btree", 64, 731, "0/01529AD0", "INSERT_LEAF off 1, blkref #0: rel 1663/5/16387 blk 1"),
    record("Heap", 72, 732, "0/01529B10", "HOT_UPDATE old_xmax: 732, old_off: 1, blkref #0: rel 1663/5/16384 blk 0"),
    record("Heap", 54, 732, "0/01529B58", "LOCK xmax: 732, off: 2, blkref #0: rel 1663/5/16399 blk 0"),
    record("Transaction", 34, 733, "0/01529B90", "ABORT 2025-11-22 02:42:00.123456 UTC"),
    record("Transaction", 82, 731, "0/01529BB8", "COMMIT 2025-11-22 02:42:01.123456 UTC; subxacts: 732 734; inval"),
    record("Transaction", 66, 0, "0/01529C10", "COMMIT_PREPARED 740: 2025-11-22 02:42:02.000000 UTC"),
    "pg_waldump: error: error in WAL record at 0/1529C10: invalid record length at 0/1529C58: expected at least 24",
]


def test_commits_relations_and_the_end() -> None:
    beyond = read(LINES)
    assert beyond.records == 7
    assert [(commit.xid, commit.at) for commit in beyond.commits] == [
        (731, "2025-11-22 02:42:01.123456"),
        (740, "2025-11-22 02:42:02.000000"),
    ]
    assert beyond.xids == {731, 732, 734, 740}
    assert beyond.relations == {Relation(1663, 5, 16384): {"INSERT": 1, "HOT_UPDATE": 1}}
    assert beyond.end == 0x1529C58


def test_only_some_transactions() -> None:
    beyond = read(LINES, {"732"})
    assert beyond.relations == {Relation(1663, 5, 16384): {"HOT_UPDATE": 1}}
    assert beyond.commits == []


def test_nothing() -> None:
    beyond = read(["pg_waldump: error: could not find a valid record after 0/1529C58"])
    assert (beyond.records, beyond.end, beyond.commits) == (0, 0, [])
