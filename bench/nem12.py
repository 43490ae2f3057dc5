"""NEM12 cases: months of quarter hours of many meters, a tenth of the days not simply actual."""

import random
from datetime import date, timedelta
from pathlib import Path

from assets.meters.exports import read_export

INTERVALS = 96
DAYS = 90


def write(path: Path, share: float, meters: int) -> None:
    chance = random.Random(1)
    values = [f"{chance.randrange(100_000) / 1000:.3f}" for _ in range(5000)]
    days = [f"{date(2026, 1, 1) + timedelta(days=day):%Y%m%d}" for day in range(DAYS)]
    half = INTERVALS // 2
    flags = {
        "A,,": "",
        "S14,0,no communication": "",
        "V,,": f"400,1,{half},A,,\n400,{half + 1},{INTERVALS},F14,76,\n",
    }
    with path.open("w", encoding="ascii") as file:
        file.write("100,NEM12,202606010000,MDP,CITY\n")
        for meter in range(max(1, round(meters * share))):
            file.write(f"200,NMI{meter:07d},E1,1,E1,N1,M{meter},kWh,15,\n")
            for day in days:
                flag = chance.choices(list(flags), weights=[90, 7, 3])[0]
                cells = ",".join(chance.choices(values, k=INTERVALS))
                file.write(f"300,{day},{cells},{flag},20260601010000,\n{flags[flag]}")
        file.write("900\n")


def muang(path: Path) -> tuple[int, float]:
    result = read_export(path.read_bytes(), path.name, {})
    readings = result.tables["readings"]
    return readings.height, float(readings["value"].sum())


def nemreader(path: Path) -> tuple[int, float]:
    from nemreader import read_nem_file

    found = read_nem_file(str(path)).readings
    listed = [reading.read_value for of_point in found.values() for part in of_point.values() for reading in part]
    return len(listed), sum(listed)


def aemo_columns(path: Path) -> tuple[int, float]:
    from aemo_mdff_reader import parse_to_columns

    values = parse_to_columns(str(path))["Value"]
    return len(values), sum(values)


def aemo_chunks(path: Path) -> tuple[int, float]:
    from aemo_mdff_reader import iter_columns_chunks

    count, total = 0, 0.0
    for columns in iter_columns_chunks(str(path)):
        count, total = count + len(columns["Value"]), total + sum(columns["Value"])
    return count, total


PEERS = {"nemreader": nemreader, "aemo-mdff-reader columns": aemo_columns}
