"""CKAN catalogues (data.go.th and its family): the way from a package to its rows, and the rows as text.

Action API 3, https://docs.ckan.org/en/2.10/api/: ``package_show`` names the resources; a resource in the datastore is
read page by page with ``datastore_search`` until its ``total`` is reached, any other as a file: CSV, XLSX, XLS, or a
ZIP archive of one of them. Package names are unique within a portal only: a data set is called ``<host>/<package>``
everywhere, by the portal's own host, whichever mirror answered. A package tells the day it was last modified, which
the names of the receipts carry (``…@2026-04-17``), because many Thai data sets hold no date of their own.

What rows mean is another matter: see ``assets.sources.long_table``.
"""

import hashlib
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from pydantic import AfterValidator, Field

from assets.cities.registry import City
from assets.landing.portals import portal
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.long_table_periods import Told, period
from assets.sources.parsing import first_byte, parsed, text_frame
from assets.sources.source import Options, Text
from assets.sources.table_files import read_table
from quality.batch import Batch

PAGE = 1000
"""Records a request: well below CKAN's own cap of 32,000, and a page stays below 1 MB."""

MAX_RECORDS = 200_000
"""Of one datastore resource: 200 pages. Larger ones are published as a file too; name that with ``resource``."""

LEAST_PAGE = 10
"""Records a page must hold before the end. A portal may cap pages below ``PAGE``; one that hands out fewer than this
is failing, and would be asked without end."""

MAX_RESOURCES = 40
"""Of one package with ``resources``: a resource a year since Thai open data began leaves room enough."""

PACKAGE = "package/"
"""Begins the names of receipts that hold a package description, not rows."""

_KINDS = ("CSV", "XLSX", "ZIP", "XLS")
"""Formats of a file that can be read, the best first. Which one it is, its bytes tell: labels may be wrong."""


_CALLED = "~"
"""Before what a resource is called, in the names of its receipts."""
_LONGEST = 100
"""Letters of that."""

_ASIDE = re.compile(
    r"(?i)data\s*dict|metadata|พจนานุกรม|คำอธิบาย(?:ชุด)?(?:ข้อมูล|ตัวแปร)"
    r"|[(\[]\s*(?:ยกเลิก|เลิกใช้|ไม่ใช้|ฉบับเก่า|superseded|deprecated|obsolete)"
)
"""How resources are called that tell what columns mean, as the Government Data Catalog wants one of every package, and
those that another has taken the place of."""
_YEAR = r"(?<!\d)\d{4}(?!\d)"


def _known(name: str) -> str:
    try:
        portal(name)
    except KeyError:
        raise ValueError(f"{name} is no portal") from None
    return name


class Catalogue(Options):
    """A catalogue that speaks CKAN."""

    portal: Annotated[Text, AfterValidator(_known)] = Field(
        description="the catalogue: a portal of the list below, or `<node>_gdcatalog`"
    )

    @property
    def host(self) -> str:
        """Host of the portal: its own, not that of a mirror."""
        return str(urlsplit(portal(self.portal).base_url).hostname)


class Package(Catalogue):
    """A package of a catalogue, and which of its resources are read."""

    package: Text = Field(description="name of the data set in the catalogue")
    resource: Text | None = Field(
        default=None,
        description="id of the one resource to read, where the first readable one or its newest edition is not it",
    )
    resources: Text | None = Field(
        default=None, description="`all` resources of the best kind, or those whose name fits a pattern such as `ปี *`"
    )
    newest: int | None = Field(
        default=None,
        ge=1,
        strict=True,
        description="so many of them, by the year in their names, else by when they were changed",
    )
    allow_hosts: tuple[Text, ...] = Field(
        default=(), description="other hosts (https) that the file of a resource may lie on or be redirected to"
    )
    whole: bool = Field(
        default=False,
        strict=True,
        description="take the file of a resource that is in the datastore too, to see all its rows at once",
    )

    @property
    def dataset(self) -> str:
        """``<host>/<package>``, the name of a package over all portals."""
        return f"{self.host}/{self.package}"


