"""The Green Button case of ``bench.readers``: a year of quarter hours of ten usage points, a block a day."""

from pathlib import Path

from assets.meters.exports import read_export

ESPI = 'xmlns="http://naesb.org/espi"'
ROOT = "/espi/1_1/resource/"
FIRST = 1767225600  # 2026-01-01 UTC
TYPE = {
    "accumulationBehaviour": 4,
    "commodity": 1,
    "currency": 840,
    "dataQualifier": 12,
    "flowDirection": 1,
    "intervalLength": 900,
    "kind": 12,
    "phase": 769,
    "powerOfTenMultiplier": 0,
    "timeAttribute": 0,
    "uom": 72,
}


def _entry(itself: str, content: str, related: tuple[str, ...] = ()) -> str:
    links = [("self", itself), ("up", itself.rpartition("/")[0]), *(("related", link) for link in related)]
    told = "".join(f'<link rel="{rel}" href="{ROOT}{href}"/>' for rel, href in links)
    stamp = "<published>2026-12-31T00:00:00Z</published><updated>2026-12-31T00:00:00Z</updated>"
    return f"<entry><id>urn:uuid:{itself}</id>{told}<title/><content>{content}</content>{stamp}</entry>\n"


def _reading(start: int, value: int) -> str:
    return f"""
      <IntervalReading>
        <cost>974</cost>
        <ReadingQuality>
          <quality>17</quality>
        </ReadingQuality>
        <timePeriod>
          <duration>900</duration>
          <start>{start}</start>
        </timePeriod>
        <value>{value}</value>
      </IntervalReading>"""


def write(path: Path, share: float) -> None:
    points, days = 10 if share == 1 else 1, max(1, round(365 * share))
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n')
        facts = "".join(f"<{name}>{value}</{name}>" for name, value in TYPE.items())
        file.write(_entry("ReadingType/1", f"<ReadingType {ESPI}>{facts}</ReadingType>"))
        for point in range(points):
            at = f"Subscription/1/UsagePoint/{point}"
            service = "<ServiceCategory><kind>0</kind></ServiceCategory>"
            file.write(_entry(at, f"<UsagePoint {ESPI}>{service}</UsagePoint>", (f"{at}/MeterReading",)))
            meter = f"{at}/MeterReading/1"
            related = (f"{meter}/IntervalBlock", "ReadingType/1")
            file.write(_entry(meter, f"<MeterReading {ESPI}/>", related))
            for day in range(days):
                start = FIRST + 86400 * day
                readings = "".join(
                    _reading(start + 900 * i, (point * 7919 + day * 31 + i * 13) % 5000) for i in range(96)
                )
                period = f"<interval><duration>86400</duration><start>{start}</start></interval>"
                content = f"<IntervalBlock {ESPI}>{period}{readings}</IntervalBlock>"
                file.write(_entry(f"{meter}/IntervalBlock/{day}", content))
        file.write("</feed>\n")


def muang(path: Path) -> tuple[int, float]:
    result = read_export(path.read_bytes(), path.name, {})
    readings = result.tables["readings"]
    return readings.height, float(readings["value"].sum())


def greenbutton_objects(path: Path) -> tuple[int, float]:
    from greenbutton_objects.parse import parse_feed

    points = parse_feed(str(path))
    values = [reading.value for point in points for meter in point.meterReadings for reading in meter.intervalReadings]
    return len(values), sum(values) / 1000  # Wh


PEERS = {"greenbutton-objects": greenbutton_objects}
