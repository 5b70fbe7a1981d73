"""KYC providers against the real thing: a file of each kind, PostgreSQL, an HTTP site that misbehaves in every way."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.kyc.file import FileProvider
from qx.adapters.kyc.http import HttpProvider
from qx.adapters.kyc.sql import SqlProvider
from qx.app.kyc import Asker, Asking
from qx.app.workbench import Workbench
from qx.compliance.kyc import Enriched
from qx.compliance.selftest import BASE
from qx.compliance.transaction import read
from qx.kernel.spans import Seconds
from qx.model.kyc import FileKyc, HttpKyc, KycRecord, NoWord, Party, SqlKyc, Unknown
from qx.ports.kyc import KycProvider, KycSilent
from tests.contract.kyc_sandbox import Sandbox, Status, Way, sandbox
from tests.contract.receivers import authority, http_site
from tests.fixtures_servers import PgPair, wait_until

LEI = "5493001KJTIIGC8Y1R12"
RECORDS: list[dict[str, Any]] = [
    {"lei": LEI, "name": "Gulf Energy Trading WLL", "country": "BH", "status": "verified", "reviewedAt": "2026-03-01",
     "riskRating": "standard", "pep": False, "approvals": ["desk", "senior_management"], "sourceOfFunds": "stated",
     "ubosComplete": True},
    {"registrationNo": "CR-7", "name": "Mina Oil", "country": "OM", "status": "pending"},
]  # fmt: skip
FULL = KycRecord(
    lei=LEI, name="Gulf Energy Trading WLL", country="BH", status="verified",
    reviewed_at=date(2026, 3, 1), risk_rating="standard", pep=False,
    approvals=("desk", "senior_management"), source_of_funds="stated", ubos_complete=True,
)  # fmt: skip
GULF, MINA = Party(lei=LEI, name="whatever it is called"), Party(registration_no="CR-7", country="OM")
NOBODY = Party(name="Nobody Known")
COLUMNS = {"lei": "lei", "registrationNo": "registration_no", "name": "name", "country": "country", "status": "status",
           "reviewedAt": "reviewed_at", "riskRating": "risk_rating", "pep": "pep", "approvals": "approvals",
           "sourceOfFunds": "source_of_funds", "ubosComplete": "ubos_complete"}  # fmt: skip
QUERY = f"""SELECT {', '.join(COLUMNS.values())} FROM kyc
    WHERE lei = %(lei)s OR registration_no = %(registrationNo)s OR name = %(name)s -- who it is"""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox() as made:
        made.records = RECORDS
        yield made


def written(path: Path, records: list[dict[str, Any]] = RECORDS) -> Path:
    """`records` in the file's own kind."""
    if path.suffix == ".json":
        path.write_text(json.dumps(records))
    elif path.suffix == ".ndjson":
        path.write_text("\n".join(json.dumps(each) for each in records) + "\n\n")
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(COLUMNS))
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in each.items()} for each in records)
    else:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DROP TABLE IF EXISTS kyc")
            database.execute(f"CREATE TABLE kyc ({', '.join(COLUMNS.values())})")
            for each in records:
                cells = [_cell(each.get(key), None) for key in COLUMNS]
                database.execute(f"INSERT INTO kyc VALUES ({', '.join('?' * len(cells))})", cells)
    return path


def _cell(value: Any, nothing: Any = "") -> Any:
    if value is None:
        return nothing
    return ";".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value


def of_file(path: Path) -> FileProvider:
    return FileProvider(FileKyc(path=str(path)), path)


class Ahead(SystemClock):
    """The machine's, set forward at will."""

    by = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.by


def of_http(site: Sandbox, clock: SystemClock | None = None, **more: Any) -> HttpProvider:
    times = {"timeout": Seconds(20), "attempt_timeout": Seconds(10), "connect_timeout": Seconds(5)}
    settings = HttpKyc(url=site.url, headers={"Authorization": "env:TOKEN"}, **{**times, **more})
    return HttpProvider(settings, lambda _: "Bearer hunter2", clock or SystemClock())


def of_sql(pair: PgPair, query: str = QUERY, timeout: float = 20.0) -> SqlProvider:
    return SqlProvider(SqlKyc(url=pair.writer.url, query=query, timeout=Seconds(timeout), concurrency=2), str)


@pytest.fixture
def database(shared_pg_pair: PgPair) -> Iterator[PgPair]:
    kinds = {"reviewedAt": "date", "pep": "boolean", "approvals": "text[]", "ubosComplete": "boolean"}
    node = shared_pg_pair.writer
    columns = [f"{name} {kinds.get(key, 'text')}" for key, name in COLUMNS.items()]
    node.sql(f"CREATE TABLE kyc ({', '.join(columns)})")
    for each in RECORDS:
        node.sql(f"INSERT INTO kyc ({', '.join(COLUMNS[key] for key in each)}) "
                 f"VALUES ({', '.join(['%s'] * len(each))})", *each.values())  # fmt: skip
    try:
        yield shared_pg_pair
    finally:
        node.sql("DROP TABLE kyc")


