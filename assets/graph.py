"""The graph: a city's registry entry becomes its group of Dagster assets.

Thin factories only; the work is in ``assets.sources.fetch``, ``assets.lake.ingest`` and
``assets.snapshots.publish``. Keys are ``[city, table]``. A table's checks are computed in its own step, so that a city
costs no step more for being judged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.cities.registry import City
from assets.lake import derive, ingest
from assets.lake.derive import DERIVED, Derived
from assets.lake.feeds import NATIONAL, SOURCES, landed_as, source_of
from assets.landing.archive import Receipt
from assets.landing.deployment import Deployment, Step
from assets.snapshots import publish
from assets.sources import fetch
from assets.sources.source import Source
from quality.contracts import Table
from quality.problems import with_severity
from quality.tables import INDICATORS, LOAD_PROFILE, METER_INTERVALS, METERS, PROGRAMME, TABLES
from quality.verdicts import Verdict

START = "2026-11-01"
"""First delivery day; one for all assets, because mixed start dates break backfills (dagster #19625)."""

OWNERS = ["team:muang"]

DELIVERY_DAYS = dg.DailyPartitionsDefinition(START, timezone="Asia/Bangkok", end_offset=1)
"""Delivery days. ``end_offset=1``: the run at 01:30 fills the day that has just begun."""

THE_COUNTRY = City.model_construct(slug=NATIONAL, name_th="ประเทศไทย", name_en="Thailand")
"""What a national source is landed for; it has no point and no province."""

GATE = "gate"
NOTES = "notes"
"""Checks of a table: ``gate`` blocks (structure, keys, critical expectations), ``notes`` only warns."""

SAMPLE = 20
"""Rows of a problem list kept in the event log; the whole list is the table ``quarantine``."""


def city_tables(city: City) -> list[Table]:
    """Lake tables a city's sources feed, in the order of the contracts."""
    fed = {name for entry in city.sources.values() for name in source_of(entry).tables}
    return [table for name, table in TABLES.items() if name in fed]


def build_city(city: City) -> list[dg.AssetsDefinition]:
    """A city's assets: landed sources, tables, load profile, indicators, snapshot."""
    assets = []
    if any(entry.via == "inbox" for entry in city.sources.values()):
        assets.append(_landing(city, "inbox", "Files that came into the city's inbox, landed with receipts."))
    for name, entry in sorted(city.sources.items()):
        if entry.via == "portal" and not SOURCES[entry.reader].national:
            source = SOURCES[entry.reader]
            assets.append(_landing(city, name, f"{source.title}, landed with receipts.", source.smart, source))
    tables = city_tables(city)
    assets += [_table(city, table) for table in tables]
    if METER_INTERVALS in tables:
        assets.append(_load_profile(city, METERS in tables))
    made = [derived for derived in DERIVED if derived.of in tables]
    assets += [_derived(city, derived) for derived in made]
    profile = [LOAD_PROFILE] if METER_INTERVALS in tables else []
    published = [t.name for t in [*tables, *profile, *(derived.table for derived in made)] if t.published]
    assets += [_indicators(city, published), _programme(city, published)]
    assets.append(_snapshot(city, [*published, INDICATORS.name, PROGRAMME.name]))
    return assets


def build_national(cities: Mapping[str, City]) -> list[dg.AssetsDefinition]:
    """Sources that answer for the whole country, as far as any city uses them."""
    used = {
        entry.reader
        for city in cities.values()
        for entry in city.sources.values()
        if entry.via == "portal" and SOURCES[entry.reader].national
    }
    return [_national(SOURCES[name].name) for name in sorted(used)]


Work = Callable[[dg.AssetExecutionContext], dg.MaterializeResult]


def _asset(group: str, name: str, deps: Sequence[dg.AssetKey], **more: Any) -> Callable[[Work], dg.AssetsDefinition]:
    """``dg.asset`` with what all assets share."""
    decorator: Callable[[Work], dg.AssetsDefinition] = dg.asset(
        key=dg.AssetKey([group, name]),
        group_name=group,
        deps=list(deps),
        owners=OWNERS,
        partitions_def=DELIVERY_DAYS,
        required_resource_keys={"deployment"},
        **more,
    )
    return decorator


def _step(context: dg.AssetExecutionContext, city: City) -> Step:
    return Step(context.resources.deployment, city, context.partition_time_window.start.date(), context.run_id)


def _key(city: City, name: str) -> dg.AssetKey:
    return dg.AssetKey([city.slug, name])


def _landing(
    city: City, name: str, description: str, smart: str = "", source: Source | None = None
) -> dg.AssetsDefinition:
    key = _key(city, f"landed_{name}")

    @_asset(
        city.slug,
        f"landed_{name}",
        [],
        description=description + (_declared(source) if source else ""),
        kinds={"bytes"},
        tags={"stage": "landing"} | ({"smart": smart} if smart else {}),
        pool=source and _pool(str(source.portal or city.sources[name].options.get("portal", name))),
        check_specs=[dg.AssetCheckSpec("arrived", asset=key, description="Every source answered with content.")],
    )
    def landed(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        step = _step(context, city)
        if source is None:
            return _landed(fetch.land_inboxes(step))
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


def _national(name: str) -> dg.AssetsDefinition:
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
        return _landed(fetch.land_portal(_step(context, THE_COUNTRY), name, source, {}))

    return landed


def _landed(receipts: Sequence[Receipt]) -> dg.MaterializeResult:
    failed = [r for r in receipts if r.outcome not in ("new", "unchanged")]
    table = dg.MetadataValue.table(
        [
            dg.TableRecord(
                {"name": r.name, "outcome": r.outcome, "bytes": r.bytes or 0, "reason": r.reason or "", "id": r.id}
            )
            for r in sorted(receipts, key=lambda r: r.outcome in ("new", "unchanged"))[:SAMPLE]
        ],
        schema=dg.TableSchema(
            columns=[dg.TableColumn(name, kind) for name, kind in _RECEIPT_COLUMNS.items()],
        ),
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
                passed=not failed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "failed": len(failed),
                    "reasons": [f"{r.name}: {r.code}: {r.reason}" for r in failed[:SAMPLE]],
                },
            )
        ],
    )


