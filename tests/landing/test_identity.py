"""A store remembers whose it is: profile, meter key, and the time of its newest night."""

from datetime import UTC, datetime, timedelta

import pytest

from assets.landing.identity import KEY, NotOurs, claim, fingerprint, identity
from assets.landing.store import Damaged, Store

NOW = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)


def test_the_first_night_decides_and_every_other_one_finds_it_so(store: Store) -> None:
    assert identity(store) is None
    claim(store, "live", None, NOW)
    claim(store, "live", b"a long secret", NOW + timedelta(days=1))
    told = claim(store, "live", None, NOW + timedelta(days=2))
    assert (told.profile, told.meter_key) == ("live", fingerprint(b"a long secret"))
    assert b"secret" not in store.read(KEY)


def test_another_profile_or_key_is_refused_with_what_to_do(store: Store) -> None:
    claim(store, "live", b"a long secret", NOW)
    with pytest.raises(NotOurs, match="live profile, and this is a demo night: give it a home of its own"):
        claim(store, "demo", b"demo", NOW)
    with pytest.raises(NotOurs, match=r"MUANG_METER_KEY is not the key .* `muang keys rotate`"):
        claim(store, "live", b"another secret", NOW)
    assert identity(store) == claim(store, "live", b"a long secret", NOW)


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(days=365)])
def test_a_clock_that_is_behind_the_newest_night_or_far_ahead_is_refused_until_it_is_accepted(
    store: Store, off: timedelta
) -> None:
    claim(store, "live", None, NOW)
    with pytest.raises(NotOurs, match="the clock says"):
        claim(store, "live", None, NOW + off)
    claim(store, "live", None, NOW + timedelta(minutes=-1))
    claim(store, "live", None, NOW + off, accept_clock=True)
    claim(store, "live", None, NOW + off)


def test_a_store_of_a_later_version_is_left_alone(store: Store) -> None:
    later = b'{"format": 99, "profile": "live", "what": "is new"}'
    store.write(KEY, later)
    with pytest.raises(NotOurs, match="format 99, this version of muang knows 1"):
        claim(store, "live", None, NOW)
    assert store.read(KEY) == later


@pytest.mark.parametrize("data", [b"", b"{}", b"\x00" * 10])
def test_what_is_damaged_is_said_with_its_name(store: Store, data: bytes) -> None:
    store.write(KEY, data)
    with pytest.raises(Damaged, match=r"store\.json is damaged"):
        claim(store, "live", None, NOW)
