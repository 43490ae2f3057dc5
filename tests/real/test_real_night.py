"""The night over real inputs: what came in is what the lake holds, and faults come out as verdicts, not as numbers."""

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.landing.archive import Archive
from assets.landing.store import LocalStore
from tests import warm
from tests.kit import listed_warnings
from tests.real.assemble import BAD, CITIES, inbox, portals

pytestmark = pytest.mark.timeout(600)
"""One whole night: a minute on a machine of its own, two with the building's whole year."""

Query = Callable[[str], list[tuple[Any, ...]]]
KWH = {"wh": Decimal("0.001"), "kwh": Decimal(1), "mwh": Decimal(1000)}
KWH |= {unit.replace("wh", "varh"): factor for unit, factor in KWH.items()}


@pytest.fixture(
    scope="module", params=[336, pytest.param(8_760, marks=pytest.mark.trial)], ids=["a fortnight", "a year"]
)
def hours(request: pytest.FixtureRequest) -> int:
    """Of the building that is read by the hour: each of its days is judged and made as every other. That its file is
    read whole is seen in ``tests/meters/test_readers_declared.py``."""
    return int(request.param)


@pytest.fixture(scope="module")
def night(real_data: Path, tmp_path_factory: pytest.TempPathFactory, hours: int) -> tuple[dict[str, Any], Query]:
    """The summary of the night, and DuckDB over the lake's files (a second engine on what Polars wrote)."""
    folder = tmp_path_factory.mktemp("real")
    arguments = ["nightly", "--json", "--inbox", str(inbox(real_data, folder / "inbox", hours))]
    arguments += [word for city in CITIES for word in ("--city", city)]
    with portals(real_data) as bases:
        environment = os.environ | {
            "MUANG_HOME": str(folder / "home"),
            "MUANG_METER_KEY": "a key for files everybody may read",
            "MUANG_PORTALS": json.dumps(bases),
            "MUANG_KEYS": json.dumps({"openchargemap": "any"}),
        }
        result = warm.run(arguments, environment, folder, "", timeout=560)
    assert result.returncode == 1, result.stderr
    connection = duckdb.connect()
    for table in (folder / "home" / "lake").iterdir():
        files = f"read_parquet('{table}/**/*.parquet', hive_partitioning = true)"
        connection.execute(f'create view "{table.name}" as select * from {files}')
    archive = Archive(LocalStore(folder / "home"))
    # Names stay in landing: the lake knows a delivery by its receipt.
    names = [(r.id, r.name) for city in CITIES for r in archive.receipts(city)]
    connection.register("names", pl.DataFrame(names, schema=["receipt", "name"], orient="row").to_arrow())
    return json.loads(result.stdout), lambda query: connection.execute(query).fetchall()


ABSENT = ("deliveries_answer-bad", "deliveries_answer-not-reached", "freshness")
"""What feeds without an answer warn of."""


def test_the_night_warns_of_nothing_that_has_no_reason(night: tuple[dict[str, Any], Query]) -> None:
    found = night[1]("select distinct \"table\", \"check\" from verdicts where verdict not in ('pass', 'note')")
    assert {row for row in found if row[1] not in ABSENT} == listed_warnings("The real files")


def test_all_cities_with_data_are_published_and_what_was_refused_is_counted(
    night: tuple[dict[str, Any], Query],
) -> None:
    summary, _ = night
    # All that came for Korat is refused, and its portals answer with pages.
    assert {slug for slug, city in summary["cities"].items() if not city["published"]} == {"korat"}, summary
    assert "nothing was delivered" in summary["cities"]["korat"]["withheld_because"]
    assert {key for key in summary["failures"] if key != "run"} == {"korat__snapshot"}
    assert summary["cities"]["korat"]["rejected"] >= len(BAD)


def test_every_nem12_file_gives_its_expected_counts_and_sums(
    night: tuple[dict[str, Any], Query], real_data: Path
) -> None:
    """Per file and channel, over the current and the superseded values: two peer parsers agree on the figures."""
    _, query = night
    found = query(
        "with delivered as (select _receipt, channel, unit, value_delivered from meter_intervals "
        "where city = 'khon_kaen' union all by name "
        "select _receipt, channel, unit, value_delivered from meter_superseded where city = 'khon_kaen') "
        "select name, channel, any_value(unit), count(*), sum(value_delivered) from delivered "
        "join names on receipt = _receipt group by all"
    )
    lake = {(name, channel): (unit, count, total) for name, channel, unit, count, total in found}
    compared = 0
    for key, expected in json.loads((real_data / "meters" / "EXPECTED.json").read_text()).items():
        name = Path(key).name
        if not key.startswith("nem12/") or not (real_data / "meters" / "nem12" / name).exists():
            continue
        wanted: dict[str, list[Decimal]] = {}
        for point, channel in expected["channels"].items():
            sums = wanted.setdefault(point.rsplit("/", 1)[1], [Decimal(0), Decimal(0)])
            sums[0] += channel["n"]
            sums[1] += Decimal(str(channel["sum"])) * KWH.get((channel["uom"] or "kwh").lower(), Decimal(1))
        for channel, (count, total) in wanted.items():
            _, have_count, have_total = lake[name, channel]
            assert have_count == count, (name, channel)
            assert abs(have_total - total) < Decimal("0.01"), (name, channel)
            compared += 1
    assert compared >= 30


