"""What people read, at 80 and 140 columns and in a pipe."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qx.failover.checks import Check, Figure, Level
from qx.failover.judge import judge
from qx.failover.openruns import OpenRun
from qx.model.diagnosis import Diagnosis, Examined, Health
from qx.model.lease import Rule
from qx.render.doctor import doctor_text
from qx.render.lag import Lags, lag_text, replica_lags
from qx.render.nagios import nagios_line
from qx.render.paint import Palette
from qx.render.status import Status, gist, status_text
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, STORE, US


def status(changed: dict[tuple[str, str], Any] | None = None, **more: Any) -> Status:
    platform = v.platform()
    rules = {"trading": Rule(cluster="trading", epoch=3, writer=US, writer_epoch=3)}
    topology = judge(platform, v.healthy() | (changed or {}), v.endpoints(), rules, STORE, NOW)
    made: dict[str, Any] = {
        "config_file": "/etc/qx/regions.yaml", "why": "QX_CONFIG", "platform": "test", "at": NOW, "observer": "ops1",
        "kinds": {name: cluster.kind for name, cluster in platform.clusters.items()},
        "regions": topology.regions, "clusters": topology.clusters,
    }  # fmt: skip
    return Status(**(made | more))


ORPHAN = OpenRun(
    run="01jd0000000000000000000000", intent="failover", by="ada@ops1", clusters=("trading",), orphaned=True,
    last_entry_at=NOW - 723, step="trading.promote", stopped_s={"trading": 731.0},
)  # fmt: skip
BROKEN: dict[tuple[str, str], Any] = {
    ("trading", US): v.silent("trading", US, detail="connection refused"),
    ("trading", EU): v.observed("trading", EU, v.pg_replica(None)),
    ("sessions", EU): v.observed("sessions", EU, v.redis_replica(link_up=False, link_down_s=7)),
}

HEALTHY_80 = """\
/etc/qx/regions.yaml (QX_CONFIG), 2027-01-15 08:00:00Z

REGION        VERDICT  POSTGRESQL           REDIS                 ENDPOINTS
us-east       healthy  trading writer       sessions writer       web ok
eu-west       healthy  trading replica 0 s  sessions replica 0 s  web ok
ap-southeast  healthy  trading replica 0 s  sessions replica 0 s  web ok

CLUSTER   VERDICT  WRITER   EPOCH  BECAUSE
trading   healthy  us-east      3  us-east writes, 2 of 2 replicas in step
sessions  healthy  us-east      -  us-east writes, 2 of 2 replicas in step"""


def test_a_healthy_platform_fits_80_columns() -> None:
    assert status_text(status(), width=80) == HEALTHY_80


@pytest.mark.parametrize("width", [80, 100, 140])
def test_nothing_runs_over_a_terminal(width: int) -> None:
    text = status_text(status(BROKEN, open_runs=(ORPHAN,), warnings=("x" * 30 + " " + "y" * 90,)), width=width)
    assert all(len(line) <= width for line in text.splitlines() if "y" * 90 not in line)


def test_an_orphaned_run_comes_before_everything() -> None:
    text = status_text(status(open_runs=(ORPHAN,)))
    assert text.splitlines()[:4] == [
        "orphaned run 01jd0000000000000000000000: failover of trading by ada@ops1",
        "  nobody goes on with it; last heard of 12m03s ago, in step trading.promote",
        "  trading: clients have not been able to write for 12m11s",
        "  go on: qx runs resume 01jd0000000000000000000000",
    ]


def test_every_trouble_is_told_with_its_reason_and_the_next_command() -> None:
    lost = v.observed("trading", AP, v.pg_replica(None))
    text = status_text(status(BROKEN | {("trading", AP): lost}))
    assert "us-east is degraded (writer-dead): trading refuses connections (connection refused)" in text
    assert "eu-west is degraded (replica-not-streaming): sessions lost its link to us-east 7 s ago" in text
    assert "next, for trading: qx failover --to eu-west --cluster trading --dry-run" in text
    assert "trading dead writer" in text
    assert "trading replica, not streaming" in text


def test_words_do_not_depend_on_colour() -> None:
    plain, painted = status_text(status(BROKEN)), status_text(status(BROKEN), Palette(colour=True))
    assert painted != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_a_change_is_a_change_of_standing_and_not_of_figures() -> None:
    moved = {("trading", EU): v.observed("trading", EU, v.pg_replica(replayed=0x4FFFFFF, replay_age_s=0.4))}
    assert gist(status()) == gist(status(moved, at=NOW + 5))
    assert gist(status()) != gist(status(BROKEN))


def test_lag() -> None:
    changed = {("trading", EU): v.observed("trading", EU, v.pg_replica(replayed=0x4000000, replay_age_s=12.0))}
    views = status(changed).clusters.values()
    replicas = tuple(each for view in views for each in replica_lags(view))
    lags = Lags(config_file="/r.yaml", why="--config", at=NOW, replicas=replicas)
    assert lag_text(lags, width=80) == """\
/r.yaml (--config), 2027-01-15 08:00:00Z

CLUSTER   REGION           BYTES  SECONDS  XACTS  BECAUSE
trading   eu-west       16.0 MiB     12 s      0  streams from us-east, 12 s
                                                  behind: 16.0 MiB received and
                                                  not replayed yet
trading   ap-southeast       0 B      0 s      0  streams from us-east
sessions  eu-west            0 B      0 s      -  follows us-east
sessions  ap-southeast       0 B      0 s      -  follows us-east"""


def test_nagios() -> None:
    check = Check(name="LAG", level=Level.WARNING, summary="eu-west 12.4 s behind",
                  figures=(Figure(label="lag_seconds", value=12.4, unit="s", warning=10, critical=30),
                           Figure(label="lag_bytes", value=None, unit="B")))  # fmt: skip
    assert nagios_line(check) == (
        "QX_LAG WARNING - eu-west 12.4 s behind | 'lag_seconds'=12.4s;10;30;0 'lag_bytes'=U;;;0"
    )


def test_a_nagios_line_is_one_line_whatever_servers_say() -> None:
    line = nagios_line(Check(name="X", level=Level.UNKNOWN, summary="a|b\nc\x1b[2J"))
    assert line == "QX_X UNKNOWN - a/b c\\x1b[2J"


def test_doctor() -> None:
    found = Diagnosis(examined=(
        Examined(group="install", name="python", status=Health.OK, evidence="3.11.7"),
        Examined(group="install", name="redis", status=Health.OK, evidence="8.1"),
        Examined(group="secrets", name="trading/eu-west", status=Health.FAILED,
                 evidence="env:PW: the variable is not set", fix="export PW=..."),
    ))  # fmt: skip
    assert doctor_text(found, width=80) == """\
install  python           ok      3.11.7
         redis            ok      8.1
secrets  trading/eu-west  failed  env:PW: the variable is not set
                                  fix: export PW=...

1 failed, 0 warnings, 2 ok"""
