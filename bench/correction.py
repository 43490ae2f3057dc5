"""What corrections cost: ``python -m bench.correction [--meters 2000] [--buckets 1]``.

Whole nights without Dagster and suites. A city has 31 days. Then comes an ordinary day of all meters; or nothing; or
one meter's correction of one day; or 1 % of the meters again for 30 days, a month late. Each is a night of its own on a
copy of the same store. Rows and bytes rewritten are those of the lake's meter files that are other than before.
"""

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench import big_city
from bench.measure import Cost, costing, finish, in_child, interleaved, parser, table

LIMITS: dict[str, float] = {}
"""None yet: a limit follows the first measurement at full size on a quiet machine."""

DAYS = 31
EARLIER = big_city.DAY + timedelta(days=14)


def ordinary(inbox: Path, meters: int) -> int:
    return big_city.write_exports(inbox, range(meters), big_city.DAY + timedelta(days=DAYS))


def nothing(inbox: Path, meters: int) -> int:
    return 0


def one_meter(inbox: Path, meters: int) -> int:
    return big_city.write_exports(inbox, range(meters // 2, meters // 2 + 1), EARLIER, version=1)


def one_percent(inbox: Path, meters: int) -> int:
    some = range(0, meters, 100)
    return sum(big_city.write_exports(inbox, some, big_city.DAY + timedelta(days=at), version=1) for at in range(30))


NIGHTS: dict[str, Callable[[Path, int], int]] = {
    "an ordinary day": ordinary,
    "nothing came": nothing,
    "one meter, one day": one_meter,
    "1 % of meters, 30 days, late": one_percent,
}


def history(folder: str, meters: int, buckets: int) -> None:
    """The store ``before`` with 31 nights in it."""
    from tests.trials.night import night, without_suites

    without_suites()
    for at in big_city.nights(Path(folder) / "before", Path(folder) / "inbox", meters, DAYS, buckets=buckets):
        night(at, {})


def after(folder: str, meters: int, buckets: int, name: str) -> Cost:
    """What the night costs in which this came, and what it rewrote."""
    from tests.trials.night import night, without_suites

    without_suites()
    place = Path(folder)
    before, home, inbox = place / "before", place / "home", place / "inbox"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(before, home)
    big_city.clear(inbox)
    came = NIGHTS[name](inbox, meters)
    at = big_city.step(home, inbox, big_city.DAY + timedelta(days=DAYS + 1), buckets=buckets)
    with costing() as cost:
        night(at, {})
    return cost | {"came": came} | rewritten(before, home)


def rewritten(before: Path, home: Path) -> dict[str, int]:
    """Files, rows and bytes of the meter tables that are new or other than before."""
    import polars as pl

    files = [
        path for table in ("meter_intervals", "meter_superseded") for path in home.glob(f"lake/{table}/**/*.parquet")
    ]
    others = [path for path in files if not _same(path, before / path.relative_to(home))]
    rows = sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in others)
    return {"files": len(others), "rows": rows, "bytes": sum(path.stat().st_size for path in others)}


def _same(path: Path, other: Path) -> bool:
    return other.exists() and path.read_bytes() == other.read_bytes()


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--meters", type=int, default=2000)
    made.add_argument("--buckets", type=int, default=1)
    chosen = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        in_child(history, folder, chosen.meters, chosen.buckets)
        child = partial(in_child, after, folder, chosen.meters, chosen.buckets)
        cost = interleaved({name: partial(child, name) for name in NIGHTS}, chosen.times)
    night = cost["an ordinary day"]["cpu"]
    rows = [
        [name, each["cpu"], each["wall"], each["cpu"] / night, round(each["peak"])]
        + [f"{round(each[what]):,}" for what in ("came", "files", "rows")]
        + [each["bytes"] / 1e6]
        for name, each in cost.items()
    ]
    head = ["what came", "CPU s", "wall s", "x a night's CPU", "peak MB", "readings", "files", "rows rewritten", "MB"]
    ratios = {name: each["cpu"] / night for name, each in cost.items()}
    city = f"A city of {chosen.meters:,} meters in {chosen.buckets} bucket(s)"
    told = f"{city} with {DAYS} days, medians of {chosen.times}.\n\n{table(head, rows)}"
    finish(chosen, "correction", told, ratios, LIMITS)


if __name__ == "__main__":
    main()
