"""What the daemon says: one line per event, JSON for machines, plain for a terminal. To stderr; never a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from qx.render.moment import moment

if TYPE_CHECKING:
    from qx.model.journal import Entry
    from qx.model.plan import Plan
    from qx.ports.clock import Clock


class Log:
    def __init__(self, stream: TextIO, clock: Clock, *, as_json: bool) -> None:
        self._stream, self._clock, self._json = stream, clock, as_json

    def tell(self, event: str, **fields: Any) -> None:
        """`fields`: JSON values; None is left out."""
        at = self._clock.now()
        told = {name: value for name, value in fields.items() if value is not None}
        if self._json:
            line = json.dumps({"at": round(at, 3), "event": event, **told}, ensure_ascii=False)
        else:
            line = " ".join([moment(at), event, *(f"{name}={_plain(value)}" for name, value in told.items())])
        self._stream.write(line + "\n")
        self._stream.flush()


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f'"{text}"' if " " in text else text


class RunLog:
    """A run's progress, as the log tells it."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def began(self, plan: Plan, run: str) -> None:
        self._log.tell("run", run=run, plan=plan.id, intent=plan.intent, clusters=[s.cluster for s in plan.stages])

    def wrote(self, entry: Entry) -> None:
        if entry.outcome is not None or not entry.step:
            self._log.tell(
                "entry", run=entry.run, what=entry.event.value, step=entry.step or None,
                outcome=entry.outcome.value if entry.outcome else None,
                error=entry.error["message"] if entry.error else None,
            )
