"""The registers of each region on a real server: they load twice, their rules hold, what is sealed stays as written."""

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
REF = "ab" * 32  # a keyed digest


class Row(NamedTuple):
    """A row of a register; `but` is the same with other values."""

    table: str
    values: dict[str, Any]

    def but(self, **values: Any) -> Row:
        return Row(self.table, self.values | values)

    def insert(self, connection: psycopg.Connection[Any], returning: str = "1") -> Any:
        columns, places = ", ".join(self.values), ", ".join("%s" for _ in self.values)
        statement = f"INSERT INTO {self.table} ({columns}) VALUES ({places}) RETURNING {returning}"
        return connection.execute(statement, list(self.values.values())).fetchone()


def row(table: str, **values: Any) -> Row:
    return Row(table, values)


CONTROL = row(
    "sox.control", control_id="TRD-001", objective="Trades are booked once", owner="ann", frequency="daily", is_key=True
)
CONTROL_TEST = row(
    "sox.control_test",
    control_id="TRD-001", tested_on="2026-01-05", tester="ann", reviewer="ben", conclusion="effective",
    evidence_sha256=REF,
)  # fmt: skip
OVERRIDE = row(
    "sox.override",
    control_id="TRD-001", transaction_id="T1", requested_by="ann", approved_by="ben", reason="month-end correction",
)  # fmt: skip
CERTIFICATION = row(
    "sox.certification", period_end="2026-03-31", office="principal-executive", officer="ann", signed_on="2026-04-20"
)
INITIATE = row("sox.trade_step", transaction_id="T1", step="initiate", actor="ann")
APPROVE = INITIATE.but(step="approve", actor="ben")
SETTLE = INITIATE.but(step="settle", actor="cy")
ACTIVITY = row(
    "gdpr.processing_activity",
    activity_id="kyc", purpose="Identify counterparties", lawful_basis="legal-obligation", data_classes=["kyc_pii"],
    erased_after="5 years", security="encrypted", high_risk=False,
)  # fmt: skip
EU_TRANSFER = row(
    "gdpr.transfer",
    activity_id="kyc", destination="BH", basis="scc", instrument_ref="S1", begun_on="2026-01-05",
    assessed_on="2026-01-04",
)  # fmt: skip
REQUEST = row("gdpr.subject_request", subject_ref=REF, kind="erasure", received_on="2026-01-31")
EXTENDED = REQUEST.but(extended_to="2026-04-30", extension_reason="many systems")
EU_BREACH = row(
    "gdpr.breach",
    aware_at="2026-03-28 12:00Z", description="mail sent to the wrong desk", subjects=3, risk="risk", remedy="recalled",
    notified_at="2026-03-31 12:00:00Z",
)  # fmt: skip
PURPOSE = row(
    "pdpa.purpose",
    purpose_id="kyc", description="Identify counterparties", data_classes=["kyc_pii"], kept_for="5 years",
)  # fmt: skip
CONSENT = row("pdpa.consent", subject_ref=REF, purpose_id="kyc", event="deemed", at="2026-01-01")
AP_BREACH = row("pdpa.breach", found_on="2026-01-05", individuals=499, significant_harm=False, closed_on="2026-02-01")
AP_TOLD = row(
    "pdpa.breach",
    found_on="2026-01-05", assessed_on="2026-01-10", individuals=9, significant_harm=True,
    commission_told_on="2026-01-13",
)  # fmt: skip
ME_TRANSFER = row("adgm.transfer", data_classes=["pii"], destination="IE", basis="designated", begun_on="2026-01-05")
RULING = row(
    "sharia.ruling",
    transaction_id="T1", structure="salam", verdict="permissible", contracted_on="2026-01-05",
    paid_in_full_on="2026-01-08", deliver_on="2026-06-01", board_ref="SSB-7", reasons="as the board found",
)  # fmt: skip
PERMIT = row(
    "epa.permit",
    permit_no="EEDPF", issued_on="2022-05-31", expires_on="2027-05-31", facility="Liza-1", usd_per_tonne_co2e=50,
)  # fmt: skip
FLARING = row(
    "epa.flaring",
    permit_no="EEDPF", permit_issued_on="2022-05-31", usd_per_tonne_co2e=50, reason="special-circumstances",
    started_at="2026-01-05 00:00Z", ended_at="2026-01-19 00:01Z", tonnes_co2e="1234.5",
    approval_sought_at="2026-01-09 00:00Z", approval_ref="A1",
)  # fmt: skip
REVIEW = row(
    "cbb.transaction_review",
    transaction_id="T1", customer_ref=REF, completed_on="2026-01-05", amount_bhd="6000.000", is_abnormal=False,
    source_of_funds="not-needed",
)  # fmt: skip
WIRE = row(
    "cbb.wire_check",
    wire_ref="W1", direction="outward", has_originator_name=True, has_originator_account=True,
    has_originator_identity=True, has_beneficiary_name=True, has_beneficiary_account=True,
    released_at="2026-01-05 12:00Z",
)  # fmt: skip
OUTSOURCING = row(
    "cbb.outsourcing_approval",
    approval_ref="OM-1", provider="cloud", location="Abu Dhabi", data_classes=["customer_information"],
    is_encrypted=True, keys_with_licensee=True, granted_on="2026-01-05",
)  # fmt: skip
BH_TRANSFER = row(
    "cbb.transfer",
    data_classes=["pii"], destination="GY", basis="authorisation", authorisation_ref="A1", begun_on="2026-01-05",
)  # fmt: skip


