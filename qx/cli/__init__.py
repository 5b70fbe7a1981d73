"""Floor 8: argv in, bytes and an exit code out. Until a command runs, nothing third-party but typer is imported."""
