"""What published counts of citizens' reports tell of one citizen: an attacker with every night's edition."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from assets.lake import citizen_reports
from assets.lake.files import CityLake
from assets.landing.store import Damaged, Fetched, LocalStore
from quality.tables import CITIZEN_REPORTS, TICKETS

START, NIGHTS = date(2026, 8, 30), range(0, 50, 5)
K = 5


class Report(NamedTuple):
    """One person's report: the day, its kind, after how many days it is known and finished (None: never)."""

    day: date
    kind: str
    tambon: str
    told_after: int
    finished_after: int | None


reports = st.lists(
    st.builds(
        Report,
        st.integers(0, 40).map(lambda n: START - timedelta(days=20) + timedelta(days=n)),
        st.sampled_from(["ถนน", "ถนน", "ถนน", "น้ำท่วม", "ทางเท้า", "แสงสว่าง", ""]),
        st.sampled_from(["a", "b"]),
        st.integers(1, 20),
        st.none() | st.integers(1, 30),
    ),
    min_size=20,
    max_size=60,
)


def tickets(made: list[Report], night: date) -> pl.DataFrame:
    """``TICKETS`` as they are known on a night."""
    rows = [
        {
            "source": "feed",
            "ticket": f"{number}",
            "reported": datetime.combine(report.day, datetime.min.time(), UTC) - timedelta(hours=5),
            "local_date": report.day,
            "tambon": report.tambon,
            "amphoe": "m",
            "province": "p",
            "kinds": report.kind or None,
            "state": "finished" if is_finished(report, night) else "new",
            "finished": datetime.combine(report.day, datetime.min.time(), UTC) + timedelta(days=report.finished_after)
            if is_finished(report, night)
            else None,
            "_delivered": night,
        }
        for number, report in enumerate(made)
        if is_told(report, night)
    ]
    return pl.DataFrame([dict.fromkeys(TICKETS.schema) | row for row in rows], schema=TICKETS.schema)


def is_told(report: Report, night: date) -> bool:
    return report.day + timedelta(days=report.told_after) <= night


def is_finished(report: Report, night: date) -> bool:
    return report.finished_after is not None and report.day + timedelta(days=report.finished_after) <= night


class InMemory(LocalStore):
    """As much of a store as is used here, without a disk that syncs: nights by the hundred."""

    def __init__(self) -> None:
        self.uri, self.files = "memory", dict[str, bytes]()

    def read(self, key: str) -> bytes:
        return self.files[key]

    def write(self, key: str, data: bytes) -> None:
        self.files[key] = data

    def create(self, key: str, data: bytes) -> bool:
        return self.files.setdefault(key, data) == data

    def tag(self, key: str) -> str | None:
        return f"{hash(self.files[key])}" if key in self.files else None

    def fetch(self, key: str) -> Fetched:
        return Fetched(self.files.get(key), self.tag(key))

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        self.files[key] = data
        return True

    def remove(self, key: str, tag: str | None) -> bool:
        return self.files.pop(key, None) is not None

    def exists(self, key: str) -> bool:
        return key in self.files

    def list(self, prefix: str) -> list[str]:
        return sorted(key for key in self.files if key.startswith(f"{prefix}/"))

    def delete_folder(self, prefix: str) -> None:
        for key in self.list(prefix):
            del self.files[key]


Edition = Mapping[tuple[object, ...], frozenset[int]]
"""What a night publishes: a cell by its name, and the reports it really stands for (known to the attacker)."""


def exposed(editions: list[Edition]) -> list[str]:
    """What the editions tell of one to four persons: cells, differences of one cell between two nights, and every sum
    and difference of up to three cells of a night that is a set of reports."""
    found = []
    told = [each for each, before in zip(editions, [None, *editions], strict=False) if each != before]
    for night, edition in enumerate(told):
        for (name, members), (other, others), (third, more) in product([*edition.items(), ((), frozenset())], repeat=3):
            if 0 < (size := len(members) - len(others) + len(more)) < K and is_set(members, others, more):
                found.append(f"night {night}: {name} - {other} + {third} is {size}")
    for one, two in combinations(told, 2):
        for name in set(one) | set(two):
            apart = one.get(name, frozenset()) ^ two.get(name, frozenset())
            if 0 < len(apart) < K:
                found.append(f"{name} differs by {len(apart)} between two nights")
    return found


def is_set(members: frozenset[int], others: frozenset[int], more: frozenset[int]) -> bool:
    """Whether the one without the second and with the third has each report once or not at all."""
    told = Counter(members)
    told.subtract(others)
    told.update(more)
    return set(told.values()) <= {0, 1}


def old_rule(made: list[Report]) -> list[Edition]:
    """Counts by day, tambon, kind and state each night, as they were published before."""
    editions = []
    for night in (START + timedelta(days=n) for n in NIGHTS):
        cells: dict[tuple[object, ...], set[int]] = {}
        for number, report in enumerate(made):
            if is_told(report, night):
                cell = (report.day, report.tambon, report.kind, is_finished(report, night))
                cells.setdefault(cell, set()).add(number)
        editions.append({name: frozenset(members) for name, members in cells.items()})
    return editions


