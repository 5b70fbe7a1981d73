"""The embedded store: one SQLite file for every qx of one machine.

`store` opens the transactions, `leases`, `journal` and `samples` are the SQL inside them.
"""
