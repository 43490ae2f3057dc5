"""Lake files: one schema, sorted, the same bytes whatever the order of arrival, the repetition or the thread count."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from assets.lake.files import CityLake
from assets.lake.keys import span
from assets.landing.store import LocalStore, Store
from quality.contracts import Column, Table
from quality.tables import LOAD_PROFILE, METERS, TABLES, TRANSIT_STOPS, WEATHER

DAY = date(2026, 11, 20)
MIDNIGHT = datetime(2026, 11, 19, 17, tzinfo=UTC)


def weather(receipt: str, delivered: int, *hours: tuple[int, float | None]) -> pl.DataFrame:
    """Hours counted from the midnight of DAY, each with its temperature."""
    return pl.DataFrame(
        [
            {
                "station_id": "grid",
                "product": "model",
                "start": MIDNIGHT + timedelta(hours=hour),
                "local_date": DAY + timedelta(days=hour // 24),
                "temperature_c": degrees,
                "_receipt": receipt,
                "_row": row,
                "_delivered": date(2026, 11, delivered),
            }
            for row, (hour, degrees) in enumerate(hours, start=1)
        ],
        schema={
            name: dtype
            for name, dtype in WEATHER.schema.items()
            if name in ("station_id", "product", "start", "local_date", "temperature_c") or name.startswith("_")
        },
    )


def whole(frame: pl.DataFrame) -> pl.DataFrame:
    return WEATHER.conform(frame).rows


def content(store: Store) -> dict[str, str]:
    return {key: hashlib.sha256(store.read(key)).hexdigest() for key in store.list("lake")}


def test_a_file_lies_under_table_city_and_month_and_is_named_after_its_day(store: Store) -> None:
    (written,) = CityLake(store, "nan").merge(WEATHER, whole(weather("r", 21, (0, 25.0), (23, 24.0))))
    assert written.key == "lake/weather/city=nan/month=2026-11/2026-11-20.parquet"
    assert (written.rows, written.bytes, written.changed) == (2, len(store.read(written.key)), True)
    assert written.days == (DAY,) and span(written.key) == (DAY, DAY)
    assert store.list("lake") == [written.key]


@given(
    st.sets(st.integers(0, 420), max_size=6),
    st.none() | st.integers(0, 480),
    st.lists(st.integers(-10, 480), min_size=1, max_size=4),
)
def test_the_newest_day_is_that_of_all_days_whatever_files_they_lie_in(offsets, compacted, asked) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = CityLake(LocalStore(Path(folder)), "nan")
        if offsets:
            lake.merge(WEATHER, whole(weather("r", 30, *((24 * offset, 1.0) for offset in sorted(offsets)))))
        if compacted is not None:
            lake.compact(WEATHER, DAY + timedelta(days=compacted))
        days = [DAY + timedelta(days=offset) for offset in sorted(offsets)]
        assert lake.days(WEATHER) == days
        assert lake.newest(WEATHER) == max(days, default=None)
        for until in (DAY + timedelta(days=each) for each in asked):
            assert lake.newest(WEATHER, until) == max((day for day in days if day <= until), default=None)


def test_for_the_newest_day_one_file_at_most_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = CityLake(LocalStore(tmp_path), "nan")
    lake.merge(WEATHER, whole(weather("r", 30, *((24 * 31 * month, 1.0) for month in range(24)))))
    read, opened = LocalStore.read_all, list[str]()
    monkeypatch.setattr(LocalStore, "read_all", lambda self, keys: opened.extend(keys) or read(self, keys))
    newest = lake.newest(WEATHER)
    assert newest == DAY + timedelta(days=31 * 23) and opened == []
    assert len(lake.compact(WEATHER, date(2100, 1, 1))) == 24
    opened.clear()
    assert lake.newest(WEATHER) == newest
    assert [key.rpartition("/")[2] for key in opened] == [f"{newest:%Y-%m}.parquet"]


def test_a_delivery_of_several_days_goes_to_the_files_of_its_days(store: Store) -> None:
    frame = whole(weather("r", 30, (47, 1.0), (0, 2.0), (24, 3.0), (24 * 11, 4.0)))
    written = CityLake(store, "nan").merge(WEATHER, frame)
    assert [(file.key[-28:-8], file.rows) for file in written] == [
        ("h=2026-11/2026-11-20", 1),
        ("h=2026-11/2026-11-21", 2),
        ("h=2026-12/2026-12-01", 1),
    ]
    assert CityLake(store, "nan").read(WEATHER).equals(frame.sort("start"))
    assert CityLake(store, "nan").read(WEATHER, (DAY, DAY))["temperature_c"].to_list() == [2.0]
    assert CityLake(store, "phuket").read(WEATHER).equals(WEATHER.empty())
    assert CityLake(store, "nan").day(WEATHER, date(2026, 1, 1)).equals(WEATHER.empty())


def test_a_file_that_would_not_change_is_not_touched(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    frame = whole(weather("r", 21, (0, 25.0), (1, None)))
    (first,) = CityLake(store, "nan").merge(WEATHER, frame)
    before = (tmp_path / first.key).stat()
    (again,) = CityLake(store, "nan").merge(WEATHER, frame.reverse())
    assert not again.changed
    after = (tmp_path / first.key).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("name", TABLES)
def test_every_file_has_the_contracts_schema_and_no_partition_column(name: str, tmp_path: Path) -> None:
    """Also where a column has no value at all."""
    table, store = TABLES[name], LocalStore(tmp_path)
    nulls = pl.DataFrame({column: [None, None] for column in table.schema.names()}, schema=table.schema)
    dated = nulls.with_columns(pl.lit(DAY).alias(table.day))
    (written,) = CityLake(store, "nan").put(table, DAY, dated.select(reversed(dated.columns)))
    assert pq.read_schema(tmp_path / written.key).names == table.schema.names()
    assert not {"city", "month"} & set(table.schema.names())
    assert pl.read_parquet_schema(tmp_path / written.key) == table.schema


WRITE = """
import sys, hashlib, polars as pl
from datetime import date, timedelta
from assets.lake.encoding import contract_of, encode
from assets.lake.files import CityLake
from assets.landing.store import LocalStore
from quality.tables import DELIVERED, LOAD_PROFILE_BASIS as table, QUARTERS
n = 130_000
frame = pl.DataFrame({"n": pl.int_range(n, eager=True)}).select(
    meter_id=(pl.col("n") * 7919 % n).cast(pl.String), local_date=pl.lit(date(2026, 11, 20)),
    zone=(pl.col("n") % 7).cast(pl.String), customer_class=pl.lit("residential"),
    cell_zone=pl.lit("z"), cell_class=pl.lit("other"),
    customer_id=(pl.col("n") * 7919 % n).cast(pl.String), restated=pl.col("n") % 3 == 0,
    zone_share=pl.lit(1.0), zone_lacks=pl.lit(None, pl.String),
    **{name: pl.col("n").cast(pl.UInt64) for name in DELIVERED},
    **{name: pl.col("n") % (100 + at) for at, name in enumerate(QUARTERS)}).select(table.schema.names())
