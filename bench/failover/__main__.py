"""`make bench-failover`: what failover costs the clients of qx, Patroni and repmgr, on the same nodes.

    python -m bench.failover [--runs N] [--only SYSTEM[/FAULT] ...] [--results FILE] [--report]

Everything runs in network and process namespaces of its own: as root, or else in a user namespace; where neither can
be had it is refused. Results are appended to FILE, and what stands there is not measured again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.failover.inside import Order
from bench.failover.programs import cache_directory, prepare
from bench.failover.report import report
from bench.failover.results import done, read
from bench.failover.schedule import SYSTEMS, turns

NAMESPACES = ("--net", "--pid", "--fork", "--kill-child", "--mount-proc")
RESULTS = Path(__file__).parents[2] / "bench-results" / "failover.jsonl"
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")
TOOLS = ("unshare", "nsenter", "ip", "setsid", "setpriv")


def entrance() -> list[str]:
    """What a program is started with, to be inside. Raises SystemExit where that is not possible."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"bench-failover: needs {', '.join(missing)}: apt-get install util-linux iproute2")
    said = ""
    for privilege in ((), ("--user", "--map-root-user")):
        argv = [*ENDS_WITH_US, "unshare", *privilege, *NAMESPACES]
        trial = [*argv, "sh", "-c", "ip link add to type veth && echo 1 > /proc/sys/net/ipv4/ip_forward"]
        tried = subprocess.run(trial, capture_output=True, text=True, check=False, timeout=30)
        if tried.returncode == 0:
            return argv
        said = tried.stderr.strip()
    raise SystemExit(
        "bench-failover: regions are isolated by network namespaces, which cannot be had here, neither as root nor in"
        f" a user namespace: {said}. Nothing was measured: an approximation would be no comparison."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS") or 0) or None, help="at most, of each")
    only = os.environ.get("ONLY", "").replace(",", " ").split()
    parser.add_argument("--only", nargs="*", default=only, metavar="SYSTEM[/FAULT]")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("RESULTS") or RESULTS))
    parser.add_argument("--report", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("--keep", action="store_true", help="keep the logs of every turn beside the results")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench-failover: ended; what is done is kept"))
    results = options.results.resolve()
    missing: dict[str, str] = {}
    code = 0
    if not options.report:
        argv = entrance()
        programs = prepare(cache_directory())
        missing = programs.missing
        systems = {name: entry for name, entry in SYSTEMS.items() if name.removesuffix("-tuned") not in missing}
        try:
            left = list(turns(options.runs, tuple(options.only), done(read(results)), systems))
        except ValueError as error:
            parser.error(str(error))
        for name, why in missing.items():
            print(f"{name} is not measured: {why}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="qx-failover-", ignore_cleanup_errors=True) as place:
            order = Order(turns=left, programs=programs, results=str(results), place=place, keep=options.keep)
            inside = [*argv, sys.executable, "-m", "bench.failover.inside"]
            code = subprocess.run(inside, input=msgspec.json.encode(order), check=False).returncode
    print(report(read(results), missing))
    return code


if __name__ == "__main__":
    sys.exit(main())
