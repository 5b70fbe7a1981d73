"""Unplanned at a steady 200 writes/s: what was lost lies within what the plan announced, and that is no wide guess."""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from qx.lab import faults
from tests.fixtures_lab import RATE, TRADING, Site, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.lab.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SAMPLES = 5  # of the writer's position, before it may die
RUNS = [pytest.param(number, marks=() if number < 3 else pytest.mark.slow) for number in range(20)]


@pytest.mark.parametrize("number", RUNS)
def test_the_measured_loss_lies_within_the_announced_range(site: Site, number: int) -> None:
    chance, way = random.Random(number), site.way(TRADING)
    with site.clients(TRADING) as ledger, _sampler(site):
        _await_samples(site, way.source)
        if number % 4 < 3:  # in most runs it dies with writes that nobody else has
            for other in (way.sibling, way.target):  # in this order the target knows most
                site.fault(faults.link, way.source, other, mode="drop")
        time.sleep(chance.uniform(0.0, 2.0))  # the instant of its death
        rate = max(RATE, _busiest(ledger))
        site.fault(faults.kill, f"{TRADING}/{way.source}")
        accepted = ("--accept-loss", "64MiB", "--reason", "it is dead", "--yes")
        said = site.ok("failover", "--to", way.target, "--cluster", TRADING, *accepted)
        [moved] = said["clusters"]
        site.serves(ledger, TRADING, way.target, lossless=False)
        lost = len(site.lost(ledger, TRADING))
    announced = moved["estimated_loss"]
    site.fault(faults.heal)
    [rejoined] = site.ok("rejoin", "--cluster", TRADING, "--yes")["clusters"]
    [measured] = [each for each in rejoined["measured_loss"] if each["node"] == f"{TRADING}/{way.source}"]
    low, high = announced["transactions_low"], announced["transactions_high"]
    print(f"lost {lost} acknowledged writes; beyond the fork {measured['commits']} transactions, {measured['bytes']} B")
    print(f"announced {low}-{high} and {announced['bytes_low']}-{announced['bytes_high']} B, {announced['because']}")
    assert site.ok("runs", "show", said["run"])["results"][0]["measured_loss"] == [measured]
    assert low <= measured["commits"] <= high
    assert announced["bytes_low"] <= measured["bytes"] <= announced["bytes_high"]
    assert lost <= measured["commits"]
    assert high - low <= (announced["sample_age_s"] + 1.0) * rate


def _busiest(ledger: Ledger) -> float:
    """Acknowledged writes per second in the busiest half second: clients that were held up catch up."""
    now = time.monotonic()
    at = sorted(ack.at for ack in ledger.paths[f"{TRADING}/route"].acked_between(now - 60.0, now))
    return max((bisect_right(at, each + 0.5) - number) * 2.0 for number, each in enumerate(at))


@contextmanager
def _sampler(site: Site) -> Iterator[None]:
    """`qx lag --watch`, which keeps the positions that it sees, until the operator has had enough."""
    watching = site.spawn("lag", "--watch=0.5", "-o", "ndjson")
    try:
        yield
        assert watching.poll() is None, f"the sampler ended: {watching.communicate()}"
    finally:
        watching.kill()
        watching.communicate()


def _await_samples(site: Site, region: str) -> None:
    """Enough of them from now on."""
    since = time.time()

    def enough() -> bool:
        with site.store() as store:
            return sum(sample.region == region for sample in store.samples(TRADING, since)) >= SAMPLES

    wait(enough, f"{SAMPLES} samples of {region}")
