"""The watch, its calendar and the timetable in regions.yaml: what cannot be, where it stands, and what is warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.config.advice import advice, warnings
from qx.config.load import understand
from qx.config.marks import compose
from qx.config.schedules import demand
from qx.kernel.errors import Problems
from tests.unit.config.base import FILE, errors_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
version: 1
platform: main
regions:
  us-east: {title: US East, jurisdictions: [us], aliases: [virginia]}
  eu-west: {title: EU West, jurisdictions: [eu]}
clusters:
  trading:
    kind: postgresql
    home: us-east
    mode: MODE
    durability: async
    objectives: {rpo: 60s, rto: 5m}
    data_classes: [trade_record]
    nodes:
      us-east: {url: "postgresql://qx@127.0.0.1:5401/trading"}
      eu-west: {url: "postgresql://qx@127.0.0.1:5402/trading"}
  alone:
    kind: redis
    home: us-east
    data_classes: [session]
    nodes:
      us-east: {url: "redis://127.0.0.1:6379/0"}
""".replace("MODE", "observe")


def faults(text: str) -> list[tuple[str, str]]:
    """What stands at the place that each error names, and its words."""
    lines = (HEAD + text).splitlines()
    return [
        (lines[error.place.line - 1][error.place.column - 1 :].split(",")[0].rstrip("}]"), error.message)
        for error in errors_of(HEAD + text) if error.place is not None
    ]  # fmt: skip


@pytest.mark.parametrize(("window", "at", "words"), [
    ('start: "9:00", end: "10:00"', '"9:00"', "'9:00' is no time of a day"),
    ('start: "24:00", end: "10:00"', '"24:00"', "no time of a day"),
    ('start: "08:60", end: "10:00"', '"08:60"', "no time of a day"),
    ('start: "10:00", end: "10:00"', '"10:00"', "holds up nothing"),
    ('start: "08:00", end: "10:00", timezone: Europe/Dublim', "Europe/Dublim", "is not a time zone"),
    ('start: "08:00", end: "10:00", clusters: [tradign]', "tradign", "no cluster 'tradign'"),
    ('start: "08:00", end: "10:00", days: [monday]', "monday", "is not known here"),
])  # fmt: skip
def test_a_window_that_cannot_be(window: str, at: str, words: str) -> None:
    ((where, message),) = faults(f"watch:\n  windows: [{{name: market, {window}}}]\n")
    assert where == at
    assert words in message


def test_two_windows_of_one_name() -> None:
    window = '{name: market, start: "22:00", end: "02:00"}'
    assert faults(f"watch:\n  windows: [{window}]\n") == []
    ((_, message),) = faults(f"watch:\n  windows: [{window}, {window}]\n")
    assert "taken by watch.windows[0]" in message


@pytest.mark.parametrize(("watch", "at", "words"), [
    ("{lease: {margin: 12s}}", "12s", "ttl is 15 s by default, renew is 3 s by default, margin is 12 s"),
    ("{lease: {ttl: 8s}}", "8s", "kill a server that is well"),
    ("{profile: fast, lease: {renew: 4s}}", "4s", "margin is 1.5 s by fast"),
    ("{lease: {renew: 0s}}", "0s", "longer than 0 s"),
    ("{confirm: 0}", "0", "without a look"),
    ("{witnesses: 0}", "0", "without a look"),
    ("{moves_per_day: -1}", "-1", "below zero"),
    ("{probe: 0s}", "0s", "longer than 0 s"),
])  # fmt: skip
def test_values_that_do_not_agree(watch: str, at: str, words: str) -> None:
    ((where, message),) = faults(f"watch: {watch}\n")
    assert where == at
    assert words in message


@pytest.mark.parametrize("watch", ["{lease: {ttl: 9s}}", "{profile: fast}", "{lease: {margin: 11s}}"])
def test_values_that_do(watch: str) -> None:
    assert faults(f"watch: {watch}\n") == []


@pytest.mark.parametrize(("gate", "at", "words"), [
    ("clusters: [tradign]", "tradign", "no cluster 'tradign'"), ("max_age: 0s", "0s", "longer than 0 s"),
    ("refuse_on: never", "never", "is not known here"),
])  # fmt: skip
def test_a_risk_gate_that_cannot_be(gate: str, at: str, words: str) -> None:
    assert faults("watch:\n  risk: [{portfolio: energy}]\n") == []
    ((where, message),) = faults(f"watch:\n  risk: [{{portfolio: energy, {gate}}}]\n")
    assert where == at
    assert words in message


# -- the timetable


@pytest.mark.parametrize(("schedule", "at", "words"), [
    ("do: drill, cluster: tradign", "tradign", "no cluster 'tradign'"),
    ("do: drill, cluster: alone", "alone", "no second node"),
    ("do: drill, cluster: trading, to: virginia", "virginia", "no region 'virginia'"),
    ("do: drill, cluster: trading, to: us-east", "us-east", "is the home of trading"),
    ("do: drill, cluster: trading, timezone: Mars", "Mars", "is not a time zone"),
    ("do: drill, cluster: trading, grace: 0s", "0s", "longer than 0 s"),
    ("do: job", "job", "'job' is not known here"),
    ("do: runbook, runbook: x, inputs: {n: 1}", "1", "wants text"),
    ('do: risk, portfolio: ""', '""', "names no file"), ("do: risk, portfolio: p.csv, alpha: 100%", "100%", "is none"),
    ("do: risk, portfolio: p.csv, horizon: 0d", "0d", "is none"),
    ("do: risk, portfolio: p.csv, max_price_age: -1", "-1", "below zero"),
    ("do: risk, portfolio: p.csv, method: magic", "magic", "is not known here"),
])  # fmt: skip
def test_a_schedule_that_cannot_be(schedule: str, at: str, words: str) -> None:
    ((where, message),) = faults(f'schedules:\n  nightly: {{cron: "0 3 * * *", {schedule}}}\n')
    assert where == at
    assert words in message


