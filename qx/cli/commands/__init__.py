"""One module per command or noun, each with an `app`; `qx.cli.index` names them all."""
