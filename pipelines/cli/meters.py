"""``muang meters``: what a person decides of single meter values, kept as a delivery of its own."""

import uuid
from typing import Annotated

import typer

from pipelines.cli.base import Json, app, asked_point, fail, guarded, out, print_json, wanted
from pipelines.settings import Settings, now

meters_app = typer.Typer(help="Decide of single meter values: accept, correct, estimate, or take that back.")
app.add_typer(meters_app, name="meters", no_args_is_help=True)

CityOption = Annotated[str, typer.Option(help="City (slug).")]
Meter = Annotated[str, typer.Option(help="Meter id of the lake; - asks for the metering point, unseen.")]
From = Annotated[str, typer.Option("--from", help="Local time 'YYYY-MM-DD HH:MM' of the first interval's start.")]
To = Annotated[str, typer.Option("--to", help="Local time at which the last interval ends.")]
Reason = Annotated[str, typer.Option(help="Why; no meter, account or telephone.")]
By = Annotated[str, typer.Option("--by", help="Name of who decided.")]
Quantity = Annotated[str, typer.Option(help="What is measured.")]

IMPORT = "active_import"


WORDS = {
    "accept": "Use suspect values as they are. What is delivered later is judged again.",
    "estimate": "Put values aside and estimate them. One that is read, unsuspected and delivered on a later day is "
    "used.",
    "withdraw": "Take back what was decided of these values before: they are as the rules say.",
    "ask": "Note that the utility was asked for missing values (`missing_readings` counts it).",
}
"""Decisions that need no value, and what they do."""


def _add(decision: str) -> None:
    @meters_app.command(decision, help=WORDS[decision])
    @guarded
    def decide(
        city: CityOption,
        meter: Meter,
        since: From,
        until: To,
        reason: Reason,
        by: By,
        quantity: Quantity = IMPORT,
        as_json: Json = False,
    ) -> None:
        _decide(decision, city, meter, since, until, reason, by, quantity, "", as_json)


_add("accept")


@meters_app.command("correct")
@guarded
def meters_correct(
    city: CityOption,
    meter: Meter,
    since: From,
    until: To,
    value: Annotated[str, typer.Option(help="Value of each interval of the range, in the quantity's unit (kWh).")],
    reason: Reason,
    by: By,
    quantity: Quantity = IMPORT,
    sure: Annotated[bool, typer.Option("--sure", help="Also a value far above all that the meter has read.")] = False,
    as_json: Json = False,
) -> None:
    """Use another value. One that is read, no rule suspects and is delivered on a later day takes its place."""
    _decide("correct", city, meter, since, until, reason, by, quantity, value, as_json, sure=sure)


for _decision in ("estimate", "withdraw", "ask"):
    _add(_decision)


def _decide(
    decision: str,
    city: str,
    meter: str,
    since: str,
    until: str,
    reason: str,
    by: str,
    quantity: str,
    value: str,
    as_json: bool,
    *,
    sure: bool = True,
) -> None:
    import polars as pl

    from assets.lake.delivered import pseudonyms
    from assets.lake.feeds import feeds
    from assets.lake.files import CityLake
    from assets.lake.people import FAR, highest
    from assets.lake.points import point_of
    from assets.landing.archive import Arrival
    from assets.landing.deployment import MissingSecret, Step
    from assets.meters import decisions
    from pipelines.build import at_work, cities_of
    from quality.tables import METER_DECISIONS

    settings = Settings()
    cities = cities_of(settings)
    wanted(cities, [city])
    sources = [name for name, _ in feeds(cities[city], METER_DECISIONS.name)]
    if not sources:
        entry = f"{decisions.FORMAT}: {{via: inbox, reader: {decisions.FORMAT}}}"
        raise fail(f"{city} has no source for decisions: add `{entry}` to its sources in the registry", 2)
    with at_work(settings, cities, [city]) as deployment:
        moment = now()
        step = Step(deployment, cities[city], moment.date(), "decision")
        try:
            # A point that no delivery tells of is a slip of the keyboard: its decision would wait for ever, unseen.
            if meter == "-":
                [meter_id] = pseudonyms(pl.Series([asked_point()]), city, deployment.secret()).values()
            else:
                meter_id = meter.strip()
            point = point_of(step, meter_id)
        except MissingSecret as error:
            raise fail(str(error), 2) from None
        if not point:
            how = "written as delivered" if meter == "-" else "the meter_id of this city's lake"
            raise fail(f"no delivery in landing tells of this meter: is it {how}?", 2)
        told = decisions.written(
            {
                "point": point,
                "quantity": quantity,
                "from": since.replace("T", " "),
                "to": until.replace("T", " "),
                "decision": decision,
                "value": value,
                "reason": reason.strip(),
                "decided_by": by.strip(),
                "decided_at": f"{moment:%Y-%m-%d %H:%M:%S}",
            }
        )
        read = decisions.read_decisions(told, moment.date())
        if not read.tables or read.problems.height:
            raise fail("; ".join(read.problems["message"]) or "the decision cannot be read", 2)
        days = read.tables[METER_DECISIONS.name]["local_date"].sort()
        before = pl.Series([] if sure else [meter_id], dtype=pl.String)
        for most in highest(CityLake.of(step), before).filter(quantity=quantity)["highest"]:
            if float(value) > FAR * float(most):
                raise fail(f"{value} is far above all of the last four weeks, at most {most}: --sure if it is so", 2)
        name = f"{decision}-{moment:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}.csv"
        [receipt] = deployment.archive.land_many(step.delivery(sources[0]), [Arrival(name, f"command/{name}", told)])
    if as_json:
        print_json({"receipt": receipt.id, "city": city, "decision": decision, "days": [f"{day}" for day in days]})
        return
    out.print(f"kept as delivery {receipt.id}: {decision}, {days.len()} day(s) from {days[0]}", highlight=False)
    out.print(f"The next night uses it, or `muang nightly --city {city}` now")
