"""Faults in citizens' reports, catalogues, statistics, energy and facilities."""

from typing import Any

from tests.planted import changes as do
from tests.planted.changes import Change, records
from tests.planted.fault import PHUKET, Fault, in_province, newest

TICKETS = "traffy "


def total(row: dict[str, Any]) -> bool:
    """Rows that are sums."""
    return "รวม" in row.values()


def records_of_list(factor: float) -> Change:
    """EGAT's points of a day, seconds and MW, times a factor."""
    return do.content(lambda told: [point.__setitem__(1, point[1] * factor) for point in told["list"]] and None)


GOVERNANCE = [
    Fault(
        "96 tickets of another province's name",
        TICKETS,
        "tickets",
        records(do.put("properties.province", "ระนอง", only=lambda row: row["properties"]["province"] == "ภูเก็ต")),
        "tickets deliveries_place-contradicts",
    ),
    Fault("97 tickets at 0, 0", TICKETS, "tickets", records(do.put("geometry.coordinates", [0, 0])), ""),
    Fault(
        "99 tickets of the future",
        TICKETS,
        "tickets",
        records(do.put("properties.timestamp", "2027-03-01 10:00:00", first=4000)),
        "tickets deliveries_value-future",
    ),
    Fault(
        "tickets finished before they were told",
        TICKETS,
        "tickets",
        records(
            do.put(
                "properties.timestamp_finished",
                "2024-01-01 00:00:00",
                only=lambda row: row["properties"]["timestamp_finished"],
            )
        ),
        "tickets not-before:finished:reported",
    ),
    Fault(
        "tickets of an unknown state",
        TICKETS,
        "tickets",
        records(do.put("properties.state_type_latest", "x9"), do.put("properties.state", "อื่น")),
        "tickets deliveries_state-other",
    ),
    Fault(
        "tickets without a stamp",
        TICKETS,
        "tickets",
        records(do.put("properties.timestamp", None)),
        "tickets deliveries_stamp-bad",
    ),
    Fault(
        "102 waste: disposed is twice what is generated",
        PHUKET + "20_14",
        "city_statistics",
        records(do.times("จำนวน", 2)),
        "city_statistics more-disposed",
    ),
    Fault(
        "waste generated x1000",
        PHUKET + "20_06",
        "city_statistics",
        records(do.times("จำนวน", 1000, only=newest)),
        "city_statistics jump:value",
    ),
    Fault(
        "waste of all years in kg",
        PHUKET + "20_06",
        "city_statistics",
        records(do.times("จำนวน", 1000)),
        "city_statistics restated:value",
    ),
    Fault(
        "a total half of its parts",
        PHUKET + "20_06",
        "city_statistics",
        records(do.times("จำนวน", 0.5, only=lambda row: newest(row) and total(row))),
        "city_statistics total:area",
    ),
    Fault(
        "hotels x10",
        PHUKET + "dataset_10_11",
        "city_statistics",
        records(do.times("จำนวน", 10, only=newest)),
        "city_statistics jump:value",
    ),
    Fault(
        "accidents at sea with counts of another column",
        PHUKET + "dataset_10_50",
        "city_statistics",
        records(do.put("จำนวน", "2568")),
        "city_statistics (restated:value|jump:value)",
    ),
    Fault(
        "waste in another unit",
        PHUKET + "20_06",
        "city_statistics",
        records(do.put("หน่วย", "กิโลกรัม", only=newest)),
        "city_statistics (deliveries_)?unit-changed",
    ),
    Fault(
        "data sets changed in 2030",
        PHUKET + "package_search",
        "datasets",
        do.text('"metadata_modified": "2026', '"metadata_modified": "2030'),
        "datasets not-before:reference_date:modified",
    ),
    Fault(
        "half of the data sets",
        PHUKET + "package_search",
        "datasets",
        records(do.part(0.4)),
        "datasets (fewer-listed|deliveries_answer-bad)",
    ),
    Fault(
        "data sets made after they were changed",
        PHUKET + "package_search",
        "datasets",
        do.text('"metadata_created": "2024', '"metadata_created": "2027'),
        "datasets not-before:.*",
    ),
    Fault(
        "income of a year",
        "data_go_th average-monthly-household-income",
        "household_income",
        records(
            do.each(
                lambda row: row.update(
                    {name: str(int(value) * 12) for name, value in row.items() if name.startswith("year")}
                )
            )
        ),
        "household_income plausible:baht_month",
    ),
    Fault(
        "income and expenditure swapped",
        "data_go_th average-monthly-household-income",
        "household_income",
        records(
            do.each(
                lambda row: row.update(
                    {name: str(int(int(value) * 0.5)) for name, value in row.items() if name.startswith("year")}
                )
            )
        ),
        "household_income restated:baht_month",
    ),
    Fault(
        "income: provinces slipped by a row",
        "data_go_th average-monthly-household-income",
        "household_income",
        records(do.each(lambda row: row.update({"จังหวัด": "ระนอง", "Province": "Ranong"}), only=in_province)),
        "household_income deliveries_answer-empty",
    ),
]

