"""A way of acknowledging as PostgreSQL spells it: `synchronous_standby_names`, written and read. Pure.

What qx writes is `ANY k (names)`. It reads every form that PostgreSQL takes, so that a setting of somebody else's is
covered too: `FIRST k` acknowledges in a part of the ways of `ANY k`; `*` may be anybody, so that only the writer itself
is sure to hold what it acknowledged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qx.failover.links import application_name
from qx.model.standing import Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.platform import Cluster

NAMES, COMMIT = "synchronous_standby_names", "synchronous_commit"
FLUSHED = frozenset({"on", "remote_apply"})  # values with which an acknowledged commit is on a standby's disk
STRANGER = "?"  # before the name of a standby that is no node of the cluster
_FLAGS = re.IGNORECASE | re.DOTALL
_FORM = re.compile(r"\s*(?:(?:(?:ANY|FIRST)\s+)?(?P<count>\d+)\s*\((?P<some>.*)\)|(?P<first>.*))\s*", _FLAGS)
_NAME = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",\s]+))\s*(?:,|$)')


def spelled(way: Way) -> str:
    """The setting's value; '' for the writer alone."""
    names = (application_name(region) for region in way.of)
    return f"ANY {way.count} ({', '.join(names)})" if way.count else ""


def way_of(cluster: Cluster, writer: str, settings: Mapping[str, str]) -> Way:
    """The way in which a writer with these settings acknowledges. Sessions may choose another one: not covered."""
    found = _FORM.fullmatch(settings.get(NAMES, ""))
    if found is None or settings.get(COMMIT, "on") not in FLUSHED:
        return Way(writer=writer)
    listed = found["some"] if found["count"] else found["first"]
    names = [each["plain"] or each["quoted"].replace('""', '"') for each in _NAME.finditer(listed)]
    if not names or "*" in names:
        return Way(writer=writer)
    known = {application_name(region): region for region in cluster.nodes}
    of = {known.get(name.lower(), STRANGER + name.lower()) for name in names}
    return Way(writer=writer, count=int(found["count"] or 1), of=tuple(sorted(of)))
