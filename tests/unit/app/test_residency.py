"""The rule packs as the failover gate has them: judged anew when a rule changes; packs that cannot be read refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from qx.app.compliance import Desk
from qx.app.lawbook import Lawbook
from qx.app.packs import SHIPPED
from qx.app.residency import Border, matrix_of
from qx.config.load import load
from qx.failover.residency import may_live
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
platform: main
regions:
  eu-west: {title: Dublin, jurisdictions: [EU], aliases: [dublin]}
  london: {title: London, jurisdictions: [UK]}
  frankfurt: {title: Frankfurt, jurisdictions: [EU, DE]}
  bahrain: {title: Manama, jurisdictions: [BH]}
clusters:
  book:
    kind: postgresql
    home: eu-west
    data_classes: [kyc_pii]
    nodes:
      eu-west: {url: "postgresql://qx@a:1/qx"}
      london: {url: "postgresql://qx@b:1/qx"}
      frankfurt: {url: "postgresql://qx@c:1/qx"}
      bahrain: {url: "postgresql://qx@d:1/qx"}
approvals:
  - {id: SCC-1, data_class: kyc_pii, source: eu-west, to: bahrain, granted_by: counsel, reference: file 7,
     granted: 2026-01-01, expires: 2026-12-31}
"""
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = datetime(2031, 12, 28, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "regions.yaml"
    file.write_text(FILE)
    return file


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A cache that lasts from test to test."""
    return {"HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture
def book(config: Path, env: dict[str, str]) -> Lawbook:
    return Lawbook(load(config), config, env)


@pytest.fixture
def border(config: Path, env: dict[str, str]) -> Border:
    return Border(Desk(env, str(config)))


def test_every_flow_of_a_cluster_between_jurisdictions_is_judged(book: Lawbook) -> None:
    law = book.at(NOW.timestamp())
    assert set(law) == {("kyc_pii", "EU", "UK"), ("kyc_pii", "EU", "BH")}
    assert law["kyc_pii", "EU", "UK"].rules == ("EU-GDPR-45",)
    assert law["kyc_pii", "EU", "BH"].answer == "refused"


def test_it_is_judged_anew_when_a_rule_changes_and_not_before(book: Lawbook) -> None:
    first = book.at(NOW.timestamp())
    assert book.at(NOW.timestamp() + 3600) is first
    last = book.at(LATER.timestamp())
    assert last["kyc_pii", "EU", "UK"].answer == "refused"
    again = book.at(NOW.timestamp())
    assert again == first, "a clock that was set back is asked again, too"


def test_packs_that_cannot_be_read_refuse_and_say_so(config: Path, book: Lawbook) -> None:
    (config.parent / "packs").mkdir()
    (config.parent / "packs" / "eu.yaml").write_text("pack: eu\nversion: 1\n")
    for ruling in book.at(NOW.timestamp()).values():
        assert ruling.answer == "refused"
        assert "cannot be read" in ruling.because
        assert "qx rules lint" in ruling.because
        assert not ruling.yields
    (config.parent / "packs" / "eu.yaml").unlink()
    assert book.at(NOW.timestamp())["kyc_pii", "EU", "UK"].answer == "allowed", "they are read again"


def test_a_pack_that_is_put_beside_the_file_counts_at_once(config: Path, book: Lawbook) -> None:
    assert book.at(NOW.timestamp())["kyc_pii", "EU", "UK"].answer == "allowed"
    (config.parent / "packs").mkdir()
    shipped = (SHIPPED / "packs" / "eu.yaml").read_text()
    (config.parent / "packs" / "eu.yaml").write_text(shipped.replace("JP, KR, NZ, UK, UY]", "JP, KR, NZ, UY]"))
    assert book.at(NOW.timestamp())["kyc_pii", "EU", "UK"].answer == "refused"


def test_what_cannot_be_read_stops_no_move_within_a_jurisdiction_and_none_with_an_approval(
    config: Path, book: Lawbook
) -> None:
    (config.parent / "packs").mkdir()
    (config.parent / "packs" / "eu.yaml").write_text("[")
    platform, law = load(config), book.at(NOW.timestamp())
    answers = {to: may_live(platform, "kyc_pii", "eu-west", to, "2026-11-22", law) for to in platform.regions}
    assert {to: each.allowed for to, each in answers.items()} == {
        "eu-west": True, "london": False, "frankfurt": True, "bahrain": True,
    }  # fmt: skip
    assert answers["bahrain"].approval == "SCC-1"


def test_the_gate_and_whoever_asks_have_one_answer(config: Path, book: Lawbook, border: Border) -> None:
    platform, law = load(config), book.at(NOW.timestamp())
    for to in platform.regions:
        asked = border.check("kyc_pii", border.place("dublin"), border.place(to), NOW, frozenset())
        judged = may_live(platform, "kyc_pii", "eu-west", to, "2026-11-22", law)
        assert (asked.status, asked.because, asked.until) == (judged.answer, judged.because, judged.until)
        assert (asked.rules, asked.approval) == (judged.rules, judged.approval)


def test_places_by_region_alias_jurisdiction_and_country(border: Border) -> None:
    assert border.place("dublin").name == "eu-west"
    found = {word: border.place(word).jurisdictions for word in ("adgm", "ADGM", "uk", "gb", "BR", "us", "london")}
    assert found == {
        "adgm": ("ADGM",), "ADGM": ("ADGM",), "uk": ("UK",), "gb": ("UK",), "BR": ("BR",), "us": ("US",),
        "london": ("UK",),
    }  # fmt: skip
    for word in ("XX", "atlantis", ""):
        with pytest.raises(QxError) as caught:
            border.place(word)
        assert caught.value.code == "QX-OBS-001"


def test_evidence_is_named_as_the_rules_word_it(border: Border) -> None:
    found = border.evidence(("SCC", "Tia"), ("om 2.8.1",), "licensee", dpf=True)
    assert found == {"safeguard scc", "safeguard tia", "approval OM-2.8.1", "keys-held-by licensee", "recipient-dpf"}
    with pytest.raises(ValueError, match="no rule knows 'sccc'"):
        border.evidence(("sccc",), (), "", dpf=False)


def test_the_matrix_holds_each_class_once_and_each_pair(border: Border) -> None:
    found = matrix_of(border, ("pii", "kyc_pii", "session"), NOW)
    assert [of.classes for of in found.tables] == [("pii", "kyc_pii"), ("session",)]
    assert found.jurisdictions[:3] == ("EU", "UK", "DE")
    for of in found.tables:
        assert len(of.cells) == len(found.jurisdictions) * (len(found.jurisdictions) - 1)
    personal = {(each.source, each.to): each for of in found.tables if "pii" in of.classes for each in of.cells}
    assert personal["EU", "UK"].until == "2031-12-27T23:00:00Z"
    assert (personal["EU", "US"].answer, personal["EU", "US"].carried) == ("refused", True)
    assert (personal["BH", "EU"].answer, personal["BH", "EU"].carried) == ("conditional", True)
