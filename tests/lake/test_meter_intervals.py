"""Versioning of readings: any order, repetition or crash of deliveries ends in the same bytes."""

import contextlib
import hashlib
import hmac
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from assets.lake.delivered import DELIVERED, Spool, no_delivered, pseudonyms, to_delivered
from assets.lake.files import CityLake
from assets.lake.meter_intervals import KEPT, apply, resolve
from assets.lake.meter_registers import Registers
from assets.landing.archive import Receipt
from assets.landing.store import LocalStore
from quality.meter_array import DayArray
from quality.readings import LABEL, QUALITIES, READING_SCHEMA
from quality.tables import METER_INTERVALS, METER_SUPERSEDED, METERS
from tests.kit import sampled

BANGKOK = timezone(timedelta(hours=7))
DAY = date(2026, 1, 2)
MIDNIGHT = datetime(2026, 1, 2, tzinfo=BANGKOK)


def registers(*meters: str | None) -> Registers:
    """One register, of all days."""
    rows = pl.DataFrame({"meter_id": meters}, {"meter_id": pl.String})
    return Registers([date.min], lambda _: rows, METERS.empty())


NO_REGISTER = Registers([], lambda _: METERS.empty(), METERS.empty())
NAMES = KEPT


def delivered(
    receipt: str = "r1",
    row: int = 1,
    slot: float = 0,
    value: str | None = "1",
    quality: str = "actual",
    version: int | None = None,
    on: int = 3,
    meter: str = "m1",
    minutes: int = 15,
    day: date = DAY,
) -> dict:
    start = MIDNIGHT + timedelta(days=(day - DAY).days, minutes=15 * slot)
    return {
        "meter_id": meter,
        "channel": "E1",
        "quantity": "active_import",
        "unit": "kWh",
        "start": start.astimezone(UTC),
        "minutes": minutes,
        "local_date": day,
        "value_delivered": None if value is None else Decimal(value),
        "quality": quality,
        "version": None if version is None else datetime(2026, 1, 1, version, tzinfo=UTC),
        "_receipt": receipt,
        "_row": row,
        "_delivered": date(2026, 1, on),
        "_number": 1,
    }


def frame(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=DELIVERED)


def lake_files(store: LocalStore) -> dict[str, bytes]:
    return {key: store.read(key) for key in store.list("lake")}


def day_of(store: LocalStore, table=METER_INTERVALS, day: date = DAY) -> pl.DataFrame:
    return CityLake(store, "phuket").day(table, day)


@pytest.fixture
def store(tmp_path) -> LocalStore:
    return LocalStore(tmp_path)


def spool(rows: pl.DataFrame, cut: int = 1) -> Spool:
    spooled = Spool(cut)
    spooled.add(rows)
    return spooled


def put(store, *rows, register=NO_REGISTER, **more):
    return apply(CityLake(store, "phuket"), spool(frame(*rows)), register, **more)


# Which reading wins


@pytest.mark.parametrize(
    ("loser", "winner", "reason"),
    [
        (delivered(value=None, version=9), delivered("r2", value="2"), "corrected"),
        (delivered(on=9), delivered("r2", value="2", version=1), "corrected"),
        (delivered(version=1, on=9), delivered("r2", value="2", version=2), "corrected"),
        (delivered("r2", value="2", version=2, quality="forecast", on=9), delivered(version=1), "corrected"),
        (delivered(version=1, quality="forecast", on=9), delivered("r2", version=2, quality="unknown"), "corrected"),
        (delivered(quality="substituted", on=9), delivered("r2", quality="actual"), "corrected"),
        (delivered(quality="unknown", on=9), delivered("r2", quality="substituted_temporary"), "corrected"),
        (delivered(on=3), delivered("r2", value="2", on=4), "corrected"),
        (delivered("r1", 5), delivered("r2", 1), "repeated"),
        (delivered("r1", 1, value=None), delivered("r1", 2, value=None), "repeated"),
        (delivered("r1", 1), delivered("r1", 2, value="1.000000"), "repeated"),
        (delivered("r1"), delivered("r2", value="2") | {"_number": 2}, "contradicted"),
        (delivered("r2"), delivered("r1", value="2") | {"_number": 2}, "contradicted"),
        (delivered("r1", value=None), delivered("r2", value="2") | {"_number": 2}, "corrected"),
    ],
)
def test_the_better_reading_wins_in_either_order(loser, winner, reason):
    for rows in ((loser, winner), (winner, loser)):
        current, superseded = resolve(frame(*rows).rename({"_row": "_nth"}))
        assert current.select("_receipt", "_nth").rows() == [(winner["_receipt"], winner["_row"])]
        assert superseded.select("_receipt", "_nth", "reason").rows() == [(loser["_receipt"], loser["_row"], reason)]


