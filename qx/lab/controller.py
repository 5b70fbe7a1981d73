"""A region's controller in the lab: `python -m qx.lab.controller --region R --config FILE --directory DIR`.

What `qx daemon --region R` runs, under a name by which `qx lab down` finds it wherever it was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qx.adapters.clock import SystemClock
from qx.app.workbench import Workbench
from qx.daemon.daemon import Daemon
from qx.daemon.log import Log
from qx.lab.lab import CONTROLLERS
from qx.lab.spawn import spawn

if TYPE_CHECKING:
    from qx.adapters.node.processes import Pid
    from qx.lab.lab import Lab


def controller_name(region: str) -> str:
    """Its name among the lab's processes."""
    return f"controller/{region}"


def log_of(lab: Lab, region: str) -> Path:
    """What it said: JSON lines."""
    return lab.directory / CONTROLLERS / f"{region}.log"


def start(lab: Lab, region: str) -> Pid:
    """It may not watch yet."""
    options = ("--region", region, "--config", str(lab.config_of(region)), "--directory", str(lab.directory))
    env = {"XDG_STATE_HOME": str(lab.directory / CONTROLLERS / region)}
    return spawn("qx.lab.controller", *options, log=log_of(lab, region), env=env)


def main() -> None:
    parser = argparse.ArgumentParser(prog="qx.lab.controller")
    parser.add_argument("--region", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--directory", type=Path, required=True, help="where it works")
    options = parser.parse_args()
    os.chdir(options.directory)
    log = Log(sys.stderr, SystemClock(), as_json=True)
    asyncio.run(Daemon(lambda: Workbench(os.environ, options.config, region=options.region), log).run())


if __name__ == "__main__":
    main()
