"""What every test shares: workers that do not hinder each other, and hypothesis without wall-clock deadlines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

settings.register_profile("qx", deadline=None)
settings.load_profile("qx")

pytest_plugins = ["tests.fixtures_servers", "tests.fixtures_lab", "tests.fixtures_etcd"]

COMPUTING = ("tests/machine/", "tests/property/", "tests/unit/")
"""The folders whose tests start no server: they may run beside anything."""

LONG = ("tests/machine/", "tests/property/")
"""Of those, the ones that are given out one by one."""

LABS = ("tests/fault/", "tests/integration/test_")
"""Those that keep one lab standing for the tests that follow. The rest of tests/integration starts labs of its own, or
has no deadlines to keep: the worker of single servers has time for it.
"""

POLITE = 10


class Apart(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Labs go to one worker, single servers to another, one after another; the rest to whichever worker is free: that
    computes while those wait.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(LONG):
            return nodeid
        if nodeid.startswith(COMPUTING):
            return nodeid.partition("::")[0]
        return "labs" if nodeid.startswith(LABS) else "servers"


def pytest_configure() -> None:
    """Started in the background of a script, a shell lets nothing below it be interrupted: some tests do just that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Apart:
    return Apart(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What only computes gives way to the servers, which have deadlines to keep."""
    computes = item.nodeid.startswith(COMPUTING)
    if "PYTEST_XDIST_WORKER" in os.environ and computes and os.nice(0) < POLITE:
        os.nice(POLITE)


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever ends this process, what it started is ended too: tests.reaper outlives it, and has its say."""
    argv = [sys.executable, "-m", "tests.reaper", str(tmp_path_factory.getbasetemp())]
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        reaper = subprocess.Popen(argv, cwd=Path(__file__).parent.parent, stdin=subprocess.PIPE, start_new_session=True)
    yield
    reaper.communicate()
