"""How often vehicles leave from a city's stops: the table ``transit_service`` of a GTFS feed.

GTFS Schedule, https://gtfs.org/documentation/schedule/reference/: ``stop_times`` are a trip's calls in time of the
service day (24:30:00 is half past midnight of the next); a trip in ``frequencies`` is only a pattern that starts every
``headway_secs`` from ``start_time`` until before ``end_time``, whether ``exact_times`` or not; ``calendar`` and its
exceptions in ``calendar_dates`` say on which days a trip's service runs.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from quality.batch import Batch
from quality.tables import TRANSIT_SERVICE

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

PLACEHOLDER_BEFORE = 3600
"""A trip whose times begin at 00:00 and end before 01:00 has none: Namtang's long-distance trains count up that way."""

NO_PICKUP = "1"
"""``pickup_type`` of a call where nobody can board."""

_SAME_MINUTE = 2
"""Stops that a vehicle may pass within one printed minute."""

_KINDS: dict[str, Collection[int]] = {"weekday": range(1, 6), "saturday": (6,), "sunday": (7,)}
"""Day type → days of the week."""

_HOUR = 3600
_RUN = ("service_id", "date")


class Timetable(NamedTuple):
    """Members of a feed as text with ``_row``; those that the feed lacks are empty."""

    trips: pl.DataFrame
    stop_times: pl.DataFrame
    frequencies: pl.DataFrame
    calendar: pl.DataFrame
    calendar_dates: pl.DataFrame


COLUMNS: dict[str, Sequence[str]] = {
    "trips": ("trip_id", "route_id", "service_id"),
    "stop_times": ("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time", "pickup_type"),
    "frequencies": ("trip_id", "start_time", "end_time", "headway_secs"),
    "calendar": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "calendar_dates": ("service_id", "date", "exception_type"),
}
"""Member → columns that are read of it."""


def valid_days(timetable: Timetable) -> tuple[date, date] | None:
    """First and last day on which the feed's calendars can have a service; None where it has no calendar."""
    return _valid_days(timetable, range(1, 8))


def _valid_days(timetable: Timetable, weekdays: Collection[int]) -> tuple[date, date] | None:
    """As ``valid_days``, of the calendars for these days of the week (1 is Monday)."""
    runs = pl.any_horizontal(pl.col(WEEKDAYS[number - 1]) == "1" for number in weekdays)
    # A calendar without any day of the week has its days from the exceptions.
    calendar = timetable.calendar if len(weekdays) == len(WEEKDAYS) else timetable.calendar.filter(runs)
    added = timetable.calendar_dates.filter(pl.col("exception_type") == "1").select(date=_day("date"))
    days = pl.concat(
        [
            calendar.select(date=_day("start_date")),
            calendar.select(date=_day("end_date")),
            added.filter(pl.col("date").dt.weekday().is_in(list(weekdays))),
        ]
    )["date"].drop_nulls()
    first, last = days.min(), days.max()
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None


def unknown_references(timetable: Timetable, stops: pl.DataFrame, routes: pl.DataFrame) -> Batch:
    """No rows; a problem (``reference-unknown``) for each member whose rows name what the feed does not have, with how
    many: such trips and calls are in no count."""
    services = pl.concat([timetable.calendar.select("service_id"), timetable.calendar_dates.select("service_id")])
    batch = Batch(timetable.trips.clear())
    for member, frame, name, known in (
        ("stop_times.txt", timetable.stop_times, "trip_id", timetable.trips),
        ("stop_times.txt", timetable.stop_times, "stop_id", stops),
        ("frequencies.txt", timetable.frequencies, "trip_id", timetable.trips),
        ("trips.txt", timetable.trips, "route_id", routes),
        ("trips.txt", timetable.trips, "service_id", services),
    ):
        if not known.height:
            continue  # that it lacks is said elsewhere
        lost = frame.drop_nulls(name).join(known.select(name).drop_nulls(), on=name, how="anti")
        if lost.height:
            values = lost[name].unique().sort()
            shown = ", ".join(f"{value!r:.40}" for value in values.head(3))
            text = f"{lost.height} rows of {member} have a {name} that the feed does not know ({shown})"
            batch = batch.note("reference-unknown", text, lost["_row"].min())  # type: ignore[arg-type]
    return batch


