"""Sanctions lists on disk: imported, versioned and hashed; those that are shipped as long as there are none.

    lists/ beside regions.yaml where that directory is, else $XDG_DATA_HOME/qx/lists
        SOURCE/VERSION-DIGEST.json    one version of one list; the newest of each source counts
        cleared.ndjson                matches that a person found to be somebody else

A stored list is the canonical form of what was read: its name carries its SHA-256, which is checked when it is read.
What the index needs is kept in the user's cache; a cache that cannot be used is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from qx.app.packs import SHIPPED, keep, under
from qx.compliance.screening.index import FORM, Index, State
from qx.compliance.screening.lists import ALGORITHM, THRESHOLD, Lists
from qx.compliance.screening.plausible import doubts
from qx.kernel.errors import QxError
from qx.model.sanctions import Cleared, SanctionsList, SourceFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME, CLEARED = "lists", "cleared.ndjson"
FRESH = timedelta(days=7)  # after its import a list clears nobody
BUDGET = 3.0  # false alarms per 1,000 innocents that a threshold may cost
SMALL = 200  # entries of lists whose index is built sooner than it is read
DIGITS = 12  # hexadecimal digits of a digest in a file's name


class Place(NamedTuple):
    """Where lists are held. `because`: why there."""

    path: Path
    because: str


class Imported(NamedTuple):
    """One list that came in. `doubts`: what looked implausible and was taken all the same."""

    held: SanctionsList
    path: Path
    former: SanctionsList | None
    doubts: tuple[str, ...]
    false_alarms: float  # per 1,000 made-up names
    new: bool  # false: this very version was held already


def place(env: Mapping[str, str], config: Path | None) -> Place:
    """Raises QX-LIST-003 where there is neither."""
    if config is not None and (config.parent / NAME).is_dir():
        return Place(config.parent / NAME, f"beside {config.name}")
    home = under(env.get("XDG_DATA_HOME", ""), ".local/share", env)
    if home is None:
        raise QxError(
            "QX-LIST-003", "there is no directory to hold lists in", hint="set HOME or XDG_DATA_HOME"
        )
    return Place(home / NAME, "the user's data directory")


def told(env: Mapping[str, str], config: Path | None, directory: Path | None = None) -> str:
    """Which lists are in use, for people."""
    at = directory if directory is not None else _usual(env, config)
    if at is None or not newest(at):
        return "what is shipped: an extract for tests and a first look"
    return str(at) if directory is not None else f"{at} ({place(env, config).because})"


def held(at: Path) -> list[Path]:
    """Every version, by source; the newest of a source last."""
    return sorted(at.glob("*/*.json"))


def newest(at: Path) -> list[Path]:
    return list({path.parent: path for path in held(at)}.values())


def read(path: Path, *, stored: bool = True) -> SanctionsList:
    """Raises QX-LIST-004 where it is not what was `stored` under its digest."""
    try:
        data = path.read_bytes()
        found = msgspec.json.decode(data, type=SanctionsList)
    except (OSError, msgspec.DecodeError) as error:
        raise QxError(
            "QX-LIST-004", f"{path}: {error}", hint="import the list again, and remove this file"
        ) from error
    digest = path.stem.rpartition("-")[2]
    if stored and hashlib.sha256(data).hexdigest()[:DIGITS] != digest:
        raise QxError(
            "QX-LIST-004",
            f"{path} is not what was stored",
            hint="import the list again, and remove this file",
        )
    return found


def load(
    env: Mapping[str, str],
    config: Path | None,
    *,
    directory: Path | None = None,
    threshold: float = THRESHOLD,
) -> Lists:
    """`directory`: instead of the usual one. Without any stored list, those that are shipped."""
    at = directory if directory is not None else _usual(env, config)
    paths = newest(at) if at is not None else []
    lists = tuple(map(read, paths)) or tuple(
        read(path, stored=False) for path in sorted((SHIPPED / NAME).glob("*.json"))
    )
    cleared = _cleared(at / CLEARED) if at is not None else ()
    found = Lists(lists, cleared=cleared, threshold=threshold)
    if sum(len(each.entries) for each in lists) >= SMALL:
        found.index = _index(found, env)
    return found


def _usual(env: Mapping[str, str], config: Path | None) -> Path | None:
    try:
        return place(env, config).path
    except QxError:  # neither a configuration nor a home: what is shipped serves
        return None


def _index(lists: Lists, env: Mapping[str, str]) -> Index:
    """From the cache, or built and kept there."""
    cache = under(env.get("XDG_CACHE_HOME", ""), ".cache", env)
    if cache is None:
        return lists.index
    key = hashlib.sha256("\n".join((*lists.digests, ALGORITHM, FORM)).encode()).hexdigest()
    kept = cache / NAME / f"{key}.msgpack"
    try:
        return Index(msgspec.msgpack.decode(kept.read_bytes(), type=State))
    except (OSError, msgspec.DecodeError):  # not there, or not whole
        with contextlib.suppress(OSError):  # a home that cannot be written to: it is built again next time
            keep(kept, msgspec.msgpack.encode(lists.index.state))
        return lists.index


def bring(
    files: Sequence[Path],
    env: Mapping[str, str],
    config: Path | None,
    now: datetime,
    *,
    source: str = "",
    published: str = "",
    directory: Path | None = None,
    threshold: float = THRESHOLD,
    force: str = "",
    extract: bool = False,
) -> list[Imported]:
    """Read, check, hash and store. `published`: the day, where the files do not tell it; `force`: a reason to take what
    looks implausible. Raises QX-LIST-001 to 004.
    """  # fmt: skip
    from qx.adapters.lists import forms

    data = {}
    for path in files:
        try:
            data[path.name] = path.read_bytes()
        except OSError as error:
            raise QxError("QX-LIST-001", f"{path} cannot be read: {error.strerror or error}") from error
    at = directory if directory is not None else place(env, config).path
    hashes = tuple(
        SourceFile(name=name, sha256=hashlib.sha256(each).hexdigest()) for name, each in data.items()
    )
    made = []
    for each in forms.read(data, source):
        version = each.version or published or _changed(files)
        made.append(
            SanctionsList(
                source=each.source, version=version, whole=not extract, regime=each.regime, entries=each.entries,
                fresh_until=_text(now + FRESH), imported=_text(now), forced=force, files=hashes,
            )
        )  # fmt: skip
    return [_taken(each, at, threshold, force) for each in made]


def _taken(new: SanctionsList, at: Path, threshold: float, force: str) -> Imported:
    folder = at / new.source.lower().replace(" ", "-")
    before = sorted(folder.glob("*.json"))
    former = read(before[-1]) if before else None
    found = [
        f"{each.what}: {each.found} (expected {each.expected})"
        for each in doubts(new, former, whole=new.whole)
    ]
    cost = false_alarms(Lists((new,), threshold=threshold))
    if cost > BUDGET:
        found.append(
            f"false alarms at {threshold}: {cost:.1f} per 1,000 innocent names (expected {BUDGET:g} at most)"
        )
    if found and not force:
        hint = "import it again from its publisher; `--force --reason TEXT` takes it all the same"
        raise QxError("QX-LIST-002", f"{new.source} {new.version}: {'; '.join(found)}", hint=hint)
    same = former is not None and _said(former) == _said(new)
    data = msgspec.json.encode(new)
    path = folder / f"{new.version}-{hashlib.sha256(data).hexdigest()[:DIGITS]}.json"
    try:
        keep(path, data)
    except OSError as error:
        raise QxError("QX-LIST-003", f"{path} cannot be written: {error.strerror or error}") from error
    if same and path != before[-1]:
        before[-1].unlink()  # the same list, fetched again: it is fresh for longer
    return Imported(new, path, former, tuple(found), cost, not same)


def _said(held: SanctionsList) -> SanctionsList:
    """What it says, whenever it was fetched."""
    return replace(held, imported="", fresh_until="", forced="", files=())


def false_alarms(lists: Lists) -> float:
    """Per 1,000 of the made-up names that belong to nobody."""
    from qx.compliance.screening.innocents import innocents

    names = innocents()
    return 1000 * sum(bool(each.hits) for each in lists.match(names)) / len(names)


def clear(at: Path, cleared: Cleared) -> None:
    """Added to what was decided before. Raises QX-LIST-003."""
    try:
        at.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (at / CLEARED).open("ab") as file:
            file.write(msgspec.json.encode(cleared) + b"\n")
    except OSError as error:
        raise QxError(
            "QX-LIST-003", f"{at / CLEARED} cannot be written: {error.strerror or error}"
        ) from error


def _cleared(path: Path) -> tuple[Cleared, ...]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise QxError("QX-LIST-004", f"{path}: {error}") from error
    try:
        return tuple(msgspec.json.decode(line, type=Cleared) for line in lines if line)
    except msgspec.DecodeError as error:
        raise QxError(
            "QX-LIST-004", f"{path}: {error}", hint="each line is a decision as `qx screen` wrote it"
        ) from error


def _changed(files: Sequence[Path]) -> str:
    """The day on which the newest of them was last changed, in UTC."""
    return datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC).date().isoformat()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
