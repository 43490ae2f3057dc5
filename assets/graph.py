"""The graph: a city's registry entry becomes its group of Dagster assets.

Thin factories only; the work is in ``assets.sources.fetch``, ``assets.lake.ingest`` and
``assets.snapshots.publish``. Keys are ``[city, table]``. A table's checks are computed in its own step, so that a city
costs no step more for being judged.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import dagster as dg
import polars as pl

from assets import checks
from assets.cities.registry import City
from assets.indicators.make import Computed, make
from assets.lake import answers, derive, ingest, load_profile, meter_final, register_watch, upkeep
from assets.lake.derive import DERIVED, Derived
from assets.lake.feeds import NATIONAL, SOURCES, city_tables, feeds, landed_as
from assets.landing.archive import Receipt
from assets.landing.deployment import Deployment, Step
from assets.landing.inbox import untaken
from assets.snapshots import data_docs, publish
from assets.snapshots.collect import published_days
from assets.sources import fetch
from assets.sources.source import Source
from quality.contracts import Table
from quality.tables import INDICATORS, LOAD_PROFILE, METER_FINAL, METER_INTERVALS, METERS, PROGRAMME, REGISTER_WATCH

OWNERS = ["team:muang"]

THE_COUNTRY = City.model_construct(slug=NATIONAL, name_th="ประเทศไทย", name_en="Thailand")
"""What a national source is landed for; it has no point and no province."""

SAMPLE = 20
"""Rows of a problem list kept in the event log; the whole list is the table ``quarantine``."""


Work = Callable[[dg.AssetExecutionContext], dg.MaterializeResult]

Undated = Callable[[dg.PartitionsDefinition], dg.AssetsDefinition]
"""An asset whose days are told when it is made: to give them to one that is there makes it a second time."""


def build_city(city: City) -> list[Undated]:
    """A city's assets: landed sources, tables, load profile, indicators, snapshot."""
    assets = []
    if city.inboxes:
        assets.append(_landing(city, "inbox", "Files that came into the city's inbox, landed with receipts."))
    for name, entry in sorted(city.sources.items()):
        if entry.via == "portal" and not SOURCES[entry.reader].national:
            source = SOURCES[entry.reader]
            assets.append(_landing(city, name, f"{source.title}, landed with receipts.", source.smart, source))
    tables = city_tables(city)
    assets += [_table(city, table) for table in tables]
    if METER_INTERVALS in tables:
        from_register = [_key(city, METERS.name)] if METERS in tables else []
        heeded = [METER_INTERVALS, *(table for table in tables if table.name in METER_FINAL.also_from)]
        deps = [*(_key(city, table.name) for table in heeded), *from_register]
        assets += [_judged_asset(city, METER_FINAL, deps, meter_final.make, _built), _load_profile(city, from_register)]
    if METERS in tables:
        assets.append(_judged_asset(city, REGISTER_WATCH, [_key(city, METERS.name)], register_watch.make, _built))
    profile = [LOAD_PROFILE] if METER_INTERVALS in tables else []
    made_of = [derived for derived in DERIVED if derived.source in [*tables, *profile]]
    assets += [_derived(city, derived) for derived in made_of]
    published = [t.name for t in [*tables, *profile, *(derived.table for derived in made_of)] if t.published]
    shown = ("smart", "title", "value", "unit", "verdict")
    assets.append(_numbers(city, INDICATORS, tuple(published), shown))
    published.append(INDICATORS.name)
    shown = ("kind", "title", "verdict", "evidence", "missing")
    assets.append(_numbers(city, PROGRAMME, tuple(published), shown))
    assets.append(_snapshot(city, [*published, PROGRAMME.name]))
    return assets


def build_national(cities: Mapping[str, City]) -> list[Undated]:
    """Sources that answer for the whole country, as far as any city uses them."""
    used = {
        entry.reader
        for city in cities.values()
        for entry in city.sources.values()
        if entry.via == "portal" and SOURCES[entry.reader].national
    }
    return [_national(SOURCES[name].name) for name in sorted(used)]


def by_day(assets: Sequence[Undated], first: date) -> list[dg.AssetsDefinition]:
    """The assets, partitioned by delivery day from ``first`` on: one definition for all, because mixed start dates
    break backfills (dagster #19625). ``end_offset=1``: the run at 01:30 fills the day that has just begun."""
    days = dg.DailyPartitionsDefinition(first.isoformat(), timezone="Asia/Bangkok", end_offset=1)
    return [asset(days) for asset in assets]


def _asset(group: str, name: str, deps: Sequence[dg.AssetKey], **more: Any) -> Callable[[Work], Undated]:
    """``dg.asset`` with what all assets share."""

    def of(work: Work) -> Undated:
        def asset(days: dg.PartitionsDefinition) -> dg.AssetsDefinition:
            decorator: Callable[[Work], dg.AssetsDefinition] = dg.asset(
                key=dg.AssetKey([group, name]),
                group_name=group,
                deps=list(deps),
                owners=OWNERS,
                required_resource_keys={"deployment"},
                partitions_def=days,
                **more,
            )
            return decorator(work)

        return asset

    return of


