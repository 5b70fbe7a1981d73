"""Lawbook: what the rule packs say of the data that a platform's clusters hold, for the failover gate `residency`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.model.residency import Law, Ruling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from qx.model.platform import Platform

    Key = tuple[str, str, str]

LATEST = datetime.max.replace(tzinfo=UTC)


class Lawbook:
    """What the packs say of the data that a platform's clusters hold, between the regions of their nodes. It is judged
    anew only when a rule, a table or a file changes. Packs that cannot be read refuse whatever leaves its jurisdiction.
    """

    def __init__(self, platform: Platform, config: Path, env: Mapping[str, str]) -> None:
        self._config, self._env = config, env
        self._flows = tuple(dict.fromkeys(_flows(platform)))
        self._law: Law = {}
        self._read: frozenset[tuple[Path, int, int]] = frozenset()
        self._since = self._until = datetime.min.replace(tzinfo=UTC)

    def at(self, now: float) -> Law:
        if not self._flows:
            return {}
        from qx.app import packs

        moment = datetime.fromtimestamp(now, UTC)
        try:
            files = tuple(packs.files(self._env, self._config).values())
            seen = frozenset((path, stat.st_mtime_ns, stat.st_size) for path in files for stat in (path.stat(),))
            if seen != self._read or not self._since <= moment < self._until:
                self._law, self._until = self._judged(files, moment)
                self._read, self._since = seen, moment
        except (QxError, OSError) as error:
            because = f"the rule packs cannot be read ({error}): qx rules lint"
            self._law, self._read = {flow: _refused(flow, because) for flow in self._flows}, frozenset()
        return self._law

    def _judged(self, files: tuple[Path, ...], moment: datetime) -> tuple[Law, datetime]:
        """And until when. Raises Problems, OSError."""
        from qx.app import packs
        from qx.compliance.flows import Flow, FlowRules
        from qx.compliance.residency import ruling

        rules = FlowRules([packs.read(path, self._env) for path in files])
        later = next((each for each in rules.changes if each > moment), LATEST)
        return {flow: ruling(rules, Flow(*flow), moment, ways=False) for flow in self._flows}, later


def _flows(platform: Platform) -> Iterator[Key]:
    """Every way that data of a cluster may go, by jurisdiction, but within one."""
    for cluster in platform.clusters.values():
        home = platform.regions[cluster.home].jurisdictions
        for region in cluster.nodes:
            there = platform.regions[region].jurisdictions
            if not set(home) & set(there):
                yield from ((each, one, other) for each in cluster.data_classes for one in home for other in there)


def _refused(flow: Key, because: str) -> Ruling:
    data_class, source, to = flow
    return Ruling(data_class=data_class, source=source, to=to, answer="refused", because=because)
