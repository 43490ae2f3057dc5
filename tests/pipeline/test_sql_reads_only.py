"""``muang sql`` reads, and reads only the tables: each of its two walls alone keeps every byte of a store as it is."""

import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.lake.files import CityLake
from assets.landing.store import Damaged, LocalStore, Store
from pipelines import sql
from pipelines.queries import TABLE_FUNCTIONS, WRITING_FUNCTIONS, PlacedReads, Refused, TableFiles, reading
from pipelines.sql import ask, connect
from quality.tables import METER_FINAL, TICKETS, WEATHER
from tests.lake.test_contract_change import rows

DAYS = (date(2026, 11, 20), date(2026, 11, 21))
SECRETS = ("landing/objects/ab/secret.csv", "memory/basis/2026.parquet", "cdp/city=nan/current.json")
"""Files beside the tables that a query must neither read nor write."""

RUN = "run"
MEMBERS = {
    "INVALID": (),
    "SELECT": (
        ("select 1", RUN),
        ("from lake.weather", RUN),
        ("table lake.weather", RUN),
        ("values (1)", RUN),
        ("describe lake.weather", RUN),
        ("show all tables", RUN),
        ("summarize lake.weather", RUN),
        ("pivot lake.weather on month in ('2026-11') using count(*)", RUN),
        ("with d as (copy (select 1) to '{file}') from d", "not copy"),
        ("with recursive d as (copy (select 1) to '{file}') select (select count(*) from d)", "not supported"),
        ("from (with d as (copy (select 1) to '{file}') from d)", "not copy"),
        ("with d as (insert into contracts.weather (city) values ('x') returning *) from d", "not insert"),
        ("with d as (update lake.weather set city = 'x' returning *) from d", "not update"),
        ("with d as (delete from lake.weather returning *) from d", "not delete"),
        ("from query('with d as (copy (select 1) to ''{file}'') from d')", "not query()"),
        ("from system.main.QUERY('select 1')", "not query()"),
        ("from json_execute_serialized_sql('{{}}')", "not json_execute_serialized_sql()"),
        ("from read_text('{file}')", "not read_text()"),
        ("from read_csv('/etc/passwd')", "not read_csv()"),
        ("from lake.weather, lateral (from read_blob('{root}/landing/**'))", "not read_blob()"),
        ("from glob('{root}/**')", "not glob()"),
        ("from parquet_metadata('{file}')", "not parquet_metadata()"),
        ("from enable_logging(storage = 'file', storage_path = '{root}/lake')", "not enable_logging()"),
        ("from enable_profiling(save_location = '{file}')", "not enable_profiling()"),
        ("from python_arrow_scan(1, 2, 3)", "not python_arrow_scan()"),
        ("from duckdb_secrets()", "not duckdb_secrets()"),
        ("select write_log('x')", "not write_log()"),
        ("select list_transform([1], lambda x: write_log('x'))", "not write_log()"),
        ("select getenv('HOME')", "does not exist"),
        ("select pg_read_file('/etc/passwd')", "does not exist"),
        ("from '/etc/passwd'", "does not exist"),
        ("from '{file}'", ""),
        ("from '{root}/cdp/../landing/objects/ab/secret.csv'", ""),
        ("from 'muang://landing/objects/ab/secret.csv'", ""),
        ("from 'muang://memory/basis/2026.parquet'", "only the tables' own files"),
        ("from 'muang://lake/*/*/*/*.parquet'", "only the tables' own files"),
        ("select 1; copy (select 1) to '{file}'", "one query at a time"),
    ),
    "EXPLAIN": (
        ("explain from lake.weather", RUN),
        ("/* ไทย */ explain analyze -- what it costs\n from lake.weather", RUN),
        ("explain (analyze, format json) select 1", RUN),
        ("explain (select 1)", RUN),
        ("explain analyze copy (select 1) to '{file}'", "only queries"),
        ("explain (analyze, format json) copy (select 1) to '{file}'", "only queries"),
        ("explain analyze with d as (copy (select 1) to '{file}') from d", "not copy"),
        ("explain /* /* */ analyze select 1 -- */ */ copy (select 1) to '{file}'", ""),
        ("explain explain analyze copy (select 1) to '{file}'", "syntax error"),
        ("explain prepare p as copy (select 1) to '{file}'", "only queries"),
        ("explain pragma version", "only queries"),
        ("explain insert into contracts.weather (city) values ('x')", "only queries"),
        ("explain analyze create table x as select 1", "only queries"),
    ),
    "INSERT": (
        ("insert into lake.weather (city) values ('x')", "only queries"),
        ("with d as (select 1) insert into lake.weather from d", "only queries"),
    ),
    "UPDATE": (("update lake.weather set city = 'x'", "only queries"),),
    "DELETE": (("delete from lake.weather", "only queries"), ("truncate lake.weather", "only queries")),
    "MERGE_INTO": (("merge into lake.weather using lake.weather w on true when matched then delete", "only queries"),),
    "CREATE": (
        ("create temp macro f() as 1", "only queries"),
        ("create table x as from lake.weather", "only queries"),
        ("create secret (type s3)", "only queries"),
    ),
    "CREATE_FUNC": (),
    "ALTER": (("comment on view lake.weather is 'x'", "only queries"), ("alter view lake.weather rename to w", "")),
    "DROP": (("drop view lake.weather", "only queries"), ("deallocate p", "only queries")),
    "PREPARE": (("prepare p as copy (select 1) to '{file}'", "only queries"),),
    "EXECUTE": (("execute p", "only queries"),),
    "TRANSACTION": (("begin", "only queries"),),
    "COPY": (
        ("copy (select 1) to '{file}'", "only queries"),
        ("copy (select 1) to 'muang://{key}'", "only queries"),
        ("copy lake.weather from '{file}'", "only queries"),
    ),
    "COPY_DATABASE": (),
    "ANALYZE": (),
    "VACUUM": (("vacuum", "only queries"), ("analyze", "only queries")),
    "VARIABLE_SET": (),
    "SET": (
        ("set enable_external_access = true", "only queries"),
        ("set variable x = 1", "only queries"),
        ("use memory", "only queries"),
        ("reset lock_configuration", "only queries"),
    ),
    "EXPORT": (("export database '{root}/lake'", "only queries"),),
    "PRAGMA": (
        ("pragma version", "only queries"),
        ("import database '{root}/lake'", "only queries"),
        ("copy from database memory to system", "only queries"),
    ),
    "CALL": (
        ("call pragma_version()", "only queries"),
        ("checkpoint", "only queries"),
        ("call enable_profiling(save_location = '{file}')", "only queries"),
    ),
    "LOAD": (("install httpfs", "only queries"), ("load '{file}'", "only queries")),
    "ATTACH": (("attach '{root}/lake/x.db' as x", "only queries"), ("attach '{file}'", "only queries")),
    "DETACH": (("detach memory", "only queries"),),
    "MULTI": (("pivot lake.weather on month using count(*)", "on … in (…)"),),
    "EXTENSION": (),
    "LOGICAL_PLAN": (),
    "RELATION": (),
}
"""Every class of statement of DuckDB with examples and what is said to them; without any, no text has the class."""

