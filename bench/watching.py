"""An hour of `qx daemon` over six regions where all is well: no growth, no false verdict, little of the processor.

    python -m bench.watching [--seconds N] [--warm-up N] [--profile PROFILE]

One daemon as operators run it, in mode observe, over a six-region lab that nothing happens to but its own heartbeats.
Its memory and processor time are read from /proc, what it decided from its ledger and its log, what it keeps from its
store. Figures are of after the warm-up. The targets: no decision at all, at most 120 MB, 3 % of one core, and no growth
(memory of the last quarter as of the second, but for 1 MB; no more descriptors). The interpreter's memory takes longer
than the warm-up to find its size (two daemons took 55.4 MB at first, 57.1 after 24 minutes, 57.4 after 40 and 57.6
after 88): `--seconds 9000` tells that from a leak.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from qx.lab.down import down
from qx.lab.up import Wish, up

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_UP_S = 20.0
EVERY_S = 5.0
MOST_MB, MOST_CPU, MOST_GROWTH_MB = 120.0, 3.0, 1.0
MB = 1e6
_TICK = os.sysconf("SC_CLK_TCK")
_WELL = "well"


class Sample(Struct, frozen=True):
    """`at` monotonic; `rss` bytes; `cpu` seconds of user and system time; `kept` bytes of the store's files."""

    at: float
    rss: int
    cpu: float
    kept: int
    fds: int


def sampled(pid: int, store: Path) -> Sample:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    rss = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    kept = sum(path.stat().st_size for path in store.parent.glob(f"{store.name}*"))
    fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Sample(time.monotonic(), rss, (int(words[11]) + int(words[12])) / _TICK, kept, fds)


