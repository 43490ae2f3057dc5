"""``muang status`` and ``muang doctor``: how the cities and the deployment are."""

import typer
from rich.text import Text

from pipelines.cli.base import Cities, Json, app, guarded, out, print_json, say, tabular, wanted
from pipelines.settings import Settings

SIGNS = ("verdicts", "snapshot", "damaged", "lease")
"""What shows that a night has come to a city."""


@app.command()
@guarded
def status(city: Cities = None, as_json: Json = False) -> None:
    """Per city: last delivery, last snapshot, verdicts, what is withheld and what is missing."""
    from pipelines.build import cities_of, deployment_of
    from pipelines.status import city_status

    settings = Settings()
    cities = cities_of(settings)
    deployment = deployment_of(settings, cities)
    rows = [city_status(deployment, cities[slug]) for slug in wanted(cities, city)]
    if as_json:
        print_json(rows)
        raise typer.Exit(1 if any(row["damaged"] for row in rows) else 0)
    # All that such a city could tell is its entry in the registry; named, it tells that.
    idle = [] if city else [row["city"] for row in rows if not any(map(row.get, SIGNS))]
    rows = [row for row in rows if row["city"] not in idle]
    grid = tabular("city", "last delivery", "snapshot", "verdicts", whole=["snapshot"])
    for row in rows:
        verdicts = " ".join(f"{name} {count}" for name, count in row["verdicts"].items())
        delivered = str(row["last_delivery"] or "–")
        grid.add_row(row["city"], delivered, row["snapshot"] or "–", verdicts or "–")
    out.print(grid)
    if idle:
        out.print(f"No night has run yet for {len(idle)} cities: {', '.join(idle)}", highlight=False)
    for row in rows:
        if row["rolled_back"]:
            out.print(f"{row['city']} shows an earlier snapshot: {row['rolled_back']}", highlight=False)
        if row["ahead"]:
            out.print(f"{row['city']} shows an edition of {row['ahead']}, which has not come", highlight=False)
        if row["missing"]:
            out.print(f"{row['city']} has nothing usable yet from {', '.join(row['missing'])}", highlight=False)
        for table, why in row["withheld"].items():
            out.print(f"{row['city']} withholds {table}: {why}", highlight=False)
        if lease := row["lease"]:
            state = ("stale, the next night takes it", "yellow") if lease["stale"] else "at it now"
            held = f"{row['city']}: run {lease['run']} on {lease['host']} since {lease['since']}, "
            out.print(Text.assemble(held, state))
    damaged = [row["damaged"] for row in rows if row["damaged"]]
    for sentence in damaged:
        say(sentence)
    raise typer.Exit(1 if damaged else 0)


@app.command()
@guarded
def doctor(as_json: Json = False) -> None:
    """Check settings, registry, store, conditional writes, clock and disk; say what to do about each."""
    from pipelines.doctor import examine, exit_code

    findings = examine(Settings())
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            colour = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.state]
            mark = (finding.state.ljust(4), colour)
            out.print(Text.assemble(mark, f" {finding.what}: {finding.found}"), highlight=False)
            if finding.remedy:
                out.print(f"     → {finding.remedy}", highlight=False)
    raise typer.Exit(exit_code(findings))
