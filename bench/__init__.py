"""Benchmarks: each prints what it measured, the machine's noise, and the floor or the peer measured in the same run."""
