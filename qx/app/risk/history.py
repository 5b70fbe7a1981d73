"""What is kept of risk: figures by portfolio, region and day, and the last verdict on limits. In the store of the
platform, or in a file of this user where no regions.yaml stands anywhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from qx.engine.records import read_all, write
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.risk_limits import RiskHistory, RiskKept, RiskStanding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qx.adapters.etcd.store import EtcdStore
    from qx.adapters.sqlite.store import SqliteStore
    from qx.model.risk_answers import RiskFigures
    from qx.model.risk_limits import LimitsVerdict
    from qx.ports.store import Store
    from qx.risk.estimate import Estimate

FILE = "risk.db"
KEPT = 2000  # figures; the earliest days are dropped


@contextmanager
def opened(env: Mapping[str, str], option: str | None) -> Iterator[Store]:
    """Raises QX-CFG-001 for a regions.yaml that was named and is not there, QX-STORE-005."""
    from qx.app.workbench import Workbench

    bench = Workbench(env, option)
    try:
        bench.found  # noqa: B018 - looked for now
    except QxError:
        if option or env.get("QX_CONFIG"):
            raise
        from qx.adapters.sqlite.store import SqliteStore

        store: SqliteStore | EtcdStore = SqliteStore(bench.state_directory / FILE)
    else:
        store = bench.store
    try:
        yield store
    finally:
        store.shut()


def name_of(file: str, named: str) -> str:
    """Under which a portfolio is kept."""
    return named.strip() or Path(file).name.partition(".")[0]


def keep_figures(
    store: Store, found: RiskFigures, portfolio: str, at: float, regions: Mapping[str, Estimate]
) -> int:
    """How many were kept: the whole, and each region by itself. A day that is measured again is replaced. Raises
    QX-STORE-*.
    """
    whole = RiskKept(
        portfolio=portfolio, region="", as_of=found.as_of, method=found.method, alpha=found.alpha,
        horizon_days=found.horizon_days, currency=found.currency, var=found.var, es=found.es,
        var_low=found.var_interval.low if found.var_interval else None,
        var_high=found.var_interval.high if found.var_interval else None, value=found.value,
        digests={each.role: each.sha256 for each in found.inputs}, at=at,
    )  # fmt: skip
    parts = [
        replace(
            whole, region=name, var=each.var, es=each.es, value=None,
            var_low=each.var_interval.low if each.var_interval else None,
            var_high=each.var_interval.high if each.var_interval else None,
        )
        for name, each in regions.items() if name
    ]  # fmt: skip
    keep(store, [whole, *parts])
    return 1 + len(parts)


def keep(store: Store, figures: Sequence[RiskKept]) -> None:
    """The earliest days give way. Raises QX-STORE-*."""
    for each in figures:
        write(store, each, _key(each))
    _thin(store)


def keep_standing(store: Store, found: LimitsVerdict, at: float, by: str) -> RiskStanding:
    """The last verdict on the limits of that portfolio. Raises QX-STORE-*."""
    worst = found.limits[0].words if found.limits and found.state != "within" else ""
    kept = RiskStanding(
        portfolio=found.portfolio, state=found.state, because=worst or "within all limits", as_of=found.as_of, at=at,
        by=by,
    )  # fmt: skip
    write(store, kept, found.portfolio)
    return kept


def keep_unknown(store: Store, portfolio: str, because: str, at: float, by: str) -> RiskStanding:
    """It could not be judged: whoever asks for a verdict learns that, not what was true before."""
    kept = RiskStanding(portfolio=portfolio, state="unknown", because=because, as_of="", at=at, by=by)
    write(store, kept, portfolio)
    return kept


def history(store: Store, portfolio: str = "", region: str | None = None) -> RiskHistory:
    """Of one portfolio or of all; of one region ('' the whole) or of all. Raises QX-RISK-017 where nothing was kept."""
    figures = read_all(store, RiskKept).values()
    standings = read_all(store, RiskStanding)
    names = {each.portfolio for each in figures} | standings.keys()
    if not names or (portfolio and portfolio not in names):
        said = f"nothing was kept of '{portfolio}'" if portfolio else "nothing was kept yet"
        raise QxError("QX-RISK-017", said, hint=did_you_mean(portfolio, names) if names else "qx risk var FILE --keep")
    kept = [
        each for each in figures
        if portfolio in ("", each.portfolio) and region in (None, each.region)
    ]  # fmt: skip
    return RiskHistory(
        kept=tuple(sorted(kept, key=_order)),
        standings=tuple(each for name, each in sorted(standings.items()) if portfolio in ("", name)),
    )


def _key(kept: RiskKept) -> str:
    """A day counts once for each way of measuring it."""
    return "/".join((kept.portfolio, kept.as_of, kept.method, kept.alpha, str(kept.horizon_days), kept.region))


def _order(kept: RiskKept) -> tuple[str, str, str, str, int, str]:
    return kept.portfolio, kept.region, kept.method, kept.alpha, kept.horizon_days, kept.as_of


def _thin(store: Store) -> None:
    kept = read_all(store, RiskKept)
    for key in sorted(kept, key=lambda key: kept[key].as_of)[: max(0, len(kept) - KEPT)]:
        store.drop(RiskKept.KIND, key)