print(pl.thread_pool_size(), hashlib.sha256(encode(frame.sort(table.order), contract_of(table))).hexdigest())
store = LocalStore(__import__("pathlib").Path(sys.argv[1]))
print(hashlib.sha256(store.read(CityLake(store, "nan").put(table, date(2026, 11, 20), frame)[0].key)).hexdigest())
"""


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    printed = []
    for threads in (1, 2, 4):
        result = subprocess.run(
            [sys.executable, "-c", WRITE, str(tmp_path / str(threads))],
            env=os.environ | {"POLARS_MAX_THREADS": str(threads)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result.stderr
        printed.append(result.stdout.split())
    assert [line[0] for line in printed] == ["1", "2", "4"]
    assert len({tuple(line[1:]) for line in printed}) == 1
    (file,) = (tmp_path / "4").rglob("*.parquet")
    groups = pq.ParquetFile(file).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [122_880, 7_120]


def test_rows_lie_in_the_contracts_order_nulls_first(tmp_path: Path) -> None:
    table = Table(
        name="t",
        title="T",
        description="-",
        smart="energy",
        key=("k",),
        day="day",
        sort=("s", "k"),
        columns=(Column("k", pl.Int64(), "-"), Column("s", pl.String(), "-"), Column("day", pl.Date(), "-")),
    )
    frame = pl.DataFrame({"k": [3, 1, 2, 4], "s": ["b", "b", None, "a"], "day": [DAY] * 4, "_receipt": ["r"] * 4})
    frame = frame.with_columns(_row=pl.lit(1, pl.Int64), _delivered=pl.lit(DAY), _number=pl.lit(1, pl.Int32))
    store = LocalStore(tmp_path)
    CityLake(store, "nan").merge(table, frame.select(table.schema.names()))
    assert CityLake(store, "nan").day(table, DAY)["k"].to_list() == [2, 4, 1, 3]


HOURS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([1.0, 2.0, None])), max_size=5)
WEATHERS = st.lists(st.tuples(st.integers(20, 22), HOURS), min_size=1, max_size=5)


@given(WEATHERS, st.randoms(use_true_random=False))
def test_merged_files_do_not_depend_on_order_repetition_or_batching(deliveries, random) -> None:
    frames = [whole(weather(f"r{number}", delivered, *hours)) for number, (delivered, hours) in enumerate(deliveries)]
    with tempfile.TemporaryDirectory() as folder:
        at_once, bit_by_bit = LocalStore(Path(folder, "a")), LocalStore(Path(folder, "b"))
        CityLake(at_once, "nan").merge(WEATHER, pl.concat(frames))
        again = frames + random.sample(frames, random.randint(0, len(frames)))
        random.shuffle(again)
        while again:
            size = random.randint(1, len(again))
            batch, again = pl.concat(again[:size]), again[size:]
            CityLake(bit_by_bit, "nan").merge(
                WEATHER, batch.sample(fraction=1, shuffle=True, seed=random.randint(0, 99))
            )
        assert content(at_once) == content(bit_by_bit)
        # The plain rule: of each hour, the row of the latest delivery day, then receipt, then row.
        best: dict[datetime, tuple] = {}
        for row in pl.concat(frames).iter_rows(named=True):
            rank = (row["_delivered"], row["_receipt"], row["_row"], row["temperature_c"])
            best[row["start"]] = max(best.get(row["start"], rank), rank, key=lambda r: r[:3])
        stored = (
            CityLake(at_once, "nan").read(WEATHER).select("start", "_delivered", "_receipt", "_row", "temperature_c")
        )
        assert {row[0]: row[1:] for row in stored.iter_rows()} == best
        assert stored["start"].is_sorted()


def register(receipt: str, delivered: int, on: int, points: list[str]) -> pl.DataFrame:
    rows = [
        dict.fromkeys(METERS.schema)
        | {
            "meter_id": point,
            "zone": receipt,
            "customer_class": "other",
            "reference_date": date(2026, 11, on),
            "_receipt": receipt,
            "_nth": 1,
            "_delivered": date(2026, 11, delivered),
            "_number": 1,
        }
        for point in points
    ]
    return pl.DataFrame(rows, schema=METERS.schema)


REGISTERS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.lists(st.sampled_from("abc"), min_size=1, unique=True)),
    min_size=1,
    max_size=4,
)


@given(REGISTERS, st.randoms(use_true_random=False))
def test_of_a_day_that_is_delivered_whole_the_latest_delivery_stays_whole(registers, random) -> None:
    frames = [register(f"r{n}", delivered, on, points) for n, (on, delivered, points) in enumerate(registers)]
    with tempfile.TemporaryDirectory() as folder:
        at_once, bit_by_bit = LocalStore(Path(folder, "a")), LocalStore(Path(folder, "b"))
        CityLake(at_once, "nan").merge(METERS, pl.concat(frames))
        again = [*frames, random.choice(frames)]
        random.shuffle(again)
        for frame in again:
            CityLake(bit_by_bit, "nan").merge(METERS, frame)
        assert content(at_once) == content(bit_by_bit)
        latest = {on: (d, n, p) for d, n, on, p in sorted((d, n, on, p) for n, (on, d, p) in enumerate(registers))}
        stored = CityLake(at_once, "nan").read(METERS)
        assert {(row["reference_date"].day, row["meter_id"], row["zone"]) for row in stored.iter_rows(named=True)} == {
            (on, point, f"r{n}") for on, (_, n, points) in latest.items() for point in points
        }


def test_what_a_receipt_brought_earlier_gives_way_to_what_it_brings_now(store: Store) -> None:
    other = whole(weather("other", 20, (2, 9.0)))
    CityLake(store, "nan").merge(WEATHER, pl.concat([other, whole(weather("r", 21, (0, 1.0), (1, 1.0), (24, 1.0)))]))
    tomorrow = DAY + timedelta(days=1)
    CityLake(store, "nan").merge(WEATHER, whole(weather("r", 21, (1, 5.0))), ["r"], [tomorrow])
    stored = CityLake(store, "nan").read(WEATHER)
    assert stored.select("_receipt", "temperature_c").rows() == [("r", 5.0), ("other", 9.0)]
    assert store.list("lake") == ["lake/weather/city=nan/month=2026-11/2026-11-20.parquet"], "no row, no file"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Load profile files of two cities and months."""
    store = LocalStore(tmp_path)
    for city in ("nan", "phuket"):
        for day in (DAY, date(2026, 12, 1)):
            frame = pl.DataFrame(
                {
                    "zone": ["a"],
                    "customer_class": ["other"],
                    "start": [datetime(day.year, day.month, day.day, tzinfo=UTC)],
                    "local_date": [day],
                    "kwh": [Decimal(12)],
                    "n_band": ["15-29"],
                    "actual_share": [0.95],
                    "zone_share": [1.0],
                    "zone_lacks": [None],
                },
                schema=LOAD_PROFILE.schema,
            )
            CityLake(store, city).put(LOAD_PROFILE, day, frame)
    yield tmp_path / "lake" / "load_profile"