def _step(context: dg.AssetExecutionContext, city: City) -> Step:
    deployment: Deployment = context.resources.deployment
    if deployment.leases and city is not THE_COUNTRY:
        deployment.leases.hold(city.slug)
    return Step(deployment, city, context.partition_time_window.start.date(), context.run_id)


def _key(city: City, name: str) -> dg.AssetKey:
    return dg.AssetKey([city.slug, name])


def _landing(city: City, name: str, description: str, smart: str = "", source: Source | None = None) -> Undated:
    key = _key(city, f"landed_{name}")

    @_asset(
        city.slug,
        f"landed_{name}",
        [],
        description=description + (_declared(source) if source else ""),
        kinds={"bytes"},
        tags={"stage": "landing"} | ({"smart": smart} if smart else {}),
        pool=source and _pool(source.portal_of(city.sources[name].options) or name),
        check_specs=[dg.AssetCheckSpec("arrived", asset=key, description="Every source answered with content.")],
    )
    def landed(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        step = _step(context, city)
        if source is None:
            return _landed(fetch.land_inboxes(step), untaken(step.deployment.inbox, city.inboxes, city.slug))
        return _landed(fetch.land_portal(step, name, source, city.sources[name].options))

    return landed


def _declared(source: Source) -> str:
    """What an engineer should know of an interface before judging what came through it."""
    missing = ", ".join(repr(mark) for mark in source.missing) or "nothing"
    return (
        f"\n\nInterface: {source.document}\n\nStamps: {source.zone}, {source.label} of the interval. "
        f"Written for no value: {missing}. Units: {source.units}. Personal data: {source.personal}. "
        f"A past day can {'' if source.past else 'not '}be asked for."
    )


def _pool(portal: str) -> str:
    """Dagster pool of a portal: ``dagster instance concurrency set portal_traffy 1`` bounds it over all workers."""
    return f"portal_{portal}"


def _national(name: str) -> Undated:
    source = SOURCES[name]
    key = dg.AssetKey([NATIONAL, f"landed_{name}"])

    @_asset(
        NATIONAL,
        f"landed_{name}",
        [],
        description=f"{source.title}, landed once for all cities.{_declared(source)}",
        kinds={"bytes"},
        tags={"stage": "landing", "smart": source.smart},
        pool=_pool(str(source.portal)),
        check_specs=[dg.AssetCheckSpec("arrived", asset=key, description="The source answered with content.")],
    )
    def landed(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        step = _step(context, THE_COUNTRY)
        upkeep.tidy_landing(step)
        return _landed(fetch.land_portal(step, name, source, {}))

    return landed


def _landed(receipts: Sequence[Receipt], left: Sequence[str] = ()) -> dg.MaterializeResult:
    failed = [r for r in receipts if not r.answered]
    table = dg.MetadataValue.table(
        [
            dg.TableRecord(
                {"source": r.source, "outcome": r.outcome, "bytes": r.bytes or 0, "reason": r.reason or "", "id": r.id}
            )
            for r in sorted(receipts, key=lambda r: r.answered)[:SAMPLE]
        ],
        schema=dg.TableSchema([dg.TableColumn(name, kind) for name, kind in _RECEIPT_COLUMNS.items()]),
    )
    return dg.MaterializeResult(
        metadata={
            "receipts": len(receipts),
            "bytes": sum(r.bytes or 0 for r in receipts),
            "not_usable": len(failed),
            "sample": table,
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="arrived",
                passed=bool(receipts) and not failed and not left,
                severity=dg.AssetCheckSeverity.WARN,
                description=f"Nothing takes {'; '.join(left)}." if left else None if receipts else _NOTHING,
                metadata={
                    "failed": len(failed),
                    "reasons": [f"{r.source} {r.id}: {r.code}: {r.reason}" for r in failed[:SAMPLE]],
                },
            )
        ],
    )


_NOTHING = "Nothing was asked for and no file was there: no receipt."
_RECEIPT_COLUMNS = {"source": "string", "outcome": "string", "bytes": "int", "reason": "string", "id": "string"}


def _table(city: City, table: Table) -> Undated:
    deps = [_landing_key(city, name) for name, _ in feeds(city, table.name)]
    if table is METER_INTERVALS and METERS in city_tables(city):
        deps.append(_key(city, METERS.name))

    def metadata(done: ingest.Ingested) -> Mapping[str, Any]:
        return {
            "deliveries": len({entry.due.receipt.id for entry in done.entries}),
            "dagster/row_count": sum(file.rows for file in done.files),
            "rows_delivered": done.rows,
            "rows_rewritten": done.rewritten,
            "rows_held": done.held,
            "rows_refused": sum(entry.refused for entry in done.entries),
            "files_written": sum(file.changed for file in done.files),
            "bytes": sum(file.bytes for file in done.files),
        }

    return _judged_asset(city, table, sorted(set(deps)), lambda step: ingest.ingest(step, table), metadata)


def _landing_key(city: City, name: str) -> dg.AssetKey:
    entry = city.sources[name]
    owner, source = landed_as(city, name)
    return dg.AssetKey([owner, "landed_inbox" if entry.via == "inbox" else f"landed_{source}"])


def _load_profile(city: City, from_register: Sequence[dg.AssetKey]) -> Undated:
    def work(step: Step) -> derive.Built:
        return load_profile.make(step, lambda: published_days(step.deployment.store, step.city.slug))

    return _judged_asset(city, LOAD_PROFILE, [_key(city, METER_FINAL.name), *from_register], work, _built)


def _derived(city: City, derived: Derived) -> Undated:
    deps = [_key(city, derived.source.name)]
    return _judged_asset(city, derived.table, deps, lambda step: derive.derive(step, derived), _built)


def _built(done: derive.Built) -> Mapping[str, Any]:
    return {
        "days": len(done.days),
        "dagster/row_count": done.rows,
        "files_written": sum(file.changed for file in done.files),
    }


def _numbers(city: City, table: Table, names: Sequence[str], shown: Sequence[str]) -> Undated:
    """Indicators, or the programme view made of them; the metadata shows the columns ``shown``."""

    def metadata(done: Computed) -> Mapping[str, Any]:
        rounded = done.rows.select(shown).with_columns(pl.selectors.float().round(2))
        return {"dagster/row_count": done.rows.height, table.name: _markdown(rounded)}

    deps = [_key(city, name) for name in names]
    return _judged_asset(city, table, deps, lambda step: make(step, table, names), metadata)


def _judged_asset(
    city: City,
    table: Table,
    deps: Sequence[dg.AssetKey],
    work: Callable[[Step], Any],
    metadata: Callable[[Any], Mapping[str, Any]],
) -> Undated:
    key = _key(city, table.name)

    @_asset(
        city.slug,
        table.name,
        deps,
        description=f"{table.description}\n\nKey: {', '.join(table.key)}. One file a city and {table.day}.",
        kinds={"polars", "parquet"},
        tags={"stage": "lake", "smart": table.smart},
        metadata={"dagster/column_schema": column_schema(table)},
        check_specs=checks.specs(table, key),
    )
    def judged(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        step = _step(context, city)
        with _unquoted(table):
            done = work(step)
        told = {**metadata(done), "data_docs": dg.MetadataValue.path(data_docs.path(step.deployment.store, city.slug))}
        found = checks.results(table, done.verdicts, city.slug, step.day)
        return dg.MaterializeResult(metadata=told, check_results=list(found))

    return judged


@contextlib.contextmanager
def _unquoted(table: Table) -> Iterator[None]:
    """Errors of Polars name the values that they are about: those of customers do not go into Dagster's events."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        if not table.of_customers:
            raise
        told = f"{table.name} could not be made; what Polars says of it quotes readings and is not repeated"
        raise type(error)(told).with_traceback(error.__traceback__) from None


@cache
def column_schema(table: Table) -> dg.TableSchema:
    """A contract as Dagster shows it: type, unit, description, constraints."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=str(column.dtype),
                description=table.meaning(column) + (f" Unit: {column.unit}." if column.unit else ""),
                constraints=dg.TableColumnConstraints(nullable=column.nullable and column.name not in table.key),
            )
            for column in table.columns
        ]
    )


