"""How often vehicles leave from a city's stops: the table ``transit_service`` of a GTFS feed.

GTFS Schedule, https://gtfs.org/documentation/schedule/reference/: ``stop_times`` are a trip's calls in time of the
service day (24:30:00 is half past midnight of the next); a trip in ``frequencies`` is only a pattern that starts every
``headway_secs`` from ``start_time`` until before ``end_time``, whether ``exact_times`` or not; ``calendar`` and its
exceptions in ``calendar_dates`` say on which days a trip's service runs.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from assets.sources import thai
from assets.sources.gtfs_frequencies import ceil, runs, seconds_of, whole
from assets.sources.gtfs_members import WEEKDAYS
from quality.batch import Batch
from quality.tables import TRANSIT_SERVICE

PLACEHOLDER_BEFORE = 3600
"""A trip whose times begin at 00:00 and end before 01:00 has none: Namtang's long-distance trains count up that way."""

NO_PICKUP = "1"
"""``pickup_type`` of a call where nobody can board."""

_SAME_MINUTE = 2
"""Stops that a vehicle may pass within one printed minute."""

_KINDS: dict[str, Collection[int]] = {"weekday": range(1, 6), "saturday": (6,), "sunday": (7,)}
"""Day type → days of the week."""

_WEEKS = 4
"""Weeks that are looked through for a day with departures: those of Songkran and of New Year may have none."""

_HOUR = 3600
_HALF_DAY = 12 * _HOUR
_RUN = ("service_id", "date")


class Timetable(NamedTuple):
    """Members of a feed as text with ``_row``; those that the feed lacks are empty."""

    trips: pl.DataFrame
    stop_times: pl.DataFrame
    frequencies: pl.DataFrame
    calendar: pl.DataFrame
    calendar_dates: pl.DataFrame


def day_of(column: str) -> pl.Expr:
    """Day of a text as GTFS writes it, 20260101; some feeds write 2026-01-01, or a Buddhist year."""
    parts = thai.clean(pl.col(column)).str.extract_groups(r"^([0-9]{4})-?([0-9]{2})-?([0-9]{2})$").struct
    year, month, day = (parts.field(name).cast(pl.Int32) for name in ("1", "2", "3"))
    told = pl.concat_str(thai.common_era(year), month, day, separator="-")
    return told.str.to_date("%Y-%m-%d", strict=False)


def valid_days(timetable: Timetable) -> tuple[date, date] | None:
    """First and last day that the feed's calendars tell, also of those that cannot be used; None where it has none. One
    that ends on a day that is none (29 February of most years) tells no end."""
    calendar = timetable.calendar.select(start_date=day_of("start_date"), end_date=day_of("end_date")).drop_nulls()
    added = timetable.calendar_dates.filter(whole("exception_type") == "1").select(day_of("date")).to_series()
    told = pl.concat([calendar["start_date"], calendar["end_date"], added]).to_frame("day")
    return _span(told.select(start_date="day", end_date="day"))


def next_change(timetable: Timetable, day: date) -> date | None:
    """The first day after ``day`` on which a service begins, or one has ended while others go on."""
    dates = timetable.calendar_dates.filter(whole("exception_type") == "1").select("service_id", day=day_of("date"))
    calendar = timetable.calendar.select("service_id", first=day_of("start_date"), last=day_of("end_date"))
    added = dates.join(calendar, on="service_id", how="anti").group_by("service_id")
    told = pl.concat([calendar, added.agg(first=pl.col("day").min(), last=pl.col("day").max())])
    days = pl.concat([told["first"], told["last"] + timedelta(days=1)]).to_frame("day")
    return days.filter(pl.col("day") > day, pl.col("day") <= pl.lit(told["last"].max(), pl.Date))["day"].min()  # type: ignore[return-value]


def _span(periods: pl.DataFrame) -> tuple[date, date] | None:
    first, last = periods["start_date"].min(), periods["end_date"].max()
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None