UNNAMED = (("update extensions", "only queries"),)
"""What the parser knows and ``duckdb.StatementType`` does not."""

EXAMPLES = [(text, said) for examples in (*MEMBERS.values(), UNNAMED) for text, said in examples]

HARMLESS = {
    *("current_connection_id", "current_query", "current_query_id", "current_transaction_id", "currval", "error"),
    *("gen_random_uuid", "random", "setseed", "stats", "uuid", "uuidv4", "uuidv7", "vector_type"),
}
"""Functions of values that DuckDB says are more than a function of their arguments, and that change nothing."""


LOCAL = pytest.mark.parametrize("store", ["local", pytest.param("s3", marks=pytest.mark.trial)], indirect=True)
"""Of hundreds of queries: where the files lie, the walls before them know nothing of."""


@pytest.fixture
def filled(store: Store) -> tuple[Store, str]:
    """A store with two days of a table and with files that are none of a query's business; and the key of a day."""
    lake = CityLake(store, "nan")
    for day in DAYS:
        lake.put(WEATHER, day, rows(WEATHER, day))
    for key in SECRETS:
        store.write(key, b"secret,1\n")
    return store, lake.keys(WEATHER)[0]


def content(store: Store) -> dict[str, bytes]:
    return {key: store.read(key) for key in store.list("") if not key.startswith(".staging")}


