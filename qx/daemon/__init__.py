"""The daemon: keeps watching, and acts by policy. A shell: what it decides is decided in `qx.failover`."""