async def same_answers(provider: KycProvider) -> None:
    """What every provider of RECORDS says."""
    try:
        assert await provider.look(GULF) == FULL
        assert await provider.look(Party(name="Gulf Energy Trading WLL", country="BH")) == FULL
        found = await provider.look(MINA)
        assert isinstance(found, KycRecord)
        assert (found.status, found.pep, found.reviewed_at, found.approvals) == ("pending", None, None, None)
        assert await provider.look(NOBODY) == Unknown()
    finally:
        await provider.close()


async def refused(provider: KycProvider, party: Party = GULF) -> KycSilent:
    """Its words, which hold nothing secret and nobody's name."""
    with pytest.raises(KycSilent) as caught:
        await provider.look(party)
    for word in ("hunter2", "Gulf", LEI, "127.0.0.1", "whatever"):
        assert word not in str(caught.value)
    return caught.value


# -- files


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "db", "sqlite"])
async def test_a_file_of_each_kind(kind: str, tmp_path: Path) -> None:
    await same_answers(of_file(written(tmp_path / f"kyc.{kind}")))


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "db"])
async def test_a_file_that_changes_is_read_again(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"kyc.{kind}")
    provider = of_file(path)
    assert await provider.look(NOBODY) == Unknown()
    written(path, [*RECORDS, {"name": "Nobody Known", "status": "failed"}])
    found = await provider.look(NOBODY)
    assert isinstance(found, KycRecord)
    assert found.status == "failed"


@pytest.mark.parametrize(("kind", "data", "why"), [
    ("csv", b"lei,status\nX,verifeid\n", "status"), ("csv", b"lei,status\n,verified\n", "whom it is about"),
    ("csv", b"lei,status,note\nX,verified,y\n", "note"), ("csv", b"lei,status\nX,verified,more\n", "record 1"),
    ("csv", b"lei,status\n\xff,verified\n", "decode"), ("csv", b"lei,status\nX\n", "status"),
    ("csv", b"lei,status,reviewed_at\nX,verified,soon\n", "reviewedAt"), ("csv", b'lei,status\n"X', "unexpected end"),
    ("csv", b"lei,status,approvals\nX,verified,\x1b[31m\n", "control characters"),
    ("json", b"{}", "array"), ("json", b'[{"lei": "X", "status": "verified", "pep": "no"}]', "bool"),
    ("json", b"[", "truncated"), ("json", b"[" * 100_000, "record"), ("ndjson", b'{"lei": "X", "status": 1}', "status"),
    ("ndjson", b'{"lei": "X", "status": "none", "lei_": "Y"}', "twice"),
    ("db", b"not a database, not at all", "database"),
])  # fmt: skip
async def test_one_bad_record_makes_a_file_unusable(kind: str, data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / f"kyc.{kind}"
    path.write_bytes(data)
    provider = of_file(path)
    with pytest.raises(KycSilent) as caught:
        await provider.look(GULF)
    assert (caught.value.code, why in caught.value.message) == ("QX-KYC-002", True), caught.value
    path.unlink()
    written(path)
    assert await provider.look(GULF) == FULL


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KycSilent, match="No such file") as caught:
        await of_file(tmp_path / "kyc.csv").look(GULF)
    assert caught.value.code == "QX-KYC-001"


async def test_records_that_differ_about_one_party_are_no_word(tmp_path: Path) -> None:
    twice = [RECORDS[1], {**RECORDS[1], "status": "verified"}]
    with pytest.raises(KycSilent, match="2 records that differ"):
        await of_file(written(tmp_path / "kyc.json", twice)).look(MINA)


# -- PostgreSQL


@pytest.mark.integration
async def test_a_query_gives_the_same_answers(database: PgPair, pg_major: int) -> None:
    await same_answers(of_sql(database))