# What the lake then holds


def test_a_first_delivery_makes_the_complete_day(store):
    applied = put(store, delivered(slot=4, value="0.25"))
    day = day_of(store)
    assert METER_INTERVALS.conform(day).found.is_empty()
    assert day.height == 96
    assert day.filter(quality="actual")["value_delivered"].to_list() == [Decimal("0.25")]
    gaps = day.filter(quality="missing")
    assert gaps.select("value_delivered", "_receipt").unique().rows() == [(None, None)]
    assert [file.rows for file in applied.files] == [96]
    assert day_of(store, METER_SUPERSEDED).is_empty()


def test_a_blank_value_is_missing_but_delivered(store):
    put(store, delivered(value=None, quality="missing"))
    row = day_of(store).filter(pl.col("_receipt").is_not_null())
    assert row.select("quality", "value_delivered", "_receipt").rows() == [("missing", None, "r1")]


def test_a_correction_keeps_what_it_replaces(store):
    put(store, delivered())
    put(store, delivered("r2", value="5", on=4))
    assert day_of(store).drop_nulls("value_delivered")["value_delivered"].to_list() == [5]
    old = day_of(store, METER_SUPERSEDED)
    assert METER_SUPERSEDED.conform(old).found.is_empty()
    assert old.select("_receipt", "value_delivered", "reason").rows() == [("r1", 1, "corrected")]


def test_any_past_day_can_be_asked(store):
    for on, value in ((3, "1"), (5, "2"), (8, "3")):
        put(store, delivered(f"r{on}", value=value, on=on))
    everything = pl.concat(
        [day_of(store).drop_nulls("_receipt").select(NAMES), day_of(store, METER_SUPERSEDED).select(NAMES)]
    )
    as_of = {on: resolve(everything.filter(pl.col("_delivered") <= date(2026, 1, on)))[0] for on in (4, 6, 9)}
    assert {on: rows["value_delivered"].to_list() for on, rows in as_of.items()} == {4: [1], 6: [2], 9: [3]}


def test_a_fixed_reader_takes_back_what_it_no_longer_reads(store):
    put(store, delivered("r1"), delivered("r2", value="9", on=4), delivered("r2", 2, day=date(2026, 1, 5), on=4))
    put(store, receipts=["r2"], also_days=[DAY, date(2026, 1, 5)])
    fresh = LocalStore(store.root / "fresh")
    put(fresh, delivered("r1"))
    assert lake_files(store) == lake_files(fresh)


def test_a_registered_meter_that_is_silent_appears_with_gaps(store):
    applied = put(store, delivered(), register=registers("m1", "m2"))
    silent = day_of(store).filter(meter_id="m2")
    assert silent.select("channel", "unit", "minutes", "quality").unique().rows() == [("E1", "kWh", 15, "missing")]
    assert silent.height == 96
    assert {v.verdict for v in applied.verdicts} == {"pass"}


def test_an_unregistered_meter_is_said_without_naming_it(store):
    applied = put(store, delivered(), register=registers("m2"))
    verdict = next(v for v in applied.verdicts if v.check == "meter-unregistered")
    assert (verdict.verdict, verdict.failed, verdict.checked) == ("warn", 1, 1)
    assert "m1" not in str(verdict)


def test_readings_off_the_grid_are_refused_said_and_kept(store):
    applied = put(store, delivered(slot=0), delivered(row=2, slot=1), delivered(row=3, slot=2.5))
    assert applied.refused.select("_receipt", "row", "code").rows() == [("r1", 3, "interval-misaligned")]
    assert [v.check for v in applied.verdicts if v.verdict == "warn"] == ["grid"]
    assert day_of(store, METER_SUPERSEDED)["reason"].to_list() == ["off_grid"]
    assert day_of(store).height == 96


def test_a_delivery_can_turn_the_grid_for_readings_refused_before(store):
    half_hours = [delivered("r1", row, slot=2 * row, minutes=30) for row in range(3)]
    quarters = [delivered("r2", row, slot=row, value="7", on=4) for row in range(2)]
    more = [delivered("r3", row, slot=row + 10, value="7", on=5) for row in range(2)]
    for rows in (half_hours, quarters):
        put(store, *rows)
    assert day_of(store)["minutes"].unique().to_list() == [30]
    put(store, *more)
    assert day_of(store)["minutes"].unique().to_list() == [15]
    assert day_of(store).drop_nulls("value_delivered").height == 4


