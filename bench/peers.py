"""Peers that read a long CSV of meter readings, sort it by meter and time, and write it as zstd Parquet by local day.

That is all they do: no key for meters, no rule, no grid, no versions, no quarantine, no memory of what came. Stamps are
the end of an interval, as text of local time; a day is that of its start. Each returns how many rows it wrote.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from bench.measure import Cost, costing

STAMP = "%Y-%m-%d %H:%M"
ZSTD = 3


def duckdb(files: list[str], out: Path) -> int:
    import duckdb

    query = f"""
        copy (
            select point, timestamp_end - interval 15 minute as start, kwh, status, cast(start as date) as local_date
            from read_csv({files}, columns = {{
                'point': 'varchar', 'timestamp_end': 'timestamp', 'kwh': 'decimal(18, 6)', 'status': 'varchar'
            }}, timestampformat = '{STAMP}')
            order by point, start
        ) to '{out}' (format parquet, compression zstd, compression_level {ZSTD}, partition_by (local_date))
    """
    with duckdb.connect() as connection:
        [(rows,)] = connection.execute(query).fetchall()
    return int(rows)


def polars(files: list[str], out: Path) -> int:
    import polars as pl

    scan = pl.scan_csv(files, schema_overrides={"point": pl.String, "kwh": pl.Decimal(18, 6)})
    start = pl.col("timestamp_end").str.to_datetime(STAMP) - pl.duration(minutes=15)
    rows = scan.with_columns(start=start, local_date=start.dt.date()).sort("point", "start").collect()
    for (day,), part in rows.partition_by("local_date", as_dict=True, include_key=False).items():
        folder = out / f"local_date={day}"
        folder.mkdir(parents=True)
        part.write_parquet(folder / "data.parquet", compression="zstd", compression_level=ZSTD)
    return rows.height


def pandas(files: list[str], out: Path) -> int:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = [pd.read_csv(file, engine="pyarrow", dtype={"point": "string[pyarrow]"}) for file in files]
    rows = pd.concat(parts, ignore_index=True)
    rows["start"] = pd.to_datetime(rows["timestamp_end"], format=STAMP) - pd.Timedelta(minutes=15)
    rows["local_date"] = rows["start"].dt.date
    rows = rows.sort_values(["point", "start"])
    pq.write_to_dataset(
        pa.Table.from_pandas(rows, preserve_index=False),
        out,
        partition_cols=["local_date"],
        compression="zstd",
        compression_level=ZSTD,
    )
    return len(rows)


def dlt(files: list[str], out: Path) -> int:
    """Read and sorted by pyarrow, which dlt takes tables of; extracted, normalised and loaded by dlt as Parquet.

    Runs in the environment of the interpreter that ``--dlt`` names, where this project is not installed.
    """
    import dlt
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as csv

    text = csv.ConvertOptions(column_types={"point": pa.string(), "kwh": pa.decimal128(18, 6)})
    rows = pa.concat_tables(csv.read_csv(file, convert_options=text) for file in files)
    ends = rows["timestamp_end"].cast(pa.timestamp("us"))
    start = pc.subtract(ends, pa.scalar(15 * 60 * 10**6, pa.duration("us")))
    rows = rows.append_column("start", start).sort_by([("point", "ascending"), ("start", "ascending")])
    pipeline = dlt.pipeline(
        "bench", str(out / "pipelines"), destination=dlt.destinations.filesystem(str(out)), dataset_name="bench"
    )
    pipeline.run(dlt.resource(rows, name="readings"), loader_file_format="parquet")
    return int(rows.num_rows)


PEERS: dict[str, Callable[[list[str], Path], int]] = {
    "DuckDB": duckdb,
    "Polars": polars,
    "pandas + pyarrow": pandas,
    "dlt": dlt,
}


def run(name: str, inbox: str, small: str, out: str) -> Cost:
    """What one peer costs on all exports in an inbox, imports and a first ``small`` inbox apart."""
    tool, folder = PEERS[name], Path(out)
    for which in (sorted(map(str, Path(each).glob("*/exports/*"))) for each in (small, inbox)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with costing() as cost:
            rows = tool(which, folder)
    written = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    shutil.rmtree(folder)
    return cost | {"rows": rows, "bytes": written}
