"""Names, contract accounts and metering points stay in landing: file names, cells, refused rows, logs and Dagster."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from assets.meters.exports import read_export
from tests.fuzz.samples import SAMPLES
from tests.home import Home
from tests.lake.metered_city import POINTS, register
from tests.lake.small_city import D1, nem12
from tests.pipeline.test_key_rotation import inbox_city, put

ACCOUNT, CUSTOMER = "020012345678", "somchai"


def files_with(folder: Path, *words: str) -> list[str]:
    """Files whose bytes hold a word, as UTF-8 or UTF-16, or whose names do; packed ones are read unpacked."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet":
            import polars as pl

            data = pl.read_parquet(path).write_json().encode()
        held = (word.encode(code) in data for word in words for code in ("utf-8", "utf-16-le"))
        if any(held) or any(word in name for word in words):
            found.append(name)
    return found


@pytest.mark.timeout(300)
def test_a_night_leaves_them_in_landing_whatever_is_wrong_with_the_files(
    fresh_home: Callable[[], Home], tmp_path: Path
) -> None:
    home = fresh_home()
    points = [ACCOUNT, *POINTS]
    sound = nem12(D1, *points)
    put(tmp_path, "register", "r.csv", register(*POINTS) + f"{ACCOUNT},North of {CUSTOMER},vip {CUSTOMER}\n".encode())
    put(tmp_path, "exports", f"{ACCOUNT}-{CUSTOMER}.csv", sound)
    put(tmp_path, "exports", f"{ACCOUNT}-{CUSTOMER}-cut.csv", sound[: len(sound) // 2])
    put(tmp_path, "exports", f"{ACCOUNT}-{CUSTOMER}.txt", f"{CUSTOMER} {ACCOUNT} is no meter export\n".encode())
    shifted = sound.replace(b",kWh,15,", f",{CUSTOMER},{ACCOUNT},".encode(), 1).replace(
        b",1,1,1,", b",1,020012345678,", 3
    )
    put(tmp_path, "exports", f"{CUSTOMER}/shifted-{ACCOUNT}.csv", shifted)
    put(tmp_path, "exports", f"{ACCOUNT}-{CUSTOMER}.xlsx", b"PK\x03\x04 " + ACCOUNT.encode())
    put(tmp_path, "exports", f"{ACCOUNT}-{CUSTOMER}-empty.csv", b"")
    link = tmp_path / "inbox" / "khon_kaen" / "exports" / f"{ACCOUNT}-{CUSTOMER}.lnk"
    link.symlink_to(tmp_path / CUSTOMER)
    live = {"MUANG_CITIES": str(inbox_city(tmp_path)), "MUANG_INBOX": str(tmp_path / "inbox")}
    live["MUANG_METER_KEY"] = "a key of the tests"

    printed = home.muang("nightly", "--day", "2026-11-21", "--json", **live)
    shown = [printed]
    for command in (
        ("status",),
        ("quarantine", "list"),
        ("status", "--json"),
        ("quarantine", "list", "--json"),
        ("lake", "verify"),
    ):
        shown.append(home.muang(*command, **live))
    refused = home.json("quarantine", "list", **live)
    assert len(refused) >= 4, "the files were read, and what is wrong with them is told"
    for each in refused:
        shown.append(home.muang("quarantine", "show", each["receipt"], **live))
    for result in shown:
        assert not re.search(f"{ACCOUNT}|{CUSTOMER}", result.stdout + result.stderr), result.args

    [meters] = home.json("sql", "select count(distinct meter_id) as n from lake.meter_intervals", **live)
    assert meters["n"] == len(points), "the sound file was ingested"
    leaked = files_with(home.home, ACCOUNT, CUSTOMER)
    assert [name for name in leaked if not name.startswith("landing/")] == []
    # Control: landing has them, and so this search finds them where they are.
    assert any(name.startswith("landing/receipts/") for name in leaked)
    assert any(name.startswith("landing/objects/") for name in leaked)


def planted(data: bytes, canary: bytes, count: int) -> Iterator[bytes]:
    """``data`` with the canary in place of one of its tokens each time."""
    spans = [token.span() for token in re.finditer(rb"[^\s,;|'+:<>()\"=*]+", data)]
    for begin, end in Random(1).sample(spans, min(count, len(spans))):
        yield data[:begin] + canary + data[end:]


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("canary", [f"{CUSTOMER}{ACCOUNT}", ACCOUNT])
def test_no_problem_of_any_format_repeats_what_stands_in_a_cell(name: str, canary: str) -> None:
    sample = SAMPLES[name]()
    for data in planted(sample.data, canary.encode(), 12):
        result = read_export(data, sample.name, sample.options)
        told = [result.format, *result.problems["message"]]
        assert not [text for text in told if canary in text]
