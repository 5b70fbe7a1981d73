"""Gateway: questions to the members of one etcd cluster, over its JSON gateway.

Invariants: a question ends at its deadline, whatever the members do; it goes to one member after the other until one
answers, so whatever is asked here must be harmless when it arrives twice or late; a write that may have arrived and was
not answered raises Unsure. Knows nothing of keys. Never: follows a proxy of the environment, or tells a password.
Usable from several threads.
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import httpx
from msgspec import DecodeError, json

from qx.adapters.answer import reason_of
from qx.adapters.etcd.wire import Authenticated, Failure, Message
from qx.adapters.names import resolves_within
from qx.kernel.errors import QxError, Unsure
from qx.kernel.spans import format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

TIMEOUT_S = 2.0
PAUSE_S = 0.05  # before the members are asked all over again
LEAST_S = 0.001
HINT = "Is a majority of its members up, and reachable from here? `qx doctor` asks each of them."

# gRPC's codes, as far as etcd's answers are told apart by them
INVALID, DENIED, EXHAUSTED, PRECONDITION, UNAUTHENTICATED = 3, 7, 8, 9, 16
AGAIN = {1, 2, 4, 13, 14}  # cancelled, unknown, deadline exceeded, internal, unavailable
UNWRITTEN = ("proposal dropped", "too many requests", "no leader")
STALE_TOKEN = ("invalid auth token", "revision of auth store is old", "auth store revision")


class At(NamedTuple):
    """Where the members are. `password` is asked for at the moment of use; `ca`, `cert`, `key`: paths, '' for none."""

    endpoints: tuple[str, ...]
    user: str = ""
    password: Callable[[], str] = str
    ca: str = ""
    cert: str = ""
    key: str = ""
    timeout: float = TIMEOUT_S


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; never below LEAST_S, which no member answers within."""
        return max(LEAST_S, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end

    def share(self, among: int) -> Deadline:
        return Deadline(self.left / max(1, among))


class Declined(QxError):
    """A member answered, and said no: `code` is gRPC's, `words` its own."""

    def __init__(self, endpoint: str, code: int, words: str) -> None:
        super().__init__("QX-STORE-005", f"etcd at {endpoint}: {words}", hint=_remedy(code, words))
        self.grpc = code
        self.words = words


class _NoAnswer(Exception):
    """`late`: nothing was said at all, which tells less than what was said before."""

    def __init__(self, why: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(why)
        self.sent, self.late = sent, late


class _Left(dict[str, float]):
    """What httpx asks for the time limit of each of its phases: whatever is left at that moment."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def get(self, key: str, default: Any = None) -> float:
        return self._deadline.left


class Gateway:
    """Raises QX-STORE-005 when the certificates cannot be read; asks nobody yet."""

    def __init__(self, at: At) -> None:
        self.at = at
        self.tls = _tls(at)
        self._client = httpx.Client(verify=self.tls, trust_env=False)
        self._first = 0  # the member that answered last
        self._token = ""

    @property
    def endpoint(self) -> str:
        return self.at.endpoints[self._first]

    @property
    def authorization(self) -> dict[str, str]:
        """For a stream; as of the last question."""
        return {"Authorization": self._token} if self._token else {}

    def deadline(self) -> Deadline:
        return Deadline(self.at.timeout)

    def shut(self) -> None:
        self._client.close()

    def ask(self, path: str, message: Message, kind: type[T], deadline: Deadline, *, writes: bool = False) -> T:
        """The first answer. Raises Declined; QX-STORE-005 when none came, as Unsure when `writes` and it may be done.

        A member gets its share of the time that is left, so that one that hangs leaves enough for the others.
        """
        silent: dict[str, str] = {}
        sent = False
        while not deadline.over:
            order = self._order()
            for place, number in enumerate(order):
                endpoint = self.at.endpoints[number]
                try:
                    answer = self._ask(endpoint, path, message, kind, deadline.share(len(order) - place))
                except _NoAnswer as error:
                    if not (error.late and endpoint in silent):  # the last shares of the time are short
                        silent[endpoint] = str(error)
                    sent = sent or error.sent
                    continue
                self._first = number
                return answer
            time.sleep(min(PAUSE_S, deadline.left))
        raise self._unreachable(silent, deadline, unsure=writes and sent)

    def ask_one(self, endpoint: str, path: str, message: Message, kind: type[T]) -> T:
        """One member's own answer. Raises QX-STORE-005."""
        deadline = self.deadline()
        try:
            return self._ask(endpoint, path, message, kind, deadline)
        except _NoAnswer as error:
            raise self._unreachable({endpoint: str(error)}, deadline, unsure=False) from error

    def _order(self) -> Sequence[int]:
        count = len(self.at.endpoints)
        return [(self._first + step) % count for step in range(count)]

    def _ask(self, endpoint: str, path: str, message: Message, kind: type[T], deadline: Deadline) -> T:
        if self.at.user and not self._token:
            self._authenticate(endpoint, deadline)
        try:
            return self._post(endpoint, path, message, kind, deadline)
        except Declined as refused:
            stale = refused.grpc == UNAUTHENTICATED or any(words in refused.words for words in STALE_TOKEN)
            if not (stale and self.at.user):
                raise
        self._authenticate(endpoint, deadline)
        return self._post(endpoint, path, message, kind, deadline)

    def _authenticate(self, endpoint: str, deadline: Deadline) -> None:
        self._token = ""
        message = {"name": self.at.user, "password": self.at.password()}
        try:
            self._token = self._post(endpoint, "/v3/auth/authenticate", message, Authenticated, deadline).token
        except _NoAnswer as error:
            raise _NoAnswer(str(error), sent=False, late=error.late) from error
        except Declined as refused:
            if refused.grpc != PRECONDITION:  # authentication is not enabled there: nobody needs a token
                raise

    def _post(self, endpoint: str, path: str, message: Message, kind: type[T], deadline: Deadline) -> T:
        try:
            resolves_within(httpx.URL(endpoint).host, deadline.left)
            answer = self._client.post(
                endpoint + path, content=json.encode(message), headers=self.authorization,
                extensions={"timeout": _Left(deadline)},
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, OSError) as error:
            raise _NoAnswer(_why(error, deadline), sent=False, late=_is_late(error)) from error
        except httpx.TransportError as error:
            raise _NoAnswer(_why(error, deadline), sent=True, late=_is_late(error)) from error
        try:
            if answer.is_success:
                return json.decode(answer.content, type=kind, strict=False)
            refusal = json.decode(answer.content, type=Failure, strict=False)
        except DecodeError as error:
            words = f"HTTP {answer.status_code} {answer.text[:200].strip()}"
            if answer.is_client_error:
                raise Declined(endpoint, PRECONDITION, words) from error
            raise _NoAnswer(f"its answer is not etcd's: {words}", sent=True) from error
        words = (refusal.message or str(refusal.error)).removeprefix("etcdserver: ")
        unwritten = any(each in words for each in UNWRITTEN)
        if unwritten or refusal.code in AGAIN:
            raise _NoAnswer(words, sent=not unwritten)
        raise Declined(endpoint, refusal.code, words)

    def _unreachable(self, silent: dict[str, str], deadline: Deadline, *, unsure: bool) -> QxError:
        by_whom = "; ".join(f"{endpoint}: {why}" for endpoint, why in silent.items()) or "no time left to ask"
        took = format_seconds(deadline.seconds)
        if unsure:
            said = f"etcd was asked to write and did not confirm it within {took} ({by_whom})"
            return Unsure("QX-STORE-005", said, hint=f"It may be written, or not: look before you repeat it. {HINT}")
        return QxError("QX-STORE-005", f"etcd did not answer within {took} ({by_whom})", hint=HINT)


def _tls(at: At) -> ssl.SSLContext | bool:
    if not any(endpoint.startswith("https:") for endpoint in at.endpoints):
        return False  # nothing to verify; the system's certificates take their time to load
    try:
        context = ssl.create_default_context(cafile=at.ca or None)
        if at.cert:
            context.load_cert_chain(at.cert, at.key or None)
    except OSError as error:
        files = ", ".join(path for path in (at.ca, at.cert, at.key) if path)
        hint = "store.etcd names PEM files: ca, cert and its key."
        raise QxError("QX-STORE-005", f"certificates for etcd ({files}): {error}", hint=hint) from error
    return context


def _is_late(error: BaseException) -> bool:
    return isinstance(error, (httpx.TimeoutException, TimeoutError))


def _why(error: BaseException, deadline: Deadline) -> str:
    if _is_late(error):
        return f"no answer within {format_seconds(deadline.seconds)}"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return reason_of(cause)[1] if cause is not None else str(error).lower() or type(error).__name__


def _remedy(code: int, words: str) -> str:
    if "space exceeded" in words:
        return "Its quota is used up: compact, defragment, `etcdctl alarm disarm`; set --auto-compaction-retention."
    if "too large" in words:
        return "etcd takes 1.5 MiB at once, unless its members have a higher --max-request-bytes."
    if "CommonName" in words:
        return "With users, the gateway takes client certificates without a CommonName only: give qx such a one."
    if code == DENIED:
        return "The role of store.etcd.user wants readwrite on the prefix: etcdctl role grant-permission --prefix=true."
    if code in {INVALID, UNAUTHENTICATED} and ("auth" in words or "user name" in words):
        return "Check store.etcd.user and what its password refers to."
    return ""
