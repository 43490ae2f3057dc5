"""Faults of the inbox that leave every value as it is, in another hour, on another day or under another meter."""

from collections.abc import Callable

from tests.planted import changes as do
from tests.planted.changes import Change, Files, file, nem12
from tests.planted.meters import CHALONG, PATONG, TALAT, WIDE, meter, values

Row = list[str]


def later(slots: int) -> Callable[[Row], Row]:
    """All values so many slots later, those of the end at the begin."""
    return lambda told: [*told[-slots:], *told[:-slots]]


def rotated(first: int, last: int) -> Change:
    """Rows of the wide file between these have the point of the row before; the first has the last one's."""

    def change(data: bytes) -> bytes:
        head, *lines = data.decode().splitlines()
        part = [line.partition(",") for line in lines[first:last]]
        points = [part[-1][0], *(point for point, _, _ in part[:-1])]
        lines[first:last] = [f"{point},{rest}" for point, (_, _, rest) in zip(points, part, strict=True)]
        return "\n".join([head, *lines, ""]).encode()

    return change


def for_each_other(one: int, other: int) -> Change:
    """Two rows of the wide file have each other's point."""

    def change(data: bytes) -> bytes:
        head, *lines = data.decode().splitlines()
        (point, _, rest), (its, _, others) = (lines[at].partition(",") for at in (one, other))
        lines[one], lines[other] = f"{its},{rest}", f"{point},{others}"
        return "\n".join([head, *lines, ""]).encode()

    return change


def day_before(name: str, place: int | None = None) -> Callable[[Files], Files]:
    """A file brings the values of the day before under the day's date, or those of one of its meters."""
    day, before = "2026-11-20", "2026-11-19"

    def received(files: Files) -> Files:
        old = files[name.replace(day, before)]
        told = old.replace(before.replace("-", "").encode(), day.replace("-", "").encode())
        told = told.replace(before.encode(), day.encode())
        if place is not None:
            rows = [line.split(",")[2:98] for line in told.decode().split("\r\n") if line.startswith("300,")]
            told = nem12(lambda _: rows[place], [place])(files[name])
        return files | {name: told}

    return received


def without(place: int) -> Change:
    """A NEM12 without one of its meters."""

    def change(data: bytes) -> bytes:
        lines, at = [], -1
        for line in data.decode().split("\r\n"):
            at += line.startswith("200,")
            if at != place or not line.startswith(("200,", "300,", "400,")):
                lines.append(line)
        return "\r\n".join(lines).encode()

    return change


def swapped(one: int, other: int) -> Change:
    """Two meters of a NEM12 have each other's values."""

    def change(data: bytes) -> bytes:
        rows = [line.split(",")[2:98] for line in data.decode().split("\r\n") if line.startswith("300,")]
        data = nem12(lambda _: rows[other], [one])(data)
        return nem12(lambda _: rows[one], [other])(data)

    return change


NEM12_PATONG = PATONG.replace("*", "csv")

MISPLACED = [
    *(
        meter(name, file(place, change), "meter_final time_shift")
        for name, place, change in (
            ("a zone in UTC: seven hours off", CHALONG, nem12(later(28))),
            ("a zone seven hours early", PATONG, nem12(later(-28))),
            ("a zone twelve hours off", PATONG, nem12(later(48))),
            ("the wide file in UTC", WIDE, values(later(28))),
            ("the wide file an hour late", WIDE, values(later(4))),
        )
    ),
    meter("a meter's day before, dated again", day_before(NEM12_PATONG, 5), "meter_final repeated_day"),
    meter("the wide file of the day before, dated again", day_before(WIDE), "meter_final repeated_day"),
    meter("half of the wide file one row further", file(WIDE, rotated(0, 30)), "meter_final (unusual_use|meter_scale)"),
    meter("a shop and a home of a zone for each other", file(CHALONG, swapped(4, 6)), "meter_final exchanged"),
    meter("a home and a school of a zone for each other", file(PATONG, swapped(1, 4)), "meter_final exchanged"),
    meter("two points of the wide file for each other", file(WIDE, for_each_other(0, 5)), "meter_final exchanged"),
    meter("two homes that are alike for each other", file(CHALONG, swapped(5, 6)), ""),
    *(
        meter(name, file(PATONG, do.text(r",E1,1,E1,N1,(M?\d+),kWh,", told)), "meter_final quantity_changed")
        for name, told in (
            ("a zone's kWh told as kvarh", r",Q1,1,Q1,N1,\1,kvarh,"),
            ("a zone's import told as export", r",B1,1,B1,N1,\1,kWh,"),
        )
    ),
    meter(
        "a meter that was read the day before is in no file",
        file(PATONG, without(3)),
        "missing_readings missing-silent",
    ),
    meter("one that no register lists is in no file", file(TALAT, without(1)), "missing_readings missing-silent"),
]
