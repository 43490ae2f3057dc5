"""``muang doctor``: what a deployment needs, whether it has it, and what to do where it has not."""

import shutil
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assets.cities.registry import RegistryError
from assets.landing.identity import far_from_newest, fingerprint, identity, rotation, too_new
from assets.landing.inbox import PLACES
from assets.landing.lease import holder
from assets.landing.store import CONDITIONS, Damaged, honours_conditions, open_store
from assets.snapshots.latest import published
from pipelines.build import cities_of, left_in_inbox, meter_key
from pipelines.settings import Settings, now

ENOUGH_DISK = 5 * 1024**3
"""A year of 100,000 meters takes about 8 GB in the lake; below 5 GB a busy night may fill the disk."""


@dataclass(frozen=True)
class Finding:
    """One thing examined."""

    what: str
    state: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


OF_SETTINGS = ("registry", "meter ids", "owner", "clock", "conditional writes")
"""What a night is refused for with exit code 2: no store, disk or network is at fault."""


def exit_code(findings: Sequence[Finding]) -> int:
    """The code with which a night ends that finds the same: 0, 2 where settings are wrong, 3 where anything else is."""
    failed = {finding.what for finding in findings if finding.state == "fail"}
    return (2 if failed.issubset(OF_SETTINGS) else 3) if failed else 0