def counts(store: Path) -> dict[str, int]:
    """Table -> rows."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in sorted(tables)}


def decided(store: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM records WHERE kind = 'decided'")]


def told(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def watch(config: Path, place: Path, seconds: float, warm_up: float, profiled: Path | None) -> dict[str, Any]:
    store, log = place / "watching.db", place / "daemon.log"
    tool = ["-m", "cProfile", "-o", str(profiled)] if profiled else []
    argv = [sys.executable, *tool, "-m", "qx", "daemon", "--config", str(config)]
    with log.open("w") as out:
        daemon = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=place)
    samples: list[Sample] = []
    rows: dict[str, int] = {}
    try:
        _until_watching(daemon, log)
        began = sampled(daemon.pid, store)
        while (left := began.at + warm_up + seconds - time.monotonic()) > 0:
            time.sleep(min(EVERY_S, left))
            if daemon.poll() is not None:
                raise SystemExit(f"the daemon ended with {daemon.returncode}:\n{log.read_text()[-4000:]}")
            samples.append(sampled(daemon.pid, store))
            if len(samples) == 1 or samples[-2].at < began.at + warm_up <= samples[-1].at:
                rows = counts(store)
        after = counts(store)
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(90)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    warm = [sample for sample in samples if sample.at >= began.at + warm_up]
    events = list(told(log))
    suspected = [each for each in events if each["event"] == "decided" and each.get("verdict") != _WELL]
    return {
        "began": began, "warm": warm, "rows": rows, "after": after, "ledger": decided(store),
        "suspected": suspected, "errors": [each for each in events if each["event"] in ("error", "bug")],
    }  # fmt: skip


def _until_watching(daemon: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while not any(each["event"] == "watching" for each in told(log)):
        if daemon.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"the daemon does not watch:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)


def slope(samples: list[Sample]) -> float:
    """Bytes of memory per hour, by least squares."""
    found = statistics.linear_regression([s.at for s in samples], [float(s.rss) for s in samples])
    return found.slope * 3600


def growth(samples: list[Sample]) -> float:
    """Bytes by which the last quarter's median is above the second's."""
    quarter = max(1, len(samples) // 4)
    return statistics.median(s.rss for s in samples[-quarter:]) - statistics.median(
        s.rss for s in samples[quarter : 2 * quarter]
    )


def summary(found: dict[str, Any]) -> dict[str, Any]:
    warm: list[Sample] = found["warm"]
    span = warm[-1].at - warm[0].at
    hour = 3600 / span
    return {
        "seconds": round(span),
        "rss_mb": {"start": found["began"].rss / MB, "warm": warm[0].rss / MB, "end": warm[-1].rss / MB,
                   "max": max(s.rss for s in warm) / MB},
        "slope_mb_per_hour": slope(warm) / MB,
        "growth_mb": growth(warm) / MB,
        "cpu_percent": (warm[-1].cpu - warm[0].cpu) / span * 100,
        "descriptors": {"start": warm[0].fds, "end": warm[-1].fds},
        "store": {"mb": warm[-1].kept / MB, "mb_per_hour": (warm[-1].kept - warm[0].kept) / MB * hour},
        "rows_per_hour": {name: round((after - found["rows"].get(name, 0)) * hour)
                          for name, after in found["after"].items() if after != found["rows"].get(name, 0)},
        "rows": {name: after for name, after in found["after"].items() if after},
        "false_verdicts": len(found["ledger"]),
        "suspicions": len(found["suspected"]),
        "errors": len(found["errors"]),
        "load": os.getloadavg()[0],
    }  # fmt: skip


def met(of: dict[str, Any]) -> dict[str, bool]:
    return {
        "no false verdict": not of["false_verdicts"] and not of["errors"],
        f"at most {MOST_MB:.0f} MB": of["rss_mb"]["max"] <= MOST_MB,
        f"at most {MOST_CPU:.0f} % of a core": of["cpu_percent"] <= MOST_CPU,
        "no growth": of["growth_mb"] <= MOST_GROWTH_MB and of["descriptors"]["end"] <= of["descriptors"]["start"],
    }


def show(of: dict[str, Any], profile: str) -> None:
    rss, store, fds = of["rss_mb"], of["store"], of["descriptors"]
    print(f"six regions, all well, profile {profile}, {of['seconds']} s after the warm-up, {os.cpu_count()} cores,"
          f" load {of['load']:.1f}")  # fmt: skip
    print(f"  memory           {rss['start']:.1f} MB at the start, {rss['warm']:.1f} warm, {rss['end']:.1f} at the end,"
          f" {rss['max']:.1f} at most;"
          f" slope {of['slope_mb_per_hour']:+.2f} MB/h, growth {of['growth_mb']:+.2f} MB")  # fmt: skip
    print(f"  processor        {of['cpu_percent']:.2f} % of one core")
    print(f"  descriptors      {fds['start']} at the start, {fds['end']} at the end")
    rows = ", ".join(f"{name} {count:+d}" for name, count in of["rows_per_hour"].items()) or "none"
    print(f"  store            {store['mb']:.2f} MB, {store['mb_per_hour']:+.2f} MB/h; rows per hour: {rows}")
    print(f"  false verdicts   {of['false_verdicts']}; suspicions told {of['suspicions']}, errors {of['errors']}")
    for words, is_met in met(of).items():
        print(f"  {'met' if is_met else 'MISSED':<16} {words}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600.0, help="after the warm-up")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds before that")
    parser.add_argument("--profile", choices=("default", "fast"), default=os.environ.get("PROFILE", "default"))
    parser.add_argument("--cprofile", type=Path, help="where to write the daemon's profile; it is slower then")
    parser.add_argument("-o", "--output", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        place = Path(directory, "lab")
        try:
            lab = up(place, Wish(regions=6), lambda line: print(line, file=sys.stderr))
            document = yaml.safe_load(lab.config.read_text())
            document["watch"] = {"profile": options.profile}
            document["store"] = {"path": str(Path(directory, "watching.db"))}
            for cluster in document["clusters"].values():
                cluster["mode"] = "observe"
            config = lab.config.with_name("watched.yaml")
            config.write_text(yaml.safe_dump(document))
            profiled = options.cprofile.resolve() if options.cprofile else None
            of = summary(watch(config, Path(directory), options.seconds, options.warm_up, profiled))
        finally:
            down(place)
    show(of, options.profile)
    if options.output:
        options.output.write_text(json.dumps({"schema": "qx.bench-watching/1", **of}, indent=2) + "\n")
    raise SystemExit(0 if all(met(of).values()) else 1)


if __name__ == "__main__":
    main()