def _calendar(calendar: pl.DataFrame) -> Batch:
    """``calendar`` with days. Of a service with two calendars that overlap and differ, nothing tells which is right;
    two that follow each other hold both."""
    days = {"start_date": day_of("start_date"), "end_date": day_of("end_date")}
    dated = Batch(calendar.with_columns(whole(*WEEKDAYS), **days)).refuse(
        (pl.col("start_date").is_null() | pl.col("end_date").is_null(), "stamp-bad", "a day of calendar.txt"),
        (pl.col("start_date") > pl.col("end_date"), "row-malformed", "a calendar that ends before it begins"),
        (
            ~pl.all_horizontal(pl.col(WEEKDAYS).fill_null("0").is_in(["0", "1"])),
            "value-unknown",
            "a day of the week in calendar.txt is neither 0 nor 1",
        ),
    )
    once = dated.distinct([name for name in calendar.columns if name != "_row"])
    until = pl.col("end_date").cum_max().shift().over("service_id", order_by="start_date")
    overlaps = (pl.col("start_date") <= until).fill_null(value=False).any().over("service_id")
    return once.refuse((overlaps, "key-duplicate", "another calendar of the same service_id holds for the same days"))


def _exceptions(calendar_dates: pl.DataFrame) -> Batch:
    """``calendar_dates`` with days, those that GTFS knows."""
    return (
        Batch(calendar_dates.with_columns(whole("exception_type"), date=day_of("date")))
        .refuse(
            (pl.col("date").is_null(), "stamp-bad", "a day of calendar_dates.txt"),
            (~pl.col("exception_type").is_in(["1", "2"]), "value-unknown", "an exception_type that is neither 1 nor 2"),
        )
        .distinct(_RUN)
    )


def _periods(calendar: pl.DataFrame, exceptions: pl.DataFrame, weekdays: Collection[int]) -> pl.DataFrame:
    """``start_date, end_date`` within which services run on these days of the week (1 is Monday)."""
    runs = pl.any_horizontal(pl.col(WEEKDAYS[number - 1]) == "1" for number in weekdays)
    # A calendar without any day of the week has its days from the exceptions.
    regular = calendar if len(weekdays) == len(WEEKDAYS) else calendar.filter(runs)
    added = exceptions.filter(pl.col("exception_type") == "1", pl.col("date").dt.weekday().is_in(list(weekdays)))
    return pl.concat(
        [regular.select("start_date", "end_date"), added.select(start_date="date", end_date="date")]
    ).unique()


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


def service(timetable: Timetable, stops: pl.Series, routes: pl.DataFrame, day: date) -> Batch:
    """Departures at ``stops`` (ids) as columns of ``transit_service`` without feed and reference date, with the last
    day of the services that are counted.

    Counted are a Saturday, a Sunday and the middle one of five working days by departures, each of the seven days
    nearest to ``day`` of the validity of the calendars for its kind of day: where those ended or begin at another time
    than others, that is said (``feed-expired``, ``feed-ahead``). Holidays, from which exceptions take services, count
    where the week has no other day of their kind; where none has a departure, the days of a week after do. A trip's
    last call and calls without boarding are no departures. Times between two told ones are interpolated, as GTFS asks.
    No rows where the feed brings no stop times or no calendar (``column-missing``).
    """
    calendar, exceptions = _calendar(timetable.calendar), _exceptions(timetable.calendar_dates)
    valid = _span(_periods(calendar.rows, exceptions.rows, range(1, 8)))
    said = (*calendar.problems, *exceptions.problems)
    lacking = [
        *(["stop_times.txt"] if not timetable.stop_times.height else []),
        *(["trips.txt"] if not timetable.trips.height else []),
        *([f"{'usable ' if said else ''}calendar.txt or calendar_dates.txt"] if valid is None else []),
    ]
    if lacking or valid is None:
        text = f"departures cannot be told: the feed has no {', '.join(lacking)}"
        return Batch(_rows(None), said).note("column-missing", text)
    calls, trips = _calls(timetable, stops), Batch(timetable.trips).distinct(("trip_id",))
    starts = runs(timetable.frequencies, calls.rows, trips.rows, routes)
    patterns = timetable.frequencies.select("trip_id").unique()
    placeholders = _placeholders(calls.rows, patterns)
    timed = calls.rows.join(placeholders, on="trip_id", how="anti")
    departures = _departures(timed, starts.rows, patterns, stops, trips.rows)
    departures = departures.join(_ends(calendar.rows, exceptions.rows), on="service_id", how="left")
    batch, counted = Batch(_rows(None), (*said, *trips.problems)), []
    for kind, of_kind in _KINDS.items():
        week, own = _week(valid, day), _periods(calendar.rows, exceptions.rows, of_kind)
        if own.height and not own.filter(_apart(week) == 0).height:
            first, last = own.sort(_apart(week), "start_date").row(0)
            code, text = ("feed-expired", f"ended on {last}") if last < week[0] else ("feed-ahead", f"begin on {first}")
            batch = batch.note(code, f"calendars of the day type {kind} {text}, others hold from {week[0]}")
            week = _week((first, last), day)
        for later in range(_WEEKS):
            days = [each + timedelta(days=7 * later) for each in week if each.isoweekday() in of_kind]
            found = _middle(calendar.rows, exceptions.rows, departures, _ordinary(days, exceptions.rows), kind)
            if found.height:
                break
        counted.append(found)
    daily = pl.concat([_NO_DEPARTURES, *counted])
    table = Batch(_rows(daily), (*calls.problems, *starts.problems, *batch.problems))
    if count := placeholders.height:
        text = f"{count} trips have placeholder times (counted up from 00:00, or all alike): not in the service"
        return table.note("value-missing", text)
    return table