@pytest.mark.integration
async def test_a_query_can_change_nothing_and_has_an_end(database: PgPair, pg_major: int) -> None:
    writes = "WITH gone AS (DELETE FROM kyc RETURNING *) SELECT * FROM gone WHERE lei = %(lei)s"
    with_delete = of_sql(database, writes)
    assert "top level" in (await refused(with_delete)).message
    await with_delete.close()
    database.writer.sql("CREATE SEQUENCE kyc_calls")
    try:
        counts = "SELECT nextval('kyc_calls')::text AS name, 'none' AS status WHERE %(lei)s::text <> ''"
        counting = of_sql(database, counts)
        assert "read-only" in (await refused(counting)).message
        await counting.close()
    finally:
        database.writer.sql("DROP SEQUENCE kyc_calls")
    began = time.monotonic()
    slow = of_sql(database, "SELECT lei, status FROM kyc, pg_sleep(60) WHERE lei = %(lei)s", timeout=0.5)
    assert (await refused(slow)).code == "QX-KYC-001"
    assert time.monotonic() - began < 5
    await slow.close()
    assert database.writer.sql("SELECT count(*) FROM kyc") == [(2,)]


@pytest.mark.integration
@pytest.mark.parametrize(("query", "code"), [
    ("SELECT lei, status, 1 AS more FROM kyc WHERE lei = %(lei)s", "QX-KYC-002"),
    ("SELECT lei FROM kyc WHERE lei = %(lei)s", "QX-KYC-002"),
    ("SELECT lei, repeat('x', 100000) AS status FROM kyc WHERE lei = %(lei)s", "QX-KYC-002"),
    ("SELECT lei, status, pep::text FROM kyc WHERE lei = %(lei)s", "QX-KYC-002"),
    ("SELECT k.lei, k.status FROM kyc k, generate_series(1, 30) WHERE k.lei = %(lei)s", "QX-KYC-002"),
    ("SELECT lei, status FROM kyc WHERE nothing = %(lei)s", "QX-KYC-001"),
    ("SELECT lei, status FROM kyc WHERE %(lei)s::int = 1", "QX-KYC-001"),
])  # fmt: skip
async def test_rows_of_another_form_are_no_word(database: PgPair, pg_major: int, query: str, code: str) -> None:
    provider = of_sql(database, query)
    assert (await refused(provider)).code == code
    await provider.close()


# -- HTTP


async def test_a_site_gives_the_same_answers_and_is_told_no_more_than_it_must(site: Sandbox) -> None:
    await same_answers(of_http(site))
    assert site.asked[0] == {"lei": LEI, "name": "whatever it is called"}
    assert site.headers[0]["Authorization"] == "Bearer hunter2"


@pytest.mark.parametrize("ways", [
    [Status(500)], [Status(503)], [Status(429)], [Status(503, {"Retry-After": "0"})], ["dies"], ["hangs up"],
    [Status(502), "dies"], ["slow"],
], ids=str)  # fmt: skip
async def test_what_may_pass_is_tried_again(site: Sandbox, ways: list[Way | Status]) -> None:
    site.ways = [*ways, "answer"]
    provider = of_http(site, attempt_timeout=Seconds(1 if "slow" in ways else 10))
    assert await provider.look(GULF) == FULL
    assert len(site.asked) == len(ways) + 1
    await provider.close()


@pytest.mark.parametrize(("way", "times", "code"), [
    (Status(500), 3, "QX-KYC-001"), (Status(429), 3, "QX-KYC-001"), ("dies", 3, "QX-KYC-001"),
    (Status(503, {"Retry-After": "3600"}), 1, "QX-KYC-001"), (Status(400), 1, "QX-KYC-001"),
    (Status(401), 1, "QX-KYC-001"), (Status(404), 1, "QX-KYC-001"), (Status(302, {"Location": "/"}), 1, "QX-KYC-001"),
    (Status(204), 1, "QX-KYC-001"), ("garbage", 1, "QX-KYC-002"), ("huge", 1, "QX-KYC-002"),
    ("endless", 1, "QX-KYC-002"), ("packed", 1, "QX-KYC-002"), ("text", 1, "QX-KYC-002"), ("deep", 1, "QX-KYC-002"),
    ("other", 1, "QX-KYC-002"),
], ids=str)  # fmt: skip
async def test_what_is_no_answer_is_no_word(site: Sandbox, way: Way | Status, times: int, code: str) -> None:
    site.ways = [way]
    provider = of_http(site)
    assert (await refused(provider)).code == code
    assert len(site.asked) == times
    await provider.close()


async def test_all_attempts_together_have_one_deadline(site: Sandbox) -> None:
    site.ways = ["slow"]
    provider = of_http(site, timeout=Seconds(0.4), attempt_timeout=Seconds(0.3), retries=50)
    began = time.monotonic()
    await refused(provider)
    assert time.monotonic() - began < 3
    await provider.close()


async def test_who_fails_again_and_again_is_left_alone_then_tried_once(site: Sandbox) -> None:
    site.ways = [Status(500)]
    clock = Ahead()
    provider = of_http(site, clock, retries=0, break_after=2, rest=Seconds(300))
    for _ in range(4):
        await refused(provider)
    assert len(site.asked) == 2
    clock.by += 301
    await refused(provider)
    await refused(provider)
    assert len(site.asked) == 3
    clock.by += 301
    site.ways = ["answer"]
    assert await provider.look(GULF) == FULL
    assert await provider.look(GULF) == FULL
    await provider.close()


