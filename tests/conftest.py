"""What every test shares: two workers that do not hinder each other, and hypothesis without wall-clock deadlines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("qx", deadline=None)
settings.load_profile("qx")

pytest_plugins = ["tests.fixtures_servers", "tests.fixtures_lab", "tests.fixtures_etcd"]

COMPUTING = ("machine", "property", "unit")
"""The folders whose tests start no server: they may run beside anything."""

SERVERS = "servers"
POLITE = 10


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start servers share one worker, one after another; the others go to whichever worker is free."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] not in COMPUTING:
            item.add_marker(pytest.mark.xdist_group(SERVERS))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What only computes gives way to the servers, which have deadlines to keep."""
    computes = item.get_closest_marker("xdist_group") is None
    if "PYTEST_XDIST_WORKER" in os.environ and computes and os.nice(0) < POLITE:
        os.nice(POLITE)
