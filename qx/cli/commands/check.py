"""`qx check [WHAT]`: one line for Nagios and its like. Exits with 0 to 3 whatever happens: a mistake in its own command
line is 3 (UNKNOWN), never 2 (CRITICAL); one before the word `check` is caught by `qx.cli.run`.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qx.cli.frame import App, Command
from qx.cli.shell import Shell
from qx.kernel.spans import Seconds, parse_seconds

if TYPE_CHECKING:
    from qx.app.observe import Look
    from qx.app.workbench import Workbench
    from qx.failover.checks import Check

UNKNOWN = 3


class Checked(Command):
    """Whatever goes wrong becomes the check's line and exit 3."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except typer.Exit:  # --help
            raise
        except Exception as error:
            tell_unknown(parent.obj, error)
            raise typer.Exit(UNKNOWN) from error

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.Exit:
            raise
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - told, as the check's own answer
            tell_unknown(ctx.obj, error)
            return UNKNOWN


class What(StrEnum):
    HEALTH = "health"
    WRITER = "writer"
    LAG = "lag"
    RUNS = "runs"


def _span(text: str) -> Seconds:
    try:
        return parse_seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


app = App()


@typer.Typer.command(app, cls=Checked)
def check(
    ctx: typer.Context,
    what: Annotated[What, typer.Argument(help="Verdicts, write roles, replica lag, or orphaned runs.")] = What.HEALTH,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="CLUSTER", show_default=False, help="Only this cluster.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="REGION", show_default=False, help="Only this region.")
    ] = None,
    warning: Annotated[
        Seconds | None,
        typer.Option("--warning", "-w", parser=_span, metavar="DURATION", show_default=False,
                     help="Lag that warns. [defaults.lag_warning]"),
    ] = None,
    critical: Annotated[
        Seconds | None,
        typer.Option("--critical", "-c", parser=_span, metavar="DURATION", show_default=False,
                     help="Lag that is critical. [defaults.lag_critical]"),
    ] = None,
) -> int:  # fmt: skip
    """One line for Nagios and its like; exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    from qx.app.workbench import Workbench
    from qx.render.nagios import nagios_line

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    found = _checked(bench, what, asyncio.run(_once(bench)), cluster, region, warning, critical)
    shell.answer("check", found, lambda _palette, _width: nagios_line(found))
    return int(found.level)


async def _once(bench: Workbench) -> Look:
    from qx.app.observe import look

    try:
        return await look(bench)
    finally:
        await bench.close()


def _checked(
    bench: Workbench,
    what: What,
    seen: Look,
    cluster: str | None,
    region: str | None,
    warning: float | None,
    critical: float | None,
) -> Check:
    from msgspec.structs import replace

    from qx.config.links import cluster_named, region_named
    from qx.failover import checks

    cluster = cluster_named(bench.platform, cluster) if cluster else None
    region = region_named(bench.platform, region) if region else None
    topology = checks.narrowed(seen.topology, cluster, region)
    defaults = bench.platform.defaults
    match what:
        case What.HEALTH:
            return checks.check_health(replace(topology, clusters={}) if region else topology)
        case What.WRITER:
            return checks.check_writer(topology)
        case What.LAG:
            return checks.check_lag(
                topology,
                defaults.lag_warning if warning is None else warning,
                defaults.lag_critical if critical is None else critical,
                region,
            )
        case What.RUNS:
            if seen.warnings:
                return checks.unknown("RUNS", "; ".join(seen.warnings))
            return checks.check_runs(seen.open_runs)


def tell_unknown(shell: Shell, error: BaseException) -> None:
    """The check's line for what it could not even begin, or end."""
    from qx.failover.checks import unknown
    from qx.render.nagios import nagios_line

    words = str(error) or type(error).__name__
    found = unknown("CHECK", words)
    shell.answer("check", found, lambda _palette, _width: nagios_line(found))
