"""Names, contract accounts and metering points stay in landing, readings in landing and lake: not in pages, messages,
verdicts, logs or Dagster."""

import io
import json
import re
import traceback
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import openpyxl
import polars as pl
import pytest
import yaml

from assets.graph import _unquoted
from assets.landing.archive import Archive
from assets.landing.store import LocalStore
from assets.meters.exports import read_export
from demo.layouts import pea_kwh_xlsx
from quality.contracts import Table
from quality.problems import CODES
from quality.tables import METER_INTERVALS, TABLES, WEATHER
from tests.fuzz.samples import SAMPLES
from tests.home import Home
from tests.kit import sampled
from tests.lake.metered_city import POINTS, register
from tests.lake.small_city import D1, nem12
from tests.meters.test_readers_thai import SECRET, form, reset
from tests.pipeline.test_key_rotation import inbox_city, put

ACCOUNT, CUSTOMER = "020012345678", "somchai"


OTHER = "020098765432"
"""Account of a customer whose reports are read."""
VALUES = ("81.377", "7812.192", "7817.192", "53721.625", "53852.875", "131.25")
"""A customer's quarter-hour, its day, the day as its report prints it, a register's two reads and their difference."""

OWN_COLUMNS = (
    "value",
    "value_delivered",
    "value_final",
    "kwh",
    "register_start",
    "register_end",
    "energy",
    "peak_power",
    "least_power",
    "found",
    "asked",
)
MESSAGES = "lake/quarantine/"


