"""Thai text to values."""

import calendar
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.sources import thai

THAI_DIGITS = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")


def of(convert, *texts, **more):
    return (
        pl.DataFrame({"t": texts}, schema={"t": pl.String}).select(convert(pl.col("t"), **more)).to_series().to_list()
    )


def test_text_is_cleaned_of_every_kind_of_blank():
    assert of(thai.clean, "\u00a0 กะทู้\u200b ", "ก  \u00a0ข", "\ufeff๒๕๖๗", None) == ["กะทู้", "ก ข", "2567", None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("115656", 115656),
        ("1,520,815", 1520815),
        ("38,324,038.00", 38324038),
        (" 22,619 ", 22619),
        ("๑,๒๓๔", 1234),
        ("0", 0),
        ("-5", -5),
        ("12.5", None),
        ("1,5", None),
        ("12,34,567", None),
        ("", None),
        ("-", None),
        ("รอประมวลผล", None),
        ("2 คน", None),
        ("1e5", None),
        ("99999999999999999999999", None),
    ],
)
def test_whole_numbers_from_text(text, value):
    assert of(thai.number, text, dtype=pl.Int64()) == [value]


@given(st.integers(-(10**12), 10**12), st.integers(0, 99), st.booleans(), st.booleans(), st.booleans())
def test_a_number_survives_commas_blanks_and_thai_digits(whole, cents, commas, blanks, digits):
    text = f"{whole:,}" if commas else f"{whole}"
    text = f"{text}.{cents:02d}"
    text = f"\u00a0{text} " if blanks else text
    text = text.translate(THAI_DIGITS) if digits else text
    [value] = of(thai.number, text, dtype=pl.Decimal(18, 2))
    assert f"{value:.2f}" == f"{whole}.{cents:02d}" or (whole, cents) == (0, 0)


def test_missing_and_pending_are_told_apart():
    texts = ["รอประมวลผล", " รอประมวลผล ", "-", "", "  ", "N/A", "ไม่ทราบ", None, "0", "-1"]
    assert of(thai.is_pending, *texts) == [True, True] + [False] * 8
    assert of(thai.is_missing, *texts) == [False, False] + [True] * 6 + [False, False]


def test_marks_for_none_in_other_words_and_letters():
    """Statistical offices write dots and dashes, spreadsheets their errors."""
    marks = ["--", "—", "..", "...", "…", "n.a.", "na", "NaN", "NULL", "#N/A", "#DIV/0!", "####", "ไม่มี", "ไม่ปรากฏข้อมูล"]
    assert of(thai.is_missing, *marks) == [True] * len(marks)
    assert of(thai.is_missing, "ไม่มีน้ำใช้", "#1", ".5", "*", "nan1") == [False] * 5
    words = ["อยู่ระหว่างประมวลผล", "ยังไม่ประกาศ", "รอข้อมูล", "ยังไม่มีข้อมูล"]
    assert of(thai.is_pending, *words, "รอการตรวจ", "อยู่ระหว่างก่อสร้าง") == [True] * 4 + [False] * 2


def test_years_of_both_eras():
    texts = [
        "2567",
        "2024",
        "๒๕๖๗",
        "พ.ศ. 2567",
        "พ.ศ.2567",
        "ปี 2567",
        "ค.ศ. 2024",
        "ปี พ.ศ. 2567",
        "67",
        "2567/68",
        None,
    ]
    assert of(thai.year, *texts) == [2024] * 8 + [None] * 3


@given(st.integers(1900, 2200))
def test_a_year_is_the_same_in_either_era(year):
    assert of(thai.year, str(year), str(year + 543)) == [year, year]


def test_months_in_full_short_and_misspelt():
    assert of(thai.month, *(names[0] for names in thai.MONTHS.values())) == list(range(1, 13))
    assert of(thai.month, "ม.ค.", "ธ.ค.", " กรกฎาคม ", "กรกฏาคม", "กค.", "เดือน", None) == [1, 12, 7, 7, 7, None, None]


def test_29_february_exists_in_leap_years_of_the_common_era_only():
    # 2567 BE is 2024; 2568 is itself no leap year, and 2564 BE would be one if the number were taken for a CE year.
    texts = ["29/02/2567", "29 กุมภาพันธ์ 2567", "29/2/2024", "29/02/2568", "29/02/2564", "31/04/2567", "x", None]
    leap = date(2024, 2, 29)
    assert of(thai.date, *texts) == [leap, leap, leap, None, None, None, None, None]


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.integers(0, 2), st.booleans())
def test_a_date_survives_every_way_of_writing_it(day, style, buddhist):
    year = day.year + 543 * buddhist
    text = [
        f"{day.day}/{day.month}/{year}",
        f"{day.day:02d}-{day.month:02d}-{year}",
        f"{day.day} {thai.MONTHS[day.month][year % 2]} {year}",
    ][style]
    assert of(thai.date, text, text.translate(THAI_DIGITS)) == [day, day]


@given(st.integers(1900, 2199))
def test_leap_days_follow_the_calendar(year):
    expected = date(year, 2, 29) if calendar.isleap(year) else None
    assert of(thai.date, f"29/02/{year + 543}") == [expected]


