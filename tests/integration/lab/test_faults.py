"""Faults do to real servers what they say, and heal takes each of them back."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from qx.kernel.errors import QxError
from qx.lab import disks, faults, redis
from qx.lab import lab as lab_module
from qx.lab.down import down
from qx.lab.lab import Lab
from qx.lab.layout import CONTROL, OPS
from qx.lab.status import NodeStatus, status
from qx.lab.up import Wish, up
from tests.integration.lab.look import answers, port, reaches, sql, until

pytestmark = [pytest.mark.integration, pytest.mark.fault]

REPLICAS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


@dataclass
class Broken:
    """The lab under test; `lab` is the newest state of it."""

    lab: Lab

    def node(self, name: str) -> NodeStatus:
        return next(n for n in status(self.lab).nodes if f"{n.cluster}/{n.region}" == name)

    def heal(self, word: str | None = None) -> tuple[str, ...]:
        self.lab, mended = faults.heal(self.lab, word)
        return mended

    def streaming(self) -> bool:
        return sql(port(self.lab, "us-east"), REPLICAS) == [(2,)]


@pytest.fixture
def it(lab: Lab) -> Iterator[Broken]:
    """The module's lab, whole before and after."""
    broken = Broken(lab_module.running(lab.directory))
    yield broken
    broken.heal()
    until(broken.streaming, "both standbys to stream again")


def test_a_region_dies_and_power_returns(it: Broken) -> None:
    before = {node.pid for node in status(it.lab).nodes}
    it.lab = faults.kill(it.lab, "us-east")
    assert [it.node(name).state for name in ("trading/us-east", "sessions/us-east")] == ["down", "down"]
    assert it.node("trading/eu-west").state == "running"
    assert not reaches(it.lab, "us-east")
    with socket.create_connection(("127.0.0.1", it.lab.layout.relay(OPS, "us-east", CONTROL)), 5) as control:
        assert control.makefile().readline() == "qx-control us-east\n", "the management network is no server"
    assert set(it.heal()) == {"endpoint of us-east", "trading/us-east", "sessions/us-east"}
    assert sql(port(it.lab, "us-east"), "SELECT pg_is_in_recovery()") == [(False,)]
    assert it.node("trading/us-east").pid not in before
    assert reaches(it.lab, "us-east")
    assert it.lab.stricken == ()


def test_a_frozen_server_keeps_its_connections_and_says_nothing(it: Broken) -> None:
    faults.freeze(it.lab, "trading/us-east")
    assert it.node("trading/us-east").state == "frozen"
    with socket.create_connection(("127.0.0.1", port(it.lab, "us-east")), 5) as client:
        client.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")  # SSLRequest
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        it.heal("trading/us-east")
        client.settimeout(10)
        assert client.recv(1) == b"N"
    assert it.node("trading/us-east").state == "running"


def test_an_isolated_region_lives_on_by_itself_and_catches_up(it: Broken) -> None:
    faults.isolate(it.lab, "eu-west")
    assert not reaches(it.lab, "eu-west")
    assert not reaches(it.lab, "us-east", source="eu-west")
    assert reaches(it.lab, "ap-southeast", source="us-east")
    sql(port(it.lab, "us-east"), "CREATE TABLE isolated (x int)")
    inside = port(it.lab, "eu-west")
    assert sql(inside, "SELECT to_regclass('isolated')") == [(None,)], "its own clients reach it, the news does not"
    assert it.heal("eu-west") == ("6 links",)
    until(lambda: sql(inside, "SELECT to_regclass('isolated')") != [(None,)], "the standby to catch up")


def test_one_direction_carries_writes_whose_answers_never_come(it: Broken) -> None:
    at = port(it.lab, "us-east", source=OPS)
    sql(at, "CREATE TABLE one_way (x int)")
    with psycopg.connect(f"host=127.0.0.1 port={at} user=postgres dbname=postgres", autocommit=True) as client:
        client.execute("SET application_name = 'one-way'")
        faults.link(it.lab, "us-east", OPS, "drop")
        client.pgconn.send_query(b"INSERT INTO one_way VALUES (1)")
        client.pgconn.flush()
        until(lambda: sql(port(it.lab, "us-east"), "SELECT x FROM one_way") == [(1,)], "the write to be done")
        assert client.pgconn.is_busy(), "done, and not acknowledged"
        faults.link(it.lab, "us-east", OPS, "pass")

        def answered() -> bool:
            client.pgconn.consume_input()
            return not client.pgconn.is_busy()

        until(answered, "the acknowledgement")
        while client.pgconn.get_result():
            pass


