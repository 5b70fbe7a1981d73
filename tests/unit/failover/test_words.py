"""What is seen, in the words of expressions: the names that the lint knows, and nothing made up."""

from __future__ import annotations

from typing import Any

from qx.config.runbook_names import SEEN
from qx.failover.judge import judge
from qx.failover.words import words_of
from tests.unit.failover.values import EU, NOW, STORE, US, endpoints, healthy, platform, silent


def words(**changed: Any) -> dict[str, Any]:
    seen = healthy() | {("trading", region): each for region, each in changed.items()}
    known = platform()
    return words_of(known, judge(known, seen, endpoints(), {}, STORE, NOW, {}))


def test_the_names_are_those_that_the_lint_knows() -> None:
    found = words()
    for cluster in found["clusters"].values():
        assert cluster.keys() == SEEN["clusters"]["*"].keys()
        assert all(node.keys() == SEEN["clusters"]["*"]["nodes"]["*"].keys() for node in cluster["nodes"].values())
    assert all(region.keys() == SEEN["regions"]["*"].keys() for region in found["regions"].values())


def test_of_a_healthy_cluster() -> None:
    trading = words()["clusters"]["trading"]
    assert (trading["writer"], trading["writers"], trading["replicas"]) == (US, 1, 2)
    assert trading["nodes"][EU]["takes_writes"] is False


def test_what_a_silent_node_does_is_not_known() -> None:
    trading = words(**{EU: silent("trading", EU)})["clusters"]["trading"]
    assert trading["nodes"][EU]["takes_writes"] is None
    assert trading["nodes"][EU]["answers"] is False
    assert trading["lag_s"] is None, "the replica that does not answer may be the one that is furthest behind"