def test_duckdb_arrow_pandas_and_polars_read_the_folder_alike(folder: Path) -> None:
    files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    with duckdb.connect() as connection:
        told = {name: kind for name, kind, *_ in connection.execute(f"describe select * from {files}").fetchall()}
        assert told == {
            "zone": "VARCHAR",
            "customer_class": "VARCHAR",
            "start": "TIMESTAMP WITH TIME ZONE",
            "local_date": "DATE",
            "kwh": "DECIMAL(18,0)",
            "n_band": "VARCHAR",
            "actual_share": "DOUBLE",
            "zone_share": "DOUBLE",
            "zone_lacks": "VARCHAR",
            "city": "VARCHAR",
            "month": "VARCHAR",
        }
        query = f"select city, month, local_date, kwh, epoch_us(start) from {files} order by 1, 3"
        rows = connection.execute(query).fetchall()
    arrow = ds.dataset(folder, partitioning="hive").to_table()
    assert {field.name: str(field.type) for field in arrow.schema} == {
        "zone": "large_string",
        "customer_class": "large_string",
        "start": "timestamp[us, tz=UTC]",
        "local_date": "date32[day]",
        "kwh": "decimal128(18, 0)",
        "n_band": "large_string",
        "actual_share": "double",
        "zone_share": "double",
        "zone_lacks": "large_string",
        "city": "string",
        "month": "string",
    }
    frames = {
        "polars": pl.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True),
        "arrow": pl.DataFrame(arrow.to_pylist()),
        "pandas": pl.DataFrame(pd.read_parquet(folder).to_dict("records")),
    }
    for engine, frame in frames.items():
        texts = frame.with_columns(pl.col("city", "month").cast(pl.String), pl.col("start").dt.epoch("us"))
        shown = texts.select("city", "month", "local_date", "kwh", "start").sort("city", "local_date").rows()
        assert shown == rows, engine


def test_two_feeds_of_one_day_do_not_erase_each_other(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def feed(name: str, stops: list[str], receipt: str, day: date) -> pl.DataFrame:
        rows = [
            {"feed": name, "stop_id": stop, "lat": 13.7, "lon": 100.5, "reference_date": date(2026, 11, 1)}
            for stop in stops
        ]
        frame = pl.DataFrame(rows).with_columns(
            _row=pl.int_range(1, len(rows) + 1), _receipt=pl.lit(receipt), _delivered=pl.lit(day)
        )
        batch = TRANSIT_STOPS.conform(frame)
        good, bad = batch.rows, batch.found
        assert bad.is_empty()
        return good

    first, second = date(2026, 11, 2), date(2026, 11, 3)
    deliveries = [
        feed("a", ["1", "2"], "r1", first),
        feed("b", ["1"], "r2", first),
        feed("a", ["2", "3"], "r3", second),
    ]
    for delivered in deliveries:
        CityLake(store, "samyan").merge(TRANSIT_STOPS, delivered)
    stored = CityLake(store, "samyan").read(TRANSIT_STOPS).select("feed", "stop_id").rows()
    assert stored == [("a", "2"), ("a", "3"), ("b", "1")]
