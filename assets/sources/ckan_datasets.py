"""What a city publishes and how fresh it is, from its catalogue (CKAN).

``package_search`` (https://docs.ckan.org/en/2.10/api/#ckan.logic.action.get.package_search), page by page until its
``count`` is reached. Names are unique within a portal only, so the key is portal host and name; the UUID is kept. The
same data set may have been harvested twice, as ``gdpublish-<name>`` beside ``<name>``. Flags are text, "True" or "1".
Each row tells its place and how many there are: a page that did not come is then missed, and one that did not change,
which is not read again, stands for its places.
Who maintains a package, their e-mail addresses and telephone numbers are personal data and never read.
"""

import re
from collections.abc import Generator, Mapping
from datetime import date
from typing import Any

import polars as pl
from pydantic import Field

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import ckan
from assets.sources.parsing import absent_fields, parsed
from assets.sources.source import Context, ReadResult, Source, Text
from quality.batch import Batch
from quality.tables import DATASETS

PAGE = 100
"""Packages a request: with their resources about 1 MB. Catalogues of a province have a few hundred."""

MAX_PACKAGES = 5_000
"""Of one city: beyond that the search is not a city's, and ``query`` or ``organization`` is missing."""

HARVESTED = "gdpublish-"
"""Begins the names of packages that the former portal handed over."""

HARVESTED_TWICE: pl.Expr = pl.col("package").str.starts_with(HARVESTED) & (
    pl.len().over("portal", pl.col("package").str.strip_prefix(HARVESTED)) > 1
)
"""Whether a package is the second copy of one that stands beside it in the frame: ``portal, package``, each once."""

EXPECTED = (
    *("id", "title", "organization", "metadata_created", "metadata_modified", "resources", "license_id"),
    *("update_frequency_unit", "high_value_dataset"),
)
"""Fields of a package, CKAN's own and those of the Government Data Catalog."""

_READER = "ckan_datasets"


class SearchOptions(ckan.Catalogue):
    """What is searched for where the portal is not the city's own."""

    query: Text | None = Field(
        default=None, description="words to search for; `{province}` stands for the Thai name of the city's province"
    )
    organization: Text | None = Field(default=None, description="name of the organization whose packages are listed")


def plan(city: City, day: date, base: str, options: SearchOptions) -> Generator[Request, bytes | None, None]:
    """The catalogue's packages by title, so that copies of one are neighbours."""
    url, headers = ckan.action(base, options, "package_search")
    asked = _asked(city, options)
    start, count = 0, None
    while count is None or start < count:
        page = yield Request(
            name=f"search/{start}",
            url=url,
            params={**asked, "rows": f"{PAGE}", "start": f"{start}", "sort": "title_string asc, name asc"},
            headers=headers,
            conditional=False,
            check=lambda data, at=(start, count): parsed(data, lambda payload: _fault(payload, *at))[1],  # type: ignore[misc]
        )
        if page is None:
            return
        result = parsed(page, lambda payload: None)[0]["result"]
        start, count = start + len(result["results"]), result["count"]


def _asked(city: City, options: SearchOptions) -> dict[str, str]:
    """What the catalogue is searched for; nothing where all of it is listed."""
    asked = {"q": options.query.replace("{province}", city.province_th)} if options.query else {}
    return asked | ({"fq": f'organization:"{options.organization}"'} if options.organization else {})


def read(data: bytes, context: Context[SearchOptions]) -> ReadResult:
    """Table ``datasets`` from a page of the search, as of the delivery day.

    ``harvested_twice`` is told where both copies are on one page; ``HARVESTED_TWICE`` tells it of all rows.
    """
    before = int(found[1]) if (found := re.search(r"/(\d+)$", context.name)) else 0
    payload, reason = parsed(data, lambda payload: _fault(payload, before, None))
    if reason:
        return ReadResult.rejected(_READER, "answer-bad", reason)
    packages, count = payload["result"]["results"], payload["result"]["count"]
    if not packages:
        return ReadResult.rejected(_READER, "answer-empty", "the catalogue has no package that fits")
    rows = [_row(number, package) for number, package in enumerate(packages, 1) if isinstance(package, dict)]
    searched = " ".join(_asked(context.city, context.options).values()) or None
    batch = (
        Batch(pl.DataFrame(rows, schema=_SCHEMA))
        .also(absent_fields(packages, EXPECTED))
        .with_columns(
            portal=pl.lit(context.options.host),
            searched=pl.lit(searched, pl.String),
            listed=pl.lit(count, pl.Int64),
            place=pl.col("_row") + before,
            reference_date=pl.lit(context.day, pl.Date),
        )
        .refuse((pl.col("package").is_null(), "value-null", "the package has no name"))
        .distinct(DATASETS.key)
        .with_columns(harvested_twice=HARVESTED_TWICE)
    )
    evidence = f"package_search, {len(packages)} of {count} packages"
    return ReadResult.of(_READER, evidence, datasets=batch)


_OF_PAGE = ("portal", "harvested_twice", "searched", "listed", "place", "reference_date")
_SCHEMA = {"_row": pl.Int64()} | {
    name: dtype for name, dtype in DATASETS.schema.items() if not name.startswith("_") and name not in _OF_PAGE
}


def _row(number: int, package: Mapping[str, Any]) -> dict[str, Any]:
    """The white-listed fields of a package."""
    listed = package.get("resources")
    resources = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    formats = {str(entry.get("format") or "").strip(" .").upper() for entry in resources} - {""}
    organisation = package.get("organization")
    return {
        "_row": number,
        "package": _text(package.get("name")),
        "package_id": _text(package.get("id")),
        "title": _text(package.get("title")),
        "organisation": _text(organisation.get("title")) if isinstance(organisation, dict) else None,
        "created": ckan.day_of(package.get("metadata_created")),
        "modified": ckan.day_of(package.get("metadata_modified")),
        "resources": len(resources),
        "formats": _text(",".join(sorted(formats))),
        "in_datastore": sum(entry.get("datastore_active") is True for entry in resources),
        "update_unit": _text(package.get("update_frequency_unit")),
        "licence": _text(package.get("license_title") or package.get("license_id")),
        "high_value": _FLAGS.get(str(package.get("high_value_dataset")).strip().lower()),
    }


_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _text(value: Any) -> str | None:
    # JSON can escape half a surrogate pair, which no UTF-8 column can hold.
    return str(value).encode("utf-8", "replace").decode().strip() or None if isinstance(value, str) else None


def _fault(payload: Any, start: int, known: int | None) -> str | None:
    """``start`` is what was asked for, ``known`` the count that the page before told; None where there is none."""
    if payload["success"] is not True:
        return "the catalogue reports no success"
    count, found = payload["result"]["count"], len(payload["result"]["results"])
    if type(count) is not int or not isinstance(payload["result"]["results"], list):
        return "count or results of another kind"
    if count > MAX_PACKAGES:
        return f"{count} packages are more than a city's; name its organization or a query"
    if known is not None and count != known:
        return f"the count changed from {known} to {count} while it was read"
    if not min(1, count - start) <= found <= count - start:
        return f"{found} packages at {start} although there are {count}"
    return None


CKAN_DATASETS = Source(
    name=_READER,
    title="Published data sets (catalogue)",
    smart="governance",
    tables=(DATASETS.name,),
    portal=None,
    document="https://docs.ckan.org/en/2.10/api/",
    plan=plan,
    reader=read,
    options=SearchOptions,
    zone="UTC",
    label="instant",
    missing=("", "ไม่ทราบ"),
    units="counts",
    personal="names, e-mail addresses and telephone numbers of maintainers; not read",
)
