"""The registry of cities: ``cities.yaml``, checked entry by entry before anything runs.

The file is a YAML mapping of slug to entry; what each field means is told once, at the head of ``cities.yaml``. The
entry ``every_city`` has the sources that every city has; a city may set one of them otherwise, or to null.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from quality.documents import LOADER
from quality.review import Review

SLUG = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
"""ASCII with underscores: what every engine and shell takes as a path segment without quoting."""

EVERY_CITY = "every_city"
"""The entry whose ``sources`` every city has."""

RESERVED = frozenset({"national", EVERY_CITY})
"""Slugs no city may have: ``national`` is where sources of the whole country are landed."""

MEA_PROVINCES = frozenset({"10", "11", "12"})
"""Bangkok, Samut Prakan and Nonthaburi, which the Metropolitan Electricity Authority serves; PEA serves the rest."""

Smart = Literal["economy", "energy", "environment", "governance", "living", "mobility", "people"]
Name = Annotated[str, Field(min_length=1)]


def _on_calendar(text: str) -> str:
    if not 2000 <= date.fromisoformat(text + "0000-01-01"[len(text) :]).year <= 2100:
        raise ValueError("its year is not one of 2000 to 2100 CE")
    return text


def _bare(text: str) -> str:
    if text.startswith(("จังหวัด", "จ.")) or "\u0e4d\u0e32" in text:  # what no publisher's table is compared equal to
        raise ValueError("is the bare name of the province: without จังหวัด, and ำ as one letter")
    return text


PartialDate = Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"), AfterValidator(_on_calendar)]


class RegistryError(ValueError):
    """The registry is wrong. ``problems`` has a pair (entry, reason) for every wrong entry, all found at once."""

    def __init__(self, where: str, problems: list[tuple[str, str]]) -> None:
        self.where = where
        self.problems = problems
        super().__init__("\n".join(f"{where}: {entry}: {reason}" for entry, reason in problems))


class SourceEntry(BaseModel):
    """One source of a city. ``reader`` is the name of a ``Source`` (portal) or of an inbox reader. ``seen``: whether
    what the portal gives was read, only described, or neither, when the entry was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    via: Literal["inbox", "portal"]
    reader: str = Field(pattern=SLUG)
    seen: Literal["real", "described", "unknown"] = "unknown"
    options: Mapping[str, Any] = Field(default_factory=dict)


class Emblem(BaseModel):
    """The smart-city emblem: in which batch, and from when to when, as exactly as the sources tell.

    Dates are text, ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, so that nobody has to make up a day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(ge=1)
    valid_from: PartialDate
    valid_to: PartialDate | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self


class Publisher(BaseModel):
    """Who answers for what the city publishes, as catalogues ask for it: a role's address, no person's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organisation: Name
    maintainer: Name
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


def _wrong_thresholds(own: Mapping[str, Any]) -> list[tuple[bool, str]]:
    if not own:
        return []
    from quality.vee.thresholds import Thresholds  # with Polars, which most commands load the registry without

    try:
        Thresholds.of(own)
    except ValueError as error:
        return [(True, f"meter_thresholds: {error}")]
    return []


def _wrong_reviews(reviews: Collection[Review]) -> list[tuple[bool, str]]:
    if not reviews:
        return []
    from quality.tables import TABLES  # with Polars, as above

    strangers = sorted({review.table for review in reviews} - set(TABLES))
    return [(True, f"reviewed.yaml: there is no table {name}") for name in strangers]