class Case(NamedTuple):
    """After `first`, `accepted` is accepted, and with the values of `broken` it fails on the constraint `rule`."""

    region: str
    rule: str
    accepted: Row
    broken: dict[str, Any]
    first: tuple[Row, ...] = ()


CASES = (
    Case("us", "duties_segregated", APPROVE, {"actor": "ann"}, (INITIATE,)),
    Case("us", "steps_in_order", APPROVE, {"step": "settle"}, (INITIATE,)),
    Case("us", "reviewed_by_another", CONTROL_TEST, {"reviewer": "ann"}, (CONTROL,)),
    Case("us", "control_test_evidence_sha256_check", CONTROL_TEST, {"evidence_sha256": "see mail"}, (CONTROL,)),
    Case("us", "approved_by_another", OVERRIDE, {"approved_by": "ann"}, (CONTROL,)),
    Case("us", "signed_after_the_period", CERTIFICATION, {"signed_on": "2026-03-31"}),
    Case("eu", "high_risk_is_assessed", ACTIVITY, {"high_risk": True}),
    Case("eu", "safeguards_are_assessed", EU_TRANSFER, {"assessed_on": None}, (ACTIVITY,)),
    Case("eu", "safeguards_are_assessed", EU_TRANSFER, {"assessed_on": "2026-01-06"}, (ACTIVITY,)),
    Case("eu", "subject_request_subject_ref_check", REQUEST, {"subject_ref": "jane.doe@example.com"}),
    Case("eu", "extension_within_two_months", EXTENDED, {"extended_to": "2026-05-01"}),
    Case("eu", "extension_is_explained", EXTENDED, {"extension_reason": None}),
    Case("eu", "lateness_is_explained", EU_BREACH, {"notified_at": "2026-03-31 12:00:01Z"}),
    Case("ap", "given_consent_is_proven", CONSENT, {"event": "given"}, (PURPOSE,)),
    Case("ap", "closed_when_told", AP_BREACH, {"individuals": 500}),
    Case("ap", "lateness_is_explained", AP_TOLD, {"commission_told_on": "2026-01-14"}),
    Case("me", "never_designated", ME_TRANSFER, {"destination": "BH"}),
    Case("me", "undesignated_needs_an_instrument", ME_TRANSFER, {"basis": "scc"}),
    Case("me", "future_is_not_permissible", RULING, {"structure": "future"}),
    Case("me", "forward_needs_restructuring", RULING, {"structure": "forward"}),
    Case("me", "salam_is_paid_at_once", RULING, {"paid_in_full_on": "2026-01-09"}),
    Case("me", "salam_is_paid_at_once", RULING, {"deliver_on": None}),
    Case(
        "guyana",
        "flaring_permit_no_permit_issued_on_usd_per_tonne_co2e_fkey",
        FLARING,
        {"usd_per_tonne_co2e": 30},
        (PERMIT,),
    ),
    Case("guyana", "flaring_reason_check", FLARING, {"reason": "routine"}, (PERMIT,)),
    Case(
        "guyana",
        "special_circumstances_past_14_days",
        FLARING,
        {"approval_sought_at": "2026-01-09 00:01Z"},
        (PERMIT,),
    ),
    Case("guyana", "special_circumstances_past_14_days", FLARING, {"approval_ref": None}, (PERMIT,)),
    Case("bahrain", "source_of_funds_above_6000", REVIEW, {"amount_bhd": "6000.001"}),
    Case("bahrain", "source_of_funds_above_6000", REVIEW, {"is_abnormal": True}),
    Case("bahrain", "unverifiable_is_reported", REVIEW, {"source_of_funds": "unverifiable"}),
    Case("bahrain", "outward_is_complete", WIRE, {"has_originator_name": False}),
    Case("bahrain", "inward_gap_is_queried", WIRE, {"direction": "inward", "has_originator_name": False}),
    Case("bahrain", "encrypted_under_own_keys", OUTSOURCING, {"keys_with_licensee": False}),
    Case("bahrain", "unlisted_is_authorised", BH_TRANSFER, {"authorisation_ref": None}),
)


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
    for before in case.first:
        before.insert(as_application)
    with pytest.raises(errors.IntegrityError) as refused, as_application.transaction():
        case.accepted.but(**case.broken).insert(as_application)
    assert refused.value.diag.constraint_name == case.rule
    case.accepted.insert(as_application)
    assert as_application.execute("SELECT * FROM audit.verify()").fetchall() == []


