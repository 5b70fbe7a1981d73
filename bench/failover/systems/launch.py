"""Starts a server under its guard, where it is run: `python -m bench.failover.systems.launch SETTINGS CLUSTER REGION`.

SETTINGS is a file that holds a LocalControl as JSON: the node's own, as in regions.yaml.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from qx.adapters.node.deadline import Deadline
from qx.adapters.node.local import server
from qx.model.platform import LocalControl

START_S = 60.0

if __name__ == "__main__":
    settings = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=LocalControl)
    server(settings, "postgresql", sys.argv[2], sys.argv[3]).launch(Deadline(START_S))
