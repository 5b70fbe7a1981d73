"""Named rules against numpy's, and against figures published of one P&L vector."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qx.kernel.errors import QxError
from qx.risk.quantile import ALIASES, RULES, rule

NUMPY = {
    "type1": "inverted_cdf", "type2": "averaged_inverted_cdf", "type3": "closest_observation",
    "type4": "interpolated_inverted_cdf", "type5": "hazen", "type6": "weibull", "type7": "linear",
    "type8": "median_unbiased", "type9": "normal_unbiased", "higher": "higher", "lower": "lower",
}  # fmt: skip


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 37, 64, 128, 250])
def test_rules_are_numpys_of_the_same_name(name: str, count: int) -> None:
    losses = np.sort(np.random.default_rng(count).standard_normal(count))
    # levels that doubles hold exactly
    for alpha in (Fraction(1, 2), Fraction(3, 4), Fraction(15, 16), Fraction(7, 8), Fraction(93, 128)):
        ranks = RULES[name].ranks(alpha, count)
        assert sum(one.weight for one in ranks) == 1
        found = sum(float(one.weight) * losses[count - one.rank] for one in ranks)
        assert found == pytest.approx(float(np.quantile(losses, float(alpha), method=NUMPY[name])), abs=1e-12)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("count", [1, 2, 100, 250, 499, 1000])
def test_ranks_are_ranks_at_every_level(name: str, count: int) -> None:
    for step in range(1, 1000):
        ranks = RULES[name].ranks(Fraction(step, 1000), count)
        assert sum(one.weight for one in ranks) == 1
        assert all(1 <= one.rank <= count and 0 < one.weight <= 1 for one in ranks)


# Hull's five worst losses but one and the next, in $: between them lie all answers.
FIFTH, SIXTH = 253_384.956, 217_973.959


@pytest.mark.parametrize(("name", "var"), [
    ("kth-worst", 253_385), ("hull", 253_385), ("riskfolio", 253_385), ("higher", 253_385),
    ("quantlib", 217_974), ("skfolio", 217_974), ("ore", 217_974), ("inverted_cdf", 217_974), ("type1", 217_974),
    ("excel", 218_328), ("linear", 218_328), ("type7", 218_328),
    ("performanceanalytics", 218_328), ("empyrical", 218_328),
    ("type2", 235_680), ("type5", 235_680), ("type6", 253_031), ("type8", 241_463), ("type9", 240_017),
])  # fmt: skip
def test_one_vector_many_answers(name: str, var: int) -> None:
    ranks = rule(name).ranks(Fraction(99, 100), 500)
    assert {one.rank for one in ranks} <= {5, 6}
    found = sum(float(one.weight) * (FIFTH if one.rank == 5 else SIXTH) for one in ranks)
    assert found == pytest.approx(var, abs=0.55)


def test_rounding_of_a_level_moves_quantlib_where_it_does_and_nothing_else() -> None:
    moved = [
        count for count in (100, 200, 250, 252, 500, 504, 750, 1000, 2000, 2500, 5000, 10_000, 1_000_000)
        if RULES["quantlib"].ranks(Fraction(99, 100), count) != RULES["kth-worst"].ranks(Fraction(99, 100), count)
    ]  # fmt: skip
    assert moved == [100, 200, 500, 1000, 2000, 2500, 5000, 10_000, 1_000_000]


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(QxError, match="no rule of a quantile: type10") as refused:
        rule("type10")
    assert refused.value.code == "QX-RISK-001"
    assert "type9" in refused.value.hint


def test_names_are_read_as_people_write_them() -> None:
    assert rule(" Type7 ") is rule("LINEAR") is RULES["type7"]
    assert rule("inverted-cdf") is rule("inverted_cdf")
    assert set(ALIASES.values()) <= set(RULES)