def files_with(folder: Path, *words: str, but: tuple[str, ...] = ()) -> list[str]:
    """Files whose bytes hold a word, as UTF-8 or UTF-16, or whose names do; packed ones are read unpacked, tables of
    the lake without their columns ``but``."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet":
            own = but if name.startswith(("lake/", "memory/")) else ()
            data = pl.read_parquet(path).drop(own, strict=False).write_json().encode()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as pack:
                data += b"".join(pack.read(member) for member in pack.namelist())
        held = (word.encode(code) in data for word in words for code in ("utf-8", "utf-16-le"))
        if any(held) or any(word in name for word in words):
            found.append(name)
    return found


def report_with_a_wrong_total() -> bytes:
    """A report of one customer, whose header has the name and whose printed total is 5 kWh too much."""
    book = openpyxl.load_workbook(io.BytesIO(pea_kwh_xlsx(OTHER, [81_377] * 96, D1)))
    for row in book.worksheets[0].iter_rows():
        for cell in row:
            if cell.value == "7812.192":
                cell.value = "7817.192"
            if "ผู้ใช้ไฟจำลอง" in str(cell.value):
                cell.value = CUSTOMER
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def form_with_a_wrong_register() -> bytes:
    """A reading form whose total register runs on by another amount than its rates together."""
    rows = [
        reset(1, datetime(2026, 10, 19), "53721.625", "10.000", "50.000", "40.000", "0.300", "0.280", "0.290"),
        reset(2, datetime(2026, 11, 19), "53852.875", "15.500", "70.000", "68.000", "0.320", "0.300", "0.328"),
    ]
    return form(rows, ct="5:5 A.", vt="1:1 V.").replace(SECRET.encode(), CUSTOMER.encode())


class Shown(NamedTuple):
    """A night over files with an account, a name and readings in them: its home, settings, and what commands printed;
    ``asked`` is what showed a refused delivery, row for row, because it was asked for."""

    home: Home
    live: dict[str, str]
    printed: list[CompletedProcess[str]]
    asked: list[CompletedProcess[str]]


@pytest.fixture(scope="module")
def night(fresh_home: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory) -> Shown:
    home, folder = fresh_home(), tmp_path_factory.mktemp("planted")
    points = [ACCOUNT, *POINTS]
    sound = nem12(D1, *points)
    put(folder, "register", "r.csv", register(*POINTS) + f"{ACCOUNT},North of {CUSTOMER},vip {CUSTOMER}\n".encode())
    put(folder, "exports", f"{ACCOUNT}-{CUSTOMER}.csv", sound)
    put(folder, "exports", f"{ACCOUNT}-{CUSTOMER}-cut.csv", sound[: len(sound) // 2])
    put(folder, "exports", f"{ACCOUNT}-{CUSTOMER}.txt", f"{CUSTOMER} {ACCOUNT} is no meter export\n".encode())
    shifted = sound.replace(b",kWh,15,", f",{CUSTOMER},{ACCOUNT},".encode(), 1).replace(
        b",1,1,1,", b",1,020012345678,", 3
    )
    put(folder, "exports", f"{CUSTOMER}/shifted-{ACCOUNT}.csv", shifted)
    put(folder, "exports", f"{ACCOUNT}-{CUSTOMER}.xlsx", b"PK\x03\x04 " + ACCOUNT.encode())
    put(folder, "exports", f"{ACCOUNT}-{CUSTOMER}-empty.csv", b"")
    put(folder, "exports", f"CA{OTHER} {CUSTOMER}.xlsx", report_with_a_wrong_total())
    put(folder, "exports", f"CA{OTHER} {CUSTOMER} form.xls", form_with_a_wrong_register())
    link = folder / "inbox" / "khon_kaen" / "exports" / f"{ACCOUNT}-{CUSTOMER}.lnk"
    link.symlink_to(folder / CUSTOMER)
    live = {"MUANG_CITIES": str(inbox_city(folder)), "MUANG_INBOX": str(folder / "inbox")}
    live["MUANG_METER_KEY"] = "a key of the tests"

    printed = [home.muang("nightly", "--day", "2026-11-21", "--json", **live)]
    for command in (
        ("status",),
        ("quarantine", "list"),
        ("status", "--json"),
        ("quarantine", "list", "--json"),
        ("snapshots", "show", "khon_kaen", "--json"),
        ("lake", "verify"),
        ("landing", "verify"),
        ("sql", "select * from lake.verdicts"),
        ("doctor",),
    ):
        printed.append(home.muang(*command, **live))
    refused = home.json("quarantine", "list", **live)
    assert len(refused) >= 4, "the files were read, and what is wrong with them is told"
    asked = [home.muang("quarantine", "show", each["receipt"], **live) for each in refused]
    return Shown(home, live, printed, asked)


@pytest.mark.timeout(300)
def test_a_night_leaves_names_in_landing_whatever_is_wrong_with_the_files(night: Shown) -> None:
    home = night.home
    for result in (*night.printed, *night.asked):
        assert not re.search(f"{ACCOUNT}|{OTHER}|{CUSTOMER}", result.stdout + result.stderr), result.args

    [meters] = home.json("sql", "select count(distinct meter_id) as n from lake.meter_intervals", **night.live)
    assert meters["n"] == len(POINTS) + 2, "the sound files were ingested"
    leaked = files_with(home.home, ACCOUNT, OTHER, CUSTOMER)
    assert [name for name in leaked if not name.startswith("landing/")] == []
    # Control: landing has them, and so this search finds them where they are.
    assert any(name.startswith("landing/receipts/") for name in leaked)
    assert any(name.startswith(("landing/objects/", "landing/packs/")) for name in leaked)


def test_no_reading_of_a_customer_leaves_the_lakes_own_columns(night: Shown) -> None:
    home = night.home.home
    warned = night.home.json("sql", "select code from lake.quarantine where code = 'sum-mismatch'", **night.live)
    assert len(warned) == 2, "both wrong totals were found"
    for result in night.printed:
        assert not [value for value in VALUES if value in result.stdout + result.stderr], result.args
    leaked = files_with(home, *VALUES, but=OWN_COLUMNS)
    assert [name for name in leaked if not name.startswith(("landing/", MESSAGES))] == []
    # Control: the lake's columns and the quarantine's messages have them.
    lake = {name.split("/")[1] for name in files_with(home, *VALUES) if name.startswith("lake/")}
    assert lake == {"meter_intervals", "meter_quality", "register_checks", "register_reads", "quarantine"}
    # What is published says that something was wrong, and no more.
    found = [each for each in published_verdicts(home) if each["check"] == "deliveries_sum-mismatch"]
    assert {each["table"] for each in found} == {"meter_intervals", "register_reads"}
    for told in found:
        assert (told["verdict"], told["checked"], told["failed"], told["failed_band"]) == ("warn", None, None, "1-1499")
        assert told["message"] == CODES["sum-mismatch"][1]
    assert CODES["sum-mismatch"][1] in next(home.glob("cdp/city=*/snapshots/*/index.html")).read_text()


def test_nothing_published_counts_customers(night: Shown) -> None:
    home = night.home.home
    customers = {name for name, table in TABLES.items() if table.of_customers}
    for told in published_verdicts(home):
        counted = told["checked"], told["failed"]
        assert (counted == (None, None)) == (told["table"] in customers), told
        assert told["message"], told
    manifest = json.loads(next(home.glob("cdp/city=*/snapshots/*/meta/manifest.json")).read_text())
    receipts = {receipt.id for receipt in Archive(LocalStore(home)).receipts("khon_kaen")}
    assert manifest["inputs"] == [] and len(receipts) > 5, "whose files came, and how many, is not told"
    assert [source["receipts"] for source in manifest["sources"]] == [None, None]


def published_verdicts(home: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(next(home.glob("cdp/city=*/snapshots/*/meta/quality.parquet"))).to_dicts()


def test_files_have_the_rights_of_their_place(night: Shown) -> None:
    home = night.home.home
    assert {path.name for path in home.iterdir()} >= {"landing", "lake", "cdp", "dagster", "work", "store.json"}
    for path in sorted(home.rglob("*")):
        mode, zone = path.stat().st_mode & 0o777, path.relative_to(home).parts[0]
        if zone == "cdp":
            assert mode == (0o755 if path.is_dir() else 0o644), path
        elif zone != "dagster":
            assert mode == (0o700 if path.is_dir() else 0o600), path
    # What Dagster writes in its folder has the umask's rights: nobody else gets in.
    assert (home / "dagster").stat().st_mode & 0o777 == 0o700


def test_doctor_tells_of_wrong_rights_and_the_next_night_sets_them(night: Shown) -> None:
    page = next(night.home.home.glob("cdp/city=*/snapshots/*/index.html"))
    receipts = night.home.home / "landing" / "receipts"
    page.chmod(0o600)
    receipts.chmod(0o755)

    def told() -> str:
        found = night.home.json("doctor", **night.live)
        return next(each["state"] for each in found if each["what"] == "rights")

    assert told() == "warn"
    night.home.muang("nightly", "--day", "2026-11-21", **night.live)
    assert (page.stat().st_mode & 0o777, receipts.stat().st_mode & 0o777) == (0o644, 0o700)
    assert told() == "ok"


@pytest.mark.parametrize("table", [METER_INTERVALS, WEATHER], ids=lambda table: table.name)
def test_an_error_of_polars_over_customers_goes_into_dagster_without_their_readings(table: Table) -> None:
    huge = pl.DataFrame({"kwh": [Decimal("4711.375")]})
    with pytest.raises(pl.exceptions.InvalidOperationError) as caught, _unquoted(table):
        huge.cast({"kwh": pl.Decimal(4, 3)})
    quoted = "4711.375" in "".join(traceback.format_exception(caught.value))
    assert quoted == (not table.of_customers)


def planted(data: bytes, canary: bytes, seed: int) -> Iterator[bytes]:
    """``data`` with the canary in place of one of its tokens, of six."""
    spans = [token.span() for token in re.finditer(rb"[^\s,;|'+:<>()\"=*]+", data)]
    for begin, end in Random(seed).sample(spans, min(6, len(spans))):
        yield data[:begin] + canary + data[end:]


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("canary", [f"{CUSTOMER}{ACCOUNT}", ACCOUNT])
@pytest.mark.parametrize("seed", sampled(range(6), 6))
def test_no_problem_of_any_format_repeats_what_stands_in_a_cell(name: str, canary: str, seed: int) -> None:
    sample = SAMPLES[name]()
    for data in planted(sample.data, canary.encode(), seed):
        result = read_export(data, sample.name, sample.options)
        told = [result.format, *result.problems["message"]]
        assert not [text for text in told if canary in text]


@pytest.mark.parametrize(("name", "count"), [("d0036", rb"(ZPT\|\w*\|)\d+"), ("mscons", rb"(UN[TZ]\+)\d+")])
@pytest.mark.parametrize("canary", [f"{CUSTOMER}{ACCOUNT}", ACCOUNT])
def test_a_count_that_is_none_is_not_repeated(name: str, count: bytes, canary: str) -> None:
    sample = SAMPLES[name]()
    data, times = re.subn(count, rb"\g<1>" + canary.encode(), sample.data)
    assert times
    problems = read_export(data, sample.name, sample.options).problems
    assert "count-mismatch" in set(problems["code"])
    assert not [text for text in problems["message"] if canary in text]


def test_what_is_refused_of_a_source_that_the_registry_has_no_more_is_told(night: Shown) -> None:
    registry = Path(night.live["MUANG_CITIES"])
    told = yaml.safe_load(registry.read_text())
    del told["khon_kaen"]["sources"]["exports"]
    (without := registry.with_name("without.yaml")).write_text(yaml.safe_dump(told))
    live = night.live | {"MUANG_CITIES": str(without)}
    refused = night.home.json("quarantine", "list", **live)
    shown = night.home.json("quarantine", "show", refused[0]["receipt"], "--show-names", **live)
    assert ACCOUNT in shown["name"] or OTHER in shown["name"] or CUSTOMER in shown["name"]
    replayed = night.home.muang("quarantine", "replay", **live)
    assert replayed.returncode == 1, "it is still refused"
    assert night.home.muang("quarantine", "replay", **live, MUANG_FAIL_ON="withheld").returncode == 0
    assert "of exports, which the registry has no more" in replayed.stdout
