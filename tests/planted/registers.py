"""Faults in what registers read, and in what the meter register says of them."""

import re
from collections.abc import Callable

from tests.planted import changes as do
from tests.planted.changes import Files, file, records
from tests.planted.meters import DAY, REGISTER, added, meter

Read = tuple[str, str, str, str, str, str]
"""Suffix, register before and now, time before and now, and the energy told."""

OCTOBER, NOVEMBER = "20261020000000", "20261120000000"


def nem13(*reads: Read, meter_of: Callable[[int], str] = lambda _: "TH83000001") -> str:
    """Reads as a NEM13, of one meter unless ``meter_of`` tells another for each."""
    lines = [
        f"250,{meter_of(at)},11,1,{suffix},{suffix},M83000001,E,{before},{since},A,,,{now},{until},A,,,{told},KWH,"
        "20261221,20261121013000,"
        for at, (suffix, before, now, since, until, told) in enumerate(reads)
    ]
    return "\r\n".join(["100,NEM13,202611210130,MUANGMDP,CITYCDP", *lines, "900", ""])


def told(*reads: Read, meter_of: Callable[[int], str] = lambda _: "TH83000001") -> Callable[[Files], Files]:
    """One more file, with these reads."""
    return added(f"nem12_exports/NEM13-{DAY}.csv", nem13(*reads, meter_of=meter_of))


def once(before: str, now: str, energy: str) -> Callable[[Files], Files]:
    """One read."""
    return told(("11", before, now, OCTOBER, NOVEMBER, energy))


def within(factor: float, days: int = 4) -> Callable[[Files], Files]:
    """Reads of ten meters of a zone around ``days`` whole days, whose energy is ``factor`` times their intervals'."""

    def received(files: Files) -> Files:
        until, sums, point = f"202611{16 + days}", dict[str, float](), ""
        for name, data in files.items():
            if not re.search(r"NEM12-patong-2026-11-1[6-9]", name):
                continue
            for cells in (line.split(",") for line in data.decode().split("\r\n")):
                point = cells[1] if cells[0] == "200" else point
                if cells[0] == "300":
                    sums[point] = sums.get(point, 0) + sum(float(cell or 0) for cell in cells[2:98])
        points = sorted(sums)[3:13]
        rises = [round(sums[point] * factor, 3) for point in points]
        reads = [("11", "1000", f"{1000 + rise:.3f}", "20261116000000", f"{until}000000", f"{rise}") for rise in rises]
        return told(*reads, meter_of=lambda at: points[at])(files)

    return received


CHECKED, CHECK = "TH83000004", "TH83000005"
"""Two homes."""

MONTHS = ("20260920000000", OCTOBER, NOVEMBER)
"""Times of three monthly reads."""

RISES = ("1000", "1100", MONTHS[0], MONTHS[1], "100")

REGISTERS = [
    meter("a register of six dials rolls over", once("999990", "000012", "22"), ""),
    meter("a register of four dials rolls over", once("9990", "0012", "22"), ""),
    meter(
        "a register of four dials rolls over, told otherwise",
        once("9990", "0012", "2200"),
        "register_checks register_quantity",
    ),
    meter("another meter begins at zero", once("50000", "3", "3"), "register_checks register_step"),
    meter(
        "rates permuted in a read",
        told(
            *(("10", *RISES), ("20", "4000", "4200", MONTHS[0], MONTHS[1], "200")),
            *(("10", "4200", "4400", MONTHS[1], MONTHS[2], "200"), ("20", "1100", "1200", MONTHS[1], MONTHS[2], "100")),
        ),
        "register_checks register_start",
    ),
    meter(
        "a read that does not begin where the one before ended",
        told(("11", *RISES), ("11", "1400", "1500", MONTHS[1], MONTHS[2], "100")),
        "register_checks register_start",
    ),
    meter("registers of a zone x10", within(10), "register_checks register_intervals"),
    meter("registers of a zone without their transformers", within(0.05), "register_checks register_intervals"),
    meter("registers of a zone read a day late", within(1.25), "register_checks register_intervals"),
    meter("registers of a zone that agree", within(1), ""),
    meter(
        "a check meter that is another customer's",
        file(REGISTER, records(do.each(lambda row: row.update(check_of=CHECKED if row["point"] == CHECK else "")))),
        "meter_final main_check",
    ),
    meter(
        "a register that gains multipliers",
        file(REGISTER, records(do.each(lambda row: row.update(multiplier="20" if row["point"] == CHECK else "1")))),
        "",
    ),
]
