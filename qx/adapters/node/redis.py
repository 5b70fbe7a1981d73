"""A Redis (or Valkey) node's control: what it is, its pin and hold, its stop and start.

Invariants: a stop has succeeded when no process of the server is left; a start goes against neither the hold nor the pin;
a clean stop keeps the data. A running server that rewrites its file drops the pin: a stop under the same epoch puts it
back. Every verb that acts does so under the node's lock.
"""

from __future__ import annotations

import shutil
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import msgspec

from qx.adapters.node import files, processes
from qx.adapters.node.lock import Memory, Purpose, StartLock
from qx.adapters.node.programs import launch, run, tail
from qx.adapters.node.redisconf import RedisConf
from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.control import RedisControl

if TYPE_CHECKING:
    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn
    from qx.adapters.node.processes import Pid
    from qx.model.platform import LocalControl

_POLL_S = 0.003
_ASK_S = 0.5
_ENDING_S = 2.0
_LOG_END_BYTES = 16 << 10
_SERVERS = ("redis-server", "valkey-server", "keydb-server")
_NOT_YET = (b"-LOADING", b"")