async def test_a_secret_is_asked_for_anew_when_it_is_not_taken(site: Sandbox) -> None:
    found = iter(["old", "new"])
    provider = HttpProvider(HttpKyc(url=site.url, headers={"X-Key": "env:K"}), lambda _: next(found), SystemClock())
    assert await provider.look(GULF) == await provider.look(GULF) == FULL
    site.ways = [Status(401), "answer"]
    await refused(provider)
    assert await provider.look(GULF) == FULL
    assert [each["X-Key"] for each in site.headers] == ["old", "old", "old", "new"]
    await provider.close()


async def test_a_certificate_that_nobody_vouches_for_is_not_told_anything(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with: apt install openssl")
    ours = authority(tmp_path)
    with http_site(ours.context) as tls:
        tls.answers = [(200, {"Content-Type": "application/json"}, b'{"record": null}')]
        for trusted in ("", str(ours.ca)):
            settings = HttpKyc(url=tls.url, ca_file=trusted, retries=0)
            provider = HttpProvider(settings, str, SystemClock())
            if trusted:
                assert await provider.look(GULF) == Unknown()
            else:
                assert "not trusted" in (await refused(provider)).message
                assert tls.requests == []
            await provider.close()


# -- asked together


async def test_each_party_is_asked_about_once_so_many_at_a_time(site: Sandbox) -> None:
    site.gate = threading.Event()
    provider = of_http(site, concurrency=3)
    asker = Asker(provider, "registry", 3, 600.0, SystemClock())
    parties = [Party(name=f"party {number % 10}") for number in range(40)]
    asked = asyncio.create_task(asker.ask([*parties, GULF]))
    await asyncio.to_thread(wait_until, lambda: site.open == 3, "three questions wait")
    site.gate.set()
    found = await asked
    assert found == {**dict.fromkeys(parties, Unknown()), GULF: FULL}
    assert (len(site.asked), site.most) == (11, 3)
    await asker.ask([GULF, *parties])
    assert len(site.asked) == 11
    await asker.close()


async def test_an_answer_is_kept_for_its_time_and_no_word_not_at_all(site: Sandbox) -> None:
    clock = Ahead()
    asker = Asker(of_http(site, retries=0), "registry", 3, 200, clock)
    await asker.ask([GULF])
    clock.by += 201
    site.ways = [Status(500), "answer"]
    found = await asker.ask([GULF])
    assert isinstance(found[GULF], NoWord)
    assert "QX-KYC-001" in found[GULF].why  # type: ignore[union-attr]
    assert (await asker.ask([GULF]))[GULF] == FULL
    await asker.close()


def test_a_region_asks_its_own_provider_else_the_platforms(tmp_path: Path) -> None:
    """And without one, or without a regions.yaml, everything stays as it is."""
    text = (Path(__file__).parents[1] / "unit/config/base.yaml").read_text()
    own = "bahrain: {title: Bahrain, jurisdictions: [BH], kyc: {driver: file, name: own, path: bh.json}}"
    text = text.replace("bahrain: {title: Bahrain, jurisdictions: [BH]}", own)
    (tmp_path / "regions.yaml").write_text(f"{text}kyc: {{driver: file, name: all, path: gone.json}}\n")
    written(tmp_path / "bh.json")
    bench = Workbench({}, str(tmp_path / "regions.yaml"))
    transactions = [read(BASE), read({"amount": 1}), read(BASE)]
    said: list[str] = []
    found = {}
    for region in ("bahrain", "eu-west", "us"):
        with Asking(bench, region, said.append) as asking:
            asking.enrich(transactions)
            answers = [each.transaction.values for each in asking.enrich(transactions)]
            found[region] = [(each["kyc.source"], each["kyc.answer"]) for each in answers]
    assert found["bahrain"] == [("own", "found"), ("own", "no_answer"), ("own", "found")]
    assert found["eu-west"] == found["us"] == [("all", "no_answer")] * 3
    assert [("QX-KYC-001: all: " in line, "taken as not known" in line) for line in said] == [(True, True)] * 2
    for nothing in (None, Workbench({}, str(_without_kyc(tmp_path)))):
        with Asking(nothing, "bahrain") as asking:
            assert asking.enrich(transactions) == [Enriched(each) for each in transactions]


def _without_kyc(home: Path) -> Path:
    path = home / "plain.yaml"
    path.write_text((Path(__file__).parents[1] / "unit/config/base.yaml").read_text())
    return path
