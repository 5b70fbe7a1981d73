"""`qx validate --stream`: one worker of a region's stream of transactions, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.kernel.exits import Exit
from qx.kernel.text import plural

if TYPE_CHECKING:
    from qx.app.redis_at import RedisAt
    from qx.app.workbench import Workbench
    from qx.cli.shell import Shell
    from qx.model.stream import Tally


class Streaming(Struct, frozen=True, kw_only=True):
    """The options of the command; '' and None: as the defaults say."""

    region: str
    name: str = "qx:transactions"  # of the stream
    group: str = ""  # without: qx:REGION
    consumer: str = ""  # without: one of this very process, which the group forgets when it ends
    cluster: str | None = None
    url: str = ""  # instead of a cluster of regions.yaml
    password: str = ""  # a reference, beside url
    count: int = 50
    islamic: bool = False
    drain: bool = False


def stream(shell: Shell, options: Streaming) -> Exit:
    """Works until SIGTERM or Ctrl-C, which finish what is held."""
    from qx.app.compliance import Desk
    from qx.app.evidence import opened
    from qx.app.verdicts import Bench
    from qx.app.workbench import Workbench
    from qx.model.stream import Consuming

    desk = Desk(shell.env, shell.config)
    region, _ = desk.region(options.region)
    bench = Workbench(shell.env, shell.config) if desk.config_path is not None else None
    settings = Consuming(
        group=options.group or f"qx:{region}", consumer=options.consumer or f"{socket.gethostname()}-{os.getpid()}",
        leaves=not options.consumer, count=options.count, drain=options.drain,
    )  # fmt: skip

    def made() -> Bench:
        fresh = Desk(shell.env, shell.config)
        record = opened(fresh, shell.env, shell.say)
        return Bench(fresh, region, settings.group, record, islamic=options.islamic)

    async def work() -> Tally:
        from qx.app.kyc import asker_of
        from qx.app.stream import consume

        at = await _server(bench, region, options, shell)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        shell.say(f"{desk.context}: {settings.consumer} of {settings.group} takes {options.name} from {at.node}")
        asker = asker_of(bench, region, shell.say)
        return await consume(made, at, options.name, settings, stop, asker=asker, say=shell.say)

    tally = asyncio.run(work())
    shell.answer("streamed", tally, lambda _palette, _width: streamed_text(tally))
    return Exit.DONE


async def _server(bench: Workbench | None, region: str, options: Streaming, shell: Shell) -> RedisAt:
    from qx.adapters.secrets import resolve
    from qx.app.redis_at import named, writer_in
    from qx.kernel.errors import QxError

    if options.url:
        reference = options.password
        return named(options.url, lambda: resolve(reference, shell.env).reveal())
    if bench is None:
        raise QxError("QX-STREAM-001", "no regions.yaml names a Redis", hint="--url redis://host:6379/0")
    return await writer_in(bench, region, options.cluster)


def streamed_text(tally: Tally) -> str:
    settled = tally.approved + tally.conditional + tally.rejected
    came_to = f"{tally.approved} approved, {tally.conditional} conditional, {tally.rejected} rejected"
    parts = [f"{plural(settled, 'result')}: {came_to}", plural(tally.dead, "dead letter")]
    more = {"taken over": tally.taken_over, "settled by others": tally.repeated, "not judged": tally.given_up}
    return "; ".join([*parts, *(f"{count} {words}" for words, count in more.items() if count)])
