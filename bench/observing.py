"""How fast qx tells what is true: `qx status` over a three-region lab, and with one region black-holed.

    python -m bench.observing [--runs N]

Whole processes, by turns with a bare interpreter (the machine's own speed) and with one that imports what the
adapters need (what cannot be saved).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from qx.lab import faults
from qx.lab.down import down
from qx.lab.up import Wish, up

QX = [sys.executable, "-m", "qx"]
CASES: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import typer, msgspec, yaml, psycopg, redis.asyncio": [
        sys.executable, "-c", "import typer, msgspec, yaml, psycopg, redis.asyncio",
    ],
    "qx --help": [*QX, "--help"],
    "qx status": [*QX, "status"],
    "qx lag": [*QX, "lag"],
}


def timed(argv: list[str], env: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(argv, env=env, check=True, capture_output=True, timeout=60)
    return time.monotonic() - began


def table(title: str, cases: dict[str, list[str]], runs: int, env: dict[str, str]) -> None:
    took: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(runs + 1):  # the first warms up
        for name, argv in cases.items():
            seconds = timed(argv, env)
            if turn:
                took[name].append(seconds)
    print(f"{title}; {runs} runs by turns, load {os.getloadavg()[0]:.1f}")
    for name, each in took.items():
        print(f"  {name:<54}{min(each):>8.3f}{statistics.median(each):>8.3f}{max(each):>8.3f} s  min, median, max")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS", "10")))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        place = Path(directory, "lab")
        try:
            lab = up(place, Wish(regions=3), lambda line: print(line, file=sys.stderr))
            env = {**os.environ, "QX_CONFIG": str(lab.config)}
            table("three regions, all well", CASES, options.runs, env)
            faults.isolate(lab, "eu-west")
            dark = {name: CASES[name] for name in ("qx status", "qx lag")}
            table("eu-west black-holed (probe deadline 2 s)", dark, max(3, options.runs // 3), env)
        finally:
            down(place)


if __name__ == "__main__":
    main()