def filled_in(text: str, store: Store, key: str) -> str:
    return text.format(root=store.path("lake").removesuffix("/lake"), file=store.path(key), key=key)


def test_every_class_of_statement_has_its_examples() -> None:
    assert set(MEMBERS) == set(duckdb.StatementType.__members__), "decide on what a new DuckDB brings"
    with duckdb.connect() as parser:
        for name, examples in MEMBERS.items():
            for text, _ in examples:
                try:
                    found = parser.extract_statements(text.format(root="r", file="f", key="k"))
                except duckdb.ParserException:
                    continue
                assert not found or found[-1].type.name in (name, "COPY"), text


@LOCAL
def test_a_query_is_answered_or_refused_and_no_byte_of_the_store_changes(filled: tuple[Store, str]) -> None:
    store, key = filled
    before = content(store)
    for text, said in EXAMPLES:
        query = filled_in(text, store, key)
        if said == RUN:
            assert ask(TableFiles(store), ["nan"], {}, query)[1], query
            continue
        with pytest.raises((Refused, duckdb.Error)) as refused:
            ask(TableFiles(store), ["nan"], {}, query)
        assert said in str(refused.value), query
        assert b"secret,1" not in str(refused.value).encode()
    assert content(store) == before


@LOCAL
def test_the_engine_alone_cannot_write_or_read_beside_the_tables(filled: tuple[Store, str], tmp_path: Path) -> None:
    """The second wall without the first: what the parser would refuse, run all the same."""
    store, key = filled
    before = content(store)
    written = 0
    for text, said in EXAMPLES:
        if said == RUN:
            continue
        with connect(TableFiles(store), ["nan"], {}, "lake.weather") as connection:
            try:
                found = (connection.execute(filled_in(text, store, key)) or connection).fetchall()
            except (duckdb.Error, ValueError):
                written += "copy" in text
            else:
                assert "secret" not in str(found), text
        assert content(store) == before, text
    assert written > 10
    assert {path.name for path in tmp_path.iterdir()} <= {"store"}
    # Control: this search of bytes sees what the attacks do where nothing keeps them from it.
    if isinstance(store, LocalStore):
        duckdb.execute(filled_in("with d as (copy (select 1) to '{file}') from d", store, key))
        assert content(store) != before


def test_the_parser_alone_refuses_what_is_not_reading() -> None:
    for text, said in EXAMPLES:
        query = text.format(root="r", file="f", key="k")
        if said == RUN:
            assert reading(query)
        elif said.startswith(("only queries", "not ", "one query", "on …")) and said != "not supported":
            with pytest.raises(Refused):
                reading(query)


def test_every_function_with_an_effect_is_known() -> None:
    query = "select function_name from duckdb_functions() where function_type = '{}' and {}"
    with duckdb.connect() as connection:
        effects = connection.execute(query.format("scalar", "has_side_effects")).fetchall()
        tables = connection.execute(query.format("table", "true")).fetchall()
    assert {name for (name,) in effects} == HARMLESS | WRITING_FUNCTIONS, "decide on what a new DuckDB brings"
    for name in {name for (name,) in tables} - TABLE_FUNCTIONS:
        with pytest.raises(Refused, match="only queries that read"):
            reading(f'select * from "{name}"()')


def test_only_the_tables_that_a_query_names_are_opened(filled: tuple[Store, str]) -> None:
    store, _ = filled
    CityLake(store, "nan").put(TICKETS, DAYS[0], rows(TICKETS, DAYS[0]))
    files = TableFiles(store)
    assert ask(files, ["nan"], {}, "select count(*) from LAKE.Weather")[1] == [(2,)]
    assert {key.split("/")[1] for key in files.keys} == {"weather"}
    with pytest.raises(duckdb.CatalogException, match="weather"):
        ask(files, ["nan"], {}, "from lake.wether")