_RECEIPT_COLUMNS = {"name": "string", "outcome": "string", "bytes": "int", "reason": "string", "id": "string"}


def _table(city: City, table: Table) -> dg.AssetsDefinition:
    deps = [_landing_key(city, name) for name, entry in city.sources.items() if table.name in source_of(entry).tables]
    if table is METER_INTERVALS and METERS in city_tables(city):
        deps.append(_key(city, METERS.name))

    def work(deployment: Deployment, day: Any) -> ingest.Filled:
        if table is METER_INTERVALS:
            return ingest.fill_meter_intervals(deployment, city, day)
        return ingest.fill(deployment, city, table, day)

    def results(filled: ingest.Filled) -> Mapping[str, Any]:
        refused = with_severity(pl.concat([o.problems for o in filled.outcomes])) if filled.outcomes else None
        return {
            "deliveries": len({outcome.due.receipt.id for outcome in filled.outcomes}),
            "dagster/row_count": sum(file.rows for file in filled.files),
            "rows_delivered": filled.rows,
            "rows_refused": 0 if refused is None else refused.filter(severity="refuse").height,
            "files_written": sum(file.changed for file in filled.files),
            "bytes": sum(file.bytes for file in filled.files),
        }

    return _judged_asset(city, table, sorted(set(deps)), work, results)


def _landing_key(city: City, name: str) -> dg.AssetKey:
    entry = city.sources[name]
    owner, source = landed_as(city, name)
    return dg.AssetKey([owner, "landed_inbox" if entry.via == "inbox" else f"landed_{source}"])


def _load_profile(city: City, has_register: bool) -> dg.AssetsDefinition:
    deps = [_key(city, METER_INTERVALS.name)] + ([_key(city, METERS.name)] if has_register else [])

    def results(made: publish.Profile) -> Mapping[str, Any]:
        return {"days": len(made.days), "dagster/row_count": made.rows}

    return _judged_asset(
        city, LOAD_PROFILE, deps, lambda deployment, day: publish.make_load_profile(deployment, city, day), results
    )


def _derived(city: City, derived: Derived) -> dg.AssetsDefinition:
    def results(made: derive.Made) -> Mapping[str, Any]:
        return {
            "dagster/row_count": sum(file.rows for file in made.files),
            "files_written": sum(file.changed for file in made.files),
        }

    return _judged_asset(
        city,
        derived.table,
        [_key(city, derived.of.name)],
        lambda deployment, day: derive.derive(deployment, city, derived, day),
        results,
    )