def service(timetable: Timetable, stops: pl.Series, day: date) -> Batch:
    """Departures at ``stops`` (ids) as columns of ``transit_service`` without feed and reference date.

    Counted are a Saturday, a Sunday and the middle one of five working days by departures, so that a holiday among
    them does not count, each of the seven days nearest to ``day`` of the validity of the calendars for its kind of day:
    where those for weekends ended earlier, that is said (``feed-expired``). A trip's last call and
    calls without boarding are no departures. Times between two told ones are interpolated, as GTFS asks. No rows where
    the feed brings no stop times or no calendar (``column-missing``).
    """
    valid = valid_days(timetable)
    lacking = [
        *(["stop_times.txt"] if not timetable.stop_times.height else []),
        *(["trips.txt"] if not timetable.trips.height else []),
        *(["calendar.txt or calendar_dates.txt"] if valid is None else []),
    ]
    if lacking or valid is None:
        text = f"departures cannot be told: the feed has no {', '.join(lacking)}"
        return Batch(_rows(None)).note("column-missing", text)
    calls = _calls(timetable, stops)
    runs = _runs(timetable.frequencies, calls.rows)
    patterns = timetable.frequencies.select("trip_id").unique()
    placeholders = _placeholders(calls.rows, patterns)
    timed = calls.rows.join(placeholders, on="trip_id", how="anti")
    departures = _departures(timed, runs.rows, patterns, stops, timetable.trips)
    batch, counted = Batch(_rows(None)), []
    for kind, of_kind in _KINDS.items():
        week, own = _week(valid, day), _valid_days(timetable, of_kind)
        if own and own[1] < week[0]:
            text = f"calendars of the day type {kind} ended on {own[1]}, others go on until {valid[1]}"
            week, batch = _week(own, day), batch.note("feed-expired", text)
        days = [each for each in week if each.isoweekday() in of_kind]
        counted.append(_middle(timetable, departures, days, kind))
    daily = pl.concat([_NO_DEPARTURES, *counted])
    table = Batch(_rows(daily), (*calls.problems, *runs.problems, *batch.problems))
    if count := placeholders.height:
        text = f"{count} trips have placeholder times (counted up from 00:00, or all alike): not in the service"
        return table.note("value-missing", text)
    return table


def _calls(timetable: Timetable, stops: pl.Series) -> Batch:
    """All calls of the trips that call at ``stops``, in order, with ``seconds`` of the service day and ``boards``."""
    reach = timetable.stop_times.filter(pl.col("stop_id").is_in(stops.implode())).select("trip_id").unique()
    all_calls = timetable.stop_times.join(reach, on="trip_id", how="semi")
    own = all_calls.unique(["trip_id", "stop_sequence"], keep="first", maintain_order=True)
    again = all_calls.height - own.height
    time = pl.coalesce(pl.col("departure_time").replace("", None), pl.col("arrival_time").replace("", None))
    timed = own.with_columns(
        time=time, seconds=_seconds(time), stop_sequence=pl.col("stop_sequence").cast(pl.Int64, strict=False)
    )
    calls = (
        Batch(timed.sort("trip_id", "stop_sequence", "_row"))
        .refuse(
            (pl.col("time").is_not_null() & pl.col("seconds").is_null(), "stamp-bad", "a time in stop_times.txt"),
        )
        .select(
            "trip_id",
            "stop_id",
            stated="seconds",
            seconds=pl.col("seconds").interpolate().over("trip_id").cast(pl.Int64),
            boards=(pl.int_range(pl.len()).over("trip_id") < pl.len().over("trip_id") - 1)
            & pl.col("pickup_type").ne_missing(pl.lit(NO_PICKUP)),
        )
    )
    if again:
        text = f"{again} rows of stop_times.txt have the trip_id and stop_sequence of another: counted once"
        calls = calls.note("duplicate-rows", text)
    untimed = calls.rows["seconds"].null_count()
    return calls.note("value-missing", f"{untimed} calls have no time that can be told") if untimed else calls