@dataclass(frozen=True)
class Records:
    """Rows of one receipt as strings with ``_row``. ``complete``: they are all the resource has, as far as it
    tells."""

    batch: Batch
    evidence: str = ""
    complete: bool = False


def is_rows(name: str) -> bool:
    """Whether a receipt of that name holds rows and no package description."""
    return not name.startswith(PACKAGE)


def resource_of(name: str) -> str | None:
    """The portal's id of the resource that a receipt of that name is of."""
    found = re.match(r"(?:resource|datastore)/([^/@]+)", name)
    return found[1] if found else None


def page_of(name: str, of_one: bool) -> str:
    """Resource, unless it is the only one, and offset that a receipt of that name is of."""
    found = re.match(r"(?:resource|datastore)/([^/@]+)(?:/([0-9]+))?", name)
    return f"{'' if of_one or not found else found[1]}/{(found and found[2]) or 0}"


def action(base: str, options: Catalogue, name: str) -> tuple[str, dict[str, str]]:
    """URL and headers of an action at a portal: where its API lies, and its key where the action wants one."""
    there = portal(options.portal)
    keyed = there.key_header and name not in there.open_actions
    return f"{base}{there.actions}/{name}", {str(there.key_header): f"{{key:{there.keys[0]}}}"} if keyed else {}


def called(name: str) -> str:
    """What its package calls the resource that a receipt of that name is of, where that tells a period; else empty."""
    return name.partition(_CALLED)[2]


def plan(
    city: City, day: date, base: str, options: Package, titled: bool = False
) -> Generator[Request, bytes | None, None]:
    """The package's description, then the rows of its resources; one whose rows do not come leaves the others
    untouched. With ``titled`` the names of requests say what the resources are ``called``."""
    url, headers = action(base, options, "package_show")
    described = yield Request(
        name=f"{PACKAGE}{options.package}",
        url=url,
        params={"id": options.package},
        headers=headers,
        # The check depends on the options, which may have changed since the last answer.
        conditional=False,
        check=lambda data: parsed(data, lambda payload: _package_fault(payload, base, options))[1],
    )
    if described is None:
        return
    package = parsed(described, lambda payload: None)[0]["result"]
    modified = day_of(package.get("metadata_modified"))
    dated = f"@{modified}" if modified else ""
    for resource in _chosen(package, base, options):
        title = " ".join(str(resource.get("name") or "").replace("@", " ").split())[:_LONGEST]
        suffix = dated + (f"{_CALLED}{title}" if titled and period(title) != Told(rest=period(title).rest) else "")
        whole = options.whole and _kind(resource) and _reachable(resource, base, options)
        if resource.get("datastore_active") and not whole:
            yield from _pages(resource["id"], suffix, base, options)
        else:
            yield Request(
                name=f"resource/{resource['id']}{suffix}",
                url=_reachable(resource, base, options),
                expect="csv",
                hosts=options.allow_hosts,
                check=partial(_file_fault, resource),
            )


def _pages(identity: str, suffix: str, base: str, options: Package) -> Generator[Request, bytes | None, None]:
    url, headers = action(base, options, "datastore_search")
    offset, total = 0, None
    while total is None or offset < total:
        page = yield Request(
            name=f"datastore/{identity}/{offset}{suffix}",
            url=url,
            params={"resource_id": identity, "limit": f"{PAGE}", "offset": f"{offset}", "sort": "_id"},
            headers=headers,
            check=lambda data, at=(offset, total): parsed(data, lambda payload: _page_fault(payload, *at))[1],  # type: ignore[misc]
        )
        if page is None:
            return
        result = parsed(page, lambda payload: None)[0]["result"]
        # A portal may cap a page below what was asked for: go on from what came.
        offset, total = offset + len(result["records"]), result["total"]
        if not result["records"]:
            return


