"""A runbook on the one engine, with real servers: journal, conditions, undo, death and resumption, consent, secrets."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psycopg
import pytest

from qx.lab.up import Wish
from tests.fixtures_lab import HOME, TRADING, ended, wait

if TYPE_CHECKING:
    from tests.fixtures_lab import Said, Site
    from tests.integration.runbooks.conftest import Books

pytestmark = [pytest.mark.integration]

FIRST = """
runbook: first
title: Look, move, look again
inputs:
  to: {type: region}
  cluster: {type: cluster, default: trading}
steps:
  - id: before
    do: sql
    because: the writer answers
    cluster: ${inputs.cluster}
    statement: SELECT pg_is_in_recovery() AS standby, $1::text AS said
    parameters: ["${inputs.to}"]
    expect: not rows[0].standby and rows[0].said == inputs.to
  - id: never
    do: notify
    because: nobody is to hear of it
    when: clusters[inputs.cluster].writer == inputs.to
    message: it is there already
  - id: move
    do: failover
    because: that is what it is for
    to: ${inputs.to}
    clusters: ["${inputs.cluster}"]
    undo: {do: failback, clusters: ["${inputs.cluster}"], override: [cooldown], reason: undone}
  - id: there
    do: wait_until
    because: it has arrived
    until: clusters[inputs.cluster].writer == inputs.to and clusters[inputs.cluster].verdict == "healthy"
    timeout: 30s
"""


def test_it_looks_moves_and_looks_again(site: Site, books: Books) -> None:
    books.write("first", FIRST)
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        said = books.run("first", to=way.target)
        assert (said.exit, said.document["outcome"]) == (0, "done"), said
        site.serves(ledger, TRADING, way.target)
    run = said.document["run"]
    assert books.outcomes(run) == {"before": "DONE", "never": "SKIPPED", "move": "DONE", "there": "DONE"}
    inner = books.proof(run, "move")["run"]
    assert site.entries(inner)[0].proof["within"] == f"{run}/move"
    assert books.proof(run, "before")["rows"] == [{"standby": False, "said": way.target}]
    site.record_is_sound()


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(site: Site, books: Books) -> None:
    books.write("first", FIRST)
    runs, way = site.runs(), site.way(TRADING)
    plan = site.ok("runbook", "run", "first", "--input", f"to={way.target}", "--dry-run")
    assert [step["id"] for step in plan["steps"]] == ["before", "never", "move", "there"]
    assert plan["steps"][3]["action"]["until"].startswith(f'clusters["trading"].writer == "{way.target}"')
    assert site.runs() == runs
    assert site.writer(TRADING) == way.source


def test_a_step_that_fails_undoes_those_before_it(site: Site, books: Books) -> None:
    if site.writer(TRADING) != HOME:
        site.ok("failback", "--cluster", TRADING, "--yes")
    books.write("first", FIRST.replace('verdict == "healthy"', 'verdict == "down"').replace("30s", "2s"))
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        said = books.run("first", to=way.target)
        assert (said.exit, said.document["outcome"]) == (1, "undone"), said
        assert said.document["error"]["code"] == "QX-BOOK-005"
        site.serves(ledger, TRADING, HOME)
    assert books.outcomes(said.document["run"])["move"] == "UNDONE"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "outcome"), [(6, "done"), (7, "done"), (12, "done"), (16, "failed"), (24, "done")]
)
def test_killed_and_resumed(site: Site, books: Books, entry: int, outcome: str) -> None:
    """The inner run is gone on with, never begun a second time; where it is undone, the outer one has failed."""
    books.write("first", FIRST)
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        said = ended(books.start("first", fault=f"die:{entry}:after", to=way.target))
        assert said.exit == -signal.SIGKILL, said
        outer = next(run for run in site.runs() if run.intent == "runbook")
        resumed = site.qx("runs", "resume", outer.id, timeout=120)
        assert resumed.document["outcome"] == outcome, resumed
        site.serves(ledger, TRADING, way.target if outcome == "done" else way.source)
    begun = [e.proof["within"] for run in site.runs() for e in site.entries(run.id)[:1] if e.proof.get("within")]
    assert begun.count(f"{outer.id}/move") == 1
    site.record_is_sound()


WRITES = """
runbook: writes
title: A statement that writes
inputs: {name: {type: string}}
steps:
  - id: table
    do: sql
    because: somewhere to write to
    cluster: trading
    statement: CREATE TABLE IF NOT EXISTS qx_book (name text PRIMARY KEY)
    writes: true
  - id: insert
    do: sql
    because: what it is for
    cluster: trading
    statement: INSERT INTO qx_book VALUES ($1) RETURNING name
    parameters: ["${inputs.name}"]
    writes: true
    undo:
      do: sql
      cluster: trading
      statement: DELETE FROM qx_book WHERE name = $1
      parameters: ["${inputs.name}"]
      writes: true
  - id: read
    do: sql
    because: it must not write
    cluster: trading
    statement: DELETE FROM qx_book