def test_a_refused_link_resets_replication_until_it_heals(it: Broken) -> None:
    faults.link(it.lab, "eu-west", "us-east", "refuse")
    until(lambda: sql(port(it.lab, "us-east"), REPLICAS) == [(1,)], "the standby to be gone")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", it.lab.layout.relay("eu-west", "us-east", "trading")), 5)
    it.heal()


def test_delay_is_felt_by_the_client(it: Broken) -> None:
    faults.link(it.lab, OPS, "eu-west", "pass", 0.2)
    began = time.monotonic()
    assert redis.ask(port(it.lab, "eu-west", cluster="sessions", source=OPS), "PING") == "+PONG"
    assert time.monotonic() - began >= 0.4, "handshake and question"


def test_a_server_started_raw_is_what_its_files_say(it: Broken) -> None:
    for name in ("trading/ap-southeast", "sessions/ap-southeast"):
        with pytest.raises(QxError, match="QX-LAB-006"):
            faults.restart(it.lab, name)
        it.lab = faults.kill(it.lab, name)
        it.lab = faults.restart(it.lab, name)
    assert sql(port(it.lab, "ap-southeast"), "SELECT pg_is_in_recovery()") == [(True,)]
    assert "role:slave" in redis.ask(port(it.lab, "ap-southeast", cluster="sessions"), "INFO replication")
    until(it.streaming, "the standby to be back")


def test_started_raw_as_a_writer_it_is_a_zombie(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    try:
        lab = up(directory, Wish(), print)
        for name in ("trading/eu-west", "sessions/eu-west"):
            lab = faults.restart(faults.kill(lab, name), name, as_writer=True)
        assert sql(port(lab, "eu-west"), "SELECT pg_is_in_recovery()") == [(False,)]
        assert "role:master" in redis.ask(port(lab, "eu-west", cluster="sessions"), "INFO replication")
        assert sql(port(lab, "us-east"), "SELECT pg_is_in_recovery()") == [(False,)]
    finally:
        down(directory)


def test_filling_a_disk_that_all_share_is_refused_with_the_way_to_have_ones_own(it: Broken) -> None:
    with pytest.raises(QxError) as caught:
        faults.fill(it.lab, "trading/us-east")
    assert caught.value.code == "QX-LAB-006"
    assert "--disk" in caught.value.hint


def test_names_that_are_not_there(it: Broken) -> None:
    with pytest.raises(QxError) as caught:
        faults.kill(it.lab, "eu-wset")
    assert (caught.value.code, caught.value.hint) == ("QX-OBS-001", "did you mean 'eu-west'?")


def test_a_full_disk_stops_writes_and_room_brings_them_back(tmp_path: Path) -> None:
    try:
        disks.mount(tmp_path / "trial", 1 << 20)
    except QxError as error:
        pytest.skip(error.message)
    finally:
        disks.unmount_below(tmp_path)
    assert os.geteuid() == 0
    directory = tmp_path / "lab"
    try:
        lab = up(directory, Wish(disk_bytes=256 << 20), print)
        at = port(lab, "us-east")
        lab = faults.fill(lab, "trading/us-east")
        with pytest.raises(psycopg.Error):
            sql(at, "CREATE TABLE big AS SELECT generate_series(1, 2000000)")
        lab, mended = faults.heal(lab)
        assert "disk of trading/us-east" in mended
        until(lambda: answers(at), "the server takes connections again, after its recovery")
        sql(at, "CREATE TABLE small AS SELECT 1 AS x")
        assert sql(at, "SELECT x FROM small") == [(1,)]
    finally:
        down(directory)
    assert not list(disks.mounted_below(tmp_path))