def _runs(frequencies: pl.DataFrame, calls: pl.DataFrame) -> Batch:
    """``trip_id, first, headway, count``: the starts of the trips that are patterns."""
    own = frequencies.join(calls.select("trip_id").unique(), on="trip_id", how="semi").with_columns(
        first=_seconds(pl.col("start_time")),
        last=_seconds(pl.col("end_time")),
        headway=pl.col("headway_secs").cast(pl.Int64, strict=False),
    )
    usable = ((pl.col("first") < pl.col("last")) & (pl.col("headway") > 0)).fill_null(value=False)
    batch = Batch(own).refuse((~usable, "row-malformed", "a window or headway in frequencies.txt"))
    # GTFS allows no overlap of one trip's windows: the one that begins first holds until its end.
    told = batch.rows.sort("trip_id", "first", "last", "_row")
    until = pl.col("last").cum_max().shift().over("trip_id")
    skipped = _ceil((until - pl.col("first")).clip(0), pl.col("headway")).fill_null(0)
    clear = told.with_columns(first=pl.col("first") + skipped * pl.col("headway"), late=skipped > 0)
    if late := int(clear["late"].sum()):
        text = f"{late} windows of frequencies.txt overlap one before for the same trip: counted once"
        batch = batch.note("duplicate-rows", text)
    rows = clear.filter(pl.col("first") < pl.col("last"))
    return Batch(rows, batch.problems).select(
        "trip_id", "first", "headway", count=_ceil(pl.col("last") - pl.col("first"), pl.col("headway"))
    )


def _placeholders(calls: pl.DataFrame, patterns: pl.DataFrame) -> pl.DataFrame:
    """``trip_id`` of the trips whose times stand for none: counted up from 00:00 and all before 01:00, or all alike at
    more than two stops or at midnight. A pattern's times may be: they are offsets."""
    trips = calls.join(patterns, on="trip_id", how="anti").group_by("trip_id")
    facts = trips.agg(least=pl.col("stated").min(), most=pl.col("stated").max(), times=pl.col("stated").count())
    from_midnight = (pl.col("least") == 0) & (pl.col("most") < PLACEHOLDER_BEFORE) & (pl.col("times") > 1)
    alike = (pl.col("least") == pl.col("most")) & (pl.col("times") > _SAME_MINUTE)
    return facts.filter(alike | from_midnight).select("trip_id")


