"""The packs that are shipped: sound, broken_tests inside, and no test inside that a changed rule would pass."""

from __future__ import annotations

from functools import lru_cache

import pytest

from qx.app.compliance import Desk, broken_tests
from qx.app.packs import SHIPPED
from qx.compliance import dated
from qx.compliance.facts import FACTS, facts_of
from qx.compliance.judge import compile_rule, environment, judged
from qx.compliance.language import AS_OF as AS_OF_PATH
from qx.compliance.selftest import AS_OF, BASE, CLEAR, laid_over
from qx.compliance.transaction import read
from qx.model.rules import RulePack
from tests.unit.compliance.mutants import survivors

SAME = {  # below the cap that holds for every contract: nobody can tell
    "EU-SAN-3N: ru_crude_old_cap_usd from 2022-12-05: 59.99",
    "EU-SAN-3N: ru_crude_old_cap_usd from 2026-04-17: 44.09",
    "UK-OFSI-CAP: ru_crude_old_cap_usd from 2022-12-05: 59.99",
    "UK-OFSI-CAP: ru_crude_old_cap_usd from 2026-04-16T22:59:00+01:00: 44.09",
}
NAMES = sorted(path.stem for path in (SHIPPED / "packs").glob("*.yaml"))


@lru_cache
def packs() -> dict[str, RulePack]:
    return {pack.pack: pack for pack in Desk({}).packs}


def test_every_pack_is_read_and_no_rule_stands_in_two() -> None:
    assert sorted(packs()) == NAMES
    identities = [rule.id for pack in packs().values() for rule in pack.rules]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_inside_hold(name: str) -> None:
    both = tuple(packs()[each] for each in dict.fromkeys(("global", name)))
    assert broken_tests(both) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_rule_is_noticed_by_its_own_tests(name: str) -> None:
    assert {f"{each.rule}: {each.what}" for each in survivors(packs()[name])} <= SAME


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_passes_without_a_field_that_it_needs(name: str) -> None:
    pack = packs()[name]
    params = {each: dated.in_force(param, pack, AS_OF) for each, param in pack.params.items()}
    for rule in pack.rules:
        one = compile_rule(rule, pack)
        fields = {rests for path in one.needs for rests in (FACTS[path].rests_on if path in FACTS else (path,))}
        for path in fields - {AS_OF_PATH}:
            transaction = read(laid_over(BASE, {path: None}))
            env = {**transaction.values, **facts_of(transaction, {}, CLEAR), AS_OF_PATH: AS_OF}
            env = {key: value for key, value in env.items() if path not in FACTS.get(key, ("", "", ()))[2]}
            assert judged(one, environment(pack, env, params), AS_OF, params).outcome != "pass", (rule.id, path)


def test_an_unverified_rule_blocks_nobody_and_a_house_rule_says_so() -> None:
    for pack in packs().values():
        for rule in pack.rules:
            assert rule.severity != "block" or rule.status in ("verified", "partial", "house"), rule.id
            assert (rule.status == "house") is (rule.citation.body == "house"), rule.id
