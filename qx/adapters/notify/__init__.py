"""Ways out for notices: one driver per module, each one attempt with a deadline."""