def records(data: bytes) -> Records:
    """Rows of a datastore page or of a file; rejected where the bytes are neither.

    Values are strings as published. A page that holds less than the resource's total is not ``complete``.
    """
    if first_byte(data) != b"{":
        table = read_table(data)
        return Records(table) if table.is_rejected else Records(table, "file with a header line", complete=True)
    payload, reason = parsed(data, lambda payload: _page_fault(payload, None, None))
    if reason:
        return Records(Batch.rejected("answer-bad", reason))
    result = payload["result"]
    renamed = [{_plain(name): value for name, value in record.items()} for record in result["records"]]
    frame = text_frame(renamed, [name for name in _names(result) if name != "_id"])
    count, total = len(result["records"]), result["total"]
    return Records(Batch(frame), f"datastore_search, {count} of {total} records", count == total)


def modified(name: str) -> date | None:
    """Day on which the package was last modified, from a receipt's name; None where the name tells none."""
    return day_of(name.rpartition("@")[2])


def _package_fault(payload: Any, base: str, options: Package) -> str | None:
    if payload["success"] is not True:
        return "the catalogue reports no success"
    if not all(isinstance(resource["id"], str) for resource in payload["result"]["resources"]):
        return "a resource without id"
    stated, count = payload["result"].get("num_resources"), len(payload["result"]["resources"])
    if stated not in (None, count):
        return f"{count} resources are described although there are {stated}"
    found = len(_chosen(payload["result"], base, options))
    if not found:
        return "no resource asked for is in the datastore or a CSV, XLSX, ZIP or XLS file on a host that may be asked"
    return f"{found} resources are too many; use the option newest" if found > MAX_RESOURCES else None


def _page_fault(payload: Any, offset: int | None, known: int | None) -> str | None:
    """``offset`` is what was asked for, ``known`` the total of the page before; None where nothing is known."""
    if payload["success"] is not True:
        return "the catalogue reports no success"
    result = payload["result"]
    count, total = len(result["records"]), result["total"]
    if not all(isinstance(record, dict) for record in result["records"]) or type(total) is not int:
        return "records or total of another kind"
    names = _names(result)
    if "" in names or "_row" in names or len(set(names)) < len(names):
        return f"fields without an id of their own: {', '.join(map(repr, names))}"
    told = {_plain(name) for name in {name for record in result["records"] for name in record}}
    if unknown := sorted(told - {*names, "_id", "_full_text", "rank"}):
        return f"records have columns that the answer's own fields do not list: {', '.join(map(repr, unknown))}"
    if total > MAX_RECORDS:
        return f"{total} records are too many to page; name a file in the option resource"
    if known is not None and total != known:
        return f"the total changed from {known} to {total} while it was read"
    if offset is not None and not min(LEAST_PAGE, total - offset) <= count <= total - offset:
        return f"{count} records at {offset} although the total is {total}"
    return None


def _file_fault(resource: Any, data: bytes) -> str | None:
    if first_byte(data) in (b"{", b"["):
        return "JSON came where a file was expected"
    size, digest = resource.get("size"), str(resource.get("hash") or "").rpartition(":")[2].lower()
    # Of a file that lies elsewhere the catalogue knows what it once was.
    if resource.get("url_type", "upload") != "upload" or not isinstance(size, int):
        return None
    if digest and digest in (hashlib.md5(data, usedforsecurity=False).hexdigest(), _sha(data, len(digest))):
        return None
    return f"{len(data)} bytes came of {size} that the catalogue tells" if len(data) < size else None


def _sha(data: bytes, digits: int) -> str:
    name = {40: "sha1", 64: "sha256"}.get(digits)
    return hashlib.new(name, data, usedforsecurity=False).hexdigest() if name else ""


def _names(result: Any) -> list[str]:
    """Ids of fields without what is not printed: ``datapusher`` keeps a file's byte order mark in the first of them
    (https://github.com/ckan/ckan/issues/2463), others have no-break blanks or line breaks."""
    return [_plain(field["id"]) for field in result["fields"]]


def _plain(name: str) -> str:
    return " ".join("".join(" " if letter.isspace() else letter for letter in name if _printed(letter)).split())


def _printed(letter: str) -> bool:
    return letter.isprintable() or letter.isspace()


