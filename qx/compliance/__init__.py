"""Transactions held against dated rules: pure decisions, no I/O, no clock."""
