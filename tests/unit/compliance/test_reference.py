"""The labelled sets of $QX_REFERENCE_DIR/screening: no strong pair wrong, few false alarms, nearly all found."""

from __future__ import annotations

import csv
import os
from functools import lru_cache
from pathlib import Path

import pytest

from bench.screening import Pair, listed_by_ofac, listed_by_un, names_in, pair_score, pairs_in
from qx.compliance.screening import Lists
from qx.compliance.screening.lists import THRESHOLD

DIRECTORY = Path(os.environ.get("QX_REFERENCE_DIR", "/nonexistent")) / "screening"
pytestmark = pytest.mark.skipif(
    not DIRECTORY.is_dir(), reason="QX_REFERENCE_DIR names no directory with `screening`, the labelled names"
)


@lru_cache
def ofac() -> Lists:
    return Lists((listed_by_ofac(DIRECTORY),))


def test_no_strong_pair_is_wrong() -> None:
    wrong = [
        pair for pair in pairs_in(DIRECTORY) if pair.strong and (pair_score(pair) >= THRESHOLD) != pair.same
    ]
    assert wrong == []


def test_pairs_of_any_strength_are_told_apart_better_than_by_the_best_that_is_known() -> None:
    pairs = pairs_in(DIRECTORY)
    scored = [(pair_score(pair) >= THRESHOLD, pair.same) for pair in pairs]
    right = sum(told and same for told, same in scored)
    f1 = 2 * right / (sum(told for told, _ in scored) + sum(same for _, same in scored))
    assert f1 > 0.85


def test_what_is_perturbed_is_found_nearly_always() -> None:
    lists = Lists((listed_by_un(DIRECTORY),))
    perturbed = names_in(DIRECTORY / "positives_un_treated.csv")
    originals = names_in(DIRECTORY / "positives_un_untreated.csv")
    on_it = [
        (one, {hit.listed.uid for hit in whole.hits})
        for one, whole in zip(lists.match(perturbed), lists.match(originals), strict=True)
        if whole.hits
    ]
    found = sum(bool({hit.listed.uid for hit in one.hits} & uids) for one, uids in on_it)
    assert len(on_it) > 0.99 * len(originals)  # a few were delisted since
    assert found >= 0.98 * len(on_it)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "hit"), [
    ("ENERGY_CORP_BH", ""), ("Saudi Arabian Oil Company", ""), ("Chevron Products Company", ""),
    ("National Italian Oil Company", ""), ("Iranian National Oil Company", "11317"), ("NIOC", "11317"),
    ("Роснефть Трейдинг", "18299"), ("Future Bank BSC", "25577"), ("PDVSA", "26367"), ("Vitol SA", ""),
])  # fmt: skip
def test_against_the_full_list(name: str, hit: str) -> None:
    (found,) = ofac().match((name,))
    assert [each.listed.uid for each in found.hits][:1] == ([hit] if hit else [])


@pytest.mark.slow
def test_innocents_raise_few_alarms() -> None:
    with (DIRECTORY / "innocents.csv").open(encoding="utf-8", newline="") as file:
        names = [row["full_name"] for row in csv.DictReader(file)]
    alarms = sum(bool(each.hits) for each in ofac().match(names))
    assert 1000 * alarms / len(names) <= 3


def test_a_pair_is_scored_the_same_either_way() -> None:
    for pair in pairs_in(DIRECTORY)[:100]:
        assert pair_score(pair) == pair_score(Pair(pair.other, pair.one, pair.kind, pair.same, pair.strong))
