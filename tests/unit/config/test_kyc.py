"""`kyc` of regions.yaml: each driver, and what is wrong with it."""

from __future__ import annotations

import pytest

from qx.config.load import understand
from qx.config.marks import compose
from qx.config.template import template
from qx.model.kyc import FileKyc, HttpKyc, SqlKyc
from tests.unit.config.base import BASE, errors_of, platform_of

FILE = "{driver: file, path: kyc.csv}"
SQL = "{driver: sql, url: 'postgresql://qx@db/kyc', query: 'SELECT 1 WHERE lei = %(lei)s AND a LIKE ''%%x'''}"
HTTP = "{driver: http, url: 'https://kyc.example/look', headers: {Authorization: env:KYC}, timeout: 3s}"


def with_kyc(top: str, bahrain: str = "") -> str:
    text = f"{BASE}kyc: {top}\n"
    own = f"bahrain: {{title: Bahrain, jurisdictions: [BH], kyc: {bahrain}}}" if bahrain else ""
    return text.replace("bahrain: {title: Bahrain, jurisdictions: [BH]}", own) if own else text


@pytest.mark.parametrize(("text", "kind"), [(FILE, FileKyc), (SQL, SqlKyc), (HTTP, HttpKyc)])
def test_every_driver(text: str, kind: type) -> None:
    platform = understand(compose(with_kyc(FILE, text).encode(), "f"))
    assert isinstance(platform.kyc, FileKyc)
    assert isinstance(platform.regions["bahrain"].kyc, kind)
    assert platform.regions["us-east"].kyc is None


@pytest.mark.parametrize(("text", "words"), [
    ("{driver: file, path: kyc.txt}", "no kind of file"),
    ("{driver: file, path: k.db, table: 'a\"b'}", "of a table"),
    ("{driver: file, path: kyc.csv, concurrency: 0}", "0 is not 1 to"),
    ("{driver: file, path: a.csv, name: ''}", "name"),
    (SQL.replace("%(lei)s", "%(iel)s"), "%(iel)s is no parameter"),
    (SQL.replace("%(lei)s", "1"), "asks about nobody"),
    (SQL.replace("%%x", "%x"), "a bare % is no parameter"),
    (SQL.replace("qx@", "qx:pw@"), "holds a password"),
    (SQL.replace("postgresql:", "mysql:"), "the scheme mysql"),
    (SQL.replace("driver: sql", "driver: sql, password: pw"), "not a secret reference"),
    (HTTP.replace("https:", "http:"), "in the clear"),
    (HTTP.replace("https:", "ftp:"), "the scheme ftp"),
    (HTTP.replace("https://kyc.example", "http://127.0.0.1.evil.example"), "in the clear"),
    (HTTP.replace("kyc.example", "u:p@kyc.example"), "holds a password"),
    (HTTP.replace("3s", "0s"), "longer than 0"),
    (HTTP.replace("env:KYC", "Bearer"), "not a secret reference"),
    (HTTP.replace("env:KYC", "''"), "is empty"),
    (HTTP.replace("Authorization", "'A b'"), "name of a header"),
    (HTTP.replace("3s", "3s, retries: -1"), "-1 is not 0"),
    (HTTP.replace("3s", "3s, break_after: 0"), "0 is not 1 to"),
    (HTTP.replace("3s", "3s, ca_file: ca.pem"), "absolute"),
])  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(text: str, words: str) -> None:
    for document, place in ((with_kyc(text), "kyc"), (with_kyc(FILE, text), "bahrain")):
        found = errors_of(document)
        assert [words in error.message for error in found] == [True], found
        assert found[0].place is not None
        assert place in found[0].place.text


def test_an_address_of_this_machine_may_be_in_the_clear() -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:80"):
        understand(compose(with_kyc(HTTP.replace("https://kyc.example", f"http://{host}")).encode(), "f"))


def test_what_the_template_shows_is_valid() -> None:
    shown = template().partition("\n# kyc: ")[2]
    lines = [line.removeprefix("# ") for line in f"# kyc: {shown}".splitlines()]
    http = [line for line in lines if not line.startswith("kyc: {")]
    for text in ("\n".join(http), *(line for line in lines if line.startswith("kyc: {"))):
        assert platform_of(f"{BASE}{text}\n").kyc is not None
