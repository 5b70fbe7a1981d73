"""What other systems print of one P&L vector: published figures, and QuantLib itself."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import QuantLib

from qx.kernel.errors import QxError
from qx.risk.emulate import SYSTEMS, emulate
from qx.risk.tail import figure
from tests.unit.risk import hull
from tests.unit.risk.hull import HELD, P99


@hull.needed
@pytest.mark.parametrize(("system", "method", "var", "es"), [
    ("riskfolio", "historical", 253_385, 327_181),
    ("quantlib", "historical", 217_974, 327_181),
    ("skfolio", "historical", 217_974, 327_181),
    ("ore", "historical", 217_974, 308_980),
    ("empyrical", "historical", 218_328, 327_181),
    ("performanceanalytics", "historical", 218_328, 327_181),
    ("excel", "historical", 218_328, None),
    ("performanceanalytics", "parametric", 218_627, None),
    ("quantstats", "parametric", 218_845, 250_596),
    ("performanceanalytics", "cornish-fisher", 303_911, None),
])  # fmt: skip
def test_one_vector_many_answers_hull_rmfi(system: str, method: str, var: int, es: int | None) -> None:
    pnl = hull.returns() @ HELD * 1000
    found = emulate(pnl, P99, system, method)
    assert found.var == pytest.approx(var, abs=0.5)
    if es is not None:
        assert found.es == pytest.approx(es, abs=0.5)


# The tail of Hull's example in $000, amid gains: what hangs on the tail alone can be seen without his file.
WORST = [477.841001, 345.435075, 282.203845, 277.041294, 253.384956, 217.973959, 202.255539]
TAIL = np.concatenate([np.linspace(1, 100, 493), -np.array(WORST)])


@pytest.mark.parametrize(("system", "var", "es"), [
    ("riskfolio", 253.385, 327.181), ("quantlib", 217.974, 327.181), ("skfolio", 217.974, 327.181),
    ("ore", 217.974, 308.980), ("empyrical", 218.328, 327.181), ("performanceanalytics", 218.328, 327.181),
    ("excel", 218.328, None),
])  # fmt: skip
def test_the_tail_of_hull_rmfi(system: str, var: float, es: float | None) -> None:
    found = emulate(TAIL, P99, system)
    assert found.var == pytest.approx(var, abs=5.5e-4)
    assert found.es == (None if es is None else pytest.approx(es, abs=5.5e-4))
    assert found.words
    assert found.var_rows is not None
    assert figure(found.var_rows, TAIL) == found.var
    assert (found.es_rows is None) == (es is None)


def test_losses_of_1_to_500() -> None:
    pnl = -np.arange(1.0, 501)
    assert {system: emulate(pnl, P99, system).var for system in ("quantlib", "skfolio", "riskfolio")} == {
        "quantlib": 495.0, "skfolio": 495.0, "riskfolio": 496.0,
    }  # fmt: skip


@pytest.mark.parametrize("count", [100, 250, 500, 999, 1000, 2500])
@pytest.mark.parametrize("level", ["0.9", "0.95", "0.975", "0.99"])
def test_quantlib_itself_says_so(count: int, level: str) -> None:
    pnl = np.random.default_rng(count).standard_normal(count)
    there = QuantLib.RiskStatistics()
    for value in pnl.tolist():
        there.add(value)
    found = emulate(pnl, Fraction(level), "quantlib")
    assert found.var == there.valueAtRisk(float(level))
    assert found.es == pytest.approx(there.expectedShortfall(float(level)), rel=1e-13)


def test_quantlib_refuses() -> None:
    for pnl, level in ((TAIL, "0.8"), (np.full(500, -1.0), "0.99")):
        with pytest.raises(QxError) as refused:
            emulate(pnl, Fraction(level), "quantlib")
        assert refused.value.code == "QX-RISK-012"


def test_performanceanalytics_of_a_normal_sample_is_gaussian_by_either_method() -> None:
    pnl = np.random.default_rng(3).standard_normal(200_000)
    gaussian, modified = (
        emulate(pnl, Fraction("0.95"), "performanceanalytics", method) for method in ("parametric", "cornish-fisher")
    )
    assert modified.var == pytest.approx(gaussian.var, rel=0.01)
    assert gaussian.es == pytest.approx(2.062713, rel=0.01)
    assert modified.es == pytest.approx(2.062713, rel=0.01)


def test_performanceanalytics_where_nothing_lies_below_and_nothing_differs() -> None:
    assert emulate(np.full(500, -1.0), P99, "performanceanalytics").es is None
    with pytest.raises(QxError) as refused:
        emulate(np.full(500, -1.0), P99, "performanceanalytics", "cornish-fisher")
    assert refused.value.code == "QX-RISK-012"


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_cannot_be_asked_is_refused(system: str) -> None:
    known = next(iter(SYSTEMS[system]))
    for pnl, method, code in (
        (TAIL, "evt", "QX-RISK-001"), (TAIL[:99], known, "QX-RISK-009"),
        (np.where(TAIL == 1, np.nan, TAIL), known, "QX-RISK-011"),
    ):  # fmt: skip
        with pytest.raises(QxError) as refused:
            emulate(pnl, P99, system, method)
        assert refused.value.code == code


def test_an_unknown_system_is_refused_with_those_that_are() -> None:
    with pytest.raises(QxError, match="no system to emulate: murex") as refused:
        emulate(TAIL, P99, "murex")
    assert "riskfolio" in refused.value.hint
