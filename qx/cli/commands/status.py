"""`qx status [REGION]`: what is true now, of every region or of one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from qx.cli.frame import App
from qx.cli.options import DryRun, Watch
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from qx.app.run import Ended
    from qx.app.workbench import Workbench
    from qx.model.platform import Region
    from qx.render.status import Status

app = App()


@app.command()
def status(
    ctx: typer.Context,
    region: Annotated[str | None, typer.Argument(help="Only this one, by name or alias.", show_default=False)] = None,
    dry_run: DryRun = False,
    watch: Watch = None,
) -> Exit:
    """What is true now: who writes, who follows, how far behind, what is wrong and why.

    A node that writes although another was promoted since is stopped (not with --dry-run).
    """
    from qx.app.workbench import Workbench
    from qx.model.observation import Silence
    from qx.render.status import gist, status_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    only = None
    if region is not None:
        from qx.config.links import region_named

        only = region_named(bench.platform, region)
    note = other_lab(shell.env, bench.config_path)

    if watch is not None:
        from qx.cli.watching import watch as again

        again(shell, watch, "status", lambda: _acted(shell, bench, only, note, dry_run=dry_run), status_text, gist)
        return Exit.DONE
    found = asyncio.run(_once(shell, bench, only, note, dry_run=dry_run))
    shell.answer("status", found, lambda palette, width: status_text(found, palette, width))
    if not found.answered:
        nodes = [node.seen for view in found.clusters.values() for node in view.nodes.values()]
        secrets = {seen.detail for seen in nodes if isinstance(seen, Silence) and seen.reason == "secret"}
        if secrets:
            raise QxError("QX-SEC-001", "; ".join(sorted(secrets)), hint="nothing else answered either")
        raise QxError("QX-OBS-003", "nothing answered", hint="is this machine cut off? `qx doctor` looks closer")
    return Exit.DONE


async def _once(shell: Shell, bench: Workbench, only: str | None, note: str, *, dry_run: bool) -> Status:
    try:
        return await _acted(shell, bench, only, note, dry_run=dry_run)
    finally:
        await bench.close()


async def _acted(shell: Shell, bench: Workbench, only: str | None, note: str, *, dry_run: bool) -> Status:
    """What is seen; after a stale writer was seen and stopped, what is seen then."""
    seen = await _look(bench, only, note)
    acting = {cluster for run in seen.open_runs for cluster in run.clusters}  # that run knows better what it promoted
    stale = [
        name
        for name, view in seen.clusters.items()
        if name not in acting and any(node.role == "stale-writer" for node in view.nodes.values())
    ]
    if dry_run or not stale:
        return seen
    from qx.app.contain import contain
    from qx.cli.moving import LineReporter

    ended = await contain(bench, LineReporter(shell))
    if ended is None:
        return seen
    now = await _look(bench, only, note)
    return msgspec.structs.replace(now, warnings=(*now.warnings, *_contained(seen, ended)))


def _contained(seen: Status, ended: Ended) -> Iterator[str]:
    """What became of each stale writer, by the steps of the run that was to stop it."""
    for entry in ended.entries:
        cluster, _, region = entry.step.partition(".contain.")
        if entry.event == "ended" and region:
            because = seen.clusters[cluster].nodes[region].note
            came = "stopped and held" if entry.outcome == "DONE" else "NOT stopped"
            yield f"{cluster}/{region} was a stale writer ({because}): {came} by run {ended.run}"


async def _look(bench: Workbench, only: str | None, note: str) -> Status:
    from qx.app.approving import waiting
    from qx.app.observe import look
    from qx.failover.quorum_wait import waits_on
    from qx.model.approval import Waiting
    from qx.render.status import Status

    seen = await look(bench)
    topology, platform = seen.topology, bench.platform
    warnings, waits = seen.warnings, tuple[Waiting, ...]()
    try:
        waits = waiting(bench)
    except QxError as error:
        if not any(error.code in warning for warning in warnings):  # the store: told already
            warnings = (*warnings, f"{error.message}: what waits for an approval is not known ({error.code})")
    regions = {name: view for name, view in topology.regions.items() if only in {None, name}}
    views = {name: view for name, view in topology.clusters.items() if only is None or only in view.nodes}
    return Status(
        config_file=str(bench.found.path),
        why=bench.found.why,
        platform=platform.platform,
        at=topology.at,
        observer=topology.observer,
        kinds={name: cluster.kind for name, cluster in platform.clusters.items()},
        regions=regions,
        clusters=views,
        durability={name: words for name, v in views.items() if (words := waits_on(platform.clusters[name], v))},
        open_runs=seen.open_runs,
        waiting=waits,
        warnings=(*([note] if note else []), *warnings),
        about=_about(platform.regions[only], topology.at) if only else "",
    )


def _about(region: Region, at: float) -> str:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    there = datetime.fromtimestamp(at, ZoneInfo(region.timezone))
    where = ", ".join(filter(None, (region.title, region.location)))
    return f"{where}; {there:%a %H:%M} in {region.timezone}; law of {', '.join(region.jurisdictions)}"


def other_lab(env: Mapping[str, str], in_force: Path) -> str:
    """What to say when a lab runs on this machine and another configuration is in force; ''."""
    from qx.lab.lab import STATE, default_directory

    directory = default_directory(env)
    if not (directory / STATE).exists():
        return ""
    from qx.lab.lab import load

    lab = load(directory)
    if lab is None or not lab.runs or lab.config.resolve() == in_force.resolve():
        return ""
    return f"a lab runs too, and this is not its file: export QX_CONFIG={lab.config}"
