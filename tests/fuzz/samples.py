"""One sound file of every format, made by the writers of the readers' own tests: what the fuzzer starts from."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.meters import (
    test_readers_d0036_df2 as uk,
    test_readers_espi as espi,
    test_readers_iec61968 as cim,
    test_readers_mscons as mscons,
    test_readers_nem12 as nem12,
    test_readers_p1 as p1,
    test_readers_pea as pea,
    test_readers_thai as thai,
)

DAY = datetime(2026, 1, 5)


@dataclass(frozen=True)
class Sample:
    """A file that its reader reads whole; ``options`` as a city's registry would give them."""

    data: bytes
    name: str = "export"
    options: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"


def _book(data: bytes, **options: Any) -> Sample:
    """A workbook without the time at which it was made, so that its mutations are the same every day."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in made.namelist():
            part = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2026-01-01T00:00:00Z", made.read(name))
            packed.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return Sample(out.getvalue(), options=options)


def _lines(*lines: str, **options: Any) -> Sample:
    return Sample(("\n".join(lines) + "\n").encode(), options=options)


def _clock(minutes: int, per: int = 60) -> str:
    return f"{minutes // per:02d}:{minutes % per:02d}"


def _nem12() -> Sample:
    values = [f"{n}.{n:03d}" for n in range(48)]
    records = [
        "100,NEM12,202601050000,MDA1,Ret1",
        nem12.nmi(),
        nem12.day("20260101", values),
        nem12.day("20260102", values),
    ]
    records += [
        nem12.nmi(suffix="B1"),
        nem12.day("20260101", values, quality="V"),
        "400,1,20,A,,",
        "400,21,48,F14,1,",
        "900",
    ]
    return _lines(*records)


def _nem13() -> Sample:
    read = "250,NMI0000001,1141,01,11,11,METSER66,E,000021.2,20260101000000,A,,,000534.5,20260201000000,A,,,343.5,kWh,"
    return _lines("100,NEM13,202601050000,MDA1,Ret1", read + "20260301,20260202120000,", "550,N,,A,", "900")


def _table(header: str, rows: list[str], **options: Any) -> Sample:
    return _lines(header, *rows, **options)


def _enel() -> Sample:
    header = "Giorno;" + ";".join(f"{_clock(15 * n)}-{_clock(15 * n + 15)}" for n in range(96))
    return _table(header, [f"{day:02d}/09/2024;" + ";".join(f"0,{n:03d}" for n in range(96)) for day in range(1, 4)])


SAMPLES: dict[str, Callable[[], Sample]] = {
    "nem12": _nem12,
    "nem13": _nem13,
    "d0036": lambda: Sample(
        "\n".join(
            [
                uk.HEAD,
                *(body := uk.meter(*[(date(2026, 1, n), [f"{n}.{v % 10}" for v in range(48)]) for n in (1, 2)])),
                f"ZPT|77|{len(body)}|3215|1|20260617141614|",
                "",
            ]
        ).encode()
    ),
    "df2": lambda: _lines(
        "#F2", "#O 2000000000000", "#S 1", *(f"05/01/2026,{_clock(30 * n)},{n}.5,A" for n in range(1, 48))
    ),
    "espi": lambda: Sample(
        espi.feed(
            espi.usage_point(),
            espi.meter(),
            espi.reading_type(),
            espi.block(*espi.quarters(*range(96), qualities=(17,))),
        )
    ),
    "iec61968": lambda: Sample(cim.event(cim.meter(cim.block(cim.DELTA, *cim.quarters(*range(96))))).encode()),
    "mscons": lambda: Sample(mscons.interchange(mscons.message(*mscons.series(range(96)))).encode()),
    "p1": lambda: Sample(p1.telegram().encode()),
    "p01": lambda: _lines(
        "P.01(0260601001500)(00)(15)(1)(1-1:1.29)(kWh)", *(f"({n}.250)" for n in range(96)), point="P"
    ),
    "pea_html": lambda: Sample(pea.html_day(DAY, ["1.250"] * 96)),
    "pea_kwh_xlsx": lambda: _book(pea.xlsx_day(DAY, ["1.250"] * 96)),
    "pea_kw_xlsx": lambda: _book(thai.xlsx(thai.kw_month(["1.250"] * 96))),
    "pea_ami_xlsx": lambda: _book(thai.xlsx(thai.custom(["1.250"] * 96))),
    "pea_monthly_xls": lambda: Sample(thai.xls(thai.monthly_xls([(1.0, 0.0)] * 96))),
    "mea_wide_xlsx": lambda: _book(thai.mea([thai.mea_row(end, 1) for end in thai.ends()])),
    "tod_profile_xlsx": lambda: _book(
        thai.tod([thai.tod_row(n, f"{end}", 0, 1, 0) for n, end in enumerate(thai.ends())]), point="P"
    ),
    "pea_register_form": lambda: Sample(thai.FORM),
    "cu_building_1min": lambda: _table("date,time,Power", [f"1/1/16,{n // 60}:{n % 60:02d},{n}" for n in range(240)]),
    "cu_building_hourly": lambda: _table("Datetime,Load,Temp", [f"7/1/18 {n}:00,{n}.5,25.1" for n in range(24)]),
    "mea_csv": lambda: _table(
        "MEA No.,UI ID.,Rate Category,Measuring Compoenent,TOU/TOD,Date Time,Value",
        [f"1,1,3,E-MAX-KW-IMP,ON,1/5/2026 {n // 4}:{15 * (n % 4):02d},12.5" for n in range(1, 96)],
    ),
    "muang_meters_long": lambda: _table(
        "point,timestamp_end,kwh,status", [f"P,2026-01-05 {_clock(15 * n)},{n}.5,Actual" for n in range(1, 97)]
    ),
    "muang_meters_wide": lambda: _table(
        "point,date," + ",".join(f"kwh_{_clock(15 * n).replace(':', '')}" for n in range(1, 97)),
        [f"P{m},2026-01-05," + ",".join(f"{n}.5" for n in range(96)) for m in range(3)],
    ),
    "enel_96": _enel,
    "uk_row_per_day": lambda: _table(
        "Site Id,Meter Number,Reading Date," + ",".join(f"{_clock(30 * n)},{_clock(30 * n)} Flag" for n in range(48)),
        [f"1,123,0{day}/01/26," + ",".join(f"{n}.5,A" for n in range(48)) for day in (5, 6)],
    ),
    "lcl_half_hourly": lambda: _table(
        "LCLid,stdorToU,DateTime,KWH/hh (per half hour) ,Acorn,Acorn_grouped",
        [f"MAC1,Std,2013-01-05 {_clock(30 * n)}:00.0000000, 0.5 ,ACORN-A,Affluent" for n in range(1, 48)],
    ),
    "uk_row_per_reading": lambda: _table(
        "MPR,ReadDatetime,kWh,ReadType",
        [f"1200000000001,05/01/2026 {_clock(30 * n)},{n}.5,Actual" for n in range(1, 48)],
    ),
    "fluvius_15min": lambda: _table(
        "Van datum;Van tijdstip;Tot datum;Tot tijdstip;EAN;Meter;Metertype;Register;Volume;Eenheid;Validatiestatus",
        [
            f"05-01-2026;{_clock(15 * n)}:00;05-01-2026;{_clock(15 * n + 15)}:00;541400000000000001;1SAG1;Digitaal;"
            f"{flow} {'Dag' if 28 <= n < 88 else 'Nacht'};0,{n:03d};kWh;{'Gevalideerd' if n % 9 else 'Geschat'}"
            for n in range(95)
            for flow in ("Afname", "Injectie")
        ],
    ),
    "edc_cr_15min": lambda: _table(
        f"Datum;Cas od;Cas do;{'1' * 18}-{'2' * 18};{'1' * 18}-{'3' * 18}",
        [f"05.01.2026;{_clock(15 * n)};{_clock(15 * n + 15)};0,{n * 37 % 96:02d};1,25" for n in range(96)],
    ),
    "opendsm_hourly": lambda: _table(
        "start,value",
        [f"2026-01-0{5 + n // 24} {n % 24:02d}:00:00-06:00,{n}.125" for n in range(48)],
        layout="opendsm_hourly",
        point="P",
    ),
    "power_logger": lambda: Sample(thai.LOGGER.encode(), status="rejected"),  # no intervals, so it is refused by name
    "homewizard_cumulative": lambda: _table(
        "time,Import T1 kWh,Import T2 kWh,Export T1 kWh,Export T2 kWh",
        [f"2026-01-05 {_clock(15 * n)},{n}.500,{n}.25,0.000,0.000" for n in range(96)],
    ),
}
