"""Sharia: a run under `--profile islamic` takes every transaction for Islamic, whatever it says of itself."""

from __future__ import annotations

from qx.compliance.transaction import Transaction

ISLAMIC = "islamic"


def under_sharia(transaction: Transaction) -> Transaction:
    """Another transaction, with another id."""
    return Transaction(
        {**transaction.values, ISLAMIC: True},
        {path: why for path, why in transaction.malformed.items() if path != ISLAMIC},
        dict(sorted({**transaction.canonical, ISLAMIC: True}.items())),
    )
