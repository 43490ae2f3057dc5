"""CKAN catalogues (data.go.th and its family): the way from a package to its rows, and the rows as text.

Action API 3, https://docs.ckan.org/en/2.10/api/: ``package_show`` names the resources; a resource in the datastore is
read page by page with ``datastore_search`` until its ``total`` is reached, any other CSV resource as a file. Package
names are unique within a portal only. A package tells the day it was last modified, which the names of the receipts
carry (``…@2026-04-17``), because many Thai data sets hold no date of their own.
"""

from collections.abc import Generator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

import polars as pl

from assets.cities.registry import City
from assets.landing.portals import PORTALS
from assets.rows import parsed, read_csv, text_frame
from assets.sources import Request
from quality.problems import gather, no_problems, problem

PAGE = 1000
"""Records a request: well below CKAN's own cap of 32,000, and a page stays below 1 MB."""

MAX_RECORDS = 200_000
"""Of one datastore resource: 200 pages. Larger ones are published as a file too; name that with ``resource``."""

LEAST_PAGE = 10
"""Records a page must hold before the end. A portal may cap pages below ``PAGE``; one that hands out fewer than this
is failing, and would be asked without end."""

PACKAGE = "package/"
"""Begins the names of receipts that hold a package description, not rows."""


class Rows(NamedTuple):
    """Rows of one receipt as strings with ``_row``. ``whole``: they are all the resource has, as far as it tells."""

    frame: pl.DataFrame
    whole: bool
    evidence: str


def plan(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
    """The package's description, then its rows.

    Options: ``portal`` and ``package``; ``resource`` (id) where the first CSV or datastore resource is not the one;
    ``allow_hosts``, other hosts that a resource may lie on.
    """
    described = yield Request(
        name=f"{PACKAGE}{options['package']}",
        url=f"{base}/api/3/action/package_show",
        params={"id": str(options["package"])},
        # The check depends on the options, which may have changed since the last answer.
        conditional=False,
        check=lambda data: parsed(data, lambda payload: _package_fault(payload, base, options))[1],
    )
    if described is None:
        return
    package = parsed(described, lambda payload: None)[0]["result"]
    resource = _chosen(package, base, options)
    assert resource is not None  # the check found one
    modified = _day(package.get("metadata_modified"))
    suffix = f"@{modified}" if modified else ""
    if not resource.get("datastore_active"):
        url = _reachable(resource, base, options)
        yield Request(name=f"resource/{resource['id']}{suffix}", url=url, expect="csv")
        return
    offset, total = 0, 1
    while offset < total:
        page = yield Request(
            name=f"datastore/{resource['id']}/{offset}{suffix}",
            url=f"{base}/api/3/action/datastore_search",
            params={"resource_id": resource["id"], "limit": f"{PAGE}", "offset": f"{offset}", "sort": "_id"},
            check=lambda data, offset=offset: parsed(data, lambda payload: _page_fault(payload, offset))[1],  # type: ignore[misc]
        )
        if page is None:
            return
        result = parsed(page, lambda payload: None)[0]["result"]
        # A portal may cap a page below what was asked for: go on from what came.
        offset, total = offset + len(result["records"]), result["total"]
        if not result["records"]:
            return


def read_rows(data: bytes) -> tuple[Rows | None, pl.DataFrame]:
    """Rows of a datastore page or of a CSV file; None and the problem where it is neither.

    Values are strings as published. A page that holds less than the resource's total is not ``whole``.
    """
    if data.lstrip()[:1] != b"{":
        frame, faults = read_csv(data)
        return (None if frame is None else Rows(frame, True, "CSV with a header line")), faults
    payload, reason = parsed(data, lambda payload: _page_fault(payload, None))
    if reason:
        return None, problem("answer-bad", reason)
    result = payload["result"]
    frame = text_frame(result["records"], [name for name in _names(result) if name != "_id"])
    count, total = len(result["records"]), result["total"]
    return Rows(frame, count == total, f"datastore_search, {count} of {total} records"), no_problems()


def modified(name: str) -> date | None:
    """Day on which the package was last modified, from a receipt's name; None where the name tells none."""
    return _day(name.rpartition("@")[2])


def mapped(
    frame: pl.DataFrame,
    columns: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str],
    required: Sequence[str],
    known: Sequence[str],
) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """``frame`` with its published headers renamed to roles, and what is wrong with the headers.

    ``columns`` maps a role to the headers it is published under; ``chosen`` (the registry's ``columns``) overrides
    one. Roles that are not ``required`` and absent become null columns (``column-missing``); headers that are in no
    role and not ``known`` are left out (``column-new``). None where a required role is absent.
    """
    found = {
        role: next(
            (header for header in ([chosen[role]] if role in chosen else headers) if header in frame.columns), ""
        )
        for role, headers in columns.items()
    }
    lacking = [role for role, header in found.items() if not header]
    if fatal := [role for role in lacking if role in required]:
        return None, problem("file-malformed", f"no column for {', '.join(fatal)}; headers may have changed")
    new = sorted(set(frame.columns) - {*found.values(), *known, "_row"})
    roles = [
        pl.col(header).alias(role) if header else pl.lit(None, pl.String).alias(role) for role, header in found.items()
    ]
    said = [problem("column-missing", f"no column for {role}") for role in lacking]
    said += [problem("column-new", f"column {header!r:.60} is in no mapping") for header in new]
    return frame.select("_row", *roles), gather(said)


