"""Floor 5: pure decisions on regions and clusters. No I/O, no clock, no logging."""
