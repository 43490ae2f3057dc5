"""Register reads on their way into the lake: NEM13, P1 telegrams and PEA's form, delivered in any order and again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.lake import ledger
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from assets.landing.store import LocalStore
from assets.meters.formats.p1 import checksum
from quality.tables import DELIVERIES, QUARANTINE, REGISTER_READS, VERDICTS
from tests.kit import ingest_meters, land

FIRST = date(2026, 11, 1)
SOURCE = "amr_exports"
POINTS = ("NMI0000001", "4530303031", "020012345678")


def nem13(start, end, before, now, amount, version, flag="A", suffix="11"):
    reads = f"{before},{start}000000,A,,,{now},{end}000000,{flag},,"
    line = f"250,NMI0000001,{suffix},1,{suffix},{suffix},M1,E,{reads},{amount},kWh,,{version}010000,"
    return f"100,NEM13,202601020000,MDP,CITY\n{line}\n900\n".encode()


def telegram(stamp, day, night):
    body = f"1-3:0.2.8(50)\r\n0-0:1.0.0({stamp})\r\n0-0:96.1.1(4530303031)\r\n"
    body += f"1-0:1.8.1({day}*kWh)\r\n1-0:1.8.2({night}*kWh)\r\n"
    text = f"/ISK5\\2M550T-1012\r\n\r\n{body}!"
    return f"{text}{checksum(text)}\r\n".encode()


def form(*resets):
    head = "<tr><td>No.</td><td>เดือน/ปี</td><td>ครั้งที่Reset</td><td>วันที่Reset</td><td>111</td><td>010</td></tr>"
    rows = "".join(
        f"<tr><td>{n}</td><td>{at[3:]}</td><td>{n}</td><td>{at}</td><td>{all_}</td><td>{peak}</td></tr>"
        for n, (at, all_, peak) in enumerate(resets, start=1)
    )
    facts = "<tr><td>บัญชีผู้ใช้ไฟ : </td><td>020012345678</td></tr><tr><td>CT Ratio : </td><td>50:5 A.</td></tr>"
    facts += "<tr><td>VT Ratio : </td><td>22000:110 V.</td></tr>"
    title = "<tr><td>แบบฟอร์มการอ่านหน่วยมิเตอร์ AMR</td></tr>"
    return f"<html><table>{title}{facts}</table><table>{head}{rows}</table></html>".encode()


class City:
    """A city with one inbox, filled day after day."""

    def __init__(self, folder):
        city = next(city for city in load_registry().values() if SOURCE in city.sources)
        self.city = city.model_copy(update={"sources": {SOURCE: city.sources[SOURCE]}})
        self.store = LocalStore(folder / "store")
        now = datetime(2026, 12, 1, tzinfo=UTC)
        self.deployment = Deployment(self.store, {self.city.slug: self.city}, {}, folder, lambda: now, b"key")

    def deliver(self, day, **files):
        for name, data in files.items():
            land(self.deployment, self.city, SOURCE, day, name, data)

    def ingest(self, day):
        return ingest_meters(self.deployment, self.city, day)

    @property
    def reads(self):
        return CityLake(self.store, self.city.slug).read(REGISTER_READS)

    @property
    def current(self):
        return self.reads.filter(pl.col("superseded").is_null()).sort("channel", "end")

    def table(self, table):
        return CityLake(self.store, self.city.slug).read(table)

    @property
    def bytes(self):
        return {key: self.store.read(key) for key in self.store.list("lake/register_reads")}


@pytest.fixture
def city(tmp_path):
    return City(tmp_path)


FILES = {
    "nem13": nem13("20251201", "20260101", "000010", "000019", 9, "20260102"),
    "nem13_corrected": nem13("20251201", "20260101", "000010", "000021", 11, "20260103"),
    "p1_early": telegram("260105120000W", "000100.000", "000200.000"),
    "p1_late": telegram("260105130000W", "000101.500", "000200.000"),
    "p1_both": telegram("260105120000W", "000100.000", "000200.000")
    + telegram("260105130000W", "000101.500", "000200.000"),
    "form": form(("01/06/2026", "100.000", "10.000"), ("01/07/2026", "153.500", "15.500")),
}


def test_reads_of_all_formats_keep_what_the_registers_showed(city):
    city.deliver(FIRST, nem13=FILES["nem13"], p1=FILES["p1_both"], form=FILES["form"])
    ingested = city.ingest(FIRST)
    assert {(v.table, v.verdict) for v in ingested.verdicts if v.table == "register_reads"} == {
        ("register_reads", "pass")
    }
    assert REGISTER_READS.conform(city.reads).found.is_empty()
    shown = city.current.select("channel", "end", "register_start", "register_end", "multiplier", "value", "unit")
    june, july = datetime(2026, 5, 31, 17, tzinfo=UTC), datetime(2026, 6, 30, 17, tzinfo=UTC)
    noon, one = datetime(2026, 1, 5, 11, tzinfo=UTC), datetime(2026, 1, 5, 12, tzinfo=UTC)
    d = Decimal
    assert shown.rows() == [
        ("010", june, None, d(10), d(2000), None, "kWh"),
        ("010", july, d(10), d("15.5"), d(2000), d(11000), "kWh"),
        ("1-0:1.8.1", noon, None, d(100), None, None, "kWh"),
        ("1-0:1.8.1", one, d(100), d("101.5"), None, d("1.5"), "kWh"),
        ("1-0:1.8.2", noon, None, d(200), None, None, "kWh"),
        ("1-0:1.8.2", one, d(200), d(200), None, d(0), "kWh"),
        ("11", datetime(2025, 12, 31, 14, tzinfo=UTC), d(10), d(19), None, d(9), "kWh"),
        ("111", june, None, d(100), d(2000), None, "kWh"),
        ("111", july, d(100), d("153.5"), d(2000), d(107000), "kWh"),
    ]
    local = pl.col("end").dt.convert_time_zone("Asia/Bangkok").dt.date()
    assert city.reads.select((pl.col("local_date") == local).all()).item()


def test_no_metering_point_reaches_the_lake(city):
    city.deliver(FIRST, nem13=FILES["nem13"], p1=FILES["p1_both"], form=FILES["form"])
    city.ingest(FIRST)
    assert city.reads["meter_id"].n_unique() == 3
    held = city.reads.write_csv() + city.table(QUARANTINE).write_csv() + str(city.table(DELIVERIES).to_dicts())
    assert not [point for point in POINTS if point in held]
    assert not REGISTER_READS.published


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:])
def test_any_order_and_repetition_gives_the_same_bytes(tmp_path, order):
    """The delivery days are the same, only what is read first differs."""
    straight, other = City(tmp_path / "a"), City(tmp_path / "b")
    groups = [
        {"nem13": FILES["nem13"], "p1_late": FILES["p1_late"]},
        {"nem13_corrected": FILES["nem13_corrected"], "p1_both": FILES["p1_both"]},
        {"form": FILES["form"], "p1_early": FILES["p1_early"]},
    ]
    days = [FIRST + timedelta(days=n) for n in range(3)]
    for day, group in zip(days, groups, strict=True):
        straight.deliver(day, **group)
        straight.ingest(day)
    for place in order:
        other.deliver(days[place], **groups[place])
        other.ingest(days[place])
    assert straight.bytes == other.bytes
    for day in days:
        other.ingest(day)
    assert straight.bytes == other.bytes
    # Every read of every file is there, and of each only one counts.
    assert straight.reads.height == 1 + 2 + 1 + 4 + 4 + 2
    assert straight.current.select("meter_id", "channel", "quantity", "end").is_duplicated().sum() == 0


def test_a_later_version_counts_whatever_comes_last(city):
    city.deliver(FIRST, new=FILES["nem13_corrected"])
    city.ingest(FIRST)
    city.deliver(FIRST + timedelta(days=1), old=FILES["nem13"])
    city.ingest(FIRST + timedelta(days=1))
    assert city.current["value"].to_list() == [Decimal(11)]
    assert city.reads.sort("value").select("value", "superseded").rows() == [
        (Decimal(9), "corrected"),
        (Decimal(11), None),
    ]


def test_a_version_without_a_value_does_not_hide_one(city):
    late = nem13("20251201", "20260101", "", "", "", "20260109", flag="N")
    city.deliver(FIRST, read=FILES["nem13"], later=late)
    city.ingest(FIRST)
    assert city.current.select("value", "register_end").rows() == [(Decimal(9), Decimal(19))]


def test_a_read_that_tells_less_is_a_repetition(city):
    city.deliver(FIRST, both=FILES["p1_both"], late=FILES["p1_late"])
    city.ingest(FIRST)
    assert city.current["value"].drop_nulls().to_list() == [Decimal("1.5"), Decimal(0)]
    assert city.reads.drop_nulls("superseded")["superseded"].to_list() == ["repeated"] * 2


def test_a_reader_that_brings_less_takes_its_reads_back(city, monkeypatch):
    city.deliver(FIRST, nem13=FILES["nem13"], form=FILES["form"])
    city.ingest(FIRST)
    original = ledger.read

    def without_registers(step, item):
        result = original(step, item)
        return type(result)(result.format, problems=result.problems) if item.receipt.name == "nem13" else result

    monkeypatch.setattr(ledger, "read", without_registers)
    city.ingest(FIRST)
    assert set(city.reads["channel"]) == {"111", "010"}
    books = city.table(DELIVERIES).filter(table="register_reads")
    assert sorted(books["rows"]) == [0, 4]


def test_a_city_without_register_reads_has_no_word_of_them(city):
    day = f"300,20260101,{','.join(['1'] * 48)},A,,,20260102010000,"
    intervals = f"100,NEM12,202601020000,MDP,CITY\n200,NMI0000001,E1,1,E1,N1,M,kWh,30,\n{day}\n900\n"
    city.deliver(FIRST, intervals=intervals.encode())
    city.ingest(FIRST)
    assert city.bytes == {}
    assert "register_reads" not in {*city.table(VERDICTS)["table"], *city.table(DELIVERIES)["table"]}
