"""What the doctor looks at of all that is done without a person: armed clusters and their guards, the timetable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.arming import unready
from qx.app.scheduled import demand, listed
from qx.app.situate import inspect
from qx.engine.records import read_all
from qx.kernel.errors import QxError
from qx.model.diagnosis import Examined, Health
from qx.model.standing import Arming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.app.workbench import Workbench
    from qx.model.control import Control
    from qx.model.topology import Topology

INSPECT_S = 2.0
WELL = ("", "done", "running")


async def examined(bench: Workbench, topology: Topology) -> tuple[Examined, ...]:
    """Nothing where no store answers: that is told by itself."""
    try:
        armed = read_all(bench.store, Arming)
    except QxError:
        return ()
    found = []
    for name, cluster in bench.platform.clusters.items():
        if name in armed:
            controls = await inspect(bench, INSPECT_S, name)
            found += [*_armed(bench, name), *_guards(bench, name, topology.clusters[name].writer, controls)]
        elif cluster.mode == "auto":
            missing = "; ".join(unready(bench, name))
            evidence = "its mode is auto, and it is not armed: nothing is done unasked"
            fix = f"first: {missing}" if missing else f"qx arm {name} --reason TEXT"
            found.append(_examined("arming", name, Health.WARNING, evidence, fix))
    return (*found, *_schedules(bench))


def _armed(bench: Workbench, name: str) -> Iterator[Examined]:
    missing = unready(bench, name)
    if missing:
        fix = f"mend it, or qx disarm {name} --reason TEXT"
        yield _examined("arming", name, Health.WARNING, f"armed, and not ready: {'; '.join(missing)}", fix)
    else:
        yield _examined("arming", name, Health.OK, "armed, and ready")


def _guards(
    bench: Workbench, name: str, writer: str | None, controls: dict[tuple[str, str], Control | str]
) -> Iterator[Examined]:
    """Of every server that could have to be ended by one. A control that does not answer is told under control."""
    if len(bench.platform.clusters[name].nodes) < 2:
        return
    for (_, region), found in controls.items():
        if isinstance(found, str) or not found.running:
            continue
        where = f"{name}/{region}"
        if found.guard:
            yield _examined("guards", where, Health.OK, f"its server runs under guard {found.guard}")
            continue
        health = Health.FAILED if region == writer else Health.WARNING
        evidence = "its server runs without a guard: the end of its lease would prove nothing"
        fix = f"guard: true at clusters.{name}.nodes.{region}.control, then start it through qx"
        yield _examined("guards", where, health, evidence, fix)


def _schedules(bench: Workbench) -> Iterator[Examined]:
    try:
        demand(bench)
    except QxError as error:
        yield _examined("schedules", "file", Health.FAILED, str(error), "qx config check")
        return
    for each in listed(bench):
        if each.next_at is None:
            yield _examined("schedules", each.name, Health.WARNING, "it never comes", "change its cron expression")
        elif each.outcome in WELL:
            evidence = f"{each.do} {each.what}: {each.outcome or 'not due yet'}"
            yield _examined("schedules", each.name, Health.OK, evidence)
        else:
            evidence = f"{each.outcome}: {each.because}".rstrip(": ")
            yield _examined("schedules", each.name, Health.WARNING, evidence,
                            f"qx runs show {each.run}" if each.run else "qx schedules")  # fmt: skip


def _examined(group: str, name: str, status: Health, evidence: str, fix: str = "") -> Examined:
    return Examined(group=group, name=name, status=status, evidence=evidence, fix=fix)
