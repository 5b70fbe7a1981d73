"""pg_waldump's lines as PostgreSQL 15 to 18 print them."""

from __future__ import annotations

from qx.adapters.node.waldump import Relation, read

LINES = """\
rmgr: Heap        len (rec/tot):     59/    59, tx:        731, lsn: 0/01529A90, prev 0/01529A58, desc: INSERT+INIT off 1 \
flags 0x08, blkref #0: rel 1663/5/16384 blk 0
rmgr: Btree       len (rec/tot):     64/    64, tx:        731, lsn: 0/01529AD0, prev 0/01529A90, desc: INSERT_LEAF off 1, \
blkref #0: rel 1663/5/16387 blk 1
rmgr: Heap        len (rec/tot):     72/    72, tx:        732, lsn: 0/01529B10, prev 0/01529AD0, desc: HOT_UPDATE \
old_xmax: 732, old_off: 1, new_xmax: 0, new_off: 2, blkref #0: rel 1663/5/16384 blk 0
rmgr: Heap        len (rec/tot):     54/    54, tx:        732, lsn: 0/01529B58, prev 0/01529B10, desc: LOCK xmax: 732, \
blkref #0: rel 1663/5/16399 blk 0
rmgr: Transaction len (rec/tot):     34/    34, tx:        733, lsn: 0/01529B90, prev 0/01529B58, desc: ABORT \
2025-11-22 02:42:00.123456 UTC
rmgr: Transaction len (rec/tot):     82/    82, tx:        731, lsn: 0/01529BB8, prev 0/01529B90, desc: COMMIT \
2025-11-22 02:42:01.123456 UTC; subxacts: 732 734; inval msgs: catcache 80
rmgr: Transaction len (rec/tot):     66/    66, tx:          0, lsn: 0/01529C10, prev 0/01529BB8, desc: COMMIT_PREPARED \
740: 2025-11-22 02:42:02.000000 UTC
pg_waldump: error: error in WAL record at 0/1529C10: invalid record length at 0/1529C58: expected at least 24, got 0
"""


def test_commits_relations_and_the_end() -> None:
    beyond = read(LINES.splitlines())
    assert beyond.records == 7
    assert [(commit.xid, commit.at) for commit in beyond.commits] == [
        (731, "2025-11-22 02:42:01.123456"),
        (740, "2025-11-22 02:42:02.000000"),
    ]
    assert beyond.xids == {731, 732, 734, 740}
    assert beyond.relations == {Relation(1663, 5, 16384): {"INSERT": 1, "HOT_UPDATE": 1}}
    assert beyond.end == 0x1529C58


def test_only_some_transactions() -> None:
    beyond = read(LINES.splitlines(), {"732"})
    assert beyond.relations == {Relation(1663, 5, 16384): {"HOT_UPDATE": 1}}
    assert beyond.commits == []


def test_nothing() -> None:
    beyond = read(["pg_waldump: error: could not find a valid record after 0/1529C58"])
    assert (beyond.records, beyond.end, beyond.commits) == (0, 0, [])
