"""`python -m qx` is `qx`."""

from qx.cli.main import main

if __name__ == "__main__":
    main()