def _calls(timetable: Timetable, stops: pl.Series) -> Batch:
    """All calls of the trips that call at ``stops``, in order, with ``seconds`` of the service day and ``boards``."""
    reach = timetable.stop_times.filter(pl.col("stop_id").is_in(stops.implode())).select("trip_id").unique()
    own = timetable.stop_times.join(reach, on="trip_id", how="semi", maintain_order="left")
    place = whole("stop_sequence").cast(pl.Int64, strict=False)
    if own["stop_sequence"].is_null().all():
        place = pl.col("_row")  # that the column lacks is said
    time = pl.coalesce("departure_time", "arrival_time")
    calls = (
        Batch(own.with_columns(time=time, seconds=seconds_of(time), stop_sequence=place))
        .refuse(
            (pl.col("time").is_not_null() & pl.col("seconds").is_null(), "stamp-bad", "a time in stop_times.txt"),
            (pl.col("stop_sequence").is_null(), "row-malformed", "a stop_sequence that is no whole number"),
        )
        .distinct(("trip_id", "stop_sequence"))
    )
    calls = _forward(replace(calls, rows=calls.rows.sort("trip_id", "stop_sequence"))).select(
        "trip_id",
        "stop_id",
        stated="seconds",
        seconds=pl.col("seconds").interpolate().over("trip_id").cast(pl.Int64),
        boards=(pl.int_range(pl.len()).over("trip_id") < pl.len().over("trip_id") - 1)
        & pl.col("pickup_type").ne_missing(pl.lit(NO_PICKUP)),
    )
    untimed = calls.rows["seconds"].null_count()
    return calls.note("value-missing", f"{untimed} calls have no time that can be told") if untimed else calls


def _forward(calls: Batch) -> Batch:
    """Calls in order, with the hours after midnight of trips that begin to count anew there, as GTFS does not; other
    times that fall along a trip stay as told, and are said."""
    trip, seconds = pl.col("trip_id"), pl.col("seconds")
    of_last = pl.when(seconds.is_not_null()).then(trip).forward_fill().shift()
    before = pl.when(of_last == trip).then(seconds.forward_fill().shift())
    late = before - seconds > _HALF_DAY
    if calls.rows.select(late.any()).item():
        after = late.fill_null(value=False).cum_max().over(trip)
        # A slip in one time is followed by later ones than the trip's first; midnight is not.
        anew = after & (~after | (seconds < seconds.drop_nulls().first().over(trip))).fill_null(value=True).all().over(
            trip
        )
        text = "stop_times.txt: hours after midnight are told from 0 on"
        calls = calls.with_columns(_anew=anew).warn(pl.col("_anew") & late, "time-falls", text)
        calls = calls.with_columns(seconds=seconds + pl.col("_anew").cast(pl.Int64) * 2 * _HALF_DAY)
    early = seconds_of(pl.col("departure_time")) < seconds_of(pl.col("arrival_time"))
    text = "stop_times.txt: a call earlier than the one before it, or left before it is reached"
    return calls.warn((seconds < before) | early, "time-falls", text)


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
        return ceil(moment - start, headway).clip(0, count)

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
        .join(trips.select("trip_id", "route_id", "service_id"), on="trip_id")
        .group_by("service_id", "route_id", "stop_id", "hour")
        .agg(pl.col("departures").sum())
    )


