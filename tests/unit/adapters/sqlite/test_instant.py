"""The machine's clocks."""

from __future__ import annotations

from qx.adapters.sqlite.instant import this_machine


def test_instants_of_one_boot_share_its_name_and_go_forward() -> None:
    one, other = this_machine(), this_machine()
    assert one.boot == other.boot != ""
    assert one.since_boot <= other.since_boot
    assert one.wall > 1_600_000_000
