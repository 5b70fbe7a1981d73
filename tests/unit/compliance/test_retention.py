"""Retention: the longest wins, dated; who has the same data deleted sooner is a conflict."""

from __future__ import annotations

from datetime import date

import pytest

from qx.compliance.fields import DATA_CLASSES
from qx.compliance.retention import REGIMES, retained

TODAY = date(2026, 11, 22)


def test_a_trade_of_bahrain_that_us_sanctions_touch() -> None:
    found = retained("trade_record", ("BH", "US"), TODAY)
    assert (found.years, [each.id for each in found.wins]) == (10, ["US-OFAC-REC"])
    assert {"BH-FC-711", "US-CFTC-452"} <= {each.id for each in found.keeps}
    assert found.conflicts == ()
    alone = retained("trade_record", ("BH",), TODAY)
    assert (alone.years, [each.id for each in alone.wins]) == (5, ["BH-FC-711"])


@pytest.mark.parametrize(("day", "years"), [(date(2025, 3, 11), 5), (date(2025, 3, 12), 10)])
def test_the_day_on_which_five_years_became_ten(day: date, years: int) -> None:
    assert retained("kyc_pii", ("US",), day).years == years


def test_a_duty_to_delete_sooner_is_a_conflict() -> None:
    found = retained("kyc_pii", ("EU", "US"), TODAY)
    assert found.years == 10
    assert found.conflicts == ("EU-GDPR-5",), "ten years of both are no conflict"
    assert retained("kyc_pii", ("UK",), TODAY).conflicts == ()
    assert retained("kyc_pii", ("UK", "US"), TODAY).conflicts == ("UK-MLR-DEL",)
    assert retained("pii", ("EU",), TODAY).conflicts == (), "nobody has them kept"


def test_what_nobody_keeps() -> None:
    found = retained("session", ("EU", "US"), TODAY)
    assert (found.years, found.wins, found.keeps, found.deletes) == (0, (), (), ())


def test_every_regime_is_cited_of_known_classes_and_once() -> None:
    assert len({each.id for each in REGIMES}) == len(REGIMES)
    for each in REGIMES:
        assert set(each.classes) <= set(DATA_CLASSES)
        assert each.citation.body
        assert each.citation.corpus
        assert each.years or each.deletes
