"""Runbooks: every error of a file at once, each where it stands; and the plan that is made of a sound one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from qx.config.marks import compose
from qx.config.runbook import load, understand
from qx.config.runbook_find import SHIPPED, standing
from qx.config.runbook_inputs import given
from qx.config.runbook_plan import plan_of
from qx.config.schema import schema_of
from qx.config.template import template
from qx.kernel.errors import Problems
from qx.model import asked
from qx.model.plan import Plan
from qx.model.runbook import Runbook
from tests.unit.config.base import platform_of

if TYPE_CHECKING:
    from qx.kernel.errors import QxError
    from qx.model.platform import Platform

SHIPPED_FILES = sorted(SHIPPED.glob("*.yaml"))


@pytest.fixture(scope="module")
def platform() -> Platform:
    return platform_of(template())


def book_of(text: str, platform: Platform | None = None, name: str = "book") -> Runbook:
    return understand(compose(text.encode(), f"{name}.yaml"), platform)


def errors_of(text: str, platform: Platform | None = None) -> list[QxError]:
    with pytest.raises(Problems) as problems:
        book_of(text, platform)
    return list(problems.value.errors)


def made(text: str, platform: Platform, *words: str) -> Plan:
    book = book_of(text, platform)
    called = asked.Called(
        name=book.runbook, title=book.title, file="book.yaml", file_digest="", inputs=given(book, words, platform)
    )
    return plan_of(book, called, platform, "regions.yaml", "digest", id="p", at=1.0, by="ops@here")


BROKEN = """\
runbook: book
title: Everything is wrong
inputs:
  to: {type: regoin}
  n: {type: int, default: "3"}
steps:
  - id: one
    do: failover
    to: atlantis
    accept_loss: much
    because: a test
  - id: one
    do: sql
    cluster: sessions
    statement: SELECT pg_promote(), ${inputs.n}
    because: a test
    settled: SELECT true
  - id: three
    do: wait_until
    until: clusters.trading.lag_z < 30s and
    because: a test
  - id: four
    do: wait_until
    until: clusters[inputs.tto].lag_s < 30s
    when: steps.five.outcome == "done"
    because: a test
  - id: five
    do: redis
    cluster: sessions
    command: [REPLICAOF, "no", one]
    because: a test
  - id: six
    do: command
    argv: [sh, -c, ls]
    becuase: a test
  - id: seven
    do: http
    url: https://me:secret@example.com
    headers: {Authorization: Bearer abc}
    secrets: {X-Key: verysecret}
    because: a test
    undo: {id: x, do: notify, message: "${inputs.nn} ${item"}
"""


def test_every_error_at_once_each_where_it_stands(platform: Platform) -> None:
    found = [(e.place.line, e.place.column, e.message, e.hint) for e in errors_of(BROKEN, platform) if e.place]
    expected = [
        (4, 14, "'regoin' is not known", "did you mean 'region'?"),
        (5, 27, "wants a whole number", "remove the quotes"),
        (9, 9, "no region 'atlantis'", "bahrain"),
        (7, 5, "is missing", "`accept_loss` is consent"),
        (10, 18, "not a duration", "write it as one of"),
        (12, 9, "'one' is taken", "each has its own"),
        (14, 14, "sessions is redis", "trading"),
        (15, 16, "holds ${...}", "$1"),
        (15, 16, "pg_promote", "failover"),
        (17, 14, "is of no use", "remove it"),
        (20, 44, "it ends here", ""),
        (24, 21, "`inputs` has no part 'tto'", "did you mean 'to'?"),
        (25, 11, "`steps` has no part 'five'", "known: "),
        (30, 14, "REPLICAOF is not for runbooks", "failover"),
        (34, 12, "'sh' is not among runbooks.programs", "drain-lb"),
        (35, 5, "unknown key", "did you mean 'because'?"),
        (38, 10, "holds a password", "secrets"),
        (39, 15, "is a secret", "secrets"),
        (40, 22, "is not a secret reference", "env:NAME"),
        (42, 12, "an undo has none", "remove it"),
        (42, 43, "`inputs` has no part 'nn'", "did you mean 'n'?"),
        (42, 54, "never closed", "close it"),
    ]
    for line, column, message, hint in expected:
        here = [each for each in found if each[:2] == (line, column)]
        assert any(message in said and hint in help_ for _, _, said, help_ in here), (line, column, message, here)
    assert "verysecret" not in str(found)
    assert ":secret@" not in str(found)


def test_a_word_of_the_platform_is_not_missed_without_one() -> None:
    text = """