def thresholded(made: list[Report]) -> list[Edition]:
    """Only cells of ``K`` or more by month, kind and state, counted anew each night."""
    editions = []
    for night in (START + timedelta(days=n) for n in NIGHTS):
        cells: dict[tuple[object, ...], set[int]] = {}
        for number, report in enumerate(made):
            if is_told(report, night):
                for cell in ((report.day.month,), (report.day.month, report.kind)):
                    cells.setdefault(cell, set()).add(number)
        editions.append({name: frozenset(members) for name, members in cells.items() if len(members) >= K})
    return editions


def published(made: list[Report], rebuilt: Callable[[date], bool] = lambda night: False) -> list[Edition]:
    """The table night by night, each cell with the reports it stands for when its month was counted; where it is
    ``rebuilt``, the lake is made again of what is known by then."""
    lake, counted, editions = CityLake(InMemory(), "nan"), dict[date, date](), []
    for night in (START + timedelta(days=n) for n in NIGHTS):
        if rebuilt(night):
            lake.store.delete_folder("lake")
        for (day,), part in tickets(made, night).partition_by("local_date", as_dict=True).items():
            lake.put(TICKETS, day, part)
        table = citizen_reports.closed(lake, night)
        edition: dict[tuple[object, ...], frozenset[int]] = {}
        for (last,), month in table.partition_by("reference_date", as_dict=True).items():
            then = counted.setdefault(last, night)
            mine = {n: r for n, r in enumerate(made) if r.day.month == last.month and is_told(r, then)}
            named = set(month["kind"]) - {"all", "other"}
            cells = {kind: {n for n, r in mine.items() if r.kind == kind} for kind in named}
            cells |= {"all": set(mine), "other": {n for n, r in mine.items() if r.kind not in named}}
            for row in month.to_dicts():
                members = cells[row["kind"]]
                assert row["reports"] == len(members) // K * K, "in steps, of what it stands for"
                edition[last, row["kind"]] = frozenset(members)
                if row["finished"] is not None:
                    done = {n for n in members if is_finished(made[n], then)}
                    assert row["finished"] == len(done) // K * K
                    edition[last, row["kind"], "finished"] = frozenset(done)
        editions.append(edition)
    return editions


@given(reports, st.integers(0, 50))
@settings(max_examples=8)
def test_no_number_tells_of_fewer_than_five_reports(made: list[Report], broken: int) -> None:
    assert exposed(published(made, lambda night: (night - START).days == broken // 5 * 5)) == []


def test_control_the_attacker_finds_what_the_old_rule_and_a_mere_threshold_tell() -> None:
    made = [Report(START - timedelta(days=n % 20), "ถนน", "ab"[n % 2], 1 + n % 5, 3 + n % 9) for n in range(40)]
    made += [Report(START - timedelta(days=2), "น้ำท่วม", "a", 4, None)]
    assert any(" is 1" in each for each in exposed(old_rule(made)))
    assert any("between two nights" in each for each in exposed(old_rule(made)))
    assert exposed(thresholded(made)) != []
    editions = published(made)
    assert exposed(editions) == []
    assert editions[-1], "and something is told"


def test_a_month_is_counted_eight_days_after_it_and_stays_whatever_comes_later(tmp_path: Path) -> None:
    lake = CityLake(LocalStore(tmp_path), "nan")
    made = [Report(date(2026, 10, 1 + n), "ถนน", "a", 1, 2) for n in range(12)]
    for number, report in enumerate(made):
        lake.put(TICKETS, report.day, tickets([report], date(2026, 11, 1)).with_columns(ticket=pl.lit(f"{number}")))
    assert citizen_reports.closed(lake, date(2026, 11, 7)).is_empty()
    told = citizen_reports.closed(lake, date(2026, 11, 8))
    assert told.filter(kind="all").select("reports", "finished", "reference_date").rows() == [
        (10, None, date(2026, 10, 31))
    ], "all are finished, which would tell of each of them"
    lake.put(TICKETS, date(2026, 10, 1), TICKETS.empty())
    assert citizen_reports.closed(lake, date(2026, 11, 9)).equals(told)
    lake.store.delete_folder("lake")
    assert citizen_reports.closed(lake, date(2026, 12, 9)).equals(told), "nor does a lake that is made again"
    [key] = lake.store.list("memory")
    lake.store.write(key, b"")
    with pytest.raises(Damaged, match=r"memory/citizen_reports/city=nan/2026-10.parquet .*backup"):
        citizen_reports.closed(lake, date(2026, 12, 9))


def test_two_endpoints_tell_the_same_reports_which_are_never_added() -> None:
    made = [Report(date(2026, 10, 1 + n), "ถนน", "a", 1, None) for n in range(20)]
    known = tickets(made, date(2026, 11, 8))
    other = known.head(13).with_columns(source=pl.lit("another"))
    counted = citizen_reports.count(pl.concat([known, other]), date(2026, 10, 31))
    assert set(counted["source"]) == {"feed"}
    assert counted.filter(kind="all")["reports"].to_list() == [20]


def test_rare_kinds_are_told_together_with_the_next_rarest() -> None:
    kinds = pl.Series("kind", ["a"] * 20 + ["b"] * 7 + ["c"] * 3 + ["other"])
    assert citizen_reports.crowds(kinds) == {"a": 20, "other": 11}
    assert citizen_reports.crowds(pl.Series("kind", ["a"] * 6 + ["b"] * 6)) == {"a": 6, "b": 6}
    assert citizen_reports.crowds(pl.Series("kind", ["a"] * 6 + ["b"] * 4)) == {"other": 10}
    assert set(CITIZEN_REPORTS.key) == {"kind", "reference_date"}
