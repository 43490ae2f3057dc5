"""What is read once for all cities: each gets what it would alone, whoever was first and whatever others did to it."""

from datetime import date
from functools import cache, reduce
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import City, load_registry
from assets.graph import THE_COUNTRY
from assets.lake.feeds import SOURCES
from assets.sources import once as kept
from assets.sources.once import Readings, once
from assets.sources.source import Context, ReadResult, Source
from demo.answers import Query, World, answer
from quality.batch import Batch

DAY = date(2026, 11, 23)
CITIES = load_registry()
WORLD = World(CITIES, DAY)
NATIONAL = [name for name, source in SOURCES.items() if source.national]
NAMED = [CITIES[slug] for slug in ("phuket", "samyan")]
DIRTY = ((b'"7', b'"x'), (b",7", b",x"), (b"|7", b"|x"), (b"2026", b"2999"), (b"null", b"[]"))
"""What stands in place of what in an answer that is not sound: no numbers, future days, values of other kinds."""


@cache
def answers(source: str) -> tuple[str, tuple[bytes, bytes]]:
    """Name of the first answer with rows that the demo's portal gives, and its bytes as they are and not sound."""
    plan, body = SOURCES[source].requests(THE_COUNTRY, DAY, "", {}), None
    while True:
        request = plan.send(body)
        fields = {
            name: "demo" if value.startswith("{key:") else value
            for name, value in {**request.params, **(request.form or {})}.items()
        }
        body = answer(WORLD, Query(str(SOURCES[source].portal), request.url, fields, request.headers)).body
        if SOURCES[source].reads(request.name):
            return request.name, (body, reduce(lambda data, change: data.replace(*change), DIRTY, body))


def read(source: Source[Any], city: City, name: str, data: bytes) -> ReadResult:
    options = [entry.options for entry in city.sources.values() if entry.reader == source.name]
    return source.read(data, Context(city, DAY, name, options[0] if options else {}))


def same(one: ReadResult, other: ReadResult) -> bool:
    frames = [(one.problems, other.problems), *((one.tables[name], other.tables.get(name)) for name in one.tables)]
    told = (one.format, one.evidence, one.headers, one.tables.keys())
    return told == (other.format, other.evidence, other.headers, other.tables.keys()) and all(
        that is not None and this.schema == that.schema and this.equals(that) for this, that in frames
    )


def spoil(result: ReadResult) -> None:
    for frame in (result.problems, *result.tables.values()):
        for name in frame.columns:
            frame.replace_column(frame.get_column_index(name), pl.Series(name, [None] * frame.height))
        frame.insert_column(0, pl.Series("spoilt", [True] * frame.height))


@pytest.mark.parametrize("name", NATIONAL)
def test_a_city_gets_what_it_would_alone_whoever_was_first(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    source, found = SOURCES[name], 0
    receipt, both = answers(name)
    for data in both:
        alone = {}
        for city in NAMED:
            monkeypatch.setattr(kept, "READINGS", Readings())
            alone[city.slug] = read(source, city, receipt, data)
        monkeypatch.setattr(kept, "READINGS", Readings())
        for city in (*reversed(NAMED), *NAMED):
            result = read(source, city, receipt, data)
            assert same(alone[city.slug], result), (city.slug, receipt)
            found += sum(frame.height for frame in result.tables.values())
            spoil(result)
    assert found


@pytest.mark.parametrize("name", NATIONAL)
def test_an_answer_is_taken_apart_once_for_all_cities(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    source = SOURCES[name]
    receipt, (data, _) = answers(name)
    readings = Readings()
    monkeypatch.setattr(kept, "READINGS", readings)
    made: list[Any] = []
    monkeypatch.setattr(
        readings, "keep", lambda key, reading: (made.append(reading), Readings.keep(readings, key, reading))
    )
    for city in NAMED:
        read(source, city, receipt, data)
    assert sum(not isinstance(reading, ReadResult) for reading in made) == 1


def test_other_bytes_or_options_are_another_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "READINGS", Readings())
    calls: list[tuple[bytes, str]] = []

    @once
    def made(data: bytes, option: str) -> Batch:
        calls.append((data, option))
        return Batch(pl.DataFrame({"_row": [1]}))

    asked = [(b"a", "1"), (b"a", "2"), (b"b", "1")]
    for data, option in (*asked, *reversed(asked)):
        made(data, option)
    assert calls == asked


def test_what_is_kept_is_bounded_and_an_error_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = Readings()
    monkeypatch.setattr(kept, "READINGS", readings)
    monkeypatch.setattr(kept, "MOST_BYTES", 10_000)
    calls: list[bytes] = []

    @once
    def made(data: bytes) -> tuple[Batch, str]:
        calls.append(data)
        if data == b"bad":
            raise ValueError
        rows = 10_000 if data == b"large" else 400
        return Batch(pl.DataFrame({"_row": pl.int_range(rows, eager=True)})), "evidence"

    for data in (b"1", b"2", b"3", b"1", b"4", b"1", b"2"):
        made(data)
        assert readings.size <= 10_000
    assert calls == [b"1", b"2", b"3", b"4", b"2"], "the one least lately used makes room"
    assert made(b"large")[0].rows.height == made(b"large")[0].rows.height == 10_000
    assert readings.size <= 10_000 and calls.count(b"large") == 2
    for _ in range(2):
        with pytest.raises(ValueError):
            made(b"bad")
    assert calls.count(b"bad") == 2
