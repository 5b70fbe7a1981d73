"""The registers of each region on a real server: they load twice, their rules hold, and what is sealed stays as it was written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
from psycopg import errors

from tests.deployment.conftest import ROOT

if TYPE_CHECKING:
    from tests.deployment.conftest import Postgres

pytestmark = pytest.mark.integration

SCHEMAS = {
    "us": ("sox",),
    "eu": ("gdpr",),
    "ap": ("pdpa",),
    "me": ("adgm", "sharia"),
    "guyana": ("epa",),
    "bahrain": ("cbb",),
}
REF = "'" + "ab" * 32 + "'"  # a keyed digest

CONTROL = (
    "INSERT INTO sox.control (control_id, objective, owner, frequency, is_key) "
    "VALUES ('TRD-001', 'Trades are booked once', 'ann', 'daily', true)"
)
STEP = "INSERT INTO sox.trade_step (transaction_id, step, actor) VALUES ('T1', '{}', '{}')"
ACTIVITY = (
    "INSERT INTO gdpr.processing_activity (activity_id, purpose, lawful_basis, data_classes, erased_after, security, high_risk) "
    "VALUES ('kyc', 'Identify counterparties', 'legal-obligation', '{{kyc_pii}}', '5 years', 'encrypted', {})"
)
PURPOSE = (
    "INSERT INTO pdpa.purpose (purpose_id, description, data_classes, kept_for) "
    "VALUES ('kyc', 'Identify counterparties', '{kyc_pii}', '5 years')"
)
PERMIT = (
    "INSERT INTO epa.permit (permit_no, issued_on, expires_on, facility, usd_per_tonne_co2e) "
    "VALUES ('20160705-EEDPF', '2022-05-31', '2027-05-31', 'Liza-1', 50)"
)
FLARING = (
    "INSERT INTO epa.flaring (permit_no, permit_issued_on, usd_per_tonne_co2e, reason, started_at, ended_at, tonnes_co2e, "
    "approval_sought_at, approval_ref) VALUES ('20160705-EEDPF', '2022-05-31', {}, '{}', '{}Z', '{}Z', 1234.5, {}, {})"
)
RULING = (
    "INSERT INTO sharia.ruling (transaction_id, structure, verdict, contracted_on, paid_in_full_on, deliver_on, board_ref, reasons) "
    "VALUES ('T1', '{}', '{}', '2026-01-05', {}, {}, 'SSB-7', 'as the board found')"
)
REVIEW = (
    "INSERT INTO cbb.transaction_review (transaction_id, customer_ref, completed_on, amount_bhd, is_abnormal, source_of_funds) "
    f"VALUES ('T1', {REF}, '2026-01-05', {{}}, {{}}, '{{}}')"
)
WIRE = (
    "INSERT INTO cbb.wire_check (wire_ref, direction, has_originator_name, has_originator_account, has_originator_identity, "
    "has_beneficiary_name, has_beneficiary_account, released_at) VALUES ('W1', '{}', {}, true, true, true, true, now())"
)


class Case(NamedTuple):
    """`first` is accepted; then `accepted`, and where the rule holds `refused` fails on the constraint `rule`."""

    region: str
    rule: str
    first: tuple[str, ...]
    refused: str
    accepted: str


CASES = (
    Case("us", "duties_segregated", (STEP.format("initiate", "ann"),), STEP.format("approve", "ann"), STEP.format("approve", "ben")),
    Case(
        "us", "steps_in_order", (STEP.format("initiate", "ann"),), STEP.format("settle", "cy"), STEP.format("approve", "ben")
    ),
    Case(
        "us",
        "reviewed_by_another",
        (CONTROL,),
        "INSERT INTO sox.control_test (control_id, tested_on, tester, reviewer, conclusion, evidence_sha256) "
        f"VALUES ('TRD-001', '2026-01-05', 'ann', 'ann', 'effective', {REF})",
        "INSERT INTO sox.control_test (control_id, tested_on, tester, reviewer, conclusion, evidence_sha256) "
        f"VALUES ('TRD-001', '2026-01-05', 'ann', 'ben', 'effective', {REF})",
    ),
    Case(
        "us",
        "approved_by_another",
        (CONTROL,),
        "INSERT INTO sox.override (control_id, transaction_id, requested_by, approved_by, reason) "
        "VALUES ('TRD-001', 'T1', 'ann', 'ann', 'month-end correction')",
        "INSERT INTO sox.override (control_id, transaction_id, requested_by, approved_by, reason) "
        "VALUES ('TRD-001', 'T1', 'ann', 'ben', 'month-end correction')",
    ),
    Case(
        "us",
        "signed_after_the_period",
        (),
        "INSERT INTO sox.certification VALUES ('2026-03-31', 'principal-executive', 'ann', '2026-03-31')",
        "INSERT INTO sox.certification VALUES ('2026-03-31', 'principal-executive', 'ann', '2026-04-20')",
    ),
    Case("eu", "high_risk_is_assessed", (), ACTIVITY.format("true"), ACTIVITY.format("false")),
    Case(
        "eu",
        "safeguards_are_assessed",
        (ACTIVITY.format("false"),),
        "INSERT INTO gdpr.transfer (activity_id, destination, basis, instrument_ref, begun_on) VALUES ('kyc', 'BH', 'scc', 'S1', '2026-01-05')",
        "INSERT INTO gdpr.transfer (activity_id, destination, basis, instrument_ref, begun_on, assessed_on) "
        "VALUES ('kyc', 'BH', 'scc', 'S1', '2026-01-05', '2026-01-04')",
    ),
    Case(
        "eu",
        "subject_request_subject_ref_check",
        (),
        "INSERT INTO gdpr.subject_request (subject_ref, kind, received_on) VALUES ('jane.doe@example.com', 'access', '2026-01-31')",
        f"INSERT INTO gdpr.subject_request (subject_ref, kind, received_on) VALUES ({REF}, 'access', '2026-01-31')",
    ),
    Case(
        "eu",
        "extension_within_two_months",
        (),
        "INSERT INTO gdpr.subject_request (subject_ref, kind, received_on, extended_to, extension_reason) "
        f"VALUES ({REF}, 'erasure', '2026-01-31', '2026-05-01', 'many systems')",
        "INSERT INTO gdpr.subject_request (subject_ref, kind, received_on, extended_to, extension_reason) "
        f"VALUES ({REF}, 'erasure', '2026-01-31', '2026-04-30', 'many systems')",
    ),
    Case(
        "eu",
        "lateness_is_explained",
        (),
        "INSERT INTO gdpr.breach (aware_at, description, subjects, risk, remedy, notified_at) "
        "VALUES ('2026-03-28 12:00Z', 'mail sent to the wrong desk', 3, 'risk', 'recalled', '2026-03-31 12:00:01Z')",
        "INSERT INTO gdpr.breach (aware_at, description, subjects, risk, remedy, notified_at) "
        "VALUES ('2026-03-28 12:00Z', 'mail sent to the wrong desk', 3, 'risk', 'recalled', '2026-03-31 12:00:00Z')",
    ),
    Case(
        "ap",
        "given_consent_is_proven",
        (PURPOSE,),
        f"INSERT INTO pdpa.consent (subject_ref, purpose_id, event, at) VALUES ({REF}, 'kyc', 'given', now())",
        f"INSERT INTO pdpa.consent (subject_ref, purpose_id, event, at) VALUES ({REF}, 'kyc', 'deemed', now())",
    ),
    Case(
        "ap",
        "closed_when_told",
        (),
        "INSERT INTO pdpa.breach (found_on, individuals, significant_harm, closed_on) VALUES ('2026-01-05', 500, false, '2026-02-01')",
        "INSERT INTO pdpa.breach (found_on, individuals, significant_harm, closed_on) VALUES ('2026-01-05', 499, false, '2026-02-01')",
    ),
    Case(
        "ap",
        "lateness_is_explained",
        (),
        "INSERT INTO pdpa.breach (found_on, assessed_on, individuals, significant_harm, commission_told_on) "
        "VALUES ('2026-01-05', '2026-01-10', 9, true, '2026-01-14')",
        "INSERT INTO pdpa.breach (found_on, assessed_on, individuals, significant_harm, commission_told_on) "
        "VALUES ('2026-01-05', '2026-01-10', 9, true, '2026-01-13')",
    ),
    Case(
        "me",
        "never_designated",
        (),
        "INSERT INTO adgm.transfer (data_classes, destination, basis, begun_on) VALUES ('{pii}', 'BH', 'designated', '2026-01-05')",
        "INSERT INTO adgm.transfer (data_classes, destination, basis, begun_on) VALUES ('{pii}', 'IE', 'designated', '2026-01-05')",
    ),
    Case(
        "me",
        "undesignated_needs_an_instrument",
        (),
        "INSERT INTO adgm.transfer (data_classes, destination, basis, begun_on) VALUES ('{pii}', 'BH', 'scc', '2026-01-05')",
        "INSERT INTO adgm.transfer (data_classes, destination, basis, instrument_ref, begun_on) VALUES ('{pii}', 'BH', 'scc', 'S1', '2026-01-05')",
    ),
    Case(
        "me",
        "future_is_not_permissible",
        (),
        RULING.format("future", "permissible", "NULL", "NULL"),
        RULING.format("future", "impermissible", "NULL", "NULL"),
    ),
    Case(
        "me",
        "salam_is_paid_at_once",
        (),
        RULING.format("salam", "permissible", "'2026-01-09'", "'2026-06-01'"),
        RULING.format("salam", "permissible", "'2026-01-08'", "'2026-06-01'"),
    ),
    Case(
        "guyana",
        "flaring_permit_no_permit_issued_on_usd_per_tonne_co2e_fkey",
        (PERMIT,),
        FLARING.format(30, "maintenance", "2026-01-05 00:00", "2026-01-06 00:00", "NULL", "NULL"),
        FLARING.format(50, "maintenance", "2026-01-05 00:00", "2026-01-06 00:00", "NULL", "NULL"),
    ),
    Case(
        "guyana",
        "flaring_reason_check",
        (PERMIT,),
        FLARING.format(50, "routine", "2026-01-05 00:00", "2026-01-06 00:00", "NULL", "NULL"),
        FLARING.format(50, "emergency", "2026-01-05 00:00", "2026-01-06 00:00", "NULL", "NULL"),
    ),
    Case(
        "guyana",
        "special_circumstances_past_14_days",
        (PERMIT,),
        FLARING.format(50, "special-circumstances", "2026-01-05 00:00", "2026-01-19 00:01", "'2026-01-09 00:01Z'", "'A1'"),
        FLARING.format(50, "special-circumstances", "2026-01-05 00:00", "2026-01-19 00:01", "'2026-01-09 00:00Z'", "'A1'"),
    ),
    Case("bahrain", "source_of_funds_above_6000", (), REVIEW.format("6000.001", "false", "not-needed"), REVIEW.format("6000", "false", "not-needed")),
    Case("bahrain", "unverifiable_is_reported", (), REVIEW.format("9000", "true", "unverifiable"), REVIEW.format("9000", "true", "verified")),
    Case("bahrain", "outward_is_complete", (), WIRE.format("outward", "false"), WIRE.format("outward", "true")),
    Case("bahrain", "inward_gap_is_queried", (), WIRE.format("inward", "false"), WIRE.format("inward", "true")),
    Case(
        "bahrain",
        "encrypted_under_own_keys",
        (),
        "INSERT INTO cbb.outsourcing_approval VALUES ('OM-1', 'cloud', 'Abu Dhabi', '{customer_information}', true, false, '2026-01-05')",
        "INSERT INTO cbb.outsourcing_approval VALUES ('OM-1', 'cloud', 'Abu Dhabi', '{customer_information}', true, true, '2026-01-05')",
    ),
    Case(
        "bahrain",
        "unlisted_is_authorised",
        (),
        "INSERT INTO cbb.transfer (data_classes, destination, basis, begun_on) VALUES ('{pii}', 'GY', 'authorisation', '2026-01-05')",
        "INSERT INTO cbb.transfer (data_classes, destination, basis, begun_on, authorisation_ref) VALUES ('{pii}', 'GY', 'authorisation', '2026-01-05', 'A1')",
    ),
)  # fmt: skip


def application(server: Postgres, region: str, **options: Any) -> psycopg.Connection[Any]:
    return server.connect(f"user_{region}", f"password_{region}", f"name_{region}", **options)


@pytest.fixture
def as_application(every_book: Postgres, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """The region's application in a transaction that is rolled back."""
    region: str = request.param
    with application(every_book, region) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def as_owner(every_book: Postgres) -> Iterator[psycopg.Connection[Any]]:
    """The owner of the US book in a transaction that is rolled back."""
    owner = every_book.psql("postgres", "-c", "SELECT current_user").stdout.strip()
    with psycopg.connect(host=str(every_book.home), port=every_book.port, user=owner, dbname="name_us") as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("region", SCHEMAS)
