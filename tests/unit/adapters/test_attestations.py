"""Words that wait for a store: kept, told in order, moved away; what was half written counts for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.adapters.attestations import Attestations
from qx.kernel.errors import QxError
from qx.model.guarding import Attested


def word(run: str) -> Attested:
    return Attested(
        run=run, cluster="trading", region="us-east", epoch=7, by="ada", reason="dark", at=1.0, because="no disk",
        seen={"eu-west": "silent"},
    )  # fmt: skip


def test_they_are_handed_over_in_order_and_moved_away(tmp_path: Path) -> None:
    waiting = Attestations(tmp_path / "state" / "attested.ndjson")
    assert waiting.waiting() == ()
    assert waiting.hand_over(lambda _: None) == ()
    for run in ("a", "b"):
        waiting.keep(word(run))
    assert waiting.path.stat().st_mode & 0o777 == 0o600
    told: list[str] = []
    assert waiting.hand_over(lambda each: told.append(each.run)) == (word("a"), word("b"))
    assert waiting.hand_over(lambda _: None) == ()
    assert told == ["a", "b"]
    assert [path.name for path in waiting.path.parent.iterdir()] == ["attested.ndjson.b"]
    waiting.keep(word("c"))
    assert waiting.waiting() == (word("c"),)


def test_when_a_store_does_not_take_one_all_wait_on(tmp_path: Path) -> None:
    waiting = Attestations(tmp_path / "attested.ndjson")
    for run in ("a", "b"):
        waiting.keep(word(run))

    def take(each: Attested) -> None:
        if each.run == "b":
            raise QxError("QX-STORE-005", "it is gone again")

    with pytest.raises(QxError):
        waiting.hand_over(take)
    assert waiting.waiting() == (word("a"), word("b"))


def test_what_its_writer_did_not_finish_was_not_attested(tmp_path: Path) -> None:
    waiting = Attestations(tmp_path / "attested.ndjson")
    waiting.keep(word("a"))
    with waiting.path.open("ab") as file:
        file.write(b'{"run": "torn')
    assert waiting.waiting() == (word("a"),)
    waiting.keep(word("b"))
    assert waiting.waiting() == (word("a"), word("b"))


def test_a_line_that_cannot_be_read_is_never_dropped(tmp_path: Path) -> None:
    waiting = Attestations(tmp_path / "attested.ndjson")
    waiting.path.write_text("nonsense\n")
    for use in (waiting.waiting, lambda: waiting.hand_over(lambda _: None)):
        with pytest.raises(QxError, match="cannot be used"):
            use()
    assert waiting.path.exists()