class City(BaseModel):
    """One city. Facts that are not official carry their source and confidence (A, B or C; see ``cities.yaml``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=SLUG)
    name_th: Name
    name_th_status: Name
    name_en: Name
    name_source: Name
    confidence: Literal["A", "B", "C"]
    note: str | None = None
    in_seed_article: bool = False
    province_th: Annotated[Name, AfterValidator(_bare)]
    province_en: Name
    iso_3166_2: str = Field(pattern=r"^TH-[0-9]{2}$")
    dopa_province: str = Field(pattern=r"^[1-9][0-9]$")
    dopa_amphoe: str = Field(pattern=r"^[1-9][0-9]{3}$")
    dopa_tambon: str | None = Field(default=None, pattern=r"^[1-9][0-9]{5}$")
    scope: Name
    lat: float = Field(ge=5, le=21)
    lon: float = Field(ge=97, le=106)
    city_type: Literal["existing", "new"] | None = None
    emblem: Emblem | None = None
    """None of a city that has not been given one; it declares its ``baseline_year``."""
    baseline_year: int | None = Field(default=None, ge=2000, le=2100)
    smarts: tuple[Smart, ...] = Field(min_length=1)
    utility: Literal["PEA", "MEA"]
    meter_buckets: int = Field(default=1, ge=1, le=256)
    """Files that a day of meter readings is cut into, so that memory is bounded by one: a power of two, about one for
    10,000 meters. `muang lake rebucket` brings the days that are there to it."""
    meter_thresholds: Mapping[str, Any] = Field(default_factory=dict)
    """Thresholds of the rules for meter values that are other ones here: a number, or one by customer class."""
    sources: Mapping[Annotated[str, Field(pattern=SLUG)], SourceEntry] = Field(default_factory=dict)
    publisher: Publisher | None = None
    reviewed: tuple[Review, ...] = ()
    """What of the findings on its tables is the truth; from ``reviewed.yaml`` beside the registry."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """The rules that tie fields together; every one broken is named."""
        breaches = [
            (self.slug in RESERVED, f"the slug {self.slug} is reserved"),
            (self.iso_3166_2 != f"TH-{self.dopa_province}", "iso_3166_2 and dopa_province name different provinces"),
            (not self.dopa_amphoe.startswith(self.dopa_province), "dopa_amphoe is not in dopa_province"),
            (
                not (self.dopa_tambon or self.dopa_amphoe).startswith(self.dopa_amphoe),
                "dopa_tambon is not in dopa_amphoe",
            ),
            (
                (self.baseline_year or 0) > datetime.now(UTC).year,
                f"baseline_year {self.baseline_year} has not begun: progress is measured from a year that was",
            ),
            (self.emblem is None and self.baseline_year is None, "without emblem baseline_year must be said"),
            (self.meter_buckets.bit_count() != 1, f"meter_buckets {self.meter_buckets} is no power of two"),
            *_wrong_thresholds(self.meter_thresholds),
            *_wrong_reviews(self.reviewed),
            (len(set(self.smarts)) != len(self.smarts), "smarts has a Smart twice"),
            (
                (self.utility == "MEA") != (self.dopa_province in MEA_PROVINCES),
                f"utility {self.utility} does not serve province {self.dopa_province}",
            ),
        ]
        if reasons := [reason for broken, reason in breaches if broken]:
            raise ValueError("; ".join(reasons))
        return self

    @property
    def inboxes(self) -> list[str]:
        """Names of the sources whose files come into an inbox, sorted."""
        return sorted(name for name, entry in self.sources.items() if entry.via == "inbox")

    @property
    def level(self) -> Literal["tambon", "amphoe", "province"]:
        """Level of the area that the city's scope covers."""
        if self.scope.startswith("province"):
            return "province"
        return "tambon" if self.dopa_tambon else "amphoe"

    @property
    def baseline(self) -> int:
        """The year that progress is measured from: the declared one, else the one before the emblem was given."""
        return self.baseline_year or int(self.emblem.valid_from[:4]) - 1  # type: ignore[union-attr]  # one is said


def default_path() -> Path:
    """The registry that comes with Muang."""
    return Path(__file__).with_name("cities.yaml")


def load_registry(path: Path | None = None) -> dict[str, City]:
    """Slug to city, in the file's order. Raises ``RegistryError`` naming every wrong entry, not just the first."""
    path = path or default_path()
    entries, problems = _entries(path)
    common = _common(entries, problems)
    signed = path.with_name("reviewed.yaml")
    reviewed, wrong = _entries(signed, may_be_empty=True) if signed.exists() else ({}, [])
    strangers = set(reviewed) - (set(entries) - {EVERY_CITY})
    problems += [*wrong, *((str(slug), "reviewed.yaml: there is no such city") for slug in strangers)]
    cities: dict[str, City] = {}
    for slug, entry in entries.items():
        if slug == EVERY_CITY:
            continue
        if not isinstance(entry, Mapping) or "slug" in entry:
            problems.append((str(slug), "is not a mapping of fields (the slug is its key, not a field)"))
            continue
        try:
            more = {"sources": _sources(entry, common)}
            more |= {"reviewed": reviewed[slug]} if slug in reviewed else {}
            cities[str(slug)] = City.model_validate({**entry, "slug": slug, **more})
        except ValidationError as error:
            problems += [(str(slug), reason) for reason in reasons(error, City.model_fields)]
    taken: dict[tuple[float, float], str] = {}
    for slug, city in cities.items():
        first = taken.setdefault((city.lat, city.lon), slug)
        if first != slug:
            problems.append((slug, f"lat and lon are those of {first}"))
    if problems:
        raise RegistryError(str(path), problems)
    return cities


