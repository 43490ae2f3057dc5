"""Faults in what lies in the inbox: meter exports, single meters' reports, the register."""

import re
from collections.abc import Callable

from tests.planted import changes as do
from tests.planted.changes import Change, Files, at, by, file, nem12, records
from tests.planted.fault import Fault

DAY = "2026-11-20"
PATONG, CHALONG, TALAT = (f"nem12_exports/NEM12-{zone}-{DAY}.*" for zone in ("patong", "chalong", "talat_yai"))
KATHU = f"nem12_exports/NEM12-kathu-{DAY}.*"
WIDE = f"city_exports/meters-{DAY}.csv"
HTML = f"amr_exports/kW-00-{DAY}.xls"
BUDDHIST = f"amr_exports/kW-01-{DAY}.xls"
REGISTER = "meter_register/register.csv"


def meter(name: str, change: Callable[[Files], Files], rule: str) -> Fault:
    """A fault of the inbox: rules about meters are of these tables."""
    tables = (
        "meter_intervals",
        "meter_final",
        "meters",
        "load_profile",
        "register_reads",
        "register_checks",
        "register_watch",
        "missing_readings",
    )
    return Fault(name, "inbox", "meter_intervals", change, rule, tables)


def resent(change: Change, pattern: str = PATONG, name: str = "again") -> Callable[[Files], Files]:
    """A zone's file a second time, changed, with a later version."""

    def received(files: Files) -> Files:
        (data,) = (data for path, data in files.items() if re.fullmatch(pattern.replace("*", ".*"), path))
        later = do.text(r"2026112101\d{4}", "20261121120000")(data)
        return files | {f"nem12_exports/NEM12-{name}-{DAY}.csv": change(later)}

    return received


def added(path: str, text: str) -> Callable[[Files], Files]:
    """One more file."""
    return lambda files: files | {path: text.encode()}


def removed(pattern: str) -> Callable[[Files], Files]:
    """Without the files of these names."""
    return lambda files: {name: data for name, data in files.items() if not re.fullmatch(pattern, name)}


def values(change: Callable[[list[str]], list[str]], rows: slice = slice(None)) -> Change:
    """The values of rows of the city's wide file."""

    def edited(data: bytes) -> bytes:
        head, *lines = data.decode().splitlines()
        chosen = range(*rows.indices(len(lines)))
        for place in chosen:
            point, day, *cells = lines[place].split(",")
            lines[place] = ",".join([point, day, *change(cells)])
        return "\n".join([head, *lines, ""]).encode()

    return edited


def yesterday(files: Files) -> Files:
    """A zone's file brings the values of the day before under the day's date."""
    old = {name: data for name, data in files.items() if "patong-2026-11-19" in name}
    (data,) = old.values()
    return files | {name.replace("-19.", "-20."): data.replace(b"20261119", b"20261120") for name in old}


def shares(files: Files) -> Files:
    """One meter of a zone has the sum of all others."""
    (name,) = (name for name in files if re.fullmatch(PATONG.replace("*", ".*"), name))
    rows = [line.split(",")[2:98] for line in files[name].decode().split("\r\n") if line.startswith("300,")]
    sums = [f"{sum(float(row[slot] or 0) for row in rows[1:]):.3f}" for slot in range(96)]
    return files | {name: nem12(lambda _: sums, [0])(files[name])}