def test_loads_again_without_a_change(every_book: Postgres, region: str) -> None:
    def schema() -> str:
        dumped = every_book.program(
            "pg_dump", "--schema-only", "-h", str(every_book.home), "-p", str(every_book.port), f"name_{region}"
        ).stdout
        return "\n".join(line for line in dumped.splitlines() if not line.startswith("\\"))

    once = schema()
    every_book.psql(f"name_{region}", "-f", str(ROOT / f"deployment/postgres/init-{region}.sql"))
    assert schema() == once
    assert all(f"CREATE SCHEMA {name};" in once for name in SCHEMAS[region])
    assert all(f"CREATE SCHEMA {name};" not in once for other in SCHEMAS if other != region for name in SCHEMAS[other])


@pytest.mark.parametrize("region", SCHEMAS)
def test_every_register_is_recorded_and_says_its_law(every_book: Postgres, region: str) -> None:
    with application(every_book, region) as connection:
        registers = connection.execute(
            """SELECT c.oid::regclass::text, obj_description(c.oid, 'pg_class'),
                      array(SELECT tgname::text FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal ORDER BY 1),
                      has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE')
               FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = ANY (%s) AND c.relkind = 'r'""",
            (list(SCHEMAS[region]),),
        ).fetchall()
    assert len(registers) >= 3
    for name, law, triggers, may_delete in registers:
        assert law, name
        assert triggers == ["audit_record", "audit_refuse"], name
        assert not may_delete, name