def _common(entries: Mapping[Hashable, Any], problems: list[tuple[str, str]]) -> Mapping[str, Any]:
    entry = entries.get(EVERY_CITY, {"sources": {}})
    if not isinstance(entry, Mapping) or set(entry) != {"sources"} or not isinstance(entry["sources"], Mapping):
        problems.append((EVERY_CITY, "is not a mapping with nothing but sources"))
        return {}
    return entry["sources"]


def _sources(entry: Mapping[str, Any], common: Mapping[str, Any]) -> Any:
    own = entry.get("sources", {})
    if not isinstance(own, Mapping):
        return own  # the model says what is wrong with it
    return {name: source for name, source in {**common, **own}.items() if source is not None}


def check_sources(
    cities: Mapping[str, City],
    options: Mapping[str, type[BaseModel]],
    where: str = "city registry",
    by_file: Collection[str] = (),
) -> None:
    """Raise ``RegistryError`` for every source whose ``reader`` is not among ``options`` (reader → model of its
    options), for every option that its model does not take or lacks, and for a portal that is to be asked for what
    comes ``by_file`` alone. ``where`` names the registry's file."""
    problems = []
    for slug, city in cities.items():
        for name, source in city.sources.items():
            if (model := options.get(source.reader)) is None:
                known = ", ".join(sorted(options))
                problems.append((slug, f"sources.{name}.reader: {source.reader} is not one of {known}"))
                continue
            if source.via == "portal" and source.reader in by_file:
                problems.append((slug, f"sources.{name}.via: {source.reader} comes by file: it is inbox"))
            try:
                model.model_validate(source.options)
            except ValidationError as error:
                found = reasons(error, model.model_fields)
                problems += [(slug, f"sources.{name}.options.{reason}") for reason in found]
    if problems:
        raise RegistryError(where, problems)


def _entries(path: Path, may_be_empty: bool = False) -> tuple[dict[Hashable, Any], list[tuple[str, str]]]:
    """The file's top mapping, and a problem for each key that YAML would let silently win over an earlier one."""
    try:
        loader = LOADER(path.read_text(encoding="utf-8"))
        try:
            node = loader.get_single_node()
            if node is None and may_be_empty:  # or nothing but comments: what it had is over
                return {}, []
            if not isinstance(node, yaml.MappingNode) or not node.value:
                raise RegistryError(str(path), [("file", "is not a mapping of slug to city")])
            repeated = [
                (slug.value, f"{key.value} occurs twice (line {key.start_mark.line + 1})")
                for slug, entry in node.value
                for key in _repeated(entry)
            ]
            repeated += [(key.value, f"occurs twice (line {key.start_mark.line + 1})") for key in _second(node)]
            return loader.construct_document(node), repeated
        finally:
            loader.dispose()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RegistryError(str(path), [("file", f"cannot be read: {' '.join(str(error).split())}")]) from error


def _second(node: yaml.MappingNode) -> list[yaml.Node]:
    """The second and later key nodes of a mapping that repeat an earlier one."""
    seen: set[tuple[str, str]] = set()
    again = []
    for key, _ in node.value:
        identity = (key.tag, str(key.value))
        if identity in seen:
            again.append(key)
        seen.add(identity)
    return again


def _repeated(root: yaml.Node) -> Iterator[yaml.Node]:
    """Repeated keys anywhere below ``root``; a node that an alias shares is looked at once."""
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield from _second(node)
            pending += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            pending += node.value


def reasons(error: ValidationError, known: Collection[str] = ()) -> list[str]:
    """Everything pydantic found, each as ``field.field: reason``; ``known`` are the fields there are."""
    found = []
    for detail in error.errors(include_url=False):
        field = ".".join(str(part) for part in detail["loc"])
        reason = str(detail["msg"]).removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
            reason = f"is not known here; known: {', '.join(known) or 'none'}"
        found.append(f"{field}: {reason}" if field else reason)
    return found