def _chosen(package: Any, base: str, options: Package) -> Sequence[Any]:
    """Resources to read: the one that is named, those whose names fit (of each year the best kind, of none the best of
    all), or the first, of which the newest edition. Of several the newest comes last: what two of them tell it is to
    decide. What is a draft, deleted, or called superseded is none."""
    usable = [
        (("CSV", *_KINDS).index("CSV" if entry.get("datastore_active") else _kind(entry)), at, entry)
        for at, entry in enumerate(package["resources"])
        if entry.get("state") in (None, "active")
        and (entry.get("datastore_active") or (_kind(entry) and _reachable(entry, base, options)))
    ]
    if options.resource:
        return [entry for _, _, entry in usable if entry["id"] == options.resource]
    wanted = "*" if options.resources == "all" else options.resources or "*"
    tables = [found for found in usable if not _ASIDE.search(_title(found[2]))] or usable
    fitting = sorted(
        (found for found in tables if fnmatchcase(_title(found[2]), wanted)), key=lambda found: _age(found[2], found[1])
    )
    if options.newest or options.resources:
        least: dict[int, int] = {}
        for rank, _, entry in fitting:
            for year in (0, _year(entry)):  # 0: of all
                least[year] = min(least.get(year, rank), rank)
        best = [entry for rank, _, entry in fitting if rank in (least[0], least[_year(entry)])]
        return best[-(options.newest or 0) :]
    if not fitting:
        return []
    first = min(fitting, key=lambda found: found[:2])[2]
    editions = [found for found in fitting if _edition(found[2]) == _edition(first)]
    newest = max(_year(entry) for _, _, entry in editions)
    return [min((found for found in editions if _year(found[2]) == newest), key=lambda found: found[:2])[2]]


def _title(resource: Any) -> str:
    return str(resource.get("name") or "").strip()


def _age(resource: Any, position: int) -> tuple[int, str, int]:
    """Sorts resources by the year in their names, then by when they were changed, then as the package lists them."""
    changed = str(resource.get("last_modified") or resource.get("created") or "")
    return _year(resource), changed, position


def _year(resource: Any) -> int:
    """The newest year in a resource's name, of the common era; 0 where there is none."""
    title = _title(resource)
    years = [int(year) for year in re.findall(_YEAR, title) or [period(title).year] if year]
    return max((year - 543 if year > thai.BUDDHIST_FROM else year for year in years), default=0)


def _edition(resource: Any) -> str:
    """What editions of one table are called alike, each with its year."""
    return thai.folded(re.sub(rf"{_YEAR}|(?<=ปี)\s*\d\d(?!\d)", "", _title(resource)))


def _kind(resource: Any) -> str:
    """The file format that a resource declares or, where that is none that is known, its URL's ending; empty where it
    cannot be read. Publishers write ``text/csv``, ``Excel``, ``CSV file`` or nothing."""
    path = urlsplit(str(resource.get("url") or "")).path
    for told in (str(resource.get("format") or ""), path.rpartition("/")[2].rpartition(".")[2]):
        words = re.split(r"[^A-Z]+", told.upper())
        if found := next((kind for kind in _KINDS if kind in words), ""):
            return found
        if "OPENXMLFORMATS" in words:
            return "XLSX"
    return ""


def _reachable(resource: Any, base: str, options: Package) -> str:
    """URL of a resource's file if it lies on the portal or an allowed host, else empty.

    Portals write their public host into the URL: it is replaced by that of ``base``, so that a mirror stays a mirror.
    """
    own = portal(options.portal).base_url
    url = urlsplit(urljoin(f"{own}/", str(resource.get("url") or "")))
    if url.netloc == urlsplit(own).netloc:
        return base + urlunsplit(url._replace(scheme="", netloc="", fragment=""))
    if url.netloc == urlsplit(base).netloc:
        return urlunsplit(url._replace(scheme=urlsplit(base).scheme))
    allowed = url.hostname in options.allow_hosts and url.scheme == "https"
    return urlunsplit(url) if allowed else ""


def day_of(text: Any) -> date | None:
    """Day of an ISO stamp; None where it is none."""
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