@pytest.mark.parametrize(
    ("as_application", "case"),
    [(case.region, case) for case in CASES],
    ids=[f"{case.region}-{case.rule}" for case in CASES],
    indirect=["as_application"],
)
def test_rule(as_application: psycopg.Connection[Any], case: Case) -> None:
    for statement in case.first:
        as_application.execute(statement)
    with pytest.raises(errors.IntegrityError) as refused, as_application.transaction():
        as_application.execute(case.refused)
    assert refused.value.diag.constraint_name == case.rule
    as_application.execute(case.accepted)
    problems = as_application.execute("SELECT * FROM audit.verify()").fetchall()
    assert problems == []


def test_clocks_of_the_law_are_computed(every_book: Postgres) -> None:
    with application(every_book, "eu") as connection:
        due = connection.execute(
            f"INSERT INTO gdpr.subject_request (subject_ref, kind, received_on) VALUES ({REF}, 'access', '2026-01-31') "
            "RETURNING due_on::text"
        ).fetchone()
        # The clocks go forward that night: 72 hours are 72 hours.
        by = connection.execute(
            "INSERT INTO gdpr.breach (aware_at, description, subjects, risk, remedy) "
            "VALUES ('2026-03-28 12:00+00', 'mail sent to the wrong desk', 3, 'risk', 'recalled') "
            "RETURNING notify_by = '2026-03-31 12:00+00'"
        ).fetchone()
        connection.rollback()
    assert (due, by) == (("2026-02-28",), (True,))
    with application(every_book, "guyana") as connection:
        connection.execute(PERMIT)
        charge = connection.execute(
            FLARING.format(50, "maintenance", "2026-01-05 00:00", "2026-01-06 12:00", "NULL", "NULL")
            + " RETURNING charge_usd::text, computed_by::text"
        ).fetchone()
        connection.rollback()
    assert charge == ("61725.00", "2026-02-03")