def _package_fault(payload: Any, base: str, options: Mapping[str, Any]) -> str | None:
    if payload["success"] is not True:
        return "the catalogue reports no success"
    if not all(isinstance(resource["id"], str) for resource in payload["result"]["resources"]):
        return "a resource without id"
    if _chosen(payload["result"], base, options) is None:
        return "no resource of the package is in the datastore or a CSV file on a host that may be asked"
    return None


def _page_fault(payload: Any, offset: int | None) -> str | None:
    """``offset`` is what was asked for; None where a page is read without knowing."""
    if payload["success"] is not True:
        return "the catalogue reports no success"
    result = payload["result"]
    count, total = len(result["records"]), result["total"]
    if not all(isinstance(record, dict) for record in result["records"]) or not isinstance(total, int):
        return "records or total of another kind"
    if not all(name.isprintable() and name not in ("", "_row") for name in _names(result)):
        return "fields without a usable id"
    if total > MAX_RECORDS:
        return f"{total} records are too many to page; name a file in the option resource"
    if offset is not None and count < min(LEAST_PAGE, total - offset):
        return f"{count} records at {offset} although the total is {total}"
    return None


def _names(result: Any) -> list[str]:
    return [field["id"] for field in result["fields"]]


def _chosen(package: Any, base: str, options: Mapping[str, Any]) -> Any | None:
    wanted = options.get("resource")
    for resource in package["resources"]:
        usable = resource.get("datastore_active") or (
            str(resource.get("format", "")).strip().upper() == "CSV" and _reachable(resource, base, options)
        )
        if usable and wanted in (None, resource["id"]):
            return resource
    return None


def _reachable(resource: Any, base: str, options: Mapping[str, Any]) -> str:
    """URL of a resource's file if it lies on the portal or an allowed host, else empty.

    Portals write their public host into the URL: it is replaced by that of ``base``, so that a mirror stays a mirror.
    """
    url = urlsplit(urljoin(f"{base}/", str(resource.get("url") or "")))
    here = urlsplit(base)
    portal = PORTALS.get(str(options.get("portal")))
    if url.netloc == here.netloc or (portal and url.netloc == urlsplit(portal.base_url).netloc):
        return urlunsplit(url._replace(scheme=here.scheme, netloc=here.netloc))
    allowed = url.hostname in options.get("allow_hosts", ()) and url.scheme == "https"
    return urlunsplit(url) if allowed else ""


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
