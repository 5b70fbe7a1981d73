"""Host names: resolved in a thread that nobody waits for, so that a dead name server cannot hold up a deadline.

asyncio resolves in threads too, but joins them when the loop ends: a process would outlive its answer by many seconds.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress


async def resolves(host: str) -> None:
    """Returns when `host` is known to resolve; an address or a socket's path always does. Raises OSError otherwise.

    The caller sets the deadline and cancels; the thread ends when the name server lets it.
    """
    if not host or host.startswith(("/", "@")) or _is_address(host):
        return
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: OSError | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def ask() -> None:
        failure: OSError | None = None
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            failure = error
        except UnicodeError:
            failure = socket.gaierror(socket.EAI_NONAME, "not a host name")
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    await done


def resolves_within(host: str, seconds: float) -> None:
    """As `resolves`, for who has no loop. Raises TimeoutError, which is an OSError, after `seconds`."""
    if not host or _is_address(host):
        return
    failures: list[OSError] = []
    known = threading.Event()

    def ask() -> None:
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            failures.append(error)
        except UnicodeError:
            failures.append(socket.gaierror(socket.EAI_NONAME, "not a host name"))
        known.set()

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    if not known.wait(seconds):
        raise TimeoutError(f"{host} does not resolve in time")
    if failures:
        raise failures[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
