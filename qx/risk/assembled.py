"""Contracts that are priced alike, put together as the groups of `Options`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qx.risk.blends import Blends
from qx.risk.formulas import FORMULAS, Terms
from qx.risk.options import Group, Options
from qx.risk.pricing import asian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.risk.blends import Blend
    from qx.risk.contracts import Contract, Role
    from qx.risk.legs import Rates


def assembled(
    names: Sequence[str], contracts: Sequence[tuple[int, float, Contract]], rates: Rates
) -> Options:
    """`contracts`: the row of the position, its quantity, the contract. Raises QX-RISK-012 where today's price
    of one is not defined.
    """
    blends: dict[tuple[Role, Blend], int] = {}
    alike: dict[tuple[str, int], list[tuple[int, float, Contract]]] = {}
    for each in contracts:
        alike.setdefault((each[2].formula, each[2].path), []).append(each)
    groups = [_group(members, blends) for members in alike.values()]
    roles = [role for role, _ in blends]
    return Options(
        names, Blends([blend for _, blend in blends]), groups, rates,
        np.array([role == "price" for role in roles], np.bool_), np.array([role == "vol" for role in roles], np.bool_),
    )  # fmt: skip


def _group(members: Sequence[tuple[int, float, Contract]], blends: dict[tuple[Role, Blend], int]) -> Group:
    first = members[0][2]
    slots = [
        [blends.setdefault(wanted, len(blends)) for wanted in contract.inputs] for _, _, contract in members
    ]
    terms = [contract for _, _, contract in members]
    return Group(
        FORMULAS[first.formula],
        np.array([row for row, _, _ in members], np.intp),
        np.array([quantity * contract.amount for _, quantity, contract in members], np.float64),
        first.path,
        np.ascontiguousarray(np.array(slots, np.intp).T),
        Terms(
            _column([each.sign for each in terms]), _column([each.strike for each in terms]),
            _column([each.years for each in terms]), _column([each.correlation for each in terms]),
            _column([each.share for each in terms]), _column([each.fixed for each in terms]),
            asian.days([each.left for each in terms]),
        ),
    )  # fmt: skip


def _column(values: Sequence[float]) -> NDArray[np.float64]:
    return np.array(values, np.float64)[:, None]
