"""The KYC provider of a region, asked about the counterparties of what a command judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.compliance import Desk
    from qx.app.kyc import Asking
    from qx.cli.shell import Shell
    from qx.compliance.transaction import Transaction


def known(shell: Shell, desk: Desk, region: str, transaction: Transaction) -> Transaction:
    """With what the region's provider knows of the counterparty, where one is configured."""
    made = asking(shell, desk, region)
    if made is None:
        return transaction
    with made() as asked:
        [found] = asked.enrich([transaction])
    for each in found.conflicts:
        shell.say(f"note: {each.path}: the document says {each.stated}, the provider {each.found or 'nothing'}")
    return found.transaction


def asking(shell: Shell, desk: Desk, region: str) -> Callable[[], Asking] | None:
    """Makes who asks the region's provider; None: there is none."""
    if desk.platform is None:
        return None
    from qx.config.kyc import provider_at

    if provider_at(desk.platform, region) is None:
        return None
    from qx.app.kyc import Asking
    from qx.app.workbench import Workbench

    return lambda: Asking(Workbench(shell.env, shell.config), region, shell.say)
