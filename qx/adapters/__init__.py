"""Floor 6: ports made real. One third-party library per file."""