def _markdown(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    lines = [f"| {' | '.join('' if cell is None else str(cell) for cell in row)} |" for row in frame.rows()]
    return dg.MetadataValue.md("\n".join([f"| {' | '.join(frame.columns)} |", "|---" * frame.width + "|", *lines]))


def _snapshot(city: City, published: Sequence[str]) -> Undated:
    @_asset(
        city.slug,
        "snapshot",
        [_key(city, name) for name in published],
        description="The city's published snapshot: written, read back, checked, then pointed at. It is of the newest "
        "day that the lake has; a past day that is run again corrects it.",
        kinds={"parquet", "html"},
        tags={"stage": "snapshot"},
    )
    def snapshot(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        step = _step(context, city)
        answered = answers.give(step)
        done = publish.publish(step, published)
        return dg.MaterializeResult(
            metadata={
                "snapshot": done.snapshot,
                "commit": done.seq,
                "edition": done.day,
                "unchanged": done.unchanged,
                "mended": list(done.mended),
                "snapshots_removed": done.removed,
                "not_removed": done.not_removed,
                "files_answered": answered,
                "months_compacted": upkeep.tidy(step),
                "files": done.files,
                "bytes": done.bytes,
                "page": dg.MetadataValue.path(done.page),
                "data_docs": dg.MetadataValue.path(data_docs.write(step)),
            }
        )

    return snapshot