def _apart(week: list[date]) -> pl.Expr:
    """Days between a period and a week; 0 where they meet."""
    after, before = pl.col("start_date") - pl.lit(week[-1]), pl.lit(week[0]) - pl.col("end_date")
    return pl.max_horizontal(after.dt.total_days(), before.dt.total_days(), pl.lit(0))


def _week(valid: tuple[date, date], day: date) -> list[date]:
    """The seven days from ``day`` on, moved into the validity; fewer where it is shorter."""
    first = max(valid[0], min(day, valid[1] - timedelta(days=6)))
    return [first + timedelta(days=n) for n in range(7) if first + timedelta(days=n) <= valid[1]]


def _active(calendar: pl.DataFrame, exceptions: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """``service_id, date`` of the services that run on the ``date`` of ``days``."""
    runs = pl.any_horizontal(
        (pl.col("date").dt.weekday() == number) & (pl.col(name) == "1") for number, name in enumerate(WEEKDAYS, start=1)
    )
    regular = (
        calendar.join(days, how="cross").filter(runs, pl.col("date").is_between("start_date", "end_date")).select(_RUN)
    )
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
        "until": pl.Date,
    }
)


def _ends(calendar: pl.DataFrame, exceptions: pl.DataFrame) -> pl.DataFrame:
    """``service_id, until``: the last day that a service may run on."""
    added = exceptions.filter(pl.col("exception_type") == "1").select("service_id", until="date")
    told = pl.concat([calendar.select("service_id", until="end_date"), added])
    return told.group_by("service_id").agg(pl.col("until").max())


def _ordinary(days: list[date], exceptions: pl.DataFrame) -> list[date]:
    """Those of the ``days`` from which no service is taken, or all where there is none."""
    fewer = {*exceptions.filter(pl.col("exception_type") == "2")["date"]}
    return [each for each in days if each not in fewer] or days


def _middle(
    calendar: pl.DataFrame, exceptions: pl.DataFrame, departures: pl.DataFrame, days: list[date], kind: str
) -> pl.DataFrame:
    """Departures of the day among ``days`` that is the middle one by their number, as ``_NO_DEPARTURES``."""
    frame = pl.DataFrame({"date": days}, schema={"date": pl.Date})
    daily = departures.join(_active(calendar, exceptions, frame), on="service_id")
    sums = daily.group_by("date").agg(pl.col("departures").sum())
    ranked = frame.join(sums, on="date", how="left").fill_null(0).sort("departures", "date")["date"]
    rows = daily.filter(pl.col("date") == ranked[len(ranked) // 2]) if len(ranked) else daily
    return rows.with_columns(day_type=pl.lit(kind)).select(_NO_DEPARTURES.columns)


def _rows(departures: pl.DataFrame | None) -> pl.DataFrame:
    names = ("day_type", "service_date", "hour", "departures", "stops", "routes", "feed_end_date")
    if departures is None:
        return pl.DataFrame(schema={"_row": pl.Int64} | {name: TRANSIT_SERVICE.schema[name] for name in names})
    return (
        departures.group_by("day_type", pl.col("date").alias("service_date"), pl.col("hour").cast(pl.Int32))
        .agg(
            pl.col("departures").sum(),
            stops=pl.col("stop_id").n_unique().cast(pl.Int64),
            routes=pl.col("route_id").n_unique().cast(pl.Int64),
            feed_end_date=pl.col("until").max(),
        )
        .with_columns(pl.col("feed_end_date").max().over("day_type"))
        .sort("day_type", "hour")
        .with_row_index("_row", offset=1)
        .cast({"_row": pl.Int64})
    )
