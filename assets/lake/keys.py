"""What the key of a lake file tells: its days, its bucket, and which other files would tell of the same."""

import calendar
from datetime import date


def month_of(key: str) -> str:
    """Key of the compacted month that the days of a file would be in."""
    folder, name = key.rsplit("/", 1)
    return f"{folder}/{name[:7]}.parquet" if name[4] == "-" else key


def bucket_of(key: str) -> str:
    """The bucket that a file is of."""
    return "".join(key.rsplit("/", 1)[1].split(".")[1:-1])


def covering(key: str) -> list[str]:
    """Keys of the larger buckets of the same day, the whole day among them."""
    bucket = bucket_of(key)
    stem = key.removesuffix(f".{bucket}.parquet")
    return [f"{stem}{f'.{bucket[:end]}' if end > 1 else ''}.parquet" for end in range(1, len(bucket))]


def span(key: str) -> tuple[date, date]:
    """First and last day that a lake file of this key may hold."""
    name = key.rsplit("/", 1)[1].partition(".")[0]
    if len(name) == len("YYYY"):
        return date(int(name), 1, 1), date(int(name), 12, 31)
    if len(name) == len("YYYY-MM"):
        first = date.fromisoformat(f"{name}-01")
        return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return date.fromisoformat(name), date.fromisoformat(name)
