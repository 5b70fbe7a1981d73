"""Redis commands as runbooks may use them: those that change nothing, and those that they may not use at all."""

from __future__ import annotations

HARMLESS = frozenset({
    "GET", "MGET", "EXISTS", "TTL", "PTTL", "TYPE", "STRLEN", "LLEN", "LRANGE", "HGET", "HMGET", "HGETALL", "HLEN",
    "SCARD", "SISMEMBER", "ZCARD", "ZSCORE", "ZRANGE", "XLEN", "SCAN", "ECHO", "DBSIZE", "INFO", "PING", "ROLE",
    "LASTSAVE", "TIME", "OBJECT ENCODING", "MEMORY USAGE", "MEMORY STATS", "CONFIG GET", "SLOWLOG GET", "SLOWLOG LEN",
    "LATENCY LATEST", "CLIENT LIST",
})  # fmt: skip
_MOVES = "it would move the write role without a lease"
_ENDS = "it would stop the server without a lease"
_HOLDS = "it keeps its connection for itself"
_FORBIDDEN = {
    "REPLICAOF": _MOVES, "SLAVEOF": _MOVES, "FAILOVER": _MOVES, "CLUSTER": _MOVES, "SENTINEL": _MOVES,
    "SHUTDOWN": _ENDS, "DEBUG": _ENDS, "MODULE": "it would change the server's program",
    "SYNC": _HOLDS, "PSYNC": _HOLDS, "MONITOR": _HOLDS, "SUBSCRIBE": _HOLDS, "PSUBSCRIBE": _HOLDS, "SSUBSCRIBE": _HOLDS,
    "MULTI": _HOLDS, "EXEC": _HOLDS, "WATCH": _HOLDS, "AUTH": "a password would stand in the runbook",
    "HELLO": "a password would stand in the runbook", "CONFIG REWRITE": "files beside the server are qx's own",
}  # fmt: skip
_TWO_WORDS = frozenset({
    "OBJECT", "MEMORY", "CONFIG", "SLOWLOG", "LATENCY", "CLIENT", "SCRIPT", "FUNCTION", "ACL", "XINFO",
})


def word_of(command: tuple[str, ...]) -> str:
    """`GET`, `CONFIG GET`: the command without its arguments."""
    first, *rest = (word.upper() for word in command[:2])
    return f"{first} {rest[0]}" if rest and first in _TWO_WORDS else first


def forbidden(word: str) -> str:
    """Why a runbook may not; '' when it may."""
    return _FORBIDDEN.get(word) or _FORBIDDEN.get(word.split(" ", maxsplit=1)[0], "")