def _judged_asset(
    city: City,
    table: Table,
    deps: Sequence[dg.AssetKey],
    work: Callable[[Deployment, Any], Any],
    results: Callable[[Any], Mapping[str, Any]],
) -> dg.AssetsDefinition:
    key = _key(city, table.name)

    @_asset(
        city.slug,
        table.name,
        deps,
        description=f"{table.description}\n\nKey: {', '.join(table.key)}. One file a city and {table.day}.",
        kinds={"polars", "parquet"},
        tags={"stage": "lake", "smart": table.smart},
        metadata={"dagster/column_schema": column_schema(table)},
        check_specs=[
            dg.AssetCheckSpec(GATE, asset=key, blocking=True, description="Structure, keys, critical expectations."),
            dg.AssetCheckSpec(NOTES, asset=key, description="Statistics, completeness, freshness, deliveries."),
        ],
    )
    def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        outcome = work(context.resources.deployment, context.partition_time_window.start.date())
        return dg.MaterializeResult(
            metadata=dict(results(outcome)), check_results=list(check_results(outcome.verdicts))
        )

    return made


def check_results(verdicts: Sequence[Verdict]) -> Iterator[dg.AssetCheckResult]:
    """The two Dagster checks of a table from its verdicts."""
    blocking = [verdict for verdict in verdicts if verdict.verdict == "block"]
    warning = [verdict for verdict in verdicts if verdict.verdict == "warn"]
    for name, found, severity in (
        (GATE, blocking, dg.AssetCheckSeverity.ERROR),
        (NOTES, warning, dg.AssetCheckSeverity.WARN),
    ):
        yield dg.AssetCheckResult(
            check_name=name,
            passed=not found,
            severity=severity,
            description="; ".join(f"{v.check}: {v.message}" for v in found[:3]) or None,
            metadata={
                "judged": len(verdicts),
                "found": len(found),
                "findings": [f"{v.check}: {v.failed} of {v.checked}: {v.message}" for v in found[:SAMPLE]],
            },
        )


def column_schema(table: Table) -> dg.TableSchema:
    """A contract as Dagster shows it: type, unit, description, constraints."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=str(column.dtype),
                description=column.description + (f" Unit: {column.unit}." if column.unit else ""),
                constraints=dg.TableColumnConstraints(nullable=column.nullable and column.name not in table.key),
            )
            for column in table.columns
        ]
    )


def _indicators(city: City, published: Sequence[str]) -> dg.AssetsDefinition:
    @_asset(
        city.slug,
        INDICATORS.name,
        [_key(city, name) for name in published],
        description=INDICATORS.description,
        kinds={"polars", "parquet"},
        tags={"stage": "lake", "smart": INDICATORS.smart},
        metadata={"dagster/column_schema": column_schema(INDICATORS)},
    )
    def indicators(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        day = context.partition_time_window.start.date()
        frame = publish.make_indicators(context.resources.deployment, city, published, day)
        shown = frame.with_columns(pl.col("value").round(2))
        text = _markdown(shown, ("smart", "title", "value", "unit", "verdict"))
        return dg.MaterializeResult(
            metadata={"dagster/row_count": frame.height, "indicators": dg.MetadataValue.md(text)}
        )

    return indicators


def _programme(city: City, published: Sequence[str]) -> dg.AssetsDefinition:
    @_asset(
        city.slug,
        PROGRAMME.name,
        [_key(city, name) for name in (*published, INDICATORS.name)],
        description=PROGRAMME.description,
        kinds={"polars", "parquet"},
        tags={"stage": "lake", "smart": PROGRAMME.smart},
        metadata={"dagster/column_schema": column_schema(PROGRAMME)},
    )
    def programme(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        day = context.partition_time_window.start.date()
        frame = publish.make_programme(context.resources.deployment, city, [*published, INDICATORS.name], day)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": frame.height,
                "programme": dg.MetadataValue.md(_markdown(frame, ("kind", "title", "verdict", "evidence", "missing"))),
            }
        )

    return programme


def _markdown(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """The columns as a Markdown table."""
    rows = frame.select(columns).rows()
    lines = [f"| {' | '.join('' if cell is None else str(cell) for cell in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *lines])


def _snapshot(city: City, published: Sequence[str]) -> dg.AssetsDefinition:
    @_asset(
        city.slug,
        "snapshot",
        [_key(city, name) for name in published],
        description="The city's published snapshot: written, read back, checked, then pointed at.",
        kinds={"parquet", "html"},
        tags={"stage": "snapshot"},
    )
    def snapshot(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        day = context.partition_time_window.start.date()
        made = publish.publish_city(context.resources.deployment, city, published, day, context.run_id)
        return dg.MaterializeResult(
            metadata={
                "snapshot": made.snapshot,
                "commit": made.seq,
                "files": made.files,
                "bytes": made.bytes,
                "page": dg.MetadataValue.path(made.page),
            }
        )

    return snapshot
