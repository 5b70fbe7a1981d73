"""`qx doctor`: does everything that qx depends on work, and if not, what would mend it?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.diagnosis import Diagnosis

app = App()


@app.command()
def doctor(ctx: typer.Context) -> Exit:
    """Try everything that qx depends on; name the evidence and the fix. Exit 1 when something failed."""
    from qx.app.workbench import Workbench
    from qx.model.diagnosis import Health
    from qx.render.doctor import doctor_text

    shell: Shell = ctx.obj
    found = asyncio.run(_examined(Workbench(shell.env, shell.config)))
    shell.answer("doctor", found, lambda palette, width: doctor_text(found, palette, width))
    return Exit.FAILED if found.worst is Health.FAILED else Exit.DONE


async def _examined(bench: Workbench) -> Diagnosis:
    from qx.app.doctor import examine
    from qx.model.diagnosis import Diagnosis

    try:
        return Diagnosis(examined=await examine(bench))
    finally:
        await bench.close()