def test_newest_consent_decides(every_book: Postgres) -> None:
    with application(every_book, "ap") as connection:
        connection.execute(PURPOSE)
        for event, at in (("deemed", "2026-01-01"), ("withdrawn", "2026-01-03"), ("deemed", "2026-01-02")):
            connection.execute(
                f"INSERT INTO pdpa.consent (subject_ref, purpose_id, event, at) VALUES ({REF}, 'kyc', %s, %s)", (event, at)
            )
        assert connection.execute("SELECT count(*) FROM pdpa.consent_in_force").fetchone() == (0,)
        connection.execute(
            f"INSERT INTO pdpa.consent (subject_ref, purpose_id, event, at) VALUES ({REF}, 'kyc', 'deemed', '2026-01-04')"
        )
        assert connection.execute("SELECT count(*) FROM pdpa.consent_in_force").fetchone() == (1,)
        connection.rollback()


@pytest.mark.parametrize("table", ["sox.trade_step", "sox.override", "audit.entry"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_sealed_even_for_the_owner(as_owner: psycopg.Connection[Any], table: str, statement: str) -> None:
    as_owner.execute(STEP.format("initiate", "ann"))
    column = {"sox.trade_step": "actor = 'eve'", "sox.override": "reason = ''", "audit.entry": "actor = 'eve'"}[table]
    with pytest.raises(errors.InsufficientPrivilege, match="keeps what was written") as refused:
        as_owner.execute(statement.format(table, column))
    assert refused.value.diag.message_hint == "Record the correction as a new row."


def test_application_cannot_reach_around_the_seal(every_book: Postgres) -> None:
    for statement in (
        "ALTER TABLE sox.trade_step DISABLE TRIGGER ALL",
        "DROP TABLE sox.trade_step",
        "UPDATE sox.trade_step SET actor = 'eve'",
        "DELETE FROM sox.control",
        "INSERT INTO audit.entry SELECT * FROM audit.entry",
        "SET session_replication_role = replica",
        "SELECT audit.seal('sox.control')",
        "CREATE SCHEMA mine",
    ):
        with application(every_book, "us") as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)
    for database in ("name_eu", "qx", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            every_book.connect("user_us", "password_us", database)


def test_journal_says_who_and_what_changed(as_owner: psycopg.Connection[Any]) -> None:
    as_owner.execute("SET LOCAL audit.actor = 'ann@desk'")
    as_owner.execute(CONTROL)
    as_owner.execute("UPDATE sox.control SET owner = 'ben'")
    entries = as_owner.execute(
        "SELECT actor, login = session_user, action, subject, was->>'owner', became->>'owner' FROM audit.entry ORDER BY seq DESC LIMIT 2"
    ).fetchall()
    assert entries == [
        ("ann@desk", True, "UPDATE", "sox.control", "ann", "ben"),
        ("ann@desk", True, "INSERT", "sox.control", None, "ann"),
    ]


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE audit.entry SET became = became || '{\"actor\": \"eve\"}' WHERE seq = %s", "entry was changed"),
        ("UPDATE audit.entry SET previous = sha256('x') WHERE seq = %s", "entry was changed"),
        ("DELETE FROM audit.entry WHERE seq = %s", "an entry before it is missing"),
    ],
)
def test_tampering_shows(as_owner: psycopg.Connection[Any], tampering: str, problem: str) -> None:
    for step, actor in (("initiate", "ann"), ("approve", "ben"), ("settle", "cy")):
        as_owner.execute(STEP.format(step, actor))
    (middle,) = as_owner.execute("SELECT max(seq) - 1 FROM audit.entry").fetchone() or (0,)
    as_owner.execute("ALTER TABLE audit.entry DISABLE TRIGGER ALL")
    as_owner.execute(tampering, (middle,))
    found = as_owner.execute("SELECT seq, problem FROM audit.verify()").fetchone()
    assert found == (middle + 1 if tampering.startswith("DELETE") else middle, problem)