def test_neither_row_nor_arrival_of_a_reading_is_in_the_lake(store):
    """A register, or files named by account, tell whose row and whose turn it was."""
    meters = [delivered(f"r{at}", row=7 + at, meter=f"m{at}") | {"_number": 40 + at} for at in range(3)]
    again = delivered("r9", row=70, value="2", meter="m1") | {"_number": 90}
    put(store, *meters, again, numbers={"r0": 40, "r1": 41, "r2": 42, "r9": 90})
    rows = day_of(store).drop_nulls("_receipt").select("meter_id", "value_delivered", "_number", "_nth").rows()
    assert rows == [("m0", 1, 1, 1), ("m1", 2, 2, 1), ("m2", 1, 1, 1)]
    assert "_row" not in {*day_of(store).columns, *day_of(store, METER_SUPERSEDED).columns}


def test_one_record_with_two_values_for_one_slot_is_said(store):
    applied = put(store, delivered(value="1"), delivered(value="2"))
    assert applied.refused.select("_receipt", "row", "code").rows() == [("r1", 1, "key-duplicate")]


# Any order, any repetition, any crash

rows = st.builds(
    delivered,
    row=st.integers(1, 2),
    slot=st.sampled_from([0, 1, 2, 2.5]),
    value=st.sampled_from([None, "0", "1", "2.5"]),
    quality=st.sampled_from(QUALITIES[:4]),
    version=st.sampled_from([None, 1, 2]),
    meter=st.sampled_from(["m1", "m2"]),
    minutes=st.sampled_from([15, 15, 15, 30]),
    day=st.sampled_from([DAY, DAY + timedelta(days=1)]),
)
days = [DAY, DAY + timedelta(days=1)]


@st.composite
def a_history(draw):
    """Deliveries and an order of applying them in which each occurs at least once, some crashing at the n-th write."""
    count = draw(st.integers(1, 4))
    numbers = draw(st.permutations(range(1, 5)))
    deliveries = [
        [
            row | {"_receipt": f"r{at}", "_delivered": date(2026, 1, 3 + at // 2), "_number": numbers[at]}
            for row in draw(st.lists(rows, max_size=5))
        ]
        for at in range(count)
    ]
    order = draw(st.permutations([*range(count), *draw(st.lists(st.integers(0, count - 1), max_size=3))]))
    crashes = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, 4)), max_size=3))
    return deliveries, {f"r{at}": number for at, number in enumerate(numbers)}, order, crashes


class Crash(Exception):
    pass