@pytest.mark.parametrize(("schedule", "found"), [
    ('cron: "0 3 * * 0", do: drill, cluster: trading', [("cron", '"0 3 * * 0"', "names")]),
    ('cron: "0 3 * *", do: drill, cluster: trading', [("cron", '"0 3 * *"', "five fields")]),
    ('cron: "0 0 31 feb *", do: drill, cluster: trading', [("cron", '"0 0 31 feb *"', "never comes")]),
    ('cron: "0 3 * * *", do: runbook, runbook: monthly-dril', [("runbook", "monthly-dril", "no runbook")]),
    ('cron: "0 3 * * *", do: runbook, runbook: broken', [("runbook", "broken", "has errors")]),
    ('cron: "0 3 * * *", do: runbook, runbook: mine, inputs: {to: atlantis}', [("inputs.to", "atlantis", "no region")]),
    ('cron: "0 3 * * *", do: runbook, runbook: mine, inputs: {to: eu-west, too: x}',
     [("inputs.too", "too: x", "no such input")]),
    ('cron: "0 3 * * *", do: runbook, runbook: mine, inputs: {}', [("inputs.to", "{", "it must be given")]),
    ('cron: "0 3 * * *", do: runbook, runbook: mine, inputs: {to: virginia}', []),
    ('cron: "0 3 * * *", do: risk, portfolio: p.csv, prices: q.csv', [("portfolio", "p.csv", "no file"),
                                                                     ("prices", "q.csv", "no file")]),
    ('cron: "0 3 * * *", do: risk, portfolio: runbooks/mine.yaml', []),
])  # fmt: skip
def test_what_the_timetable_means(schedule: str, found: list[tuple[str, str, str]], tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    steps = 'steps: [{id: a, do: wait_until, because: a test, until: "inputs.to != \'x\'"}]\n'
    (tmp_path / "runbooks" / "mine.yaml").write_text(
        "runbook: mine\ntitle: Mine\ninputs: {to: {type: region}}\n" + steps
    )
    (tmp_path / "runbooks" / "broken.yaml").write_text("runbook: broken\n" + steps)
    text = HEAD + f"schedules:\n  nightly: {{{schedule}}}\n"
    document = compose(text.encode(), FILE)
    platform = understand(document)
    try:
        demand(platform, document, tmp_path / FILE, {})
        errors = []
    except Problems as problems:
        errors = list(problems.errors)
    assert len(errors) == len(found), errors
    for error, (key, at, words) in zip(errors, found, strict=True):
        assert error.message.startswith(f"schedules.nightly.{key}: ")
        assert words in error.message
        assert error.place is not None
        assert text.splitlines()[error.place.line - 1][error.place.column - 1 :].startswith(at)


# -- advice


def advised(mode: str = "auto", watch: str = "", **changed: str) -> list[str]:
    text = HEAD.replace("mode: observe", f"mode: {mode}") + (f"watch: {watch}\n" if watch else "")
    for old, new in changed.items():
        text = text.replace({"objectives": "{rpo: 60s, rto: 5m}", "durability": "durability: async"}[old], new)
    document = compose(text.encode(), FILE)
    platform = understand(document)
    told = warnings(platform, document)
    assert [each.code for each in told] == ["QX-CFG-010"] * len(told)
    assert len(told) == len(list(advice(platform)))
    return [each.message for each in told]


def test_where_all_is_well_nothing_is_advised() -> None:
    assert advised() == []
    assert advised(mode="confirm", objectives="{rpo: 1s, rto: 1s}") == []


def test_an_rpo_shorter_than_what_the_daemon_waits() -> None:
    (told,) = advised(objectives="{rpo: 5s, rto: 5m}")
    assert "5 s is shorter than watch.hang.after (12 s with a look) and watch.lease.ttl (17 s with a look)" in told
    assert "the rpo gate keeps the daemon from failing over while clients write" in told
    (told,) = advised(objectives="{rpo: 5s, rto: 5m}", watch="{profile: fast}")
    assert "watch.lease.ttl (5.5 s with a look)" in told
    assert "hang" not in told.partition(":")[0]
    assert advised(objectives="{rpo: 5s, rto: 5m}", durability="durability: quorum") == []


def test_an_rto_that_is_over_before_it_is_convinced() -> None:
    (told,) = advised(objectives="{rpo: 60s, rto: 20s}")
    assert told.endswith("20 s is over before the daemon is convinced: watch.restart_grace (30 s)")
    (told,) = advised(objectives="{rpo: 60s, rto: 1m}", watch="{probe: 30s}")
    assert "watch.probe times confirm (1m30s)" in told


def test_samples_that_are_too_old_when_they_are_needed() -> None:
    (told,) = advised(objectives="{rpo: 5m, rto: 5m}", watch="{lease: {ttl: 90s}}")
    assert "auto would refuse: samples are older than defaults.sample_age" in told


def test_auto_where_nothing_may_be_moved() -> None:
    (told,) = advised(watch="{moves_per_day: 0}")
    assert "nothing is ever moved unasked, trading neither" in told
