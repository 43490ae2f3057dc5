"""Erased meters: whose rows are refused if they are delivered once more.

    landing/erased/city=<slug>/<meter id>.json    the last day that is refused

Nothing but the keyed hash of the metering point and the day is kept. What is of a later day was delivered on a ground
of its own: points outlive customers, and a new one at the same meter must not be refused for the one before.
"""

from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict, ValidationError

from assets.landing.store import Damaged, Store

_FOLDER = "landing/erased"


class _Erased(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    until: date


def note(store: Store, city: str, meter_id: str, until: date) -> None:
    """Refuse rows of this meter up to a day, from now on."""
    store.write(f"{_FOLDER}/city={city}/{meter_id}.json", _Erased(until=until).model_dump_json().encode() + b"\n")


def noted(store: Store, city: str) -> Mapping[str, date]:
    """Erased meters of a city, with the last day that is refused of each. Raises ``Damaged``."""
    keys = [key for key in store.list(f"{_FOLDER}/city={city}") if key.endswith(".json")]
    found = {}
    for key, data in zip(keys, store.read_all(keys), strict=True):
        try:
            found[key.rsplit("/", 1)[1].removesuffix(".json")] = _Erased.model_validate_json(data).until
        except ValidationError:
            raise Damaged(key, "not what an erasure wrote", "run `muang erase` for its meter again") from None
    return found


def forget(store: Store) -> int:
    """Forget all of them: under another key their ids stand for nothing, and under a known one for a point. Returns how
    many there were."""
    keys = store.list(_FOLDER)
    for key in keys:
        store.delete(key)
    return len(keys)