class CrashingStore(LocalStore):
    """Dies at the n-th change."""

    def __init__(self, root: Path, after: int) -> None:
        super().__init__(root)
        self.left = after

    def _step(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1

    def write(self, key, data):
        self._step()
        super().write(key, data)

    def delete(self, key):
        self._step()
        super().delete(key)


def model(deliveries: list[list[dict]]) -> dict[tuple, tuple]:
    """The winner of each slot, in plain Python."""
    unique = {}
    for row in (row for rows in deliveries for row in rows):
        unique.setdefault((row["meter_id"], row["start"], row["_receipt"], row["_row"]), row)
    votes: dict[tuple, set] = {}
    midnight = MIDNIGHT.timestamp()
    placed = [r for r in unique.values() if (r["start"].timestamp() - midnight) % (60 * r["minutes"]) == 0]
    for row in placed:
        votes.setdefault((row["meter_id"], row["local_date"]), set()).add((row["start"], row["minutes"]))
    winners: dict[tuple, tuple] = {}
    for row in placed:
        lengths = [m for _, m in votes[row["meter_id"], row["local_date"]]]
        if row["minutes"] != min(set(lengths), key=lambda m: (-lengths.count(m), m)):
            continue
        rank = (
            row["value_delivered"] is not None,
            row["quality"] == "actual",
            row["version"] or datetime.min.replace(tzinfo=UTC),
            -QUALITIES.index(row["quality"]),
            row["_delivered"],
            row["_number"],
            row["_receipt"],
            row["_row"],
        )
        slot = (row["meter_id"], row["start"])
        if slot not in winners or rank > winners[slot][0]:
            winners[slot] = (rank, row["value_delivered"])
    rows = {}
    for meter, start, receipt, row in sorted(unique):
        rows.setdefault((meter, start, receipt), []).append(row)
    return {
        slot: (rank[-2], rows[*slot, rank[-2]].index(rank[-1]) + 1, value) for slot, (rank, value) in winners.items()
    }


def deliver(store: LocalStore, deliveries, numbers: dict[str, int], at: int) -> None:
    lake, receipts = CityLake(store, "phuket"), [f"r{at}"]
    apply(lake, spool(frame(*deliveries[at])), NO_REGISTER, receipts=receipts, also_days=days, numbers=numbers)


@given(a_history())
@settings(max_examples=10)
def test_order_repetition_and_crashes_leave_no_trace(history):
    deliveries, numbers, order, crashes = history
    with tempfile.TemporaryDirectory() as folder:
        straight, crooked = LocalStore(Path(folder) / "a"), LocalStore(Path(folder) / "b")
        whole = frame(*(row for rows in deliveries for row in rows))
        apply(CityLake(straight, "phuket"), spool(whole), NO_REGISTER, numbers=numbers)
        for at, after in crashes:
            with contextlib.suppress(Crash):
                deliver(CrashingStore(crooked.root, after), deliveries, numbers, at)
        for at in order:
            deliver(crooked, deliveries, numbers, at)
        assert lake_files(crooked) == lake_files(straight)
        stored = pl.concat([day_of(straight, day=day) for day in days]).drop_nulls("_receipt")
        columns = stored.select("meter_id", "start", "_receipt", "_nth", "value_delivered").iter_rows()
        assert {(m, s): (r, n, v) for m, s, r, n, v in columns} == model(deliveries)
        kept = stored.height + sum(day_of(straight, METER_SUPERSEDED, day).height for day in days)
        assert kept == len({(r["meter_id"], r["start"], r["_receipt"], r["_row"]) for rows in deliveries for r in rows})


REGISTER = registers("m0", "m2", "m9", "m9", None)


def whole_days(seed: int) -> list[list[dict]]:
    """Up to three deliveries of nearly whole days of up to five meters, most regular, some with what is not: another
    length, a slip off the grid, a slot told twice or again, a second channel."""
    chance = Random(seed)
    usual = chance.choice([15, 15, 30, 60])
    deliveries = []
    for at in range(chance.randint(1, 3)):
        rows = []
        for meter in chance.sample(range(5), chance.randint(0, 5)):
            length = usual if chance.random() < 0.8 else chance.choice([15, 30, 60])
            shape = {"meter": f"m{meter}", "minutes": length, "on": 3 + at, "receipt": f"r{at}"}
            steps = range(0, 96, length // 15)
            rows += [delivered(slot=slot, value=str(slot), **shape) for slot in steps if chance.random() < 0.9]
            if chance.random() < 0.3:
                rows.append(delivered(slot=chance.choice([3, 3.5, 8]), row=2, value="7", **shape))
            if chance.random() < 0.2:
                rows = [*rows[:-9], *(row | {"clock_seconds": chance.choice([-20, 5])} for row in rows[-9:])]
            if chance.random() < 0.3:
                rows += [
                    delivered(slot=slot, **shape) | {"channel": "B1", "quantity": "active_export"} for slot in steps
                ]
        if chance.random() < 0.5:
            chance.shuffle(rows)
        deliveries.append(rows)
    return deliveries


def applied_to(root: Path, deliveries: list[list[dict]]) -> tuple[dict[str, bytes], list]:
    store = LocalStore(root)
    told = []
    for at, each in enumerate([*deliveries, deliveries[0]]):
        receipts = [f"r{at % len(deliveries)}"]
        done = apply(CityLake(store, "phuket"), spool(frame(*each)), REGISTER, receipts=receipts, also_days=days)
        told.append((done.verdicts, done.refused.sort(pl.all()).rows(), {r: sorted(h) for r, h in done.held.items()}))
    return lake_files(store), told


@pytest.mark.parametrize("some", sampled(range(6), 6))
def test_arrays_and_rows_give_the_same_bytes(some, tmp_path, monkeypatch):
    worlds = [whole_days(100 * some + seed) for seed in range(20)]
    by_array = [applied_to(tmp_path / f"array-{at}", world) for at, world in enumerate(worlds)]
    regular = DayArray.of
    told = []

    def of(readings: pl.DataFrame, day: date) -> DayArray:
        array = regular(readings, day)
        told.append(array.regular)
        return replace(array, regular=np.zeros_like(array.regular), place=array.place[:0])

    monkeypatch.setattr(DayArray, "of", of)
    assert [applied_to(tmp_path / f"rows-{at}", world) for at, world in enumerate(worlds)] == by_array
    every = np.concatenate(told)
    assert 0.3 < every.mean() < 0.95, "both ways are gone"


@pytest.mark.parametrize("after", range(3))
def test_a_crash_while_a_superseded_value_comes_back_loses_nothing(store, after):
    put(store, delivered("r1"))
    put(store, delivered("r2", value="9", on=4))
    # The reader of r2 is fixed and reads nothing from it now, so r1's value counts again: two changes, then done.
    with pytest.raises(Crash) if after < 2 else contextlib.nullcontext():
        put(CrashingStore(store.root, after), receipts=["r2"], also_days=[DAY])
    held = pl.concat([day_of(store).select(NAMES), day_of(store, METER_SUPERSEDED).select(NAMES)])
    assert "r1" in held["_receipt"].to_list()
    put(store, receipts=["r2"], also_days=[DAY])
    assert day_of(store).drop_nulls("value_delivered")["value_delivered"].to_list() == [1]
    assert day_of(store, METER_SUPERSEDED).is_empty()


# From readings to the lake's terms


def readings(*points: str) -> pl.DataFrame:
    """Two quarter-hours a point, on both sides of local midnight."""
    starts = [datetime(2026, 1, 1, 16, 45, tzinfo=UTC), datetime(2026, 1, 1, 17, tzinfo=UTC)]
    same = {"channel": "E1", "quantity": "active_import", "minutes": 15, "quality": "actual", "row": 7}
    rows = [
        {"point": point, "start": start, "value": Decimal("0.123456")} | same for point in points for start in starts
    ]
    return pl.DataFrame(rows, schema=READING_SCHEMA)


def receipt(identity: str, day: date) -> Receipt:
    return Receipt.model_construct(id=identity, day=day, number=1)


def as_delivered(told: pl.DataFrame, of: Receipt, key: bytes = b"k") -> pl.DataFrame:
    return to_delivered(told, of, pseudonyms(told["point"], "phuket", key))


def test_delivered_rows_hold_no_metering_point_and_the_local_day():
    rows = as_delivered(readings("020001234567"), receipt("r1", date(2026, 1, 3)), b"secret")
    assert rows.schema == DELIVERED
    assert "020001234567" not in str(rows.to_dicts())
    assert rows["local_date"].to_list() == [date(2026, 1, 1), date(2026, 1, 2)]
    assert rows.select("unit", "value_delivered", "_receipt", "_row").unique().rows() == [
        ("kWh", Decimal("0.123456"), "r1", 7)
    ]
    expected = hmac.new(b"secret", b"phuket\x00020001234567", hashlib.sha256).hexdigest()[:20]
    assert rows["meter_id"].unique().to_list() == [expected]
    assert as_delivered(readings(), receipt("r", DAY)).equals(no_delivered())


def test_a_meter_that_is_a_second_fast_keeps_its_day():
    exact = [MIDNIGHT + timedelta(minutes=15 * slot) for slot in range(96)]
    fast = [(start - timedelta(seconds=1)).astimezone(UTC) for start in exact]
    day = pl.DataFrame({"point": ["1"] * 96, "start": fast, "minutes": [15] * 96, "row": range(96)})
    day = day.select(
        (pl.col(name) if name in day.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in READING_SCHEMA.items()
    )
    rows = to_delivered(day, receipt("r", DAY), pseudonyms(day["point"], "phuket", b"k"))
    assert rows["start"].to_list() == exact
    assert rows["local_date"].unique().to_list() == [DAY], "the first interval began the day before"
    assert rows["clock_seconds"].unique().to_list() == [-1]


def test_a_reading_without_a_metering_point_is_a_row_without_an_id():
    delivered = as_delivered(readings("1").with_columns(point=pl.lit(None, LABEL)), receipt("r", DAY))
    assert delivered["meter_id"].to_list() == [None, None]


def test_ids_differ_by_city_and_key_and_need_one():
    points = pl.Series(["1", "2", "1", None])
    ids = pseudonyms(points, "phuket", b"a")
    assert set(ids) == {"1", "2"}
    others = [pseudonyms(points, "korat", b"a"), pseudonyms(points, "phuket", b"b")]
    assert len({x for found in (ids, *others) for x in found.values()}) == 6
    with pytest.raises(ValueError, match="empty"):
        pseudonyms(points, "phuket", b"")
