"""Floor 2: the nouns. Frozen values that round-trip through JSON; no I/O, no clock, no logging."""
