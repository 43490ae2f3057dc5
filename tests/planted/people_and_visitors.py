"""Faults in published counts of people and visitors."""

from collections.abc import Callable
from typing import Any

from tests.planted import changes as do
from tests.planted.changes import Change, records
from tests.planted.fault import PHUKET, Fault, newest

DOPA = "dopa "


def dopa(edit: Callable[[list[str]], list[str]]) -> Change:
    """The lines of the province in DOPA's file, as fields; the last four are men, women, all and houses."""

    def change(data: bytes) -> bytes:
        lines = data.decode("utf-8-sig").split("\r\n")
        for place, line in enumerate(lines):
            fields = line.split("|")
            if len(fields) > 12 and fields[1] == "83":
                lines[place] = "|".join(edit(fields))
        return ("\ufeff" + "\r\n".join(lines)).encode()

    return change


def counted(factor: float, *places: int, only: Callable[[list[str]], bool] = lambda _: True) -> Change:
    """DOPA's counts times a factor."""

    def edit(fields: list[str]) -> list[str]:
        if not only(fields):
            return fields
        scaled = {place: f"{int(int(fields[place].replace(',', '')) * factor):,}" for place in places}
        return [scaled.get(place, value) for place, value in enumerate(fields)]

    return dopa(edit)


def _plus_one(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    row = next(row for row in rows if newest(row) and row["สัญชาติ"] == "รวม" and row["จำนวน"][0].isdigit())
    row["จำนวน"] = f"{int(row['จำนวน'].replace(',', '')) + 1:,}"
    return rows


PEOPLE = [
    Fault(
        "73 DOPA: all counts halved",
        DOPA,
        "population",
        counted(0.5, 9, 10, 11, 12),
        "population (restated:persons|jump:persons)",
    ),
    Fault(
        "76 catalogue: one member x10",
        PHUKET + "phuket001",
        "population",
        records(do.times("Value", 10, first=1)),
        "population (total:sex|deliveries_total-mismatch|jump:persons)",
    ),
    Fault(
        "77 catalogue: members twice",
        PHUKET + "phuket001",
        "population",
        records(do.again(lambda row: row.update(_id=row["_id"] + 1000))),
        "",
    ),
    Fault("115 DOPA in cp874", DOPA, "population", lambda data: data.decode("utf-8-sig").encode("cp874"), ""),
    Fault(
        "DOPA: all counts x10",
        DOPA,
        "population",
        counted(10, 9, 10, 11, 12),
        "population (restated:persons|jump:persons)",
    ),
    Fault(
        "DOPA: men and women swapped in the total",
        DOPA,
        "population",
        counted(3, 9),
        "population (total:sex|restated:persons)",
    ),
    Fault(
        "DOPA: houses of all areas zero",
        DOPA,
        "population",
        counted(0, 12),
        "population (plausible:persons_per_house|restated:houses|jump:houses)",
    ),
    Fault(
        "DOPA: houses x10",
        DOPA,
        "population",
        counted(10, 12),
        "population (plausible:persons_per_house|restated:houses|jump:houses)",
    ),
    Fault(
        "DOPA: one tambon x10",
        DOPA,
        "population",
        counted(10, 9, 10, 11, only=lambda fields: fields[5] == "830101"),
        "population (jump:persons|restated:persons)",
    ),
    Fault(
        "older persons x10",
        PHUKET + "dataset_30a_01",
        "population",
        records(do.times("จำนวน", 10, only=newest)),
        "population jump:persons",
    ),
    Fault(
        "older persons in thousands",
        PHUKET + "dataset_30a_01",
        "population",
        records(do.times("จำนวน", 0.001, only=newest)),
        "population (jump:persons|restated:persons|deliveries_value-not-number)",
    ),
    Fault(
        "older persons of all years x10",
        PHUKET + "dataset_30a_01",
        "population",
        records(do.times("จำนวน", 10)),
        "population (ages-above-all|restated:persons)",
    ),
    Fault(
        "catalogue: women without value",
        PHUKET + "phuket001",
        "population",
        records(do.put("Value", "", only=lambda row: row["Attribute"] == "หญิง")),
        "population (persons-told|deliveries_value-(missing|blank|pending|not-number))",
    ),
]

VISITORS = [
    Fault(
        "78 visitors x10, totals agree",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.times("จำนวน", 10)),
        "visitors (jump:value|restated:value)",
    ),
    Fault(
        "81 one total changed by 1",
        PHUKET + "dataset_10_34",
        "visitors",
        records(lambda rows: _plus_one(rows)),
        "visitors (total:origin|deliveries_total-mismatch)",
    ),
    Fault(
        "82 newest year of the common era",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.put("ปี", "2025", only=newest)),
        "",
    ),
    Fault(
        "103 occupancy of 180 %",
        PHUKET + "dataset_10_68",
        "city_statistics",
        records(do.put("จำนวน", "180.00", only=newest)),
        "city_statistics plausible:value:percent",
    ),
    Fault(
        "118 column of counts renamed",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.each(lambda row: row.update({"ปริมาณ": row.pop("จำนวน")}))),
        "visitors deliveries_answer-bad",
    ),
    Fault(
        "visitors of the newest year x10",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.times("จำนวน", 10, only=newest)),
        "visitors jump:value",
    ),
    Fault(
        "spending in satang",
        PHUKET + "dataset_10_09",
        "visitors",
        records(do.times("จำนวน", 100, only=newest)),
        "visitors jump:value",
    ),
    Fault(
        "passengers in thousands",
        PHUKET + "dataset_10_02",
        "visitors",
        records(do.times("จำนวน", 0.001, only=newest)),
        "visitors jump:value",
    ),
    Fault(
        "a part x10, its total not",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.times("จำนวน", 10, only=lambda row: newest(row) and row["สัญชาติ"] == "ชาวไทย")),
        "visitors (total:origin|deliveries_total-mismatch)",
    ),
    Fault(
        "pending years as zero",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.put("จำนวน", "0", only=newest)),
        "visitors jump:value",
    ),
    Fault(
        "spending of a person in dollars",
        PHUKET + "dataset_10_09",
        "visitors",
        records(do.times("จำนวน", 0.03)),
        "visitors restated:value",
    ),
    Fault(
        "years slipped by one",
        PHUKET + "dataset_10_34",
        "visitors",
        records(do.each(lambda row: row.update({"ปี": str(int(row["ปี"]) + 1)}))),
        "visitors (deliveries_value-future|restated:value)",
    ),
]
