"""What `qx risk` takes: estimators, options, simulation and backtests beside raw numpy, and beside the peers.

    python -m bench.risk [--peers PYTHON] [--runs N] [--only PART,...]

Each piece of work runs in a process of its own (`bench.risk_work`), by turns with the numpy that it cannot do without,
the floor; the ratio is that of the medians. The peers run in the interpreter that --peers names: what of them is not
there is said. `cold`: `qx risk var examples/portfolio.csv` from the shell. `many`: one and two workers of Dask. With
each its noise: load, fastest and slowest run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.risk_work import WORKS, calls, generator

ROOT = Path(__file__).resolve().parent.parent
MB = 1e6
PRICES = 1_000 * 10_000


class Target(NamedTuple):
    """At most so many times the floor; None: no target of that kind."""

    ratio: float | None = None
    seconds: float | None = None  # a goal, not held against the machine's noise
    megabytes: float | None = None  # of the whole process


TARGETS = {
    "dense-small": Target(1.5),
    "dense-large": Target(1.5),
    "factors": Target(1.5),
    "factors-million": Target(1.5, 0.030, 250),
    "parametric-small": Target(1.5),
    "parametric-large": Target(1.5),
    "options": Target(),
    "carlo-normal": Target(1.4, None, 100),
    "carlo-t5": Target(1.4, None, 100),
    "precise-normal": Target(),
    "precise-t5": Target(None, 0.4),
    "backtest": Target(1.5, 0.075),
}
COLD_S, TIMES_RISKFOLIO, TIMES_FORMULA, LINEAR = 0.6, 1_000, 10, 0.85
SAID: dict[str, bool] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=os.environ.get("PEERS", ""), help="an interpreter that has the peers")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", default="", help="parts, with commas: those of bench.risk_work, peers, cold, many")
    options = parser.parse_args()
    wanted = [part for part in options.only.split(",") if part] or [*WORKS, "peers", "cold", "many"]
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, numpy {np.__version__}; load {_load()}")
    median: dict[str, float] = {}
    for name in WORKS:
        if name in wanted:
            median[name] = _worked(name, options.runs)
    if "peers" in wanted:
        _beside(options.peers, median)
    if "cold" in wanted:
        _cold(options.runs)
    if "many" in wanted:
        _many()
    missed = [words for words, met in SAID.items() if not met]
    print(f"\n{len(SAID) - len(missed)} of {len(SAID)} targets met" + "".join(f"\n  MISSED {each}" for each in missed))
    raise SystemExit(1 if missed else 0)


def _worked(name: str, runs: int) -> float:
    """Prints it; the median of qx."""
    found, target = _run(name, runs), TARGETS[name]
    qx: list[float] = found["qx"]
    floor: list[float] | None = found.get("floor")
    words = f"{name:<18}qx {_spread(qx)}"
    if floor:
        words += f"   floor {_spread(floor)}   x{statistics.median(qx) / statistics.median(floor):.2f}"
    if name.startswith("precise"):
        words += f"   {found['answer'][0]:,.0f} draws"
    print(f"{words}   load {_load()}", flush=True)
    if floor and target.ratio:
        ratio = statistics.median(qx) / statistics.median(floor)
        _say(f"{name}: at most {target.ratio:g} x the floor: {ratio:.2f}", ratio <= target.ratio)
    if target.seconds:
        took = statistics.median(qx)
        _say(f"{name}: goal {target.seconds * 1e3:.0f} ms: {took * 1e3:.1f}", took <= target.seconds)
    if target.megabytes:
        peak = _run(name, 1, "--alone")["peak"] / MB
        _say(f"{name}: at most {target.megabytes:.0f} MB: {peak:.0f}", peak <= target.megabytes)
    if found["near"] is not None and found["near"] > 1e-9:
        raise SystemExit(f"{name}: the floor's figures differ by {found['near']:.1e}")
    return statistics.median(qx)


def _run(name: str, runs: int, *more: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", "bench.risk_work", name, "--runs", str(runs), *more]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _beside(peers: str, median: dict[str, float]) -> None:
    if not peers:
        print("peers             not measured: --peers names no interpreter (docs/how-to/bench-risk.md)")
        return
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        whole, few = Path(directory, "whole.npz"), Path(directory, "options.npz")
        np.savez(whole, returns=generator().standard_normal((2_500, 1_000)), weights=np.ones(1_000))
        np.savez(few, **calls(1_000, 10_000)._asdict())
        script = str(ROOT / "bench/risk_peers.py")
        told: dict[str, dict[str, Any]] = {}
        for file in (whole, few):
            done = subprocess.run([peers, script, str(file)], capture_output=True, text=True, timeout=1800, check=True)
            told |= json.loads(done.stdout.splitlines()[-1])
    ours = median.get("dense-small") or statistics.median(_run("dense-small", 7)["qx"])
    price = (median.get("options") or statistics.median(_run("options", 3)["qx"])) / PRICES
    for name, found in told.items():
        if "missing" in found:
            print(f"{name:<18}not there: {found['missing']}")
            continue
        of = "one price" if name == "blackFormula" else "VaR and ES" if found.get("whole") else "component VaR and ES"
        mine = price if name == "blackFormula" else ours
        print(f"{name:<18}{of}: {_time(found['seconds'])}; qx with components {_time(mine)}; "
              f"x{found['seconds'] / mine:,.1f}   load {_load()}")  # fmt: skip
        if name == "riskfolio":
            times = found["seconds"] / mine
            words = f"component VaR/ES: at least {TIMES_RISKFOLIO} x riskfolio-lib: {times:,.0f}"
            _say(words, times >= TIMES_RISKFOLIO)
        if name == "blackFormula":
            times = found["seconds"] / mine
            _say(f"options: at least {TIMES_FORMULA} x a blackFormula loop: {times:.1f}", times >= TIMES_FORMULA)


def _cold(runs: int) -> None:
    qx = [sys.executable, "-m", "qx", "risk", "var", "examples/portfolio.csv"]
    took: dict[str, list[float]] = {"qx risk var": [], "import numpy": []}
    for turn in range(runs + 1):
        for name, argv in (("qx risk var", qx), ("import numpy", [sys.executable, "-c", "import numpy"])):
            began = time.perf_counter()
            subprocess.run(argv, cwd=ROOT, capture_output=True, check=True, timeout=60)
            if turn:
                took[name].append(time.perf_counter() - began)
    for name, each in took.items():
        print(f"cold: {name:<12}{_spread(each)}   load {_load()}")
    cold = statistics.median(took["qx risk var"])
    _say(f"cold from the shell: at most {COLD_S:g} s: {cold:.2f}", cold <= COLD_S)


def _many() -> None:
    """The same run by one worker of Dask and by two, each of one thread, on this machine."""
    argv = [sys.executable, "-m", "bench.risk_many"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        print(f"many              not measured: {done.stderr.strip().splitlines()[-1]}")
        return
    told = json.loads(done.stdout.splitlines()[-1])
    one, two = statistics.median(told["one"]), statistics.median(told["two"])
    share = one / two / 2
    print(f"many              one worker {_spread(told['one'])}   two {_spread(told['two'])}   load {_load()}")
    _say(f"Dask: at least {LINEAR:.0%} of linear for two workers: {share:.0%}", share >= LINEAR)


def _say(words: str, met: bool) -> None:  # noqa: FBT001 - what was said, and whether it holds
    SAID[words] = met
    print(f"  {'met   ' if met else 'MISSED'} {words}", flush=True)


def _spread(took: list[float]) -> str:
    return f"{_time(statistics.median(took))} ({_time(min(took))} to {_time(max(took))})"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-4 else f"{seconds * 1e9:.0f} ns"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
