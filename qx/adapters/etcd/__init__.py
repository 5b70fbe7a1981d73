"""The store on etcd v3: one for the controllers of all regions.

`gateway` asks the members, `space` reads and commits under one prefix, `leases`, `journal`, `records` and `samples` are
the decisions, `store` is the port. `watch` follows records, `health` tells of the members.
"""
