"""P1 telegrams: real ones, ones written here, and dsmr-parser as the other parser."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from dsmr_parser import telegram_specifications
from dsmr_parser.parsers import TelegramParser
from hypothesis import given, strategies as st

from assets.meters.exports import read_export
from assets.meters.formats import p1
from quality.readings import REGISTER_SCHEMA
from tests.kit import codes

METER = "4B384547303034303436333935353037"


def telegram(stamp="170102192002W", reads=(("1-0:1.8.1", "000004.426*kWh"),), version="50", point=METER, crc=None):
    lines = ["/ISk5\\2MT382-1000", ""]
    lines += [f"1-3:0.2.8({version})"] if version else []
    lines += [f"0-0:1.0.0({stamp})"] if stamp else []
    lines += [f"0-0:96.1.1({point})"] if point else []
    lines += [f"{code}({told})" for code, told in reads]
    lines += ["1-0:1.7.0(00.244*kW)", "0-1:24.2.1(170102161005W)(00000.107*m3)", "!"]
    text = "\r\n".join(lines)
    return text + (p1.checksum(text) if crc is None else crc) + "\r\n"


def read(text, **options):
    return read_export(text.encode(), "x", options)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "specification", "end", "registers"),
    [
        ("telegram_v5.txt", telegram_specifications.V5, datetime(2017, 1, 2, 18, 20, 2),
         ["4.426", "2.399", "2.444", "0"]),
        ("telegram_v4_2.txt", telegram_specifications.V4, datetime(2016, 11, 13, 19, 57, 57),
         ["1581.123", "1435.706", "0", "0"]),
    ],
)  # fmt: skip
def test_real_telegrams_agree_with_another_parser(real_data, name, specification, end, registers):
    data = (real_data / "meters/p1" / name).read_bytes()
    result = read_export(data, name, {})
    assert (result.format, codes(result)) == ("p1", [])
    table = result.tables["registers"]
    assert table["channel"].to_list() == ["1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.1", "1-0:2.8.2"]
    assert table["quantity"].to_list() == ["active_import"] * 2 + ["active_export"] * 2
    assert table["register_end"].to_list() == [Decimal(value) for value in registers]
    assert set(table["end"]) == {end.replace(tzinfo=UTC)}
    peer = TelegramParser(specification).parse(data.decode())
    theirs = [peer.ELECTRICITY_USED_TARIFF_1, peer.ELECTRICITY_USED_TARIFF_2]
    theirs += [peer.ELECTRICITY_DELIVERED_TARIFF_1, peer.ELECTRICITY_DELIVERED_TARIFF_2]
    assert table["register_end"].to_list() == [item.value for item in theirs]
    assert peer.P1_MESSAGE_TIMESTAMP.value == table["end"][0]
    assert peer.EQUIPMENT_IDENTIFIER.value == table["point"][0]


@given(
    st.lists(st.decimals(0, 999999, places=3), min_size=4, max_size=4),
    st.datetimes(datetime(2012, 1, 1), datetime(2037, 1, 1)),
    st.sampled_from(["\r\n", "\n", "\r"]),
)
def test_written_telegrams_agree_with_another_parser(values, moment, end):
    summer = 4 <= moment.month <= 9
    names = ("1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.1", "1-0:2.8.2")
    reads = [(code, f"{value:010.3f}*kWh") for code, value in zip(names, values, strict=True)]
    text = telegram(f"{moment:%y%m%d%H%M%S}{'S' if summer else 'W'}", reads)
    peer = TelegramParser(telegram_specifications.V5).parse(text)  # judges the checksum too
    table = read(text.replace("\r\n", end)).tables["registers"]
    assert table["register_end"].to_list() == values
    assert table["register_end"][0] == peer.ELECTRICITY_USED_TARIFF_1.value
    if moment.month not in (3, 10):  # months in which the letter and the clock can differ
        local = moment.replace(microsecond=0, tzinfo=UTC)
        assert set(table["end"]) == {local - timedelta(hours=2 if summer else 1)}
        assert table["end"][0] == peer.P1_MESSAGE_TIMESTAMP.value


def test_the_letter_tells_the_repeated_hour_apart():
    text = telegram("241027023000S") + telegram("241027023000W", [("1-0:1.8.1", "000005.000*kWh")])
    table = read(text).tables["registers"]
    assert table["end"].to_list() == [datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)]


def test_a_log_gives_the_energy_between_telegrams():
    reads = ["000001.000", "000001.250", "000002.000"]
    parts = [telegram(f"17010219200{n}W", [("1-0:1.8.1", f"{value}*kWh")]) for n, value in enumerate(reads)]
    table = read("".join(parts)).tables["registers"]
    assert table["value"].to_list() == [None, Decimal("0.25"), Decimal("0.75")]
    assert table.schema == REGISTER_SCHEMA
    assert table["register_start"].to_list() == [None, Decimal(1), Decimal("1.25")]
    assert table["start"].to_list()[1:] == table["end"].to_list()[:2]
    shuffled = read("".join(parts[::-1])).tables["registers"].sort("end")
    assert shuffled.drop("row").equals(table.drop("row"))


def test_a_register_that_falls_has_no_energy():
    parts = [
        telegram(f"17010219200{n}W", [("1-0:1.8.1", f"{v}*kWh")]) for n, v in enumerate(["000009.000", "000001.000"])
    ]
    result = read("".join(parts))
    assert codes(result) == ["register-fall"]
    assert result.tables["registers"]["value"].null_count() == 2


def test_a_telegram_repeated_is_merged():
    result = read(telegram() * 2)
    assert codes(result) == ["duplicate-rows"]
    assert result.tables["registers"].height == 1


def test_wh_and_totals_and_reactive_registers():
    reads = [("1-0:1.8.0", "0004426*Wh"), ("1-0:2.8.0", "000001.5*kWh"), ("1-0:3.8.0", "000002.5*kvarh")]
    table = read(telegram(reads=reads)).tables["registers"]
    assert dict(table.select("quantity", "register_end").iter_rows()) == {
        "active_import": Decimal("4.426"),
        "active_export": Decimal("1.5"),
        "reactive_import": Decimal("2.5"),
    }


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (telegram().replace("4.426", "4.427"), "checksum-mismatch"),
        (telegram(crc=""), "checksum-mismatch"),
        (telegram(crc="0000"), "checksum-mismatch"),
        (telegram(stamp=""), "stamp-bad"),
        (telegram("170132192002W"), "stamp-bad"),
        (telegram(point=""), "value-null"),
        (telegram().split("!")[0], "row-malformed"),
        ("1-0:1.8.1(000004.426*kWh)\r\n!ABCD\r\n", "row-malformed"),
    ],
)
def test_bad_telegrams_are_refused_and_the_rest_is_kept(bad, code):
    for text in (bad + telegram("170103192002W"), telegram("170103192002W") + bad):
        result = read(text)
        assert codes(result) == [code]
        assert result.problems["row"][0] is not None
        assert result.tables["registers"]["register_end"].to_list() == [Decimal("4.426")]
        assert not any(METER in message for message in result.problems["message"])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1-0:1.8.2(x*kWh)", "value-not-number"),
        ("1-0:1.8.2(1*kW)", "unit-unknown"),
        ("1-0:1.8.2(000002.399)", "unit-unknown"),
        ("1-0:1.8.2(000002.399*kWh", "row-malformed"),
    ],
)
def test_a_bad_line_is_refused_and_the_rest_is_kept(line, code):
    text = telegram().split("!")[0] + line + "\r\n!"
    result = read(text + p1.checksum(text))
    assert list(result.problems.select("row", "code").iter_rows()) == [(9, code)]
    assert result.tables["registers"].height == 1


def test_a_telegram_without_registers_says_so():
    result = read(telegram(reads=[]))
    assert codes(result) == ["value-null"]
    assert not result.tables


def test_version_2_has_no_checksum_but_needs_a_clock():
    assert codes(read(telegram(version="", crc=""))) == []
    # DSMR 2.2 tells no electricity clock: without one a register read cannot be dated.
    assert not read(telegram(version="40", stamp="", crc=None)).tables


def test_the_option_names_a_meter_that_does_not():
    assert read(telegram(point=""), point="M9").tables["registers"]["point"].to_list() == ["M9"]


@pytest.mark.parametrize("cut", [4, 5, 10, 60, 120])
def test_a_cut_telegram_is_rejected(cut):
    text = telegram()
    result = read(text[: len(text) - cut])
    assert not result.tables
    assert codes(result)[0] in ("file-truncated", "checksum-mismatch")