runbook: book
title: T
steps: [{id: a, do: failover, to: atlantis, because: a test}]
"""
    assert book_of(text).steps[0].id == "a"


@pytest.mark.parametrize("path", SHIPPED_FILES, ids=lambda path: path.stem)
def test_what_is_shipped_is_sound_and_says_so_in_the_schema(path: Path, platform: Platform) -> None:
    book = load(path, platform)
    assert book.description
    validator: Any = Draft202012Validator(schema_of(Runbook, "runbook"))
    assert validator.is_valid(compose(path.read_bytes(), str(path)).tree)


def test_those_beside_regions_yaml_hide_those_that_are_shipped(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    mine = tmp_path / "runbooks" / "region-outage.yaml"
    mine.write_text("")
    found = standing(tmp_path / "regions.yaml", {})
    assert found["region-outage"].path == mine
    assert found["monthly-drill"].why == "shipped"


PLANNED = """
runbook: book
title: T
inputs:
  to: {type: region}
  many: {type: clusters, default: [trading]}
  wait: {type: duration, default: 90s}
  n: {type: int, default: 7, choices: [7, 8]}
steps:
  - id: each
    do: for_each
    because: all of them
    over: inputs.many
    as: cluster
    steps:
      - id: look
        do: wait_until
        because: "${cluster} goes to ${inputs.to}"
        when: cluster != "x"
        until: clusters[cluster].nodes[inputs.to].lag_s < inputs.wait
  - id: ask
    do: sql
    because: a test
    cluster: trading
    statement: SELECT $1::int, $2::text
    parameters: ["${inputs.n}", "n is ${inputs.n}, $${}"]
  - id: off
    do: maintenance
    because: a test
    scope: ${inputs.to}
    for: ${inputs.wait}
    reason: a test
    undo: {do: maintenance, scope: "${inputs.to}"}
"""


def test_a_plan_says_what_will_be_done(platform: Platform) -> None:
    plan = made(PLANNED, platform, "to=eu")  # an alias
    assert [step.id for step in plan.steps] == ["look[trading]", "ask", "off"]
    look, ask, off = plan.steps
    assert look.because == "trading goes to eu-west"
    assert isinstance(look.action, asked.WaitUntil)
    assert look.action.until == 'clusters["trading"].nodes["eu-west"].lag_s < 90.0'
    assert look.action.when == '"trading" != "x"'
    assert isinstance(ask.action, asked.Sql)
    assert ask.action.parameters == (7, "n is 7, ${}")
    assert off.action == asked.Maintain(scope="eu-west", lasting_s=90.0, reason="a test")
    assert off.undo == asked.Maintain(scope="eu-west", lasting_s=0.0)
    assert plan.scopes == ("runbook:book",)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan).digest == plan.digest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "input to: it must be given"), (("to=atlantis",), "no region"), (("to=eu", "n=9"), "none of 7, 8"),
        (("to=eu", "n=x"), "no whole number"), (("to=eu", "too=1"), "no such input"), (("to=eu", "to=us"), "twice"),
        (("to=eu", "wait=long"), "not a duration"), (("to=eu", "many=trading,x"), "no cluster"),
    ],
)  # fmt: skip
def test_inputs_are_held_against_their_types(platform: Platform, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Problems) as problems:
        made(PLANNED, platform, *words)
    assert problems.value.code == "QX-BOOK-002"
    assert said in problems.value.message


def test_what_an_input_spoils_is_told_before_anything_is_done(platform: Platform) -> None:
    text = """
runbook: book
title: T
inputs: {cluster: {type: cluster}}
steps: [{id: a, do: sql, because: a test, cluster: "${inputs.cluster}", statement: SELECT 1}]
"""
    made(text, platform, "cluster=trading")
    with pytest.raises(Problems) as problems:
        made(text, platform, "cluster=sessions")
    assert "sessions is redis" in problems.value.message


def test_a_for_each_is_bounded(platform: Platform) -> None:
    items = ",".join(f"r{n}" for n in range(101))
    text = PLANNED.replace("many: {type: clusters, default: [trading]}", "many: {type: strings}")
    with pytest.raises(Problems):
        made(text, platform, "to=eu", f"many={items}")
