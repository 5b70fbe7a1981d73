"""Batches: files of transactions, read in chunks, judged on every core, answered in the order of the file."""