"""


def held(site: Site) -> set[str]:
    writer = site.writer(TRADING)
    assert writer is not None
    with psycopg.connect(site.dsn(TRADING, writer)) as connection:
        if connection.execute("SELECT to_regclass('qx_book')").fetchone() == (None,):
            return set()
        return {row[0] for row in connection.execute("SELECT name FROM qx_book")}


def test_what_only_reads_cannot_write_and_what_was_written_is_undone(site: Site, books: Books) -> None:
    books.write("writes", WRITES)
    said = books.run("writes", name="one")
    assert said.document["outcome"] == "partial", said  # the table stays
    assert "read-only transaction" in said.document["error"]["message"]
    assert "one" not in held(site)


LOST = WRITES.replace("writes\n", "lost\n", 1).split("  - id: read")[0]


def cut_short(site: Site, books: Books, query: str, when: str) -> Said:
    """Killed before the insert, or after it and before that is written down. What the resumed run comes to."""
    books.write("lost", LOST.replace("    statement: INSERT", query + "    statement: INSERT"))
    number = {"before": "5:after", "after": "6:before"}[when]
    said = ended(books.start("lost", fault=f"die:{number}", name="two"))
    assert said.exit == -signal.SIGKILL, said
    assert held(site) >= {"two"} if when == "after" else "two" not in held(site)
    return site.qx("runs", "resume", site.runs()[0].id)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_write_without_an_answer_is_looked_for(site: Site, books: Books, when: str) -> None:
    resumed = cut_short(
        site, books, "    settled: SELECT EXISTS (SELECT FROM qx_book WHERE name = 'two')\n", when
    )
    assert (resumed.exit, resumed.document["outcome"]) == (0, "done"), resumed
    assert "two" in held(site)
    inserted = [e for e in site.entries(resumed.document["run"]) if e.step == "insert" and e.event == "intended"]
    assert len(inserted) == {"before": 2, "after": 1}[when]
    with psycopg.connect(site.dsn(TRADING, str(site.writer(TRADING))), autocommit=True) as connection:
        connection.execute("DELETE FROM qx_book")


@pytest.mark.parametrize("site", [Wish(regions=4)], indirect=True)
def test_a_write_that_nobody_can_look_for_stays_unknown(site: Site, books: Books) -> None:
    """In a lab of its own: that run stays as it is."""
    resumed = cut_short(site, books, "", "after")
    assert (resumed.exit, resumed.document["outcome"]) == (3, "stuck"), resumed
    again = site.qx("runs", "resume", resumed.document["run"])
    assert (again.exit, again.document["outcome"]) == (3, "stuck"), again
    assert "two" in held(site), "neither repeated nor taken back"


def test_a_write_goes_to_the_writer_only(site: Site, books: Books) -> None:
    way = site.way(TRADING)
    books.write("astray", f"""
runbook: astray
title: A write to a replica
steps:
  - {{id: there, do: sql, because: a test, cluster: trading, region: {way.target}, statement: SELECT 1, writes: true}}
""")
    said = books.run("astray")
    assert (said.exit, said.document["error"]["code"]) == (1, "QX-BOOK-007"), said


ASK = """
runbook: ask
title: Wait for consent
steps:
  - {id: consent, do: approve, because: two see more, message: a test, timeout: 60s}
  - {id: then, do: redis, because: it goes on, cluster: sessions, command: [PING], expect: reply == "PONG"}
"""


def test_somebody_else_approves(site: Site, books: Books) -> None:
    books.write("ask", ASK)
    process = books.start("ask")
    wait(lambda: site.ok("approve")["requests"], "the request")
    run = site.runs()[0].id
    own = site.qx("approve", run, "--reason", "I asked for it")
    assert (own.exit, own.document["error"]["code"]) == (4, "QX-BOOK-004"), own
    given = books.approve(run)
    assert given.exit == 0, given
    said = ended(process)
    assert (said.exit, said.document["outcome"]) == (0, "done"), said
    assert books.proof(run, "consent")["approved_by"].startswith("second@")
    assert site.qx("approve", run, "--reason", "again").document["error"]["code"] == "QX-BOOK-009"


def test_a_run_that_waits_is_killed_and_goes_on_waiting(site: Site, books: Books) -> None:
    books.write("ask", ASK)
    said = ended(books.start("ask", fault="die:3:after"))
    assert said.exit == -signal.SIGKILL
    run = site.runs()[0].id
    process = site.start("runs", "resume", run)
    assert books.approve(run).exit == 0
    assert ended(process).document["outcome"] == "done"


def test_an_interrupt_ends_the_waiting(site: Site, books: Books) -> None:
    books.write("ask", ASK)
    process = books.start("ask")
    wait(lambda: site.ok("approve")["requests"], "the request")
    process.send_signal(signal.SIGINT)
    said = ended(process, timeout=30)
    assert said.document["outcome"] == "failed", said
    assert books.outcomes(site.runs()[0].id) == {"consent": "FAILED"}


def test_one_run_of_a_runbook_at_a_time(site: Site, books: Books) -> None:
    books.write("ask", ASK)
    process = books.start("ask")
    wait(lambda: site.ok("approve")["requests"], "the request")
    second = books.run("ask")
    assert (second.exit, second.document["error"]["code"]) == (9, "QX-STORE-001"), second
    assert books.approve().exit == 0
    assert ended(process).exit == 0