def test_a_table_of_the_lake_that_has_no_rows_yet_is_empty_and_none_that_is_not_published(
    filled: tuple[Store, str],
) -> None:
    """What was refused where nothing was is no error of who asks."""
    store, _ = filled
    told = "from lake.weather left join lake.quarantine using (city) where lake.quarantine.code is null"
    assert ask(TableFiles(store), ["nan"], {}, f"select count(*) {told}")[1] == [(2,)]
    columns, found = ask(TableFiles(store), ["nan"], {}, "from lake.meter_final")
    assert (columns, found) == ([*METER_FINAL.schema, "city", "month"], [])
    assert ask(TableFiles(store), ["nan"], {}, "from lake.meter_intervals_as_of('2026-11-28')")[1] == []
    for query in ("from cdp.quarantine", "from cdp.air_quality", "from lake.nonsense"):
        with pytest.raises(duckdb.CatalogException):
            ask(TableFiles(store), ["nan"], {}, query)
    assert ask(TableFiles(store), ["nan"], {}, "show tables")[1] == [("weather",)], "those there are"


def test_show_tables_lists_the_tables_and_nothing_else(filled: tuple[Store, str]) -> None:
    store, _ = filled
    assert ask(TableFiles(store), ["nan"], {}, "show tables")[1] == [("weather",)]
    assert ask(TableFiles(store), ["nan"], {}, "from weather select count(*)")[1] == [(2,)]


@pytest.mark.parametrize("wrong", [b"", b"x" * 5000, "cut", "page"], ids=["empty", "garbage", "cut", "page"])
def test_a_damaged_file_is_named_and_stops_no_other_table(filled: tuple[Store, str], wrong: bytes | str) -> None:
    store, key = filled
    CityLake(store, "nan").put(TICKETS, DAYS[0], rows(TICKETS, DAYS[0]))
    data = store.read(key)
    spoilt = {"cut": data[:-100], "page": data[:40] + bytes(each ^ 255 for each in data[40:1500]) + data[1500:]}
    store.write(key, spoilt[wrong] if isinstance(wrong, str) else wrong)
    with pytest.raises(Damaged, match=f"{key} is damaged .*muang lake verify"):
        ask(TableFiles(store), ["nan"], {}, "select sum(temperature_c), max(start) from lake.weather")
    assert ask(TableFiles(store), ["nan"], {}, "select count(*) from lake.tickets")[1]


def test_threads_that_share_an_open_file_each_read_at_their_own_place(tmp_path: Path) -> None:
    """DuckDB's seek and read are two calls, and between them comes another thread's."""
    path = tmp_path / "numbers"
    path.write_bytes(b"".join(f"{number:08}".encode() for number in range(10_000)))
    wrong: list[int] = []

    def walk(file: PlacedReads, step: int) -> None:
        for number in range(0, 10_000, step):
            file.seek(number * 8)
            if file.read(8) != f"{number:08}".encode():
                wrong.append(number)

    with path.open("rb", buffering=0) as raw:
        shared = PlacedReads(raw)
        threads = [threading.Thread(target=walk, args=(shared, step)) for step in (1, 3, 7, 11)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_days_are_the_citys_wherever_the_query_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    lake = CityLake(store, "nan")
    early = datetime(2026, 11, 20, 18, tzinfo=UTC)
    lake.put(WEATHER, DAYS[1], rows(WEATHER, DAYS[1], start=early))
    for zone in ("UTC", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        _, [(day, local)] = ask(TableFiles(store), ["nan"], {}, "select start::date, local_date from lake.weather")
        assert day == local == DAYS[1]
    monkeypatch.undo()
    time.tzset()


def test_what_polars_reads_and_what_sql_reads_is_the_same(filled: tuple[Store, str]) -> None:
    store, _ = filled
    held = CityLake(store, "nan").read(WEATHER).select("start", "temperature_c").sort(pl.all())
    names, found = ask(TableFiles(store), ["nan"], {}, "select start, temperature_c from lake.weather order by all")
    assert names == held.columns
    assert [tuple(row) for row in found] == held.rows()


def test_ctrl_c_that_meets_a_query_at_its_end_is_ctrl_c_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sql, "wait", pressed)
    monkeypatch.setattr(sql, "STOPPING", 0.2)
    closed, ends = duckdb.connect(), threading.Event()
    closed.close()
    with pytest.raises(KeyboardInterrupt):
        sql._interruptible(ends.wait, [closed])
    ends.set()
