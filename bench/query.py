"""Analysts' questions on the lake as it is: ``python -m bench.query [--meters 20000] [--days 7]``.

The same rows three times: the lake's own files, the same columns as Parquet in no order (a file a day), and a database
in DuckDB's own format. All are asked by DuckDB, in a new process each; a question's first answer is not counted.
"""

import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench import big_city
from bench.measure import Cost, costing, finish, in_child, interleaved, parser, table

LIMITS: dict[str, float] = {}
"""None yet: a limit follows the first measurement at full size on a quiet machine."""

LAKE, UNSORTED, DATABASE = "the lake", "unsorted Parquet", "DuckDB's own format"

QUESTIONS = {
    "one meter's days": """
        select start, value_delivered, quality from intervals
        where meter_id = (select max(meter_id) from meters) order by start""",
    "peak quarter-hour of a zone": """
        select zone, max_by(start, kwh), max(kwh) from (
            select zone, start, sum(value_delivered) as kwh from intervals join meters using (meter_id)
            where quantity = 'active_import' group by all
        ) group by all order by all""",
    "completeness by day": """
        select local_date, quality, count(*) from intervals group by all order by all""",
    "energy by class and day": """
        select customer_class, local_date, sum(value_delivered) from intervals join meters using (meter_id)
        group by all order by all""",
    "largest use at night": """
        select meter_id, sum(value_delivered) as kwh from intervals
        where hour(start) between 18 and 21 group by all order by kwh desc limit 20""",
}
"""Hours are of UTC: 01:00 to 05:00 in Bangkok."""


def prepare(folder: str, meters: int, days: int) -> dict[str, int]:
    """The three stores; the bytes of each."""
    import duckdb

    from assets.lake import ingest

    place = Path(folder)
    for at in big_city.nights(place / "home", place / "inbox", meters, days):
        big_city.land(at)
        ingest.ingest_meters(at)
    lake = place / "home" / "lake"
    with duckdb.connect(place / "intervals.duckdb") as connection:
        connection.execute(f"create view lake as from {_files(lake / 'meter_intervals')}")
        (place / "unsorted").mkdir()
        for at in range(days):
            day = big_city.DAY + timedelta(days=at)
            connection.execute(
                f"copy (from lake where local_date = '{day}' order by hash(meter_id, start)) "
                f"to '{place}/unsorted/{day}.parquet' (format parquet, compression zstd, compression_level 3)"
            )
        connection.execute("create table intervals as from lake; drop view lake; checkpoint")
    sizes = {LAKE: lake / "meter_intervals", UNSORTED: place / "unsorted", DATABASE: place}
    found = {name: sum(path.stat().st_size for path in at.rglob("*.parquet")) for name, at in sizes.items()}
    return found | {DATABASE: (place / "intervals.duckdb").stat().st_size}


def _files(folder: Path) -> str:
    return f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"


def ask(folder: str, store: str, question: str) -> Cost:
    """What an answer costs, the second time it is asked."""
    import duckdb

    place = Path(folder)
    with duckdb.connect(place / "intervals.duckdb", read_only=True) if store == DATABASE else duckdb.connect() as asked:
        asked.execute("set timezone = 'UTC'")
        asked.execute(f"create temp view meters as from {_files(place / 'home/lake/meters')}")
        if store != DATABASE:
            files = place / ("home/lake/meter_intervals" if store == LAKE else "unsorted")
            asked.execute(f"create temp view intervals as from {_files(files)}")
        for _ in range(2):
            with costing() as cost:
                rows = asked.execute(QUESTIONS[question]).fetchall()
    assert rows, question
    return cost | {"rows": len(rows)}


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--meters", type=int, default=20_000)
    made.add_argument("--days", type=int, default=7)
    chosen = made.parse_args()
    stores = (LAKE, UNSORTED, DATABASE)
    rows, ratios = [], dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        sizes = in_child(prepare, folder, chosen.meters, chosen.days)
        for question in QUESTIONS:
            cost = interleaved(
                {store: partial(in_child, ask, folder, store, question) for store in stores}, chosen.times
            )
            assert len({each["rows"] for each in cost.values()}) == 1, f"{question}: other answers"
            cpu = [1000 * cost[store]["cpu"] for store in stores]
            rows.append([question, *cpu, *(1000 * cost[store]["wall"] for store in stores)])
            ratios[f"{question}, lake against unsorted"] = cpu[0] / cpu[1]
            ratios[f"{question}, lake against DuckDB's own"] = cpu[0] / cpu[2]
    rows.append(["MB on disk", *(sizes[store] / 1e6 for store in stores), "", "", ""])
    head = ["question", *(f"{store}, CPU ms" for store in stores), *(f"{store}, wall ms" for store in stores)]
    told = f"{chosen.meters:,} meters, {chosen.days} days, medians of {chosen.times}.\n\n{table(head, rows)}"
    finish(chosen, "query", told, ratios, LIMITS)


if __name__ == "__main__":
    main()
