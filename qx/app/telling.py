"""Tell people something now, through channels of regions.yaml: one attempt at each, all at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qx.app.notifiers import notifier
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.model.alert import Alert, Happening, Notice, Severity

if TYPE_CHECKING:
    from qx.app.workbench import Workbench


async def tell(
    bench: Workbench, key: str, severity: str, message: str, because: str, channels: tuple[str, ...], run: str,
    timeout: float, following: str = "",
) -> dict[str, Any]:
    """`told`: channels that took it, `failed`: channel -> why. Without names: every channel that is configured.
    `following`: the command that helps, where it is not the one that shows the run.

    Raises QX-ALERT-001 when there are channels, and none of them took it.
    """
    names = channels or tuple(bench.platform.notify.channels)
    now = bench.clock.now()
    alert = Alert(
        key=key, severity=Severity(severity), title=message, because=because, regions=(), clusters=(),
        next=following or f"qx runs show {run}", since=now, run=run,
    )
    notice = Notice(
        id=sortable_id(now, bench.clock.noise()), happening=Happening.FIRED, at=now, platform=bench.platform.platform,
        alert=alert, contacts=bench.platform.notify.contacts,
    )
    within = min(timeout, float(bench.platform.notify.timeout))
    said = await asyncio.gather(*(_said(bench, name, notice, within) for name in names))
    failed = {name: why for name, why in zip(names, said, strict=True) if why}
    if failed and len(failed) == len(names):
        words = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise QxError("QX-ALERT-001", f"nobody could be told: {words}", hint="qx alerts test")
    return {"told": [name for name in names if name not in failed], "failed": failed}


async def _said(bench: Workbench, name: str, notice: Notice, timeout: float) -> str:
    """Why it was not taken; '' when it was."""
    way = notifier(bench, name)
    try:
        await way.send(notice, timeout)
    except QxError as error:
        return error.message
    finally:
        await way.close()
    return ""
