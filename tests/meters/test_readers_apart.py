"""EDIFACT, read-outs and British flows: no file is taken for one of another format, and no damage makes one fail."""

import gzip

import pytest
from hypothesis import given, strategies as st

from assets.meters.exports import read_export
from assets.meters.formats import d0036, df2, mscons, p01, p1
from assets.meters.formats.content import recognise


@pytest.mark.real
@pytest.mark.parametrize("reader", [d0036, df2, mscons, p1, p01], ids=lambda reader: reader.FORMAT)
def test_only_its_own_real_files_are_recognised(real_data, reader):
    seen = set()
    for path in sorted((real_data / "meters").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            content = recognise(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)
            if content.kind == reader.KIND and reader.recognise(content):
                seen.add(path.parent.name)
    assert seen == ({reader.FORMAT} & {"mscons", "p1"})


SAMPLES = {
    "mscons": "UNA:+.? 'UNB+UNOC:3+S:14+R:14+240305:1200+R++TL'UNH+1+MSCONS:D:04B:UN:2.4c'BGM+7+A+9'"
    "DTM+137:202403050000?+00:303'RFF+ACW:Z'NAD+DP'LOC+172+P'DTM+672:15:806'LIN+1'PIA+5+1-1?:1.29.0:SRW'"
    "QTY+220:1.5:KWH'DTM+163:202403010000?+00:303'DTM+164:202403010015?+00:303'STS+6+T1'UNT+14+1'UNZ+1+R'",
    "p01": "0.0.0(1)\r\nP.01(0260601001500)(00)(15)(2)(1.29)(kWh)(2.5)(kW)\r\n(1)(2)\r\n(3)(4)\r\n",
    "p1": "/ISk5\\M\r\n\r\n0-0:1.0.0(170102192002W)\r\n0-0:96.1.1(4B)\r\n1-0:1.8.1(4.4*kWh)\r\n!\r\n" * 2,
    "d0036": "ZHV|77|D0036001|C|S|X|G|20260617141613|\n101|1|AI|G|\n102|20260601|\n"
    + "103|A|1.5|\n" * 48
    + "ZPT|77|50||1|20260617141614|\n",
    "df2": "#F2\n#O 1\n#S 1\n02/06/2026,00:30,1,A\n02/06/2026,01:00,2,A\n",
}
DAMAGE = st.sampled_from([*list("'+:?|()!/#.,*-\r\n\x02\x03 0149AZกü\x1c\x1f"), "9" * 30, "UNH+", "P.01(", "103|"])


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_read(name):
    result = read_export(SAMPLES[name].encode(), "x", {})
    assert (result.format, set(result.problems["code"]) - {"duplicate-rows"}) == (name, set())
    assert result.tables


@pytest.mark.parametrize("name", SAMPLES)
@given(st.data())
def test_no_damage_makes_a_reader_fail(name, data):
    text = SAMPLES[name]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(DAMAGE) + text[place + data.draw(st.integers(0, 12)) :]
    for options in ({}, {"format": name, "timezone": "Europe/Berlin"}):
        result = read_export(text.encode(), "x", options)
        assert not set(result.problems["code"]) & {"reader-failed"}
        assert result.tables or result.problems.height