ENERGY = [
    Fault(
        "108 EV: kW in W",
        "openchargemap ",
        "ev_chargers",
        records(do.each(lambda row: [each.update(PowerKW=22_000) for each in row["Connections"]])),
        "ev_chargers deliveries_cell-range",
    ),
    Fault(
        "EV: sites twice",
        "openchargemap ",
        "ev_chargers",
        records(do.again(lambda row: row.update(ID=row["ID"] + 5000))),
        "ev_chargers twins",
    ),
    Fault(
        "EV: swapped places",
        "openchargemap ",
        "ev_chargers",
        records(do.swap("AddressInfo.Latitude", "AddressInfo.Longitude")),
        "ev_chargers deliveries_(value-range|place-swapped)",
    ),
    Fault(
        "EV: kW x10",
        "openchargemap ",
        "ev_chargers",
        records(do.each(lambda row: [each.update(PowerKW=each["PowerKW"] * 10) for each in row["Connections"]])),
        "ev_chargers (plausible:max_kw|restated:max_kw)",
    ),
    Fault(
        "EV: number of points x100",
        "openchargemap ",
        "ev_chargers",
        records(do.times("NumberOfPoints", 150)),
        "ev_chargers plausible:points",
    ),
    Fault(
        "EV: half of the sites",
        "openchargemap ",
        "ev_chargers",
        records(do.part(0.01)),
        "ev_chargers (fewer-listed|deliveries_answer-empty)",
    ),
    Fault(
        "generation in kW",
        "egat ",
        "power_system",
        records_of_list(1000),
        "power_system (plausible:value:MW|deliveries_value-range)",
    ),
    Fault(
        "generation frozen",
        "egat ",
        "power_system",
        do.content(lambda told: [point.__setitem__(1, 25_000.0) for point in told["list"]] and None),
        "power_system frozen:value",
    ),
    Fault("generation a tenth", "egat ", "power_system", records_of_list(0.1), "power_system usual:value"),
    Fault(
        "generation's temperature in Fahrenheit",
        "egat ",
        "power_system",
        do.content(
            lambda told: (
                [point.__setitem__(2, point[2] * 1.8 + 32) for point in told["list"] if len(point) > 2] and None
            )
        ),
        "power_system (plausible:value:°C|deliveries_value-range)",
    ),
    Fault(
        "half of a day of generation",
        "egat ",
        "power_system",
        do.content(lambda told: told.update(list=told["list"][:40])),
        "power_system (usual-rows|deliveries_window-short)",
    ),
    Fault(
        "sales in MWh",
        "eppo /dataset",
        "power_system",
        records(do.times("Quantity", 1000)),
        "power_system plausible:value:GWh",
    ),
    Fault(
        "sales x10 in the newest month",
        "eppo /dataset",
        "power_system",
        lambda data: records(
            do.times("Quantity", 10, only=lambda row: (row["Year"], row["Month"]) == ("2026", "August"))
        )(data),
        "power_system (jump:value|plausible.*)",
    ),
    Fault(
        "a sector of sales missing",
        "eppo /dataset",
        "power_system",
        records(do.without(lambda row: row["Sector"] == "Residential")),
        "",
    ),
    Fault(
        "facilities with swapped places",
        "inbox facilities/*",
        "facilities",
        do.file(
            "facilities/*",
            do.content(lambda told: [each["geometry"]["coordinates"].reverse() for each in told["features"]] and None),
        ),
        "facilities deliveries_place-swapped",
    ),
    Fault(
        "facilities twice",
        "inbox facilities/*",
        "facilities",
        do.file(
            "facilities/*",
            records(do.again(lambda row: row["properties"].update(id="node/9" + row["properties"]["id"][5:]))),
        ),
        "facilities twins",
    ),
    Fault(
        "facilities without schools",
        "inbox facilities/*",
        "facilities",
        do.file("facilities/*", records(do.without(lambda row: row["properties"]["amenity"] == "school"))),
        "facilities fewer-listed",
    ),
    Fault(
        "all facilities of one name",
        "inbox facilities/*",
        "facilities",
        do.file("facilities/*", records(do.put("properties.name", "x"), do.put("properties.name_th", "x"))),
        "facilities constant:name_th",
    ),
]
