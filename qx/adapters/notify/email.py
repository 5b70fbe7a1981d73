"""Mail, over the standard library's SMTP in a thread. TLS is required or not spoken of, never merely tried.

The thread's socket is shut down at the deadline: a server that drips holds up neither the caller nor the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from qx.adapters.answer import reason_of, without
from qx.adapters.names import resolves
from qx.adapters.notify.wording import lines, printable, subject
from qx.ports.notifier import NotTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.alert import Notice
    from qx.model.notify import EmailChannel


class EmailNotifier:
    """`secret`: what is behind a reference."""

    def __init__(self, name: str, settings: EmailChannel, secret: Callable[[str], str]) -> None:
        self._name, self._settings, self._secret = name, settings, secret

    async def send(self, notice: Notice, timeout: float) -> str:
        password = await asyncio.to_thread(self._secret, self._settings.password)
        call = _Call(self._name, self._settings, password, timeout)
        message = composed(notice, self._settings)
        try:
            async with asyncio.timeout(timeout):
                await resolves(self._settings.host)
                work = asyncio.get_running_loop().run_in_executor(None, call.deliver, message)
                work.add_done_callback(_looked_at)
                return await asyncio.shield(work)
        except TimeoutError:
            raise NotTaken(f"{self._name}: no answer within {timeout:.3g} s") from None
        except OSError as error:
            raise NotTaken(f"{self._name}: {reason_of(error)[1]}") from None
        finally:
            call.abort()

    async def close(self) -> None:
        """Nothing is kept open."""


def composed(notice: Notice, settings: EmailChannel) -> EmailMessage:
    """The mail. All notices of one alert are one thread."""
    message = EmailMessage()
    domain = settings.sender.rpartition("@")[2]
    thread = f"<{notice.alert.key.replace('/', '.')}.{notice.alert.since:.3f}@{domain}>"
    message["Subject"] = subject(notice)
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message["Date"] = format_datetime(datetime.fromtimestamp(notice.at, UTC))
    message["Message-ID"] = f"<{notice.id}@{domain}>"
    message["References"] = message["In-Reply-To"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["X-Qx-Alert"] = notice.alert.key
    way = [f"next: {notice.alert.next}"] if notice.alert.next else []
    message.set_content("\n".join([*lines(notice), *way, ""]))
    return message


class _Call:
    """One conversation with the server, in a thread of its own; `abort` ends it from outside."""

    def __init__(self, name: str, settings: EmailChannel, password: str, timeout: float) -> None:
        self._name, self._settings, self._password, self._timeout = name, settings, password, timeout
        self._smtp: smtplib.SMTP | None = None

    def deliver(self, message: EmailMessage) -> str:
        """Raises NotTaken, OSError."""
        try:
            refused = self._converse(message)
        except smtplib.SMTPNotSupportedError as error:
            raise NotTaken(f"{self._name}: {error}", final=True) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise self._refused(code, words) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPException as error:
            raise NotTaken(f"{self._name}: {without(self._password, printable(str(error)))}") from None
        finally:
            self.abort()
        return f"accepted, but for {', '.join(sorted(refused))}" if refused else "accepted"

    def abort(self) -> None:
        sock = self._smtp.sock if self._smtp is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):  # it is closed already
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _converse(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        settings = self._settings
        trust = None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file or None)
        here = socket.gethostname()  # else it would ask a name server
        made: smtplib.SMTP
        if settings.tls == "implicit":
            made = smtplib.SMTP_SSL(local_hostname=here, timeout=self._timeout, context=trust)
        else:
            made = smtplib.SMTP(local_hostname=here, timeout=self._timeout)
        self._smtp = made
        with made as smtp:
            smtp._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001 - what `connect` leaves out, and TLS verifies
            code, words = smtp.connect(settings.host, settings.port)
            if code != 220:
                raise self._refused(code, words)
            if settings.tls == "starttls":
                smtp.starttls(context=trust)
            if settings.user:
                smtp.login(settings.user, self._password)
            return smtp.send_message(message)

    def _refused(self, code: int, words: bytes | str) -> NotTaken:
        said = words.decode(errors="replace") if isinstance(words, bytes) else words
        said = without(self._password, printable(said))[:160]
        return NotTaken(f"{self._name}: it answered {code} {said}".rstrip(), final=500 <= code < 600)


def _looked_at(work: asyncio.Future[str]) -> None:
    """Nobody waits for a thread that was given up: its error is no surprise."""
    if not work.cancelled():
        work.exception()
