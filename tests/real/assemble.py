"""A night over real inputs: an inbox and a local portal put together from files that nobody here wrote.

Files are linked or re-enveloped, their rows untouched: where a portal's answer is at hand only as the rows somebody
saved from it, the rows go back into the envelope that the portal's interface documents.
"""

import csv
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from assets.landing.portals import PORTALS

CITIES = ("samyan", "phuket", "hat_yai", "khon_kaen", "korat")

BAD: dict[str, bytes] = {
    "nothing.csv": b"",
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "report.xls": b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>User</form></body></html>",
    "cut.csv": b"MEA No.,UI ID.,Rate Category,Measuring Compoenent,TOU/TOD,Date Time,Value\r\n"
    b"1,1,3,E-MAX-KW-IMP,ON,1/5/2026 9:15,12.5\r\n1,1,3,E-MAX-KW-IMP,ON,1/5/20",
    "notes.txt": b"please call the meter room before noon\n" * 20,
}
"""What people put into inboxes besides meter exports; nothing of it is a reading."""

PACKAGES = {
    "phuket001": "population",
    "dataset_10_02": "airport-pax",
    "dataset_10_09": "avg-spend",
    "dataset_10_11": "hotels",
    "dataset_10_47": "road-injuries",
    "dataset_10_68": "occupancy",
    "dataset_30a_01": "over-60",
    "20_14": "waste-disposed",
}
"""Phuket's packages whose rows are at hand, by the name of the saved file."""


HOURLY = "cu_cham5_hourly_2018-07_2019-06.csv"


def inbox(real: Path, folder: Path, hours: int = 8_760) -> Path:
    """Lay out ``<folder>/<city>/<source>/``, of the building's year the first ``hours``; returns the folder."""
    meters = real / "meters"
    places = {
        "samyan/building_loads": [meters / "thai_building" / HOURLY],
        "samyan/building_loads_1min": [meters / "thai_building" / "cu_raw_1min_2016-01.csv"],
        "phuket/facilities": [real / "open_data" / "osm_thai" / "phuket-poi.geojson"],
        "khon_kaen/amr_exports": [
            *sorted(path for path in (meters / "nem12").iterdir() if path.is_file()),
            *sorted(path for path in (meters / "nem12_bad").iterdir() if path.is_file()),
        ],
    }
    for place, files in places.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / place / file.name).write_bytes(file.read_bytes())
    year = folder / "samyan" / "building_loads" / HOURLY
    year.write_bytes(b"\r\n".join(year.read_bytes().split(b"\r\n")[: 1 + hours]))  # no line end, as it has none
    bad = folder / "korat" / "amr_exports"
    bad.mkdir(parents=True, exist_ok=True)
    for name, content in BAD.items():
        (bad / name).write_bytes(content)
    return folder


@contextmanager
def portals(real: Path) -> Iterator[dict[str, str]]:
    """Serve what is at hand as the portals serve it; yields portal name to base URL.

    What is not at hand is answered 404, a portal that refuses is answered 403, and one that serves a page is 200.
    """
    answers = _answers(real / "open_data")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            status, kind, body = answers(url.path, query)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield {name: f"{base}/{name}" for name in PORTALS}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answers(data: Path) -> Any:
    json_type = "application/json; charset=utf-8"
    tables = {
        package: json.loads((data / "phuket_gdcatalog" / f"{name}.json").read_text())
        for package, name in PACKAGES.items()
    }

    def phuket(action: str, query: dict[str, str]) -> tuple[int, str, bytes]:
        if action == "package_show" and query.get("id") in tables:
            saved = tables[query["id"]]
            resource = {"id": query["id"], "format": "CSV", "datastore_active": True, "url": "", "name": saved["key"]}
            result: dict[str, Any] = {
                "name": query["id"],
                "title": saved["titleTh"],
                "metadata_modified": saved["updated"] + "T00:00:00",
                "resources": [resource],
            }
        elif action == "datastore_search" and query.get("resource_id") in tables:
            saved = tables[query["resource_id"]]
            start, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
            records = [dict(zip(saved["header"], row, strict=False)) for row in saved["rows"]]
            result = {
                "fields": [{"id": name, "type": "text"} for name in saved["header"]],
                "records": records[start : start + limit],
                "total": len(records),
            }
        else:
            return 404, json_type, b'{"success": false, "error": {"__type": "Not Found Error"}}'
        return 200, json_type, json.dumps({"success": True, "result": result}, ensure_ascii=False).encode()

    def answer(path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
        portal, _, rest = path.strip("/").partition("/")
        if portal == "phuket_gdcatalog":
            return phuket(rest.rsplit("/", 1)[-1], query)
        if portal == "namtang":
            return 200, "application/zip", _zipped(data / "gtfs_namtang")
        if portal == "air4thai" and "getNewAQI" in rest:
            return 200, json_type, (data / "air4thai" / "getAQI_JSON_03t_2019-02-17.json").read_bytes()
        if portal == "air4thai" and query.get("stationID") == "44t":
            return 200, json_type, _history(data / "air4thai" / "history_44t_hatyai_2024-01-01_2024-03-10.csv")
        if portal == "air4thai" and query.get("stationID", "").startswith("50t"):
            return 403, "text/html", b"<html><body>403 Forbidden</body></html>"
        if portal == "thaiwater" and rest.endswith("waterlevel_load"):
            return 200, json_type, (data / "thaiwater" / "waterlevel_load_excerpt_2026-09-26.json").read_bytes()
        if portal == "openchargemap":
            return 200, json_type, (data / "openchargemap" / "OCM-188384.json").read_bytes()
        if portal == "traffy":
            return 200, json_type, (data / "traffy" / "geojson_v1_excerpt_2026-09-26.json").read_bytes()
        if portal == "air4thai":
            return 200, "text/html", b"<!DOCTYPE html><html><body>System maintenance</body></html>"
        return 404, "text/plain", b"no real answer of this portal is at hand"

    return answer


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.glob("*.txt")):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    return out.getvalue()


def _history(file: Path) -> bytes:
    """The saved rows of ``getHistoryData.php`` back in its envelope: numbers, and null where the cell is blank."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [{name: value for name, value in row.items() if name} for row in csv.DictReader(lines)]
    data = [
        {name: value if name == "DATETIMEDATA" else float(value) if value else None for name, value in row.items()}
        for row in rows
    ]
    station = {"stationID": "44t", "params": [name for name in rows[0] if name != "DATETIMEDATA"], "data": data}
    return json.dumps({"result": "OK", "error": "", "stations": [station]}).encode()
