"""Floor 1: codes, exits, ids, durations, canonical form. Standard library only."""
