"""Screening: what is on a list is found, what only looks like it is not, and nobody is cleared by what cannot clear."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qx.compliance.facts import ANY, LAWS
from qx.compliance.screening import Lists, Screened, screen
from qx.compliance.screening.compare import compared
from qx.compliance.screening.index import Index, State, build
from qx.compliance.screening.innocents import innocents
from qx.compliance.screening.lists import THRESHOLD
from qx.compliance.screening.name import name_of
from qx.compliance.screening.owners import owned
from qx.compliance.screening.plausible import doubts
from qx.compliance.screening.screen import digest_of, record_of, record_of_name, screen_name
from qx.compliance.transaction import read
from qx.model.sanctions import Cleared, Listed, Regime, SanctionsList

AT = datetime(2026, 11, 22, tzinfo=UTC)
BANK = Listed(uid="1", kind="entity", names=("SANDVIKEN BANK B.S.C.", "SVB"), weak=("Sandvik",), programs=("X",),
              bic="SNDVBHBM", lei="5493001KJTIIGC8Y1R12")  # fmt: skip
MAN = Listed(uid="2", kind="person", names=("MOROZOV, Pavel Ivanovich",), programs=("X",))
SHIP = Listed(uid="3", kind="vessel", names=("OSPREY II",), imo="9218478")
OIL = Listed(
    uid="4", kind="entity", names=("SEVERNEFT",), scope="sectoral", since="2020-01-01", until="2025-10-22"
)
OIL_SINCE = Listed(uid="5", kind="entity", names=("SEVERNEFT",), since="2025-10-22")
WHOLE = SanctionsList(source="T", version="2026-11-01", whole=True, entries=(BANK, MAN, SHIP, OIL, OIL_SINCE))


def lists(*entries: Listed, **given: Any) -> Lists:
    return Lists((replace(WHOLE, entries=entries) if entries else WHOLE,), **given)


def screened(document: dict[str, Any], of: Lists | None = None, at: datetime = AT) -> Screened:
    return screen(read(document), of or lists(), at)


def found(name: str, at: datetime = AT) -> dict[str, str]:
    """uid -> what follows of each match."""
    return {
        each.listed.uid: each.standing for each in screen_name(name, lists(), at) if each.score >= THRESHOLD
    }


@pytest.mark.parametrize(("name", "matches"), [
    ("Sandviken Bank BSC", {"1": "confirmed"}), ("svb", {"1": "confirmed"}), ("Sandvik", {"1": "possible"}),
    ("Bank Sandviken", {"1": "possible"}), ("Pavel Ivanovich Morozov", {"2": "confirmed"}),
    ("Павел Морозов", {"2": "possible"}), ("Boris Morozov", {}), ("Sandvik Bank", {}), ("Osprey II", {}),
    ("Severneft", {"5": "confirmed"}), ("", {}), ("%s' OR 1=1 --", {}), ("\x00\u202e", {}),
])  # fmt: skip
def test_a_name_finds_what_it_is_and_no_more(name: str, matches: dict[str, str]) -> None:
    assert found(name) == matches


def test_names_of_syllables_are_the_same_only_letter_by_letter() -> None:
    of = lists(Listed(uid="1", kind="person", names=("高市早苗",)))
    standing = {name: screen_name(name, of, AT)[0].standing for name in ("高市早苗", "高市 早苗", "高石早苗")}
    assert standing == {"高市早苗": "confirmed", "高市 早苗": "possible", "高石早苗": "possible"}


def test_an_entry_counts_from_its_listing_to_its_delisting() -> None:
    assert found("Severneft", datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC)) == {}
    assert found("Severneft", datetime(2020, 1, 1, tzinfo=UTC)) == {"4": "sectoral"}
    assert found("Severneft", datetime(2025, 10, 21, 23, 59, 59, tzinfo=UTC)) == {"4": "sectoral"}
    assert found("Severneft", datetime(2025, 10, 22, tzinfo=UTC)) == {"5": "confirmed"}
    changes = lists().changes
    assert changes == (datetime(2020, 1, 1, tzinfo=UTC), datetime(2025, 10, 22, tzinfo=UTC))


def test_facts_tell_confirmed_possible_and_sectoral_apart() -> None:
    facts = screened({"counterparty": {"name": "Severneft"}}, at=datetime(2021, 1, 1, tzinfo=UTC)).facts
    assert (facts["facts.sectoral"], facts["facts.confirmed"]) == (("Severneft",), ())
    facts = screened({"counterparty": {"name": "SVB"}, "payment": {"bank": "Bank Sandviken"}}).facts
    assert facts["facts.confirmed"] == ("SVB",)
    assert facts["facts.confirmedAs"] == ("sandviken bank bsc",)
    assert facts["facts.possible"] == ("Bank Sandviken",)


def test_an_identifier_outweighs_the_name() -> None:
    facts = screened({"counterparty": {"name": "Somebody else", "lei": "5493001KJTIIGC8Y1R12"}}).facts
    assert facts["facts.confirmed"] == ("5493001KJTIIGC8Y1R12",)
    assert screened({"payment": {"bic": "sndvbhbm"}}).facts["facts.confirmed"] == ("sndvbhbm",)


def test_a_ship_is_known_by_its_number_and_by_its_name_only_perhaps() -> None:
    by_number = screened({"vessel": {"name": "Renamed", "imo": "9218478"}})
    assert by_number.facts["facts.vesselListed"]
    assert by_number.facts["facts.confirmed"] == ()
    by_name = screened({"vessel": {"name": "Osprey II"}})
    assert "facts.vesselListed" not in by_name.facts
    assert by_name.facts["facts.possible"] == ("Osprey II",)
    another = screened({"vessel": {"name": "Osprey II", "imo": "9187629"}})
    assert not another.facts["facts.vesselListed"]
    assert another.facts["facts.possible"] == ()
    assert another.near[0].listed is SHIP


@pytest.mark.parametrize(("held", "clears"), [
    (WHOLE, True), (replace(WHOLE, whole=False), False), (replace(WHOLE, fresh_until="2026-11-22T00:00:00Z"), False),
    (replace(WHOLE, fresh_until="2026-11-22T00:00:01Z"), True),
])  # fmt: skip
def test_only_whole_and_fresh_lists_clear_anybody(held: SanctionsList, clears: bool) -> None:
    of = Lists((held,))
    assert of.clears(AT) == clears
    assert screened({"counterparty": {"name": "Nobody"}}, of).facts["facts.screened"] == clears
    assert not Lists(()).clears(AT)


def test_a_clear_one_carries_what_came_near() -> None:
    result = screened({"counterparty": {"name": "Sandviken Marine Bank of Oslo"}})
    assert result.matches == ()
    assert [each.listed.uid for each in result.near] == ["1"]
    assert 0 < result.near[0].score < THRESHOLD


PARTY = {"counterparty": {"name": "Bank Sandviken", "country": "NO", "lei": "529900T8BM49AURSDO55"}}


def clearance(record: str, **given: str) -> Cleared:
    told = {
        "party": "Bank Sandviken", "record": record, "source": "T", "uid": "1", "entry": digest_of(BANK), "by": "dora",
        "reason": "another country", "at": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z",
    }  # fmt: skip
    return Cleared(**(told | given))


def possible(document: dict[str, Any], of: Lists, at: datetime = AT) -> tuple[str, ...]:
    facts: tuple[str, ...] = screened(document, of, at).facts["facts.possible"]
    return facts


def test_a_cleared_match_is_cleared_until_anything_changes() -> None:
    cleared = clearance(record_of(read(PARTY).values))
    of = lists(cleared=(cleared,))
    assert possible(PARTY, of) == ()
    result = screened(PARTY, of)
    assert result.facts["facts.clearedBy"] == ("dora",)
    assert result.fresh_until == datetime(2026, 12, 1, tzinfo=UTC)
    assert result.digest != lists().digest == screened({"counterparty": {"name": "Nobody"}}, of).digest

    changed = {"counterparty": {**PARTY["counterparty"], "country": "IR"}}
    assert possible(changed, of) == ("Bank Sandviken",)
    relisted = lists(replace(BANK, programs=("X", "Y")), cleared=(cleared,))
    assert possible(PARTY, relisted) == ("Bank Sandviken",)
    assert possible(PARTY, of, datetime(2026, 12, 1, tzinfo=UTC)) == ("Bank Sandviken",)
    assert possible(PARTY, of, datetime(2026, 10, 31, tzinfo=UTC)) == ("Bank Sandviken",)
    assert possible(PARTY, lists(cleared=(clearance(record_of_name("Bank Sandviken")),))) == (
        "Bank Sandviken",
    )


def test_an_identifier_is_never_cleared() -> None:
    document = {"counterparty": {"name": "SVB", "bic": "SNDVBHBM"}}
    of = lists(cleared=(clearance(record_of(read(document).values)),))
    assert screened(document, of).facts["facts.confirmed"] == ("SNDVBHBM",)


def stakes(*owners: tuple[str, str | None]) -> dict[str, Any]:
    """Listed owners are called L."""
    told = tuple(
        {"name": name, "control": False, **({} if pct is None else {"pct": Decimal(pct)})}
        for name, pct in owners
    )
    return owned(told, [{ANY} if owner["name"] == "L" else set() for owner in told])


@pytest.mark.parametrize(("owners", "least", "owns", "largest"), [
    ([("L", "25"), ("L", "25"), ("C", "50")], "25+25", "50", "25"), ([("L", "50.00"), ("C", "50")], "50", "50", "50"),
    ([("L", None), ("C", "60")], "0", "0", "0"), ([("L", None), ("C", "50")], "0", None, None),
    ([("L", "50"), ("L", None), ("C", "40")], "50", None, "50"), ([("L", "51"), ("L", None)], "51", "51", "51"),
    ([("L", None)], "0", None, None), ([("C", "100")], "0", "0", "0"), ([("C", None)], "0", "0", "0"),
])  # fmt: skip
def test_unknown_stakes_are_intervals(
    owners: list[tuple[str, str | None]], least: str, owns: str | None, largest: str | None
) -> None:
    facts = stakes(*owners)
    assert facts["facts.listedLeast"] == sum(map(Decimal, least.split("+")))
    assert facts.get("facts.listedOwned") == (None if owns is None else Decimal(owns))
    assert facts.get("facts.listedLargest") == (None if largest is None else Decimal(largest))


def test_votes_count_as_shares_and_control_must_be_told() -> None:
    owner = {"name": "L", "pct": Decimal(10), "votingPct": Decimal(51)}
    facts = owned((owner,), [{ANY}])
    assert facts["facts.listedOwned"] == Decimal(51)
    assert "facts.listedControl" not in facts
    assert owned((owner, {"control": True}), [{ANY}, {ANY}])["facts.listedControl"]


@pytest.mark.parametrize(("held", "owns"), [
    (("US", "EU", "UK"), {"": 7, "US": 1, "EU": 2, "UK": 4}),
    (("US", "EU", "UN"), {"": 7, "US": 5, "EU": 6, "UK": 7}),  # the United Nations' counts everywhere
    (("US", "EU"), {"": 3, "US": 1, "EU": 2, "UK": 3}),  # of whose law no list is held: there any list is better
    (("US", ""), {"": 3, "US": 3, "EU": 3, "UK": 3}),
])  # fmt: skip
def test_an_owner_counts_under_the_laws_of_the_lists_that_it_stands_on(
    held: tuple[Regime, ...], owns: dict[str, int]
) -> None:
    owners = [{"name": f"Owner Of {regime}", "pct": str(2**place)} for place, regime in enumerate(held)]
    known = tuple(
        replace(WHOLE, source=f"of {regime}", regime=regime, entries=(
            Listed(uid=f"{regime}-1", kind="person", names=(f"Owner Of {regime}",)),
        )) for regime in held
    )  # fmt: skip
    facts = screened({"counterparty": {"name": "X", "owners": owners}}, Lists(known)).facts
    assert {law: facts[f"facts.listedOwned{law.title()}"] for law in LAWS} == owns
    assert facts["facts.listedLargestUk"] == max(2**place for place in range(len(held)) if owns["UK"] & 2**place)


def test_a_stated_uid_that_no_list_knows_is_taken_at_its_word() -> None:
    def listed(uid: str) -> Any:
        document = {"counterparty": {"name": "X", "owners": [{"name": "Y", "listedUid": uid, "pct": "60"}]}}
        return screened(document).facts["facts.listedOwned"]

    assert listed("1") == Decimal(60)
    assert listed("unknown") == Decimal(60)
    assert listed("4") == 0  # delisted


def test_the_index_finds_what_comparing_all_would(tmp_path: Any) -> None:
    names = innocents()[:400]
    of = lists(*(Listed(uid=str(n), kind="entity", names=(name,)) for n, name in enumerate(names)))
    asked = [name.replace("a", "e", 1) for name in names[::40]] + [
        "Osprey Point Energy",
        "KestrelPower",
        "Kestrel Powr",
    ]
    for name in asked:
        one = name_of(name, "entity")
        all_of = {
            n for n, each in enumerate(names) if compared(one, name_of(each, "entity")).score >= THRESHOLD
        }
        assert {int(each.listed.uid) for each in of.match((name,))[0].hits} >= all_of


def test_an_index_from_a_cache_answers_the_same() -> None:
    of = lists()
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(of.index.state), type=State)
    again = lists(index=Index(state))
    names = ("Sandviken Bank", "Pavel Morozov", "svb", "Severneft")
    assert again.match(names) == of.match(names)
    assert build([]).texts == ""


def test_made_up_names_raise_no_alarm_on_a_small_list() -> None:
    assert len(set(innocents())) == 1000
    assert not any(each.hits for each in lists().match(innocents()))


def many(count: int, **given: Any) -> SanctionsList:
    entries = tuple(
        Listed(uid=str(n), kind="entity", names=(f"N{n}",), programs=("P",), country="IR")
        for n in range(count)
    )
    return SanctionsList(source="UN", version="2026-11-01", whole=True, entries=entries, **given)


@pytest.mark.parametrize(("new", "former", "what"), [
    (many(1000), many(1000), []), (many(499), None, ["too few entries"]),
    (many(949), many(1000), ["many entries are gone"]), (many(951), many(1000), []),
    (many(1501), many(1000), ["many entries are new"]),
    (replace(many(1000), version="2026-10-31"), many(1000), ["older than what is held"]),
    (replace(many(1000), entries=tuple(replace(each, country="") for each in many(1000).entries)), many(1000),
     ["country is told of fewer entries"]),
    (replace(many(1000), entries=(*many(999).entries, many(1).entries[0])), None,
     ["entries without a uid of their own"]),
    (replace(many(1000), entries=(*many(999).entries, Listed(uid="x", kind="entity", names=("-",), programs=("P",)))),
     None, ["entries without a name"]),
    (many(1000),
     replace(many(1000), entries=(*many(999).entries, replace(many(1).entries[0], uid="v", kind="vessel"))),
     ["a kind of entry is missing"]),
])  # fmt: skip
def test_a_list_that_cannot_be_right_is_doubted(
    new: SanctionsList, former: SanctionsList | None, what: list[str]
) -> None:
    assert [each.what for each in doubts(new, former, whole=True)] == what
