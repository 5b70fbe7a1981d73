"""Know your customer: who is asked about (Party), what a provider says (KycRecord, Unknown, NoWord), and where it is
asked, as regions.yaml has it.

A record's fields are the transaction's own `kyc.*`, under the same names, beside the identifiers of whom it is about.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct, field

from qx.kernel.spans import Bytes, Seconds
from qx.model.file import File


class Party(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whom a provider is asked about. '' is not known; at least one of the first three is."""

    lei: str = ""  # ISO 17442
    registration_no: str = ""  # in the register of its country
    name: str = ""  # as in its register
    country: str = ""  # ISO 3166-1 alpha-2


class KycRecord(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What a provider has of one party: None is not told. `lei` to `country` are whom it is about, at least one of the
    first three.
    """

    status: Literal["verified", "pending", "failed", "none"]
    lei: str = ""
    registration_no: str = ""
    name: str = ""
    country: str = ""
    reviewed_at: date | None = None
    risk_rating: Literal["low", "standard", "high"] | None = None
    pep: bool | None = None
    approvals: tuple[str, ...] | None = None
    source_of_funds: Literal["verified", "stated", "unknown"] | None = None
    ubos_complete: bool | None = None


class Unknown(Struct, frozen=True):
    """The provider answered: it has no record of that party."""


class NoWord(Struct, frozen=True):
    """Nothing is known of what the provider has. `why`: for people, in no id."""

    why: str


KycAnswer = KycRecord | Unknown | NoWord


class Provider(File, frozen=True, kw_only=True):
    name: str = "kyc"  # of this provider: stands in every transaction that it was asked for, as kyc.source
    concurrency: int = 8  # parties that are asked about at the same time
    cache: Seconds = Seconds(600)  # an answer is used again for so long; 0s: only within one file


class FileKyc(Provider, frozen=True, kw_only=True, tag="file", tag_field="driver"):
    """Records in a file: .csv (with a header), .json (a list), .ndjson, or .db and .sqlite (SQLite)."""

    path: str  # relative to this file's directory
    table: str = "kyc"  # SQLite: the table, or view, that holds them


class SqlKyc(Provider, frozen=True, kw_only=True, tag="sql", tag_field="driver"):
    """A query to PostgreSQL, in a read-only transaction."""

    url: str  # postgresql://user@host:port/database
    password: str = ""  # a reference
    query: str  # one SELECT with %(lei)s, %(registrationNo)s, %(name)s, %(country)s, which are NULL where not known
    timeout: Seconds = Seconds(2)  # of one question, in the server too


class HttpKyc(Provider, frozen=True, kw_only=True, tag="http", tag_field="driver"):
    """POSTs the party as JSON, and takes `{"record": {...}}`, or `{"record": null}` of who is not known."""

    url: str  # https://; http:// on this machine only
    headers: dict[str, str] = field(default_factory=dict)  # name -> a reference to its value
    ca_file: str = ""  # certificates to trust; empty: the system's
    timeout: Seconds = Seconds(5)  # of one question with all its attempts and the waits between them
    attempt_timeout: Seconds = Seconds(2)  # of one attempt
    connect_timeout: Seconds = Seconds(1)  # of one connection, with TLS
    retries: int = 2  # attempts after the first: on 408, 425, 429, 5xx, a lost connection, a timeout
    max_answer: Bytes = Bytes(64 << 10)  # a longer answer is none
    break_after: int = 5  # questions in a row that came to nothing: then nobody is asked for `rest`
    rest: Seconds = Seconds(30)  # after which one question tries whether it is back