def _departures(
    calls: pl.DataFrame, runs: pl.DataFrame, patterns: pl.DataFrame, stops: pl.Series, trips: pl.DataFrame
) -> pl.DataFrame:
    """``service_id, route_id, stop_id, hour, departures`` at ``stops`` on a day on which the service runs."""
    begins = pl.col("seconds").min().over("trip_id")
    # A pattern begins with its first call, whether or not that lies in reach.
    here = calls.with_columns(offset=pl.col("seconds") - begins).filter(
        pl.col("boards"), pl.col("seconds").is_not_null(), pl.col("stop_id").is_in(stops.implode())
    )
    # A trip whose windows cannot be used has no time of its own.
    single = here.join(patterns, on="trip_id", how="anti").select(
        "trip_id", "stop_id", hour=pl.col("seconds") // _HOUR, departures=pl.lit(1, pl.Int64)
    )
    start, headway, count = pl.col("first") + pl.col("offset"), pl.col("headway"), pl.col("count")
    hours = pl.int_ranges(start // _HOUR, (start + (count - 1) * headway) // _HOUR + 1)

    def before(moment: pl.Expr) -> pl.Expr:
        return _ceil(moment - start, headway).clip(0, count)

    repeated = (
        here.join(runs, on="trip_id")
        .with_columns(hour=hours)
        .explode("hour", empty_as_null=False)
        .select(
            "trip_id",
            "stop_id",
            "hour",
            departures=before((pl.col("hour") + 1) * _HOUR) - before(pl.col("hour") * _HOUR),
        )
    )
    return (
        pl.concat([single, repeated])
        .filter(pl.col("departures") > 0)
        .join(trips.select("trip_id", "route_id", "service_id").unique("trip_id", keep="first"), on="trip_id")
        .group_by("service_id", "route_id", "stop_id", "hour")
        .agg(pl.col("departures").sum())
    )


def _week(valid: tuple[date, date], day: date) -> list[date]:
    """The seven days from ``day`` on, moved into the validity; fewer where it is shorter."""
    first = max(valid[0], min(day, valid[1] - timedelta(days=6)))
    return [first + timedelta(days=n) for n in range(7) if first + timedelta(days=n) <= valid[1]]


def _active(timetable: Timetable, days: pl.DataFrame) -> pl.DataFrame:
    """``service_id, date`` of the services that run on the ``date`` of ``days``."""
    runs = pl.any_horizontal(
        (pl.col("date").dt.weekday() == number) & (pl.col(name) == "1") for number, name in enumerate(WEEKDAYS, start=1)
    )
    regular = (
        timetable.calendar.join(days, how="cross")
        .filter(runs, pl.col("date").is_between(_day("start_date"), _day("end_date")))
        .select(_RUN)
    )
    exceptions = timetable.calendar_dates.with_columns(date=_day("date"))
    removed, added = (
        exceptions.filter(pl.col("exception_type") == kind).select(_RUN).join(days, on="date", how="semi")
        for kind in ("2", "1")
    )
    return pl.concat([regular.join(removed, on=_RUN, how="anti"), added]).unique()


_NO_DEPARTURES = pl.DataFrame(
    schema={
        "day_type": pl.String,
        "date": pl.Date,
        "route_id": pl.String,
        "stop_id": pl.String,
        "hour": pl.Int64,
        "departures": pl.Int64,
    }
)


def _middle(timetable: Timetable, departures: pl.DataFrame, days: list[date], kind: str) -> pl.DataFrame:
    """Departures of the day among ``days`` that is the middle one by their number, as ``_NO_DEPARTURES``."""
    frame = pl.DataFrame({"date": days}, schema={"date": pl.Date})
    daily = departures.join(_active(timetable, frame), on="service_id")
    sums = daily.group_by("date").agg(pl.col("departures").sum())
    ranked = frame.join(sums, on="date", how="left").fill_null(0).sort("departures", "date")["date"]
    rows = daily.filter(pl.col("date") == ranked[len(ranked) // 2]) if len(ranked) else daily
    return rows.with_columns(day_type=pl.lit(kind)).select(_NO_DEPARTURES.columns)


def _rows(departures: pl.DataFrame | None) -> pl.DataFrame:
    names = ("day_type", "service_date", "hour", "departures", "stops", "routes")
    if departures is None:
        return pl.DataFrame(schema={"_row": pl.Int64} | {name: TRANSIT_SERVICE.schema[name] for name in names})
    return (
        departures.group_by("day_type", pl.col("date").alias("service_date"), pl.col("hour").cast(pl.Int32))
        .agg(
            pl.col("departures").sum(),
            stops=pl.col("stop_id").n_unique().cast(pl.Int64),
            routes=pl.col("route_id").n_unique().cast(pl.Int64),
        )
        .sort("day_type", "hour")
        .with_row_index("_row", offset=1)
        .cast({"_row": pl.Int64})
    )


def _seconds(text: pl.Expr) -> pl.Expr:
    """Seconds from ``H:MM:SS``; hours may exceed 23."""
    parts = text.str.extract_groups(r"^\s*([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])\s*$").struct
    hours, minutes, seconds = (parts.field(name).cast(pl.Int64) for name in ("1", "2", "3"))
    return hours * _HOUR + minutes * 60 + seconds


def _day(column: str) -> pl.Expr:
    # GTFS writes 20260101; some feeds 2026-01-01.
    return pl.col(column).str.replace_all("-", "", literal=True).str.to_date("%Y%m%d", strict=False)


def _ceil(amount: pl.Expr, by: pl.Expr) -> pl.Expr:
    return (amount + by - 1) // by
