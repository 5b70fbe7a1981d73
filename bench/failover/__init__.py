"""Unplanned and planned failover of qx, Patroni and repmgr by turns, on the same nodes, as the same clients see it.

`python -m bench.failover` (docs/how-to/bench-failover.md). Layers: `__main__` prepares and enters the namespaces;
`inside` plays the turns there; `systems` are what is measured; `faults` break them; `client` writes; `measure` and
`report` only compute.
"""