def test_rewritten_entry_breaks_the_next_link(as_owner: psycopg.Connection[Any]) -> None:
    for step, actor in (("initiate", "ann"), ("approve", "ben")):
        as_owner.execute(STEP.format(step, actor))
    as_owner.execute("ALTER TABLE audit.entry DISABLE TRIGGER ALL")
    (before_last,) = as_owner.execute("SELECT max(seq) - 1 FROM audit.entry").fetchone() or (0,)
    as_owner.execute("UPDATE audit.entry SET actor = 'eve' WHERE seq = %s", (before_last,))
    as_owner.execute("UPDATE audit.entry AS e SET digest = audit.digest_of(e) WHERE seq = %s", (before_last,))
    found = as_owner.execute("SELECT seq, problem FROM audit.verify()").fetchall()
    assert found == [(before_last + 1, "does not follow the entry before it")]


def test_writers_at_once_make_one_chain(every_book: Postgres) -> None:
    def write(desk: int) -> None:
        with application(every_book, "us", autocommit=True) as connection:
            for number in range(20):
                connection.execute(f"INSERT INTO sox.trade_step (transaction_id, step, actor) VALUES ('D{desk}-{number}', 'initiate', 'ann')")

    desks = [threading.Thread(target=write, args=(desk,)) for desk in range(4)]
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join()
    with application(every_book, "us") as connection:
        assert connection.execute("SELECT * FROM audit.verify()").fetchall() == []
        assert connection.execute("SELECT count(*), max(seq) - min(seq) + 1 FROM audit.entry").fetchone() == (80, 80)
        head = connection.execute("SELECT digest FROM audit.head").fetchone()
        newest = connection.execute("SELECT encode(digest, 'hex') FROM audit.entry ORDER BY seq DESC LIMIT 1").fetchone()
        assert head == newest
