"""Candidates of rule packs and lists: kept apart with what was found in them, until a person decides.

    packs/review/NAME.yaml               as it came
    packs/review/NAME.result.json        who sent it, what is wrong with it, what its own tests say
    packs/review/decided/                results of what was decided, and the files of what was rejected
    packs/review/replaced/               packs that an accepted one took the place of, by their digest

Invariants: nothing in packs/review is ever in force; what is accepted is the very bytes that were examined, examined
again, and accepted by somebody else than who sent them; a file moves whole or not at all. One candidate for each
content: whatever comes again, or was decided before, is known by its digest.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from qx.adapters.node import files
from qx.app import lists
from qx.app.candidates import MOST_BYTES, examined, form_of, list_of, pack_of
from qx.app.compliance import EVERYWHERE
from qx.app.packs import own_place
from qx.compliance.candidate import altered_list, altered_pack
from qx.compliance.waivers import person
from qx.kernel.errors import QxError, Refused
from qx.kernel.text import did_you_mean
from qx.model.candidate import Reviewed, Submission
from qx.model.evidence import Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.app.compliance import Desk
    from qx.model.candidate import Alteration, State
    from qx.ports.clock import Clock
    from qx.ports.evidence import Evidence

MOST_WAITING = 100
MOST_ALTERATIONS = 500  # that are listed
RESULT = ".result.json"


class Review:
    """`evidence` None: nothing can be decided, only looked at."""

    def __init__(self, desk: Desk, env: Mapping[str, str], clock: Clock, evidence: Evidence | None = None) -> None:
        """Raises QX-RULE-005 where no directory of packs is known."""
        place = own_place(env, desk.config_path)
        if place is None:
            raise QxError("QX-RULE-005", "no directory of packs: HOME is not set", hint="set HOME, or --config FILE")
        self._desk, self._env, self._clock, self._evidence = desk, env, clock, evidence
        self.packs = place
        self.waiting, self.decided = place / "review", place / "review" / "decided"

    def candidates(self) -> tuple[Submission, ...]:
        """Those that wait first, then by when they came."""
        found = [*self._results(self.waiting), *self._results(self.decided)]
        return tuple(sorted(found, key=lambda each: (each.state != "waiting", each.submitted_at, each.name)))

    def _results(self, at: Path) -> Iterator[Submission]:
        for path in sorted(at.glob(f"*{RESULT}")):
            try:
                yield msgspec.json.decode(path.read_bytes(), type=Submission)
            except (OSError, msgspec.DecodeError) as error:
                raise QxError("QX-RULE-005", f"{path} cannot be read: {error}", hint="move it away") from error

    def named(self, word: str) -> Submission:
        """By its name or the beginning of it. Raises QX-RULE-001."""
        known = {each.name: each for each in self.candidates()}
        found = [name for name in known if name.startswith(word)] if word else []
        if word in known:
            return known[word]
        if len(found) != 1:
            said = f"'{word}' may be several candidates" if found else f"no candidate '{word}'"
            raise QxError("QX-RULE-001", said, hint=did_you_mean(word, found or known))
        return known[found[0]]

    def known(self, data: bytes) -> Submission | None:
        """What came with this very content before."""
        digest = hashlib.sha256(data).hexdigest()
        return next((each for each in self.candidates() if each.digest == digest), None)

    def submit(self, data: bytes, by: str, source: str) -> Submission:
        """Examined at once, and kept with what was found. Raises QX-RULE-004: too large, or too many wait."""
        known = self.known(data)
        if known is not None:
            return known
        if len(data) > MOST_BYTES:
            raise QxError("QX-RULE-004", f"it is larger than {MOST_BYTES >> 20} MiB")
        if sum(1 for _ in self.waiting.glob(f"*{RESULT}")) >= MOST_WAITING:
            raise QxError("QX-RULE-004", f"{MOST_WAITING} candidates wait already", hint="decide on some of them")
        made = replace(examined(data, self._desk), submitted_by=by, source=source, submitted_at=self._clock.now())
        self.waiting.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(self._file(made), data, like=self.waiting)
        self._write(self.waiting, made)
        return made

    def reviewed(self, candidate: Submission) -> Reviewed:
        """Beside what is in force now."""
        if candidate.kind == "unreadable" or not self._file(candidate).exists():
            return Reviewed(candidate=candidate, in_force="")
        data = self._file(candidate).read_bytes()
        in_force, found = self._against(candidate, data)
        target = self.packs / f"{candidate.holds}.yaml"
        return Reviewed(
            candidate=candidate, in_force=in_force, alterations=found[:MOST_ALTERATIONS],
            left_out=max(0, len(found) - MOST_ALTERATIONS),
            replaces=str(target) if candidate.kind == "pack" and target.exists() else "",
        )  # fmt: skip

    def _against(self, candidate: Submission, data: bytes) -> tuple[str, tuple[Alteration, ...]]:
        if candidate.kind == "list":
            old = next((each for each in self._desk.lists.lists if each.source == candidate.holds), None)
            before = () if old is None else old.entries
            return ("" if old is None else old.version), altered_list(before, list_of(data).entries)
        if any(each.startswith("QX-CFG") for each in candidate.faults):
            return "", ()  # it cannot be read as a whole
        pack = next((each for each in self._desk.packs if each.pack == candidate.holds), None)
        return ("" if pack is None else pack.version), altered_pack(pack, pack_of(data))

    def accept(self, candidate: Submission, by: str, account: str, reason: str) -> Submission:
        """It is in force from now on. Raises QX-RULE-002, QX-RULE-003."""
        self._may_accept(candidate, by)
        file = self._file(candidate)
        data = self._bytes(candidate, file)
        again = examined(data, self._desk)
        if not again.sound:
            wrong = [*again.faults, *again.failures]
            hint = f"{len(wrong)} in all: mend it, send it again"
            raise Refused("QX-RULE-002", f"{candidate.name}: {wrong[0]}", hint=hint)
        if candidate.kind == "list":
            return self._take_list(candidate, file, by, account, reason)
        target = self.packs / f"{candidate.holds}.yaml"
        replaced = self._put_aside(target)
        decided = candidate
        if candidate.state == "waiting":
            decided = self._decide(candidate, "accepted", by, account, reason)
        try:
            file.replace(target)
        except OSError as error:
            raise Refused("QX-RULE-002", f"{file} cannot be moved to {target}: {error.strerror}") from error
        files.sync(self.packs)
        files.sync(self.waiting)
        self._note(decided, pack_of(data).jurisdictions, {"replaced": replaced})
        return decided

    def _take_list(self, candidate: Submission, file: Path, by: str, account: str, reason: str) -> Submission:
        """Imported as if by hand: what looks implausible is refused (QX-LIST-002)."""
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        lists.bring([file], self._env, self._desk.config_path, now)
        decided = candidate
        if candidate.state == "waiting":
            decided = self._decide(candidate, "accepted", by, account, reason)
        file.replace(self.decided / file.name)
        self._note(decided, (EVERYWHERE,), {})
        return decided

    def reject(self, candidate: Submission, by: str, account: str, reason: str) -> Submission:
        """It never counts; whoever sent it may take it back so. Raises QX-RULE-002."""
        if candidate.state != "waiting":
            raise Refused("QX-RULE-002", _decided(candidate))
        decided = self._decide(candidate, "rejected", by, account, reason)
        file = self._file(candidate)
        if file.exists():
            file.replace(self.decided / file.name)
        self._note(decided, (EVERYWHERE,), {})
        return decided

    def _may_accept(self, candidate: Submission, by: str) -> None:
        begun = candidate.state == "accepted" and self._file(candidate).exists()  # somebody was killed before its move
        if candidate.state != "waiting" and not begun:
            raise Refused("QX-RULE-002", _decided(candidate))
        platform = self._desk.platform
        described = platform.submitters.get(candidate.submitted_by) if platform is not None else None
        theirs = {candidate.submitted_by, *(described.accounts if described is not None else ())}
        if person(by) in {person(each) for each in theirs}:
            said = f"{candidate.submitted_by} sent {candidate.name}: somebody else has to accept it"
            raise Refused("QX-RULE-003", said, hint="--by another person")

    def _bytes(self, candidate: Submission, file: Path) -> bytes:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise Refused("QX-RULE-002", f"{file} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != candidate.digest:
            raise Refused("QX-RULE-002", f"{file} was changed since it came", hint="reject it, and have it sent again")
        return data

    def _put_aside(self, target: Path) -> str:
        """The digest of what stood there; '' nothing did."""
        if not target.exists():
            return ""
        data = target.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        aside = self.waiting / "replaced"
        aside.mkdir(mode=0o700, exist_ok=True)
        files.replace(aside / f"{target.stem}-{digest[:12]}.yaml", data, like=self.waiting)
        return digest

    def _decide(self, candidate: Submission, state: State, by: str, account: str, reason: str) -> Submission:
        decided = replace(
            candidate, state=state, decided_by=by, account=account, decided_at=self._clock.now(), reason=reason
        )
        self.decided.mkdir(mode=0o700, exist_ok=True)
        self._write(self.decided, decided)
        files.remove(self.waiting / f"{candidate.name}{RESULT}")
        return decided

    def _note(self, decided: Submission, law: tuple[str, ...], more: Mapping[str, str]) -> None:
        """`law`: of the regions whose record it stands in."""
        if self._evidence is None:
            return
        note = Note(
            kind=f"candidate-{decided.state}", about=decided.name, who=decided.decided_by, reason=decided.reason,
            at=stamp(decided.decided_at),
            payload={
                "holds": decided.holds, "version": decided.version, "digest": decided.digest,
                "submittedBy": decided.submitted_by, "source": decided.source, "account": decided.account, **more,
            },
        )  # fmt: skip
        regions = self._desk.regions
        holds = [name for name in regions if EVERYWHERE in law or set(law) & set(self._desk.region(name)[1])]
        for region in holds or regions:
            self._evidence.note(region, note)

    def _file(self, candidate: Submission) -> Path:
        return self.waiting / f"{candidate.name}{form_of(candidate.kind)}"

    def _write(self, at: Path, candidate: Submission) -> None:
        text = msgspec.json.format(msgspec.json.encode(candidate), indent=2) + b"\n"
        files.replace(at / f"{candidate.name}{RESULT}", text, like=at)


def _decided(candidate: Submission) -> str:
    return f"{candidate.name} was {candidate.state} by {candidate.decided_by}: {candidate.reason}"


def stamp(at: float) -> str:
    """An instant of a note, to the second."""
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")
