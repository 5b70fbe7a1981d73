"""A region's controller that is killed once: python -m tests.fault.controller N before|after FLAG REGION CONFIG

SIGKILL to itself before or after the N-th entry of a run's journal is durable, unless FLAG exists, which it makes: of
several that share a flag, the first to come so far dies, and the others live. N is counted by the run, not by the
process: on a busy machine one controller may begin it and another go on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from qx.adapters.clock import SystemClock
from qx.adapters.etcd.store import EtcdStore
from qx.app.workbench import Workbench
from qx.daemon.daemon import Daemon
from qx.daemon.log import Log


def die_at(number: int, when: str, flag: Path) -> None:
    real = EtcdStore.append

    def append(self: EtcdStore, *entries: Any) -> Any:
        now = any(each.seq == number for each in entries)
        if now and when == "before":
            strike()
        done = real(self, *entries)
        if now and when == "after":
            strike()
        return done

    def strike() -> None:
        try:
            flag.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    EtcdStore.append = append  # type: ignore[method-assign]


if __name__ == "__main__":
    count, moment, mark, region, config = sys.argv[1:]
    die_at(int(count), moment, Path(mark))
    log = Log(sys.stderr, SystemClock(), as_json=True)
    asyncio.run(Daemon(lambda: Workbench(os.environ, config, region=region), log).run())
