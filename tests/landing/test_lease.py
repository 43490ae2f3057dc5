"""The lease of a city: one run at a time, taken over when its run is gone, shared by the workers of one run."""

import multiprocessing
import os
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from assets.landing import lease
from assets.landing.lease import Busy, Holder, Leases, SharedLeases, holder, this_space
from assets.landing.store import Store, open_store

SOON = timedelta(seconds=0.3)


def other(store: Store, **changes: object) -> None:
    """Another host's run at the city."""
    now = datetime.now(UTC)
    facts = {"run": "other", "host": "elsewhere", "pid": 1, "since": now, "until": now + timedelta(hours=1)}
    store.write(lease.key("nan"), Holder(**facts | changes).model_dump_json().encode())  # type: ignore[arg-type]


def test_a_second_run_waits_and_then_has_the_city(store: Store) -> None:
    first = Leases(store, "first")
    first.hold("nan")
    threading.Timer(0.5, first.close).start()
    told: list[str] = []
    second = Leases(store, "second", waiting=lambda city, holder: told.append(f"{holder.run} {city}"))
    begun = time.monotonic()
    second.hold("nan")
    assert time.monotonic() - begun > 0.3
    assert told == ["first nan"]
    found = holder(store, "nan")
    assert found is not None and found.run == "second"
    second.close()
    assert holder(store, "nan") is None


def test_a_run_that_waits_too_long_says_who_has_the_city_and_goes_on_with_the_others(store: Store) -> None:
    other(store)
    mine = Leases(store, "mine", patience=SOON)
    mine.hold_all(["phuket", "nan"])
    mine.hold("phuket")
    with pytest.raises(Busy, match=r"run other .* on elsewhere\) is at nan since"):
        mine.hold("nan")
    mine.close()
    found = holder(store, "nan")
    assert found is not None and found.run == "other", "what another holds is not given back"


def test_a_lease_that_nobody_renews_runs_out_and_is_taken_over(store: Store) -> None:
    other(store, until=datetime.now(UTC) - timedelta(seconds=1))
    mine = Leases(store, "mine", patience=SOON)
    mine.hold("nan")
    mine.close()


def test_a_run_whose_process_is_gone_from_this_host_does_not_keep_the_city(store: Store) -> None:
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    other(store, space=this_space(), pid=process.pid)
    Leases(store, "mine", patience=SOON).hold("nan")
    other(store, space=this_space(), pid=os.getppid())
    with pytest.raises(Busy):
        Leases(store, "mine", patience=SOON).hold("nan")


def test_a_process_of_another_host_of_the_same_name_is_not_taken_for_gone(store: Store) -> None:
    gone = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    gone.start()
    gone.join()
    _, numbers = this_space().split(maxsplit=1)
    for space in (f"00000000-0000-4000-8000-000000000000 {numbers}", ""):
        other(store, host=socket.gethostname(), pid=gone.pid, space=space)
        with pytest.raises(Busy):
            Leases(store, "mine", patience=SOON).hold("nan")


def test_a_dead_run_whose_clock_was_far_ahead_does_not_keep_the_city(store: Store) -> None:
    other(store, until=datetime.now(UTC) + timedelta(days=400))
    mine = Leases(store, "mine", expiry=SOON, patience=timedelta(seconds=30))
    mine.hold("nan")
    mine.close()


def test_a_run_at_work_whose_clock_is_far_ahead_keeps_the_city(store: Store) -> None:
    life = timedelta(seconds=1)
    ahead = Leases(store, "ahead", expiry=life)
    ahead._mine = lambda since, now: Leases._mine(ahead, since, now + timedelta(days=400))  # type: ignore[method-assign]
    ahead.hold("nan")
    with pytest.raises(Busy, match="run ahead"):
        Leases(store, "mine", expiry=life, patience=3 * life).hold("nan")
    ahead.close()


def test_a_lease_that_is_damaged_is_nobodys(store: Store) -> None:
    store.write(lease.key("nan"), b"{")
    mine = Leases(store, "mine", patience=SOON)
    mine.hold("nan")
    mine.close()


def test_workers_of_one_run_share_a_city(store: Store) -> None:
    here, there = Leases(store, "run", patience=SOON), Leases(store, "run", patience=SOON)
    here.hold("nan")
    there.hold("nan")
    here.close()
    there.close()


def test_a_run_at_work_keeps_its_lease_longer_than_it_lasts(store: Store) -> None:
    mine = Leases(store, "mine", expiry=timedelta(seconds=1))
    mine.hold("nan")
    time.sleep(2)
    with pytest.raises(Busy):
        Leases(store, "next", patience=SOON).hold("nan")
    mine.close()


def _contend(uri: str, run: str, log: str) -> None:
    store = open_store(uri)
    for _ in range(5):
        leases = Leases(store, run, patience=timedelta(seconds=60))
        leases.hold_all(["nan", "phuket"])
        with open(log, "a", buffering=1) as out:  # noqa: PTH123
            out.write(f"in {run}\n")
            time.sleep(0.01)
            out.write(f"out {run}\n")
        leases.close()


def test_of_many_processes_one_is_at_the_city_at_a_time(tmp_path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    workers = [context.Process(target=_contend, args=(str(tmp_path), f"r{n}", str(log))) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    lines = log.read_text().splitlines()
    assert len(lines) == 30
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert (entered.split()[0], left.split()[0]) == ("in", "out")
        assert entered.split()[1] == left.split()[1]


def test_a_worker_keeps_the_lease_of_its_run_and_neither_takes_it_nor_gives_it_back(store: Store) -> None:
    worker = SharedLeases(store, "run", expiry=timedelta(seconds=1))
    with pytest.raises(Busy, match="does not hold nan: its lease is gone"):
        worker.hold("nan")
    leading = Leases(store, "run", expiry=timedelta(seconds=1), shared=True)
    leading.hold("nan")
    worker.hold("nan")
    leading._stop_renewing()  # the leading process dies
    time.sleep(2)
    with pytest.raises(Busy, match=r"run run .* is at nan"):
        Leases(store, "next", patience=SOON).hold("nan")
    worker.close()
    found = holder(store, "nan")
    assert found is not None and (found.run, found.pid) == ("run", os.getpid())
    Leases(store, "next", patience=timedelta(seconds=3)).hold("nan")
    with pytest.raises(Busy, match="does not hold nan: run next has it"):
        worker.hold("nan")


def test_a_worker_does_not_make_a_lease_again_that_was_given_back(store: Store) -> None:
    leading, worker = Leases(store, "run", shared=True), SharedLeases(store, "run", expiry=timedelta(seconds=0.5))
    leading.hold("nan")
    worker.hold("nan")
    leading.close()
    time.sleep(0.5)
    worker.close()
    assert holder(store, "nan") is None


def test_the_end_of_who_led_it_does_not_free_a_city_that_workers_may_be_at(store: Store) -> None:
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    other(store, space=this_space(), pid=process.pid, shared=True)
    with pytest.raises(Busy):
        Leases(store, "mine", patience=SOON).hold("nan")
