"""A lab whose servers run under guards, from the beginning, after a fault, and until it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from qx.adapters.node.local import LocalNode
from qx.config.load import load as load_config
from qx.lab import faults, servers
from qx.lab.down import PROGRAMS, down
from qx.lab.lab import Lab
from qx.lab.layout import NodeLayout
from qx.lab.pids import working_in
from qx.lab.up import Wish, up
from qx.model.control import Control, Term
from qx.model.platform import LocalControl
from tests.integration.lab.look import until

T = 30.0

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("guarded") / "lab"
    try:
        yield up(directory, Wish(guards=True), print)
        assert "qx-guard" in {pid.name for pid in working_in(directory, PROGRAMS)}
    finally:
        down(directory)
        assert not list(working_in(directory, PROGRAMS))
        assert not directory.exists()


def control_of(lab: Lab, node: NodeLayout) -> LocalNode:
    """As regions.yaml says how it is reached."""
    settings = load_config(lab.config).clusters[node.cluster].nodes[node.region].control
    assert isinstance(settings, LocalControl)
    return LocalNode(settings, node.kind, node.cluster, node.region)


def seen(lab: Lab, node: NodeLayout) -> Control:
    return asyncio.run(control_of(lab, node).inspect(T))


def test_every_server_has_its_guard(guarded: Lab) -> None:
    told = [seen(guarded, node) for node in guarded.layout.nodes]
    assert len({one.guard for one in told} - {""}) == len(guarded.layout.nodes)
    assert {one.guard_left_s for one in told} == {None}


@pytest.mark.parametrize("cluster", ["trading", "sessions"])
def test_a_killed_guard_takes_its_server_and_heal_brings_both_back(guarded: Lab, cluster: str) -> None:
    node = guarded.layout.node(cluster, "ap-southeast")
    before = seen(guarded, node).guard
    os.kill(int(before.split("/")[1]), signal.SIGKILL)
    until(lambda: servers.leader(node) is None, "the server is gone")
    faults.restart(guarded, node.name)
    after = seen(guarded, node).guard
    assert after not in {"", before}


@pytest.mark.parametrize("cluster", ["trading", "sessions"])
def test_its_deadline_ends_it(guarded: Lab, cluster: str) -> None:
    node = guarded.layout.node(cluster, "eu-west")
    sent = time.clock_gettime(time.CLOCK_BOOTTIME)
    asyncio.run(control_of(guarded, node).extend(1, Term(sent=sent, ttl=1.5, margin=1.0), T))
    until(lambda: servers.leader(node) is None, "the server is gone")
    until(lambda: seen(guarded, node).exited == "expired", "its guard has told why")
    faults.restart(guarded, node.name)
    assert seen(guarded, node).guard
