"""A worker of the stream as a process of its own, for tests that kill it.

    python -m tests.contract.streaming URL STREAM CONSUMER IDLE_S DELIVERIES DRAIN

It judges as `qx validate --stream` does, but for one thing: a transaction whose id begins with POISON ends the process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from qx.adapters.clock import SystemClock
from qx.adapters.redis.stream import RedisEntries
from qx.app.compliance import Desk
from qx.app.stream import Worker
from qx.app.verdicts import Bench, Judged
from qx.compliance.kyc import Enriched
from qx.model.stream import Consuming, Entry

POISON = "POISON"
GROUP = "workers"


class Poisoned(Bench):
    def judged(self, entry: Entry, enriched: Enriched) -> Judged:
        if enriched.transaction.name.startswith(POISON):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().judged(entry, enriched)


async def work(url: str, stream: str, consumer: str, idle: float, deliveries: int, *, drain: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Consuming(
        group=GROUP, consumer=consumer, count=10, block=0.1, idle=idle, deliveries=deliveries, drain=drain
    )
    desk = Desk({}, cwd=Path("/nonexistent"))
    entries = RedisEntries("cache/here", url, str, stream, GROUP, consumer, 20.0)
    worker = Worker(
        entries, lambda: Poisoned(desk, "bahrain", GROUP), settings, SystemClock(), stop,
        say=lambda line: print(consumer, line, file=sys.stderr, flush=True),
    )  # fmt: skip
    await worker.run()
    await entries.close()


if __name__ == "__main__":
    url, stream, consumer, idle, deliveries, drain = sys.argv[1:]
    asyncio.run(work(url, stream, consumer, float(idle), int(deliveries), drain=drain == "drain"))