def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order one would mend them. Of a store that cannot be reached nothing more is asked."""
    stored = _store(settings)
    reached = len(stored) > 1
    beside = [*_owner(settings), *_left(settings), *_modes(settings)] if reached else []
    first = (_registry(settings), _secret(settings), _inbox(settings))
    return [*first, *stored, *beside, _disk(settings), _clock(settings, reached)]


def _registry(settings: Settings) -> Finding:
    try:
        cities = cities_of(settings)
    except RegistryError as error:  # it names the file
        return Finding("registry", "fail", str(error), "mend the entries it names")
    return Finding("registry", "ok", f"{len(cities)} cities, {settings.cities or 'built in'}")


def _secret(settings: Settings) -> Finding:
    if settings.meter_key or settings.profile == "demo":
        return Finding("meter key", "ok", "set" if settings.meter_key else "the demo's own")
    remedy = "set MUANG_METER_KEY to a long random text, and keep it: other keys give other meter ids"
    return Finding("meter key", "warn", "not set: meter exports cannot be read", remedy)


def _inbox(settings: Settings) -> Finding:
    if not settings.inbox.is_dir() and settings.profile != "demo":
        return Finding("inbox", "warn", f"{settings.inbox.absolute()} is not there", "make it, or set MUANG_INBOX")
    with suppress(RegistryError):  # which is a finding of its own
        if left := left_in_inbox(settings, list(cities_of(settings))):
            return Finding("inbox", "warn", f"nothing takes {'; '.join(left)}", PLACES)
    return Finding("inbox", "ok", str(settings.inbox.absolute()))


def _store(settings: Settings) -> list[Finding]:
    key = f"work/doctor/{uuid.uuid4().hex}"
    where = f"store {settings.store_uri}"
    try:
        store = open_store(settings.store_uri)
        start = time.monotonic()
        store.write(key, b"1")
        same = store.read(key) == b"1"
        took = time.monotonic() - start
        conditional = honours_conditions(store, key)
        store.delete(key)
    except Exception as error:  # whatever a store can raise is the finding
        return [Finding(where, "fail", f"{type(error).__name__}: {error}", "check address, credentials and rights")]
    return [
        Finding(where, "ok" if same else "fail", f"written and read back in {took * 1000:.0f} ms"),
        Finding(
            "conditional writes",
            "ok" if conditional else "fail",
            "honoured" if conditional else "ignored",
            CONDITIONS if not conditional else "",
        ),
    ]


def _owner(settings: Settings) -> list[Finding]:
    """Whose the store is, and which runs are at its cities."""
    found: list[Finding] = []
    try:
        store = open_store(settings.store_uri)
        told, rotation_begun = identity(store), rotation(store)
        keys = store.list("work/lease")
        leases = [(key, holder(store, key.partition("city=")[2].removesuffix(".json"))) for key in keys]
    except Damaged as error:
        return [Finding(error.key, "fail", str(error), "")]
    except Exception:  # the store itself is a finding of its own
        return []
    key = meter_key(settings)
    if rotation_begun:
        remedy = "run `muang keys rotate` again, with both keys, until it says that it is done"
        found.append(Finding("meter ids", "fail", "their key is being changed, and nights are refused", remedy))
    if told is None:
        found.append(Finding("owner", "ok", "nobody yet: its first night decides profile and meter key"))
    elif newer := too_new(told):
        found.append(Finding("owner", "fail", "a later version of muang", newer))
    elif told.profile != settings.profile:
        remedy = "give each profile a home of its own"
        found.append(
            Finding("owner", "fail", f"filled by the {told.profile} profile, this is {settings.profile}", remedy)
        )
    elif told.meter_key and key and told.meter_key != fingerprint(key):
        remedy = "set the MUANG_METER_KEY of its first night, or of its last `muang keys rotate`"
        found.append(Finding("owner", "fail", "its meters were hashed with another MUANG_METER_KEY", remedy))
    else:
        found.append(Finding("owner", "ok", f"{told.profile} profile, meter key {told.meter_key or 'not used yet'}"))
    for name, other in leases:
        if other is None:
            found.append(Finding(name, "warn", "cannot be read", "nothing: the next night takes it"))
        elif other.holds(now()):
            found.append(Finding(name, "ok", f"run {other.run} is at it since {other.since:%Y-%m-%d %H:%M}Z"))
        else:
            found.append(
                Finding(name, "warn", f"left by run {other.run}, which died", "nothing: the next night takes it")
            )
    return found


def _left(settings: Settings) -> list[Finding]:
    """Cities that have published, and that no night runs for any more."""
    try:
        left = published(open_store(settings.store_uri)) - set(cities_of(settings))
    except Exception:  # store and registry are findings of their own
        return []
    if not left:
        return []
    remedy = "where a slug was changed, change it back: landing, lake and pages lie under it, and start anew otherwise"
    found = f"{', '.join(sorted(left))} have published and are not in the registry: their pages stay as they are"
    return [Finding("cities", "warn", found, remedy)]


def _modes(settings: Settings) -> list[Finding]:
    """Whether the files of a local store have the rights they should have: personal data its owner's, what is published
    everybody's."""
    try:
        wrong = list(open_store(settings.store_uri).wrong_modes())
    except Exception:  # the store itself is a finding of its own
        return []
    if not wrong:
        return [Finding("rights", "ok", "as they should be")]
    path, right = wrong[0]
    found = f"{len(wrong)} files and folders have others than they should: {path} should have {right:04o}"
    return [Finding("rights", "warn", found, "nothing: the next night sets them; those of another owner, `chown`")]


def _disk(settings: Settings) -> Finding:
    folder = settings.home.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state: Literal["ok", "warn"] = "ok" if free >= ENOUGH_DISK else "warn"
    return Finding("disk", state, f"{free / 1024**3:.1f} GB free at {folder}", "" if state == "ok" else "make room")


def _clock(settings: Settings, reached: bool) -> Finding:
    moment = now()
    youngest = Path(__file__).stat().st_mtime
    try:
        told = identity(open_store(settings.store_uri)) if reached else None
        far = told and far_from_newest(told, moment)
    except Exception:  # the store itself is a finding of its own
        far = None
    if far:
        remedy = "set the clock, or tell the next night --accept-clock if it is right"
        return Finding("clock", "fail", f"{moment.isoformat(timespec='seconds')}: {far}; a night is refused", remedy)
    if moment.timestamp() < youngest:
        return Finding("clock", "warn", f"{moment.isoformat()} is before this program was installed", "set the clock")
    return Finding("clock", "ok", moment.isoformat(timespec="seconds"))