def test_areas_lose_the_prefix_of_their_level():
    areas = {
        "อำเภอเมืองภูเก็ต": ("เมืองภูเก็ต", "amphoe"),
        "อ.กะทู้": ("กะทู้", "amphoe"),
        "อ. ถลาง ": ("ถลาง", "amphoe"),
        "เขตปทุมวัน": ("ปทุมวัน", "amphoe"),
        "ต.ราไวย์": ("ราไวย์", "tambon"),
        "แขวงวังใหม่": ("วังใหม่", "tambon"),
        "จังหวัดภูเก็ต": ("ภูเก็ต", "province"),
        "ทต.วิชิต": ("วิชิต", "city"),
        "อบต.ไม้ขาว": ("ไม้ขาว", "city"),
        "เทศบาลนครภูเก็ต": ("ภูเก็ต", "city"),
        "เทศบาลตำบลรัษฎา": ("รัษฎา", "city"),
        "กรุงเทพฯ": ("กรุงเทพมหานคร", "other"),
        "กะทู้": ("กะทู้", "other"),
        "อำเภอ": ("อำเภอ", "amphoe"),
    }
    assert of(thai.area, *areas) == [name for name, _ in areas.values()]
    assert of(thai.area_level, *areas, default="other") == [level for _, level in areas.values()]


def test_months_by_number_and_in_english():
    assert of(thai.month, "1", "07", "12", "13", "January", "SEP", " may ") == [1, 7, 12, None, 1, 9, 5]


def test_a_misspelt_month_is_read_and_known_as_such():
    assert of(thai.is_misspelt, "กรกฏาคม", "กรกฎาคม", "ก.ค.", None) == [True, False, False, False]
    right = {name for names in thai.MONTHS.values() for name in names}
    assert not right & set(thai.MISSPELT)
    assert of(thai.month, *thai.MISSPELT) == list(thai.MISSPELT.values())


def test_years_of_two_digits_need_a_word_for_them():
    assert of(thai.year, "ปี 67", "พ.ศ.67", "ปีงบประมาณ 67", "67", "อายุ 67") == [2024] * 3 + [None] * 2


def test_a_minus_may_be_a_typographers():
    assert of(thai.number, "−5", "–1,200", "-", dtype=pl.Int64()) == [-5, -1200, None]


def test_totals_have_several_labels():
    assert of(thai.is_total, "รวม", " รวมทั้งสิ้น ", "Total", "รวมพล", None) == [True, True, True, False, False]
    labels = ["ทุกอำเภอ", "ทุกประเภท", "ทุกเพศ", "สรุป", "ระดับจังหวัด"]
    assert of(thai.is_total, *labels, "ทุกขภัย", "สรุปผล") == [True] * 5 + [False] * 2


def test_local_governments_keep_their_kind_in_full():
    names = {
        "ทต.วิชิต": "เทศบาลตำบลวิชิต",
        "อบต. สาคู": "องค์การบริหารส่วนตำบลสาคู",
        "อบจ.ภูเก็ต": "องค์การบริหารส่วนจังหวัดภูเก็ต",
        "เทศบาลนคร ภูเก็ต": "เทศบาลนครภูเก็ต",
        "เอกชน": "เอกชน",
    }
    assert of(thai.local_government, *names) == list(names.values())


@pytest.mark.parametrize("header", ["ปี พ.ศ.", "ปี_พศ", "ปี\u200b พ.ศ", "ปี-พ.ศ."])
def test_headers_fold_alike_however_they_are_spelt(header):
    assert thai.folded(header) == thai.folded("ปีพ.ศ.")


def test_headers_that_mean_something_else_do_not_fold_alike():
    assert thai.folded("จำนวน") == thai.folded("จ\u0e4d\u0e32นวน") != thai.folded("จำนวนคน")
    assert thai.folded("Total_2") == thai.folded("total ๒")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20 13:05", datetime(2026, 11, 20, 13, 5)),
        ("2569-11-20T13:05:00", datetime(2026, 11, 20, 13, 5)),
        ("2567-02-29 07:00:00", datetime(2024, 2, 29, 7)),
        ("2026-12-31 24:00", datetime(2027, 1, 1)),
        ("2569-12-31 24:00:00.0", datetime(2027, 1, 1)),
        ("2026-11-20 24:30", None),
        ("2026-11-20T13:05:00Z", None),
    ],
)
def test_moments_are_of_either_era_and_a_day_ends_at_24(text: str, moment: datetime | None) -> None:
    assert of(thai.moment, text) == [moment]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((f"1,234{mark}", 1234) for mark in ("*", " r/", "r", " p", " 1/", " ¹", "¹⁾", ".-", " (เบื้องต้น)")),
        *(("1 234", 1234), ("1'234.5", 1234.5), ("12 345 678", 12345678), ("-1’234", -1234), ("12.5 %", 12.5)),
        *(
            (text, None)
            for text in ("(1,234)", "<0.5", "076 211 111", "1 23", "1/2", "10-20", "1,234 คน", "12p3", "A1r")
        ),
    ],
)
def test_a_published_number_may_have_a_mark_or_other_groups(text: str, value: float | None) -> None:
    assert pl.select(thai.amount(pl.lit(text), pl.Float64())).item() == value


def test_a_total_may_be_set_off():
    labels = pl.Series(["(รวม)", "* รวม", "--รวม--", "จำนวนทั้งสิ้น", "จำนวนรวม", "รวมไทยพัฒนา", "จำนวน"])
    assert labels.to_frame("x").select(thai.is_total(pl.col("x")))["x"].to_list() == [True] * 5 + [False] * 2
    assert pl.select(thai.is_total(pl.lit("ยอด (ภาค)"), ["ยอด (ภาค)"])).item(), "a label of the registry as it is"
