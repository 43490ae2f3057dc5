"""How a source's deliveries of a night compare with those of the nights before: a change is named before rows break."""

from datetime import date, timedelta

import polars as pl

from quality.contracts import Table
from quality.verdicts import Verdict, odd_rows

NIGHTS = 28
"""Nights looked back: four of each day of the week."""

GOOD = ("ok", "partial")
"""Status of a delivery that could be read."""

USUAL = 4
"""Good nights from which a source's size and cadence are known."""

SIZE = 3.0
"""A night's rows are told that are more than three times the most of all good nights, or less than a third of the
least: feeds of events differ from night to night."""

SIZE_LEAST = 30
"""Greatest of the two counts from which their ratio says something."""

LATE = 3
"""Times the longest usual gap between good nights after which a source is silent."""

DELIVERED = pl.Schema(
    {"source": pl.String(), "day": pl.Date(), "format": pl.String(), "rows": pl.Int64(), "status": pl.String()}
)
"""A delivery: columns of table ``deliveries``; ``rows`` went on to the table."""

RESOURCES = pl.Schema({"source": pl.String(), "day": pl.Date(), "resource": pl.String()})
"""A resource of a portal's package that was asked for on a day, by the portal's id of it, whatever it answered."""

EVENTS = pl.Schema(
    {"source": pl.String(), "event": pl.String(), "before": pl.String(), "now": pl.String(), "last_good": pl.Date()}
)
"""What changed of a source."""

SILENT = "silent"
"""Event of a source that has not answered for long."""

CHECK = "source-changed"
"""Its findings are about sources, not about rows."""


def changed(
    table: Table,
    tonight: pl.DataFrame,
    before: pl.DataFrame,
    day: date,
    resources: pl.DataFrame | None = None,
    stood: pl.DataFrame | None = None,
) -> list[Verdict]:
    """Check ``source-changed`` on delivery day ``day``: ``tonight`` against the nights ``before`` (both ``DELIVERED``),
    and the day's ``resources`` against those of the night before that asked for any (``RESOURCES``). ``stood`` are the
    events of the night before (``EVENTS``): who was silent then is so until an answer comes, also beyond ``NIGHTS``.

    Events, each with what was, what is and the day of the last good answer, which may be one without rows or with what
    was known already: ``format``: another one than in all good nights; ``size``: see ``SIZE``; ``rejected``: all that
    came; ``silent``: see ``LATE``; ``resource``: one that was asked for is in the package no more, or another stands in
    its place. A package that has more of them than before is as it should be.
    """
    looked_back = pl.col("day").is_between(day - timedelta(days=NIGHTS), day, closed="left")
    good = before.filter(looked_back, pl.col("status").is_in(GOOD))
    found = _events(good, tonight, day) if good.height else EVENTS.to_frame()
    if resources is not None and (resources["day"] < day).any():
        found = pl.concat([found, _gone(resources, day)])
    if stood is not None:
        found = pl.concat([found, _still_silent(stood, tonight, day).join(found, on=["source", "event"], how="anti")])
    found = found.sort("source", "event")
    bound = "a source as in the nights before; see what it answered (muang quarantine) and its page"
    shows = ("before", "now", "last_good")
    checked = pl.concat([good["source"], found["source"]]).n_unique()
    return [odd_rows(table, CHECK, checked, found, shows, bound, key=("source", "event"))]


def _events(good: pl.DataFrame, tonight: pl.DataFrame, day: date) -> pl.DataFrame:
    """Events of sources that were ``good`` before, but ``resource``."""
    with_rows = pl.col("rows") > 0
    nights = good.group_by("source", "day").agg(pl.col("rows").sum()).sort("source", "day")
    usual = nights.group_by("source").agg(
        answers=pl.len(),
        nights=with_rows.sum(),
        least=pl.col("rows").filter(with_rows).min(),
        most=pl.col("rows").max(),
        gap=pl.col("day").diff().dt.total_days().max(),
        last_good=pl.col("day").max(),
    )
    formats = good.group_by("source").agg(formats=pl.col("format").filter(with_rows).unique().sort())
    now = tonight.group_by("source").agg(
        pl.col("rows").sum(),
        new=pl.col("format").filter(with_rows).unique().sort(),
        rejected=(pl.col("status") == "rejected").any(),
        answered=pl.col("status").is_in([*GOOD, "rejected"]).any(),
    )
    known = usual.join(formats, on="source").join(now, on="source", how="left")
    rows_before = pl.format("{} to {} rows a night", "least", "most")
    grown = (pl.col("rows") > SIZE * pl.col("most")) & (pl.col("rows") >= SIZE_LEAST)
    shrunk = (SIZE * pl.col("rows") < pl.col("least")) & (pl.col("least") >= SIZE_LEAST)
    days = pl.lit(day).sub(pl.col("last_good")).dt.total_days()
    silent = ~pl.col("answered").fill_null(value=False) & (days > LATE * pl.col("gap"))
    other = pl.col("new").list.set_difference("formats")
    other_format = (other.list.len() > 0) & (pl.col("formats").list.len() > 0)
    events = (
        ("format", other_format, pl.col("formats").list.join(", "), other.list.join(", ")),
        ("size", (pl.col("nights") >= USUAL) & with_rows & (grown | shrunk), rows_before, pl.format("{} rows", "rows")),
        ("rejected", (pl.col("rows") == 0) & pl.col("rejected"), rows_before, pl.lit("no row")),
        (
            SILENT,
            (pl.col("answers") >= USUAL) & silent,
            pl.format("at most {} days apart", "gap"),
            pl.format("{} days", days),
        ),
    )
    known = known.filter(pl.any_horizontal(where for _, where, *_ in events))
    if not known.height:  # as on most nights: nothing else is asked
        return EVENTS.to_frame()
    return pl.concat(
        known.filter(where).select("source", event=pl.lit(event), before=was, now=shown, last_good="last_good")
        for event, where, was, shown in events
    )


def answered(tonight: pl.DataFrame) -> set[str]:
    """Sources of which an answer came, whatever it was (``DELIVERED``)."""
    return {*tonight.filter(pl.col("status").is_in([*GOOD, "rejected"]))["source"]}


def _still_silent(stood: pl.DataFrame, tonight: pl.DataFrame, day: date) -> pl.DataFrame:
    days = pl.lit(day).sub(pl.col("last_good")).dt.total_days()
    silent = stood.filter(~pl.col("source").is_in(list(answered(tonight))), event=SILENT)
    return silent.with_columns(now=pl.format("{} days", days))


def _gone(resources: pl.DataFrame, day: date) -> pl.DataFrame:
    """Events ``resource``, with the ids that went and those that came."""
    earlier = resources.filter(pl.col("day") < day)
    last = earlier.filter(pl.col("day") == pl.col("day").max().over("source"))
    ids = pl.col("resource").unique().sort()
    was, now = (
        last.group_by("source", last_good="day").agg(was=ids),
        resources.filter(day=day).group_by("source").agg(now=ids),
    )
    went, came = pl.col("was").list.set_difference("now"), pl.col("now").list.set_difference("was")
    return (
        was.join(now, on="source")
        .filter(went.list.len() > 0)
        .select(
            "source",
            event=pl.lit("resource"),
            before=went.list.sort().list.join(", "),
            now=pl.when(came.list.len() > 0).then(came.list.sort().list.join(", ")).otherwise(pl.lit("none")),
            last_good="last_good",
        )
    )