def test_chulalongkorn_buildings_arrive_whole(night: tuple[dict[str, Any], Query], hours: int) -> None:
    _, query = night
    rows = query(
        "select minutes, count(value_delivered), count(*) from meter_intervals where city = 'samyan' "
        "group by minutes order by minutes"
    )
    assert [(minutes, filled) for minutes, filled, _ in rows] == [(1, 41_470), (60, hours)]
    # The gaps of January 2016 are slots without a value: 31 whole days of 1,440 minutes.
    assert rows[0][2] == 31 * 1440 or rows[0][2] % 1440 == 0


def test_hat_yai_air_quality_keeps_every_hour_and_every_blank(night: tuple[dict[str, Any], Query]) -> None:
    _, query = night
    (row,) = query(
        "select count(*), count(pm25_ug_m3), count(o3_ppb), count(pm10_ug_m3), min(start), max(start) "
        "from air_quality where city = 'hat_yai'"
    )
    assert row[:4] == (1680, 1680 - 22, 1680 - 253, 0)
    assert row[4].isoformat().startswith("2023-12-31T16:00"), "label 2024-01-01 00:00 ends its hour (ICT)"
    # The portal has this one answer, whichever month is asked for: each says that it is not that one.
    asked = query("select count(*) from deliveries where city = 'hat_yai' and source = 'air_quality_history'")
    short = "select count(*) from quarantine where source = 'air_quality_history' and code = 'window-short'"
    assert query(f"{short} and city = 'hat_yai'") == asked


def test_phukets_wrong_totals_are_verdicts_and_no_indicator_is_made_of_them(
    night: tuple[dict[str, Any], Query],
) -> None:
    _, query = night
    messages = [text for (text,) in query("select message from quarantine where code = 'total-mismatch'")]
    assert any("216137" in text and "212889" in text for text in messages), "females: total and members"
    assert any("247115" in text and "247088" in text for text in messages), "Mueang: total and members"
    (total,) = query("select sum(persons) from population where city = 'phuket' and not is_total and sex <> 'total'")[0]
    assert total == 197_295 + 212_889
    (value,) = query("select value from indicators where city = 'phuket' and indicator = 'registered_population'")[0]
    assert value == 197_295 + 212_889
    assert query("select count(*) from quarantine where code = 'no-date' and city = 'phuket'") == [(1,)]


def test_values_the_publisher_has_not_computed_are_null_and_pending(night: tuple[dict[str, Any], Query]) -> None:
    _, query = night
    assert query("select count(*), count(value) from visitors where status = 'pending'") == [(6, 0)]
    (years,) = query("select list(distinct year(reference_date) order by 1) from visitors")[0]
    assert min(years) >= 2015
    assert max(years) <= 2026


def test_namtang_stops_around_samyan_are_those_within_reach(
    night: tuple[dict[str, Any], Query], real_data: Path
) -> None:
    """Counted again with DuckDB's own arithmetic from the feed's text file."""
    _, query = night
    stops = real_data / "open_data" / "gtfs_namtang" / "stops.txt"
    near = (
        "2 * 6371.0088 * asin(sqrt(pow(sin(radians(stop_lat - 13.733) / 2), 2) + cos(radians(13.733)) * "
        "cos(radians(stop_lat)) * pow(sin(radians(stop_lon - 100.529) / 2), 2))) <= 1.5"
    )
    (expected,) = query(f"select count(*) from read_csv('{stops}') where {near}")
    assert query("select count(*) from transit_stops where city = 'samyan'") == [expected]
    assert query("select distinct name_en is not null from transit_stops where stop_id = '1'") in ([], [(True,)])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing.csv", "file-empty"),
        ("picture.csv", "file-not-data"),
        ("report.xls", "file-html"),
        ("cut.csv", "file-truncated"),
        ("notes.txt", "format-unknown"),
    ],
)
def test_bad_files_are_coded_problems_that_name_the_file(
    night: tuple[dict[str, Any], Query], name: str, code: str
) -> None:
    _, query = night
    found = query(f"select code, severity from quarantine join names using (receipt) where name = '{name}'")
    assert found == [(code, "reject")]


def test_portals_that_refuse_or_answer_with_a_page_are_told_apart(night: tuple[dict[str, Any], Query]) -> None:
    _, query = night
    codes = dict(
        query("select city, code from quarantine where source = 'air_quality_history' and severity = 'reject'")
    )
    assert codes == {
        "samyan": "answer-not-reached",
        "phuket": "answer-bad",
        "khon_kaen": "answer-bad",
        "korat": "answer-bad",
    }