def test_clocks_of_the_law_are_computed(every_book: Postgres) -> None:
    with application(every_book, "eu") as connection:
        assert REQUEST.insert(connection, "due_on::text") == ("2026-02-28",)
        # The clocks go forward that night: 72 hours are 72 hours.
        assert EU_BREACH.insert(connection, "notify_by = '2026-03-31 12:00+00'") == (True,)
        connection.rollback()
    with application(every_book, "guyana") as connection:
        PERMIT.insert(connection)
        assert FLARING.insert(connection, "charge_usd::text, computed_by::text") == ("61725.00", "2026-02-15")
        connection.rollback()


def test_newest_consent_decides(every_book: Postgres) -> None:
    in_force = "SELECT count(*) FROM pdpa.consent_in_force"
    with application(every_book, "ap") as connection:
        PURPOSE.insert(connection)
        for event, at in (("deemed", "2026-01-01"), ("withdrawn", "2026-01-03"), ("deemed", "2026-01-02")):
            CONSENT.but(event=event, at=at).insert(connection)
        assert connection.execute(in_force).fetchone() == (0,)
        CONSENT.but(at="2026-01-04").insert(connection)
        assert connection.execute(in_force).fetchone() == (1,)
        connection.rollback()


@pytest.mark.parametrize("table", ["sox.trade_step", "sox.override", "audit.entry"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_sealed_even_for_the_owner(as_owner: psycopg.Connection[Any], table: str, statement: str) -> None:
    INITIATE.insert(as_owner)
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
    CONTROL.insert(as_owner)
    as_owner.execute("UPDATE sox.control SET owner = 'ben'")
    entries = as_owner.execute(
        """SELECT actor, login = session_user, action, subject, was->>'owner', became->>'owner'
           FROM audit.entry ORDER BY seq DESC LIMIT 2"""
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
    for step in (INITIATE, APPROVE, SETTLE):
        step.insert(as_owner)
    (middle,) = as_owner.execute("SELECT max(seq) - 1 FROM audit.entry").fetchone() or (0,)
    as_owner.execute("ALTER TABLE audit.entry DISABLE TRIGGER ALL")
    as_owner.execute(tampering, (middle,))
    found = as_owner.execute("SELECT seq, problem FROM audit.verify()").fetchone()
    assert found == (middle + 1 if tampering.startswith("DELETE") else middle, problem)


def test_rewritten_entry_breaks_the_next_link(as_owner: psycopg.Connection[Any]) -> None:
    for step in (INITIATE, APPROVE):
        step.insert(as_owner)
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
                INITIATE.but(transaction_id=f"D{desk}-{number}").insert(connection)

    desks = [threading.Thread(target=write, args=(desk,)) for desk in range(4)]
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join()
    with application(every_book, "us") as connection:
        assert connection.execute("SELECT * FROM audit.verify()").fetchall() == []
        assert connection.execute("SELECT count(*), max(seq) - min(seq) + 1 FROM audit.entry").fetchone() == (80, 80)
        head = connection.execute("SELECT digest FROM audit.head").fetchone()
        assert head == connection.execute("SELECT encode(digest, 'hex') FROM audit.entry WHERE seq = 80").fetchone()
