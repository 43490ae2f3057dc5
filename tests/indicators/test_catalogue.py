"""What a catalogue lists, of what was read of it page by page."""

import json
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.indicators.governance import indicators
from assets.indicators.indicator import collect
from assets.indicators.tables import Tables
from assets.sources.ckan_datasets import CKAN_DATASETS
from assets.sources.source import Context
from quality.tables import DATASETS

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]
PAGE = 100


def page(names: list[str], start: int, count: int | None = None, night: int = 0, **options: str) -> pl.DataFrame:
    """Rows of the page from ``start`` on of a catalogue that lists ``names``; the first hundred are kept up."""
    packages = [
        {
            "id": f"u{name}",
            "name": name,
            "title": name,
            "metadata_created": "2019-01-01T00:00:00",
            "metadata_modified": f"{2026 if int(name.rpartition('-')[2]) < 100 else 2020}-10-01T00:00:00",
            "resources": [],
        }
        for name in names[start : start + PAGE]
    ]
    result = {"count": count or len(names), "results": packages}
    day = DAY + timedelta(days=night)
    context = Context[Any](PHUKET, day, f"search/{start}", {"portal": "phuket_gdcatalog", **options})
    read = CKAN_DATASETS.read(json.dumps({"success": True, "result": result}).encode(), context)
    lineage = {"_receipt": f"r{night}-{start}", "_delivered": day, "_number": start // PAGE + 1}
    batch = DATASETS.conform(read.tables["datasets"].with_columns(**{k: pl.lit(v) for k, v in lineage.items()}))
    assert not batch.found.height
    return batch.rows


def walk(names: list[str], night: int = 0, **options: str) -> pl.DataFrame:
    return pl.concat(page(names, start, night=night, **options) for start in range(0, len(names), PAGE))


def told(*rows: pl.DataFrame) -> dict[str, Any]:
    # As the lake keeps them: of one key of a day the row that came last.
    table = pl.concat(rows).cast({"_number": pl.Int32}).unique(DATASETS.key, keep="last", maintain_order=True)
    day = DAY + timedelta(days=30)
    frame = collect(indicators(PHUKET, day, Tables({"datasets": table})), day)
    return {row["indicator"]: row for row in frame.iter_rows(named=True)}


def shown(found: dict[str, Any]) -> tuple[Any, ...]:
    row = found["datasets_published"]
    return row["value"], row["verdict"], row["coverage"]


NAMES = [f"p-{number:03}" for number in range(250)]


def test_a_catalogue_that_was_read_whole_is_the_citys() -> None:
    found = told(walk(NAMES))
    assert shown(found) == (250, "ok", 1.0)
    assert (found["datasets_fresh_share"]["value"], found["datasets_fresh_share"]["verdict"]) == (40.0, "ok")


@pytest.mark.parametrize(("pages", "verdict"), [(1, "withheld"), (2, "partial"), (3, "ok")])
def test_a_catalogue_that_was_read_in_part_is_judged_by_what_it_lists(pages: int, verdict: str) -> None:
    found = told(*(page(NAMES, start) for start in range(0, 100 * pages, PAGE)))
    assert found["datasets_published"]["verdict"] == found["datasets_fresh_share"]["verdict"] == verdict
    assert f"{min(100 * pages, 250)} of 250 packages" in found["datasets_published"]["sources"]


def test_what_a_later_walk_does_not_list_is_gone() -> None:
    assert shown(told(walk(NAMES), walk(NAMES[:200], night=1))) == (200, "ok", 1.0)
    assert shown(told(walk(NAMES), walk(NAMES[50:], night=1))) == (200, "ok", 1.0)
    first = told(walk(NAMES), page(NAMES[:200], 0, night=1))
    assert shown(first) == (None, "withheld", 0.5), "half of what there is now was not read"


def test_a_walk_of_the_same_night_takes_the_place_of_the_one_before() -> None:
    again = walk(NAMES[:150]).with_columns(pl.col("_number") + 3, _receipt="_receipt" + pl.lit("again"))
    assert shown(told(walk(NAMES), again)) == (150, "ok", 1.0)


def test_pages_that_did_not_change_stand_and_one_that_did_is_taken_anew() -> None:
    """As many as before, one of them another: only its page has other bytes, and is read."""
    changed = [*NAMES[:120], "q-120", *NAMES[121:]]
    assert shown(told(walk(NAMES), page(changed, 100, night=1))) == (250, "ok", 1.0)
    # A page that moved from one place to another within the catalogue is one.
    moved = [*NAMES[:10], *NAMES[11:120], NAMES[10], *NAMES[120:]]
    assert shown(told(walk(NAMES), page(moved, 0, night=1), page(moved, 100, night=1))) == (250, "ok", 1.0)


def test_what_was_once_listed_as_often_does_not_stand_in_for_what_was_not_read() -> None:
    found = told(walk(NAMES), walk(NAMES[:249], night=1), page(NAMES, 0, night=2))
    assert shown(found) == (None, "withheld", 0.4)


def test_packages_without_a_date_are_missing_from_the_share_alone() -> None:
    rows = walk(NAMES).with_columns(modified=pl.when(pl.col("place") > 30).then("modified"))
    found = told(rows)
    assert shown(found) == (250, "ok", 1.0)
    assert (found["datasets_fresh_share"]["verdict"], found["datasets_fresh_share"]["coverage"]) == ("partial", 0.88)


def test_two_searches_of_one_catalogue_add_up() -> None:
    health = walk([f"h-{number}" for number in range(80)], organization="health")
    found = told(walk(NAMES[:120], organization="roads"), health)
    assert shown(found) == (200, "ok", 1.0)
