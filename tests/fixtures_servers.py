"""Real servers for tests, as a pytest plugin: PostgreSQL pairs that stream, Redis and Valkey pairs that replicate.

A test module says `pytest_plugins = ["tests.fixtures_servers"]` only at the root conftest (pytest's rule); it then uses

    pg_major        one installed PostgreSQL: sampled by the test's name, all others marked `slow`
    pg_pair         a writer and a streaming standby of that version; own to the test, may be broken
    shared_pg_pair  the same, one per version and session; a test leaves it as it was
    redis_server    one installed server program, 'valkey' or 'redis': sampled like pg_major
    redis_pair      a master and a replica of it; own to the test
    shared_redis_pair

Invariants: 127.0.0.1 only; data below pytest's temporary directory; every process is a child of the test process and is
ended by its pid, also when the test fails. A data directory is made once per version and copied.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

PATIENCE_S = 60.0
SUPERUSER = "postgres"
SLOT = "qx_standby"
