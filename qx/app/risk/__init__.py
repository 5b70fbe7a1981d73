"""Market risk, wired: files read, books valued, figures measured, kept and judged."""
