"""Pool: one function applied to many tasks by several processes, results in the order of the tasks.

The processes are forked before anything heavy is imported here, and share the compiled rules and lists. Each has a
task or two in hand, so nothing piles up. They end with this process, however it ends: their pipe is closed then.

A task makes objects by the million, hardly any of them in cycles: cycles are looked for between tasks, not within them.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import traceback
import warnings
from collections import deque
from multiprocessing import connection, get_context
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import TracebackType

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 2  # results per process that wait for an earlier one


class Failed(NamedTuple):
    """What a task raised. `code` '' : no QxError, and `message` is its trace."""

    code: str
    message: str
    hint: str


class Broken(RuntimeError):
    """A bug in a process of the pool, with its trace."""


class Pool(Generic[T, R]):
    """`processes` 1: no other process; the function is called here."""

    def __init__(self, work: Callable[[T], R], processes: int) -> None:
        self._work = work
        self._pipes: dict[Connection, BaseProcess] = {}
        context = get_context("fork")
        for _ in range(processes if processes > 1 else 0):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(work, there, [*self._pipes, here]), daemon=True)
            with warnings.catch_warnings():
                # From Python 3.12 on a fork beside other threads warns; those of numpy, if it is here, hold nothing.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            there.close()
            self._pipes[here] = process

    def __enter__(self) -> Pool[T, R]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pipe, process in self._pipes.items():
            pipe.close()
            if kind is not None:
                process.terminate()
            process.join()

    def ordered(self, tasks: Iterable[T], in_hand: int = 1) -> Iterator[R]:
        """`in_hand`: tasks that each process has, so that it need not wait for the next; 1 where they are large: one
        that is worked on slows down how the next is taken in. Raises what a task raised: QxError, or Broken;
        QX-TXN-013 where a process is gone.
        """
        if not self._pipes:
            for only in tasks:
                yield _unswept(self._work, only)
            return
        waiting = enumerate(tasks)
        under_way: dict[Connection, deque[int]] = {pipe: deque() for pipe in self._pipes}
        idle = deque([*self._pipes] * in_hand)
        done: dict[int, R] = {}
        wanted = 0
        following = next(waiting, None)
        while following is not None or any(under_way.values()) or done:
            while following is not None and idle and following[0] < wanted + AHEAD * len(self._pipes):
                number, task = following
                pipe = idle.popleft()
                self._send(pipe, task)
                under_way[pipe].append(number)
                following = next(waiting, None)
            if wanted in done:  # while nobody waits for work: what is done with it takes its time
                yield done.pop(wanted)
                wanted += 1
                continue
            busy = [pipe for pipe, numbers in under_way.items() if numbers]
            for ready in connection.wait(busy) if busy else ():
                pipe = next(each for each in busy if each is ready)
                done[under_way[pipe].popleft()] = self._received(pipe)
                idle.append(pipe)

    def _send(self, pipe: Connection, task: T) -> None:
        try:
            pipe.send(task)
        except OSError as error:
            raise self._gone(pipe) from error

    def _received(self, pipe: Connection) -> R:
        try:
            found: R | Failed = pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone(pipe) from error
        if isinstance(found, Failed):
            if not found.code:
                raise Broken(found.message)
            raise QxError(found.code, found.message, hint=found.hint)
        return found

    def _gone(self, pipe: Connection) -> QxError:
        process = self._pipes[pipe]
        process.join(1)
        said = f"process {process.pid} of the batch is gone (exit {process.exitcode}): nothing was written"
        return QxError("QX-TXN-013", said, hint="was it killed for its memory? --jobs 1 takes the least")


def _serve(work: Callable[[T], R], pipe: Connection, others: list[Connection]) -> None:
    """`others`: ends of pipes that were inherited; while one of them is open here, nobody learns that it was closed."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what all share is never looked at again, so its pages stay shared
    tasks: SimpleQueue[T | None] = SimpleQueue()
    Thread(target=_hear, args=(pipe, tasks), daemon=True).start()
    with contextlib.suppress(OSError):  # the other end is closed: nothing more is wanted
        while (task := tasks.get()) is not None:
            pipe.send(_result(work, task))


def _hear(pipe: Connection, tasks: SimpleQueue[T | None]) -> None:
    """Takes each task as it comes: whoever sends it never waits for one that is being done."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(pipe.recv())
    tasks.put(None)


def _result(work: Callable[[T], R], task: T) -> R | Failed:
    try:
        return _unswept(work, task)
    except QxError as error:
        return Failed(error.code, error.message, error.hint)
    except Exception:  # noqa: BLE001 - told to the process that asked, which ends with it
        return Failed("", traceback.format_exc(), "")


def _unswept(work: Callable[[T], R], task: T) -> R:
    """Without the garbage collector; what it may have left is collected afterwards."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return work(task)
    finally:
        if was_on:
            gc.enable()
        gc.collect(1)  # no more than what is new since the last time
