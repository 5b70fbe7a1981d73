"""Candidates: kept apart, examined at once, accepted by somebody else than who sent them, moved whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qx.app.candidates import MOST_BYTES
from qx.app.compliance import Desk
from qx.app.packs import SHIPPED
from qx.app.review import Review
from qx.app.watch import Feeds
from qx.kernel.errors import QxError, Refused
from tests.fakes.remembered import Remembered, StandingClock

if TYPE_CHECKING:
    from qx.model.candidate import Submission

GUYANA = (SHIPPED / "packs" / "guyana.yaml").read_text()
VERSION = next(line for line in GUYANA.splitlines() if line.startswith("version:"))
MINE = """
pack: mine
version: "1"
schema: qx-rulepack/1
title: Ours
jurisdictions: [BH]
timezone: UTC
review_by: "2030-01-01"
params:
  most:
    unit: USD
    windows: [{value: "5000000"}]
rules:
  - id: MINE-1
    title: Not too much at once
    jurisdiction: BH
    citation: {body: house}
    status: house
    severity: flag
    predicate: amount <= param("most")
    message: "{amount} is more than {param:most}"
    tests:
      - {given: {}, expect: pass}
      - {given: {amount: "5000001"}, expect: fail}
"""  # one rule: quick to examine


class Bench:
    def __init__(self, home: Path, cache: Path) -> None:
        self.env = {"XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(cache)}
        self.clock = StandingClock(1_795_338_000.0)
        self.evidence = Remembered(self.clock)

    @property
    def desk(self) -> Desk:
        return Desk(self.env, cwd=Path("/nonexistent"))

    @property
    def review(self) -> Review:
        return Review(self.desk, self.env, self.clock, self.evidence)

    @property
    def versions(self) -> dict[str, str]:
        return {pack.pack: pack.version for pack in self.desk.packs}

    def send(self, text: str = MINE, by: str = "legal") -> Submission:
        return self.review.submit(text.encode(), by, "webhook")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reading the shipped packs takes a second: once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(tmp_path: Path, cache: Path) -> Bench:
    return Bench(tmp_path, cache)


def test_what_comes_is_examined_and_is_not_in_force(bench: Bench) -> None:
    found = bench.send()
    assert (found.kind, found.holds, found.version, found.count, found.tests) == ("pack", "mine", "1", 1, 2)
    assert found.sound
    assert "mine" not in bench.versions
    assert (bench.review.waiting / f"{found.name}.yaml").read_text() == MINE
    beside = json.loads((bench.review.waiting / f"{found.name}.result.json").read_text())
    assert (beside["submitted_by"], beside["submitted_at"], beside["state"]) == ("legal", bench.clock.at, "waiting")


def test_it_is_in_force_once_somebody_else_accepted_it_and_a_note_says_who(bench: Bench) -> None:
    found = bench.send()
    bench.clock.at += 60
    decided = bench.review.accept(bench.review.named("mine"), "ben", "ops@desk", "read it")
    assert bench.versions["mine"] == "1"
    assert (decided.state, decided.decided_by, decided.account, decided.decided_at) == (
        "accepted", "ben", "ops@desk", found.submitted_at + 60,
    )  # fmt: skip
    assert not list(bench.review.waiting.glob("*.yaml"))
    (noted,) = bench.evidence.notes("bahrain", "candidate-accepted", 0, 1e12)
    assert (noted.note.about, noted.note.who, noted.note.reason) == (found.name, "ben", "read it")
    assert noted.note.payload["digest"] == found.digest
    assert noted.note.payload["submittedBy"] == "legal"
    assert not list(bench.evidence.notes("guyana", "", 0, 1e12)), "it holds in Bahrain"


@pytest.mark.parametrize("by", ["legal", "Legal@elsewhere", " legal "])
def test_who_sent_it_cannot_accept_it(bench: Bench, by: str) -> None:
    found = bench.send()
    with pytest.raises(Refused) as refused:
        bench.review.accept(found, by, "ops@desk", "mine own")
    assert refused.value.code == "QX-RULE-003"
    assert "mine" not in bench.versions


@pytest.mark.parametrize("text", [
    MINE.replace("amount <= param", "amonut <= param"), MINE.replace("5000000", "6000000"),
    MINE.replace("pack: mine", "pack: ../../x"), MINE.replace("id: MINE-1", "id: BH-FC-112-WIRE"), "a: [", "\x00",
    '{"a": 1}', "\x1f\x8b", "<CONSOLIDATED_LIST>", "<CONSOLIDATED_LIST></CONSOLIDATED_LIST>",
], ids=["field", "test", "path", "id", "yaml", "control", "json", "packed", "torn list", "empty list"])  # fmt: skip
def test_what_is_wrong_is_told_and_cannot_be_accepted(bench: Bench, text: str) -> None:
    found = bench.send(text)
    assert found.faults or found.failures
    assert (bench.review.waiting / found.name).parent == bench.review.waiting, "its name leads nowhere else"
    with pytest.raises(Refused) as refused:
        bench.review.accept(found, "ben", "ops@desk", "r")
    assert refused.value.code == "QX-RULE-002"
    assert "mine" not in bench.versions
    bench.review.reviewed(found)  # what cannot be compared is no error


def test_a_file_that_was_changed_since_is_not_accepted(bench: Bench) -> None:
    found = bench.send()
    (bench.review.waiting / f"{found.name}.yaml").write_text(MINE.replace("5000000", "4999999"))
    with pytest.raises(Refused, match="changed since it came"):
        bench.review.accept(found, "ben", "ops@desk", "r")


def test_the_same_content_is_one_candidate_also_after_it_was_decided(bench: Bench) -> None:
    first = bench.send()
    assert bench.send(by="another") == first
    rejected = bench.review.reject(first, "ben", "ops@desk", "no need")
    assert bench.send() == rejected
    assert [each.state for each in bench.review.candidates()] == ["rejected"]
    with pytest.raises(Refused, match="was rejected by ben: no need"):
        bench.review.accept(rejected, "cleo", "ops@desk", "r")
    assert [noted.note.who for noted in bench.evidence.notes("bahrain", "candidate-rejected", 0, 1e12)] == ["ben"]


def test_a_pack_that_takes_the_place_of_one_tells_the_difference_and_keeps_the_other(bench: Bench) -> None:
    bench.review.accept(bench.send(), "ben", "ops@desk", "r")
    later = MINE.replace('version: "1"', 'version: "2"').replace('"5000000"', '"4000000"').replace("5000001", "4000001")
    found = bench.send(later)
    seen = bench.review.reviewed(found)
    assert (seen.in_force, seen.replaces) == ("1", str(bench.review.packs / "mine.yaml"))
    told = {(each.what, each.name): (each.how, each.fields) for each in seen.alterations}
    assert told == {
        ("pack", "version"): ("changed", ()), ("parameter", "most"): ("changed", ("windows",)),
        ("rule", "MINE-1"): ("changed", ("tests",)),
    }  # fmt: skip
    bench.review.accept(found, "ben", "ops@desk", "r")
    assert bench.versions["mine"] == "2"
    (kept,) = (bench.review.waiting / "replaced").glob("mine-*.yaml")
    assert kept.read_text() == MINE


def test_a_version_that_is_in_force_with_other_content_is_a_fault(bench: Bench) -> None:
    found = bench.send(GUYANA.replace("title:", "title: Another", 1))
    assert any("raise it" in fault for fault in found.faults)
    assert VERSION.partition(": ")[2] in " ".join(found.faults)


def test_who_was_killed_between_the_decision_and_the_move_can_go_on(bench: Bench) -> None:
    found = bench.send()
    decided = bench.review._decide(found, "accepted", "ben", "ops@desk", "r")
    assert "mine" not in bench.versions
    again = bench.review.accept(bench.review.named("mine"), "ben", "ops@desk", "r")
    assert again == decided
    assert bench.versions["mine"] == "1"


def test_neither_size_nor_number_is_without_bound(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qx.app.review.MOST_WAITING", 3)
    with pytest.raises(QxError, match="larger than"):
        bench.review.submit(b" " * (MOST_BYTES + 1), "legal", "webhook")
    review = bench.review
    for number in range(3):
        review.submit(f"a: [{number}".encode(), "legal", "webhook")
    with pytest.raises(QxError, match="wait already"):
        review.submit(b"a: [x", "legal", "webhook")


def test_a_feed_is_a_directory_whose_files_come_from_their_owners(bench: Bench, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "mine.yaml").write_text(MINE)
    (feed / ".hidden.yaml").write_text(MINE + "# hidden")
    (feed / "note.txt").write_text("no pack")
    (feed / "link.yaml").symlink_to("/etc/passwd")
    came: list[Submission] = []
    failed: list[QxError] = []
    feeds = Feeds(bench.review, (str(feed), str(tmp_path / "none")), came.append, failed.append)
    feeds.look()
    assert [(each.holds, each.submitted_by, each.source) for each in came] == [("mine", feed.owner(), str(feed))]
    assert [error.code for error in failed] == ["QX-RULE-005"], "the other feed is told, and holds up nothing"
    feeds.look()
    assert len(came) == 1
    (feed / "mine.yaml").write_text(MINE.replace('version: "1"', 'version: "3"'))
    feeds.look()
    assert [each.version for each in came] == ["1", "3"]


def test_what_cannot_be_taken_now_is_tried_again_and_holds_up_nothing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "a.yaml").write_text(MINE + "#" * 1000)
    (feed / "b.yaml").write_text(MINE)
    came: list[Submission] = []
    failed: list[QxError] = []
    feeds = Feeds(bench.review, (str(feed),), came.append, failed.append)
    monkeypatch.setattr("qx.app.watch.MOST_BYTES", len(MINE))
    monkeypatch.setattr("qx.app.review.MOST_WAITING", 0)
    feeds.look()
    assert [error.code for error in failed] == ["QX-RULE-005", "QX-RULE-004"]
    monkeypatch.undo()
    feeds.look()
    assert [each.holds for each in came] == ["mine"]


def test_a_name_may_be_begun_and_must_be_one(bench: Bench) -> None:
    found = bench.send()
    assert bench.review.named(found.name[:8]) == found
    for word in ("", "nobody"):
        with pytest.raises(QxError) as error:
            bench.review.named(word)
        assert error.value.code == "QX-RULE-001"
