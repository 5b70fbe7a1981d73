"""qx: keeps a multi-region trading platform running and lawful."""

__version__ = "0.1.0"