def cut(data: bytes) -> bytes:
    """The middle of a record is the end."""
    return data[: len(data) * 2 // 3]


def half(data: bytes) -> bytes:
    """The file ends after half of its meters, without its trailer."""
    lines = data.decode().split("\r\n")
    places = [place for place, line in enumerate(lines) if line.startswith("200,")]
    return ("\r\n".join(lines[: places[len(places) // 2]]) + "\r\n").encode()


NEM13 = (
    "100,NEM13,202611210130,MUANGMDP,CITYCDP\r\n"
    "250,TH83000001,11,1,11,E1,M83000001,E,{before},20261020000000,A,,,{after},20261120000000,A,,,{told},KWH,20261221,"
    "20261121013000,\r\n900\r\n"
)

METERS = [
    meter("1 one meter x1000", file(PATONG, nem12(by(1000), [3])), "meter_final meter_scale"),
    meter("2 a zone's file x1000", file(PATONG, nem12(by(1000))), "meter_final group_scale"),
    meter(
        "5 CT ratio x20 of a business",
        file(HTML, do.html_kw(lambda _, kw: f"{float(kw) * 20:.3f}")),
        "meter_final meter_scale",
    ),
    meter(
        "7 500 kWh in a quarter of an hour of a home",
        file(PATONG, nem12(at({40: "500.000"}), [3])),
        "meter_final (spike|upper_limit)",
    ),
    meter(
        "8 sentinel 4294967.295",
        file(PATONG, nem12(at({40: "4294967.295"}), [3])),
        "meter_final sentinel|meter_intervals deliveries_value-sentinel",
    ),
    meter("9 one meter frozen", file(PATONG, nem12(do.all_of("0.123"), [3])), "meter_final frozen"),
    meter(
        "11 zero day of a business", file(HTML, do.html_kw(lambda *_: "0.000")), "meter_final (zero_run|unusual_use)"
    ),
    meter(
        "12 zero day of a zone",
        file(PATONG, nem12(do.all_of("0.000"))),
        "meter_intervals zero-share|meter_final (unusual_use|zero_run|group_scale)",
    ),
    meter(
        "13 one negative interval",
        file(PATONG, nem12(at({40: "-0.500"}), [3])),
        "meter_final negative|meter_intervals (negative|deliveries_value-negative)",
    ),
    meter("14 a zone's day before, dated again", yesterday, "meter_final repeated_day"),
    meter(
        "15 start labels in the header",
        file(
            WIDE,
            do.text("^.*", "point,date," + ",".join(f"kwh_{m // 60:02d}{m % 60:02d}" for m in range(0, 1440, 15)), 1),
        ),
        "meter_final label_shift|meter_intervals deliveries_.*",
    ),
    meter(
        "18 a file of the day after",
        file(PATONG, do.text("300,20261120", "300,20261121")),
        "meter_final future|meter_intervals deliveries_(value-future|stamp-ahead)",
    ),
    meter(
        "20 last six hours of a zone blank",
        file(PATONG, nem12(at(dict.fromkeys(range(72, 96), "")))),
        "meter_intervals (deliveries_value-blank|missing-share|completeness)",
    ),
    meter("21 file cut in a record", file(PATONG, cut), "meter_intervals deliveries_file-truncated"),
    meter(
        "22 half of the meters, no trailer",
        file(PATONG, half),
        "meter_intervals (deliveries_(header-absent|file-truncated|count-mismatch)|missing-share)",
    ),
    meter(
        "23 an empty NEM12",
        file(PATONG, lambda _: b"100,NEM12,202611210130,MUANGMDP,CITYCDP\r\n900\r\n"),
        "meter_intervals (deliveries_.*|missing-share|completeness|usual-rows)",
    ),
    meter(
        "25 zone sent again x1.1",
        resent(nem12(by(1.1))),
        "meter_final replaced|meter_intervals deliveries_day-repeated",
    ),
    meter("27 a customer of 30 % of its zone", file(CHALONG, nem12(by(60), [2])), "meter_final (dominant|meter_scale)"),
    meter("28 a main meter among customers", shares, "meter_final (aggregate|meter_scale|dominant|unusual_use)"),
    meter("29 watt-hours in the header", file(PATONG, do.text(",kWh,", ",Wh,")), "meter_final group_scale"),
    meter(
        "31 a whole zone substituted",
        file(PATONG, nem12(lambda row: row, quality="S14")),
        "meter_final group_estimated",
    ),
    meter(
        "31 a whole zone null",
        file(PATONG, nem12(do.all_of("0.000"), quality="N")),
        "meter_intervals (missing-share|completeness|zero-share)|meter_final .*",
    ),
    meter("33 24:00 column called 0000", file(WIDE, do.text("kwh_2400", "kwh_0000")), ""),
    meter(
        "34 decimal comma",
        file(WIDE, values(lambda row: [f'"{cell.replace(".", ",")}"' for cell in row])),
        "meter_intervals deliveries_.*",
    ),
    meter(
        "35 Buddhist years",
        file(WIDE, do.text("2026-11", "2569-11")),
        "meter_intervals deliveries_layout-contradicts",
    ),
    meter(
        "37 a meter twice in the register",
        file(REGISTER, records(lambda rows: [*rows, rows[3] | {"zone": "kathu"}])),
        "meters deliveries_key-duplicate",
    ),
    meter(
        "38 zones rotated",
        file(
            REGISTER,
            records(
                do.each(
                    lambda row: row.update(
                        zone={"patong": "kathu", "kathu": "chalong", "chalong": "patong"}.get(row["zone"], row["zone"])
                    )
                )
            ),
        ),
        "register_watch .*|meters .*",
    ),
    meter(
        "39 register halved",
        file(REGISTER, records(do.part(0.5))),
        "meter_intervals deliveries_meter-unregistered|register_watch .*|meters .*",
    ),
    meter("40 class unknown", file(REGISTER, records(do.put("customer_class", "40"))), "meters deliveries_.*"),
    meter(
        "41 zone spelt otherwise",
        file(REGISTER, records(do.put("zone", "Talat Yai", only=lambda row: row["zone"] == "talat_yai", first=20))),
        "meters .*|register_watch .*",
    ),
    meter(
        "42 leading zeros lost",
        file(REGISTER, records(do.each(lambda row: row.update(point=row["point"].lstrip("0"))))),
        "meters .*|meter_intervals deliveries_meter-unregistered|register_watch .*",
    ),
    meter(
        "121 a late estimate x1.5",
        resent(nem12(by(1.5), quality="E64")),
        "meter_final (actual_replaced|replaced)|meter_intervals deliveries_day-repeated",
    ),
    meter(
        "122 register repeated, then a double hour",
        file(
            PATONG,
            nem12(
                lambda row: [*row[:40], *["0.000"] * 4, *(f"{float(cell) * 2:.3f}" for cell in row[44:48]), *row[48:]],
                [5],
            ),
        ),
        "meter_final catch_up",
    ),
    meter(
        "123 NEM13 rolls over",
        added(f"nem12_exports/NEM13-{DAY}.csv", NEM13.format(before="99990", after="00012", told="22")),
        "",
    ),
    meter(
        "124 NEM13 falls",
        added(f"nem12_exports/NEM13-{DAY}.csv", NEM13.format(before="50000", after="40000", told="-10000")),
        "register_(checks|reads|watch) .*",
    ),
    meter(
        "NEM13 energy is not its step",
        added(f"nem12_exports/NEM13-{DAY}.csv", NEM13.format(before="50000", after="50100", told="9999")),
        "register_(checks|reads|watch) .*",
    ),
    meter(
        "127 a day of 100 rows",
        file(HTML, do.text(r"(<tr><td>20/11/2026 01\.\d\d</td>.*?</tr>){4}", lambda found: found[0] * 2)),
        "meter_intervals deliveries_.*",
    ),
    meter(
        "128 24.00 called 00.00 of the day",
        file(BUDDHIST, do.text("20/11/2569 24.00", "20/11/2569 00.00")),
        "meter_intervals deliveries_.*",
    ),
    meter(
        "129 Buddhist stamps under a header of the common era",
        file(BUDDHIST, do.text("20/11/2569 - 20/11/2569", "20/11/2026 - 20/11/2026")),
        "",
    ),
    meter("131 the same with N and zeros, later", resent(nem12(do.all_of("0.000"), quality="N")), ""),
    meter("wide file x1000", file(WIDE, values(by(1000))), "meter_final group_scale"),
    meter("wide file a thousandth", file(WIDE, values(by(0.001))), "meter_final group_scale"),
    meter("a zone x10", file(CHALONG, nem12(by(10))), "meter_final group_scale"),
    meter("a zone x4: kW taken for kWh", file(TALAT, nem12(by(4))), "meter_final group_scale"),
    meter("a zone a quarter: kWh taken for kW", file(TALAT, nem12(by(0.25))), "meter_final group_scale"),
    meter("one home a thousandth", file(KATHU, nem12(by(0.001), [1])), "meter_final (meter_scale|unusual_use)"),
    meter(
        "a business x0.05: CT not applied",
        file(HTML, do.html_kw(lambda _, kw: f"{float(kw) / 20:.3f}")),
        "meter_final meter_scale",
    ),
    meter(
        "sentinel 65535",
        file(PATONG, nem12(at({40: "65535"}), [3])),
        "meter_final (sentinel|spike|upper_limit)|meter_intervals deliveries_value-sentinel",
    ),
    meter(
        "error code 9999.999 in three intervals",
        file(PATONG, nem12(at(dict.fromkeys((40, 41, 42), "9999.999")), [3])),
        "meter_intervals deliveries_value-sentinel",
    ),
    meter(
        "20 kWh in a quarter of an hour of a home",
        file(PATONG, nem12(at({40: "20.000"}), [3])),
        "meter_final (spike|upper_limit)",
    ),
    meter("a zone frozen", file(CHALONG, nem12(do.all_of("0.123"))), "meter_final frozen"),
    meter(
        "a zone negative",
        file(CHALONG, nem12(by(-1))),
        "meter_final negative|meter_intervals (negative|deliveries_value-negative)",
    ),
    meter(
        "first six hours of a zone blank",
        file(CHALONG, nem12(at(dict.fromkeys(range(24), "")))),
        "meter_intervals (deliveries_value-blank|missing-share|completeness)",
    ),
    meter(
        "wide file with start labels' values",
        file(WIDE, values(lambda row: ["", *row[:-1]])),
        "meter_final label_shift",
    ),
    meter("a business frozen", file(HTML, do.html_kw(lambda *_: "12.340")), "meter_final frozen"),
    meter(
        "a business's report in W",
        file(HTML, do.html_kw(lambda _, kw: f"{float(kw) * 1000:.3f}")),
        "meter_final (meter_scale|upper_limit)",
    ),
    meter(
        "all reports of single meters missing",
        removed(rf"amr_exports/.*-{DAY}\..*"),
        "meter_intervals (missing-share|completeness|deliveries_.*|source-changed|usual.*)|meter_final .*",
    ),
    meter(
        "wide file missing",
        removed(rf"city_exports/.*-{DAY}\.csv"),
        "meter_intervals (missing-share|completeness|deliveries_.*|source-changed|usual.*)|meter_final .*",
    ),
    meter(
        "a zone sent again, a third less",
        resent(nem12(by(0.67)), CHALONG),
        "meter_final replaced|meter_intervals deliveries_day-repeated",
    ),
    meter(
        "a zone's file under another zone's meters",
        file(PATONG, do.text("TH83000", "TH83900")),
        "meter_intervals (deliveries_meter-unregistered|missing-share|completeness)",
    ),
    meter(
        "a meter of another city in the file",
        file(PATONG, do.text("TH83000076", "TH40000076")),
        "meter_intervals meter-unregistered",
    ),
    meter(
        "classes rotated",
        file(
            REGISTER,
            records(
                do.each(
                    lambda row: row.update(
                        customer_class={"residential": "small_business", "small_business": "residential"}.get(
                            row["customer_class"], row["customer_class"]
                        )
                    )
                )
            ),
        ),
        "register_watch .*|meters .*",
    ),
    meter(
        "register empty",
        file(REGISTER, records(do.part(0.0))),
        "meters .*|meter_intervals deliveries_meter-unregistered|register_watch .*",
    ),
    meter("register of next year", file(REGISTER, do.text("2025-01-01", "2027-01-01")), "meters .*|register_watch .*"),
    meter("accounts all one", file(REGISTER, records(do.put("account", "CA1"))), "register_watch .*|meters .*"),
    meter(
        "interval length of 30 told for 15",
        file(PATONG, do.text(",kWh,15,", ",kWh,30,")),
        "meter_intervals deliveries_interval-count",
    ),
    meter(
        "a word among values",
        file(PATONG, nem12(at({40: "ERROR"}), [3])),
        "meter_intervals deliveries_value-not-number",
    ),
    meter(
        "month and day of the wide file swapped",
        file(WIDE, do.text("2026-11-20", "2026-20-11")),
        "meter_intervals deliveries_.*",
    ),
    meter(
        "a year back",
        file(WIDE, do.text("2026-11-20", "2025-11-20")),
        "meter_intervals (deliveries_.*|missing-share|completeness|.*usual.*)|meter_final .*",
    ),
]
