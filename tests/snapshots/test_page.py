"""The city's page: what a reader sees, with no network, no script, and hostile names."""

import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from lxml import html

from assets.cities.registry import SourceEntry
from assets.landing.store import LocalStore
from assets.snapshots.build import prefix
from assets.snapshots.charts import charts
from assets.snapshots.page import MOST_CARDS, PROGRAMME_VERDICTS, marked, number, thai_date
from quality.tables import TABLES

NIGHT = date(2026, 11, 23)


def page(folder: Path, made_up, tables: dict[str, pl.DataFrame], **other: object) -> str:
    store = LocalStore(folder)
    entry = made_up.published(store, tables, **other)
    return store.read(f"{prefix('phuket', entry.snapshot_id)}/index.html").decode()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, made_up) -> str:
    return page(tmp_path_factory.mktemp("whole"), made_up, made_up.all_tables())


def test_it_asks_nothing_of_any_server(whole: str) -> None:
    assert not re.search(r"@import|<script|<link|<iframe|<img|<object|javascript:|\son\w+=", whole)
    tree = html.fromstring(whole)
    asking = [*tree.xpath("//@*[name() != 'content']"), *tree.xpath("//style/text()")]
    assert not [text for text in asking if re.search(r"https?:|//[a-z]", text)], "an address may be named, not asked"
    assert set(re.findall(r"url\(([^)]*)\)", whole)) <= set(re.findall(r"url\((#chart\d+-[^)]*)\)", whole))
    for target in tree.xpath("//@href"):
        assert target.startswith(("#", "data/", "meta/", "datapackage.json", "index.html")), target
    for target in tree.xpath("//@href[starts-with(., '#')]"):
        assert tree.xpath(f"//*[@id='{target[1:]}']"), target


def test_it_names_the_city_in_both_languages_and_the_day(whole: str, made_up) -> None:
    tree = html.fromstring(whole)
    assert tree.get("lang") == "en"
    heading = tree.xpath("//h1")[0]
    assert heading.xpath("./b/@lang") == ["th"]
    assert made_up.city().name_th in heading.text_content()
    assert made_up.city().name_en in heading.text_content()
    assert "23 พฤศจิกายน 2569" in whole
    for thai in tree.xpath("//*[@lang='th']"):
        assert re.search("[฀-๿]", thai.text_content())


def test_every_smart_and_verdict_is_there(whole: str) -> None:
    tree = html.fromstring(whole)
    smarts = ["energy", "environment", "mobility", "people", "economy", "living", "governance"]
    assert [section.get("id") for section in tree.xpath("//main/section")][:7] == smarts
    for smart in smarts:
        values = tree.xpath(f"//section[@id='{smart}']//article/div[contains(@class, 'value')]")
        assert any(re.search(r"\d", value.text_content()) for value in values), smart
        assert tree.xpath(f"//section[@id='{smart}']//figure"), smart
    for card in tree.xpath("//article"):
        assert card.xpath("./span[contains(@class, 'badge')]")


def test_synthetic_data_says_so_and_real_data_does_not(whole: str, made_up, tmp_path: Path) -> None:
    assert whole.index("ข้อมูลสังเคราะห์") < whole.index("<h1")
    assert "synthetic demo data" in whole
    real = page(tmp_path, made_up, made_up.few_tables(), synthetic=False)
    assert "สังเคราะห์" not in real
    assert "synthetic demo" not in real


def test_a_withheld_value_is_no_number(made_up, tmp_path: Path) -> None:
    tables = made_up.with_indicators({"load_profile": made_up.load_profile(share=0.5)}, made_up.city())
    tree = html.fromstring(page(tmp_path, made_up, tables))
    withheld = [card for card in tree.xpath("//article") if "withheld" in card.text_content()]
    assert len(withheld) >= 3
    for card in withheld:
        assert not re.search(r"\d", card.xpath("./div[contains(@class, 'value')]")[0].text_content())
        assert card.xpath("./p[@class='reason']")[0].text_content().strip()
    reasons = tree.xpath("//section[@id='withheld']")[0].text_content()
    assert "only 50% of the data is there" in reasons


def test_hostile_names_stay_text(made_up, tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;"
    visitors = made_up.visitors().with_columns(item=pl.lit(evil), category=pl.lit(evil), unit=pl.lit("คน"))
    visitors = visitors.unique(TABLES["visitors"].key, keep="first", maintain_order=True)
    tables = made_up.with_indicators(
        {"air_quality": made_up.air_quality(station=evil), "visitors": visitors}, made_up.city()
    )
    text = page(tmp_path, made_up, tables, verdicts=made_up.verdicts("warn", "weather", evil), run=evil)
    tree = html.fromstring(text)
    assert not tree.xpath("//script | //img | //*[@onerror]")
    assert evil in tree.xpath("//section[@id='quality']")[0].text_content()
    assert any(evil in article.text_content() for article in tree.xpath("//section[@id='economy']//article"))


def test_charts_are_labelled_unique_and_the_same_each_time(made_up, whole: str) -> None:
    tables = made_up.all_tables()
    drawn = charts(made_up.city(), tables, NIGHT)
    assert [chart.svg for chart in drawn] == [chart.svg for chart in charts(made_up.city(), tables, NIGHT)]
    tree = html.fromstring(whole)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    for svg in tree.xpath("//figure//*[local-name()='svg']"):
        (label,) = tree.xpath(f"//*[@id='{svg.get('aria-labelledby')}']")
        assert label.text_content().strip()
    assert "Sarabun" in drawn[0].svg
    assert "บ้านอยู่อาศัย" in drawn[0].svg


def test_a_chart_is_drawn_only_of_data(made_up) -> None:
    city = made_up.city()
    assert charts(city, {}, NIGHT) == []
    assert charts(city, {name: TABLES[name].empty() for name in made_up.all_tables()}, NIGHT) == []
    nothing = made_up.air_quality().with_columns(pm25_ug_m3=pl.lit(None, pl.Float64))
    assert charts(city, {"air_quality": nothing, "visitors": made_up.visitors().clear()}, NIGHT) == []


def test_tables_have_headers_and_files_their_digests(whole: str) -> None:
    tree = html.fromstring(whole)
    for table in tree.xpath("//table"):
        assert table.xpath(".//thead//th[@scope='col']")
    digests = [code for code in tree.xpath("//section[@id='files']//code/text()") if re.fullmatch("[0-9a-f]{64}", code)]
    assert len(digests) == len(tree.xpath("//section[@id='files']//tbody/tr"))
    assert "load_profile" in tree.xpath("//section[@id='data']")[0].text_content()
    assert "CC BY 4.0" in tree.xpath("//section[@id='sources']")[0].text_content()


def test_who_reads_thai_reads_what_a_number_is(whole: str) -> None:
    cards = html.fromstring(whole).xpath("//article[@class='card']")
    titles = [card.xpath("./h3")[0].text_content() for card in cards if not card.xpath("./h3/span[@lang='th']")]
    assert len(cards) > 25
    assert [title for title in titles if not re.search("[ก-๙]", title)] == []


def test_every_table_that_is_published_is_made_up_and_on_the_page(whole: str, made_up) -> None:
    published = {name for name, table in TABLES.items() if table.published} - {"verdicts"}
    assert set(made_up.all_tables()) == published
    assert {*html.fromstring(whole).xpath("//section[@id='data']//tbody//th/code/text()")} == published


def test_a_smart_opens_with_its_headline_and_folds_what_is_beyond_two_rows(made_up, tmp_path: Path) -> None:
    rows = [
        made_up.indicator_row("economy", code, value=value)
        for code, value in (*((f"a{n:02}", 1.0) for n in range(12)), ("a00_none", None), ("household_income", 36_200.0))
    ]
    tables = made_up.few_tables() | {"indicators": made_up.frame(TABLES["indicators"], rows)}
    tree = html.fromstring(page(tmp_path, made_up, tables))
    (economy,) = tree.xpath("//section[@id='economy']")
    codes = economy.xpath(".//article/h3/text()")
    assert codes == ["household_income", *(f"a{n:02}" for n in range(12)), "a00_none"]
    assert economy.xpath("./details[@class='more']//article/h3/text()") == codes[MOST_CARDS:]
    assert "6" in economy.xpath("./details[@class='more']/summary")[0].text_content()
    assert not tree.xpath("//section[@id='energy']//details[@class='more']")


def test_a_source_that_failed_tonight_is_told_with_its_last_answer_and_why(made_up, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> 522 from the portal"
    tree = html.fromstring(page(tmp_path, made_up, made_up.few_tables(), arrivals=made_up.arrivals(visitors=evil)))
    assert not tree.xpath("//script")
    (row,) = tree.xpath("//section[@id='unanswered']//tbody/tr")
    assert [cell.text_content() for cell in row] == ["visitors", "2026-11-20", f"failed: {evil}"]
    last = {
        line.xpath("./th")[0].text_content(): line.xpath("./td[@data-label='Last answer']")[0].text_content()
        for line in tree.xpath("//section[@id='sources']//tbody/tr")
    }
    assert (last["visitors"], last["population"]) == ("2026-11-20", "2026-11-23")
    assert set(last) == set(made_up.city().sources)


@pytest.mark.parametrize(("state", "told"), [("in part", 1), ("failed", 1), ("answered", 0), ("nothing", 0)])
def test_only_what_failed_is_told_as_not_answering(made_up, tmp_path: Path, state: str, told: int) -> None:
    arrivals = made_up.arrivals().filter(source="visitors").with_columns(tonight=pl.lit(state), last_answer=None)
    arrivals = arrivals.cast(made_up.SCHEMA)
    tree = html.fromstring(page(tmp_path, made_up, made_up.few_tables(), arrivals=arrivals))
    rows = tree.xpath("//section[@id='unanswered']//tbody/tr")
    assert [row[1].text_content() for row in rows] == ["never"] * told


def test_all_sources_answering_there_is_no_section_of_failures(whole: str) -> None:
    assert not html.fromstring(whole).xpath("//section[@id='unanswered']")


def test_the_programme_is_told_in_both_languages_and_scored_nowhere(whole: str, made_up) -> None:
    (section,) = html.fromstring(whole).xpath("//section[@id='programme']")
    rows = {row[0].text_content(): row for row in section.xpath(".//tbody/tr")}
    (name,) = [name for name in rows if name.endswith("Thailand Smart City Competitiveness Index 2023 (%)")]
    index = rows.pop(name)
    assert index[1].text_content() == "83.6" and "best of Smart People" in index[2].text_content()
    assert len(rows) == 10
    for row in rows.values():
        (badge,) = row.xpath("./td/span[contains(@class, 'badge')]")
        thai, english = badge.xpath("./span[@lang='th']")[0].text_content(), badge.text_content()
        assert (thai, english.removeprefix(thai).strip()) in {names[:2] for names in PROGRAMME_VERDICTS.values()}
    # Twelve months of 40 - 4 * 1 and of 40 - 4 * 6 persons: 432 and 192.
    (deaths,) = [row for name, row in rows.items() if name.startswith("ผู้เสียชีวิตบนถนนต่อปี Road deaths")]
    cells = [" ".join(cell.text_content().split()) for cell in deaths.xpath("./td")]
    assert cells[1:5] == ["432 (2020)", "192 (2025)", "-55.6 %", "-50 %"]
    assert "on target" in cells[0]
    criteria = [name for name in rows if re.match(r"[1-5]\. ", name)]
    assert len(criteria) == 5
    for name in criteria:
        assert not re.search(r"\d+ ?%|\d+ ?/ ?\d+|score|points", rows[name].text_content())
    assert "not scored" in section.text_content()


def test_a_page_without_the_new_tables_still_renders(made_up, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store, {"weather": made_up.weather()})
    tree = html.fromstring(store.read(f"{prefix('phuket', entry.snapshot_id)}/index.html"))
    assert not tree.xpath("//section[@id='programme'] | //section[@id='unanswered'] | //ul[@class='credits']")
    assert len(tree.xpath("//section[@id='data']//tbody/tr")) == 1
    assert len(tree.xpath("//p[text()='No indicator.']")) == 7


def test_licences_are_kept_in_sight(whole: str, made_up, tmp_path: Path) -> None:
    tree = html.fromstring(whole)
    notices = [item.text_content() for item in tree.xpath("//section[@id='sources']//ul[@class='credits']/li")]
    assert [notice.split(":")[0] for notice in notices] == ["facilities", "ev_chargers", "hotspots"]
    assert "© OpenStreetMap contributors" in notices[0]
    assert "Open Database License" in notices[0]
    assert "Operator A, Operator B" in notices[1]
    evil = "<img src=x onerror=alert(1)>"
    chargers = made_up.around()["ev_chargers"].with_columns(provider=pl.lit(evil))
    text = page(tmp_path, made_up, {"ev_chargers": chargers})
    assert not html.fromstring(text).xpath("//img")
    assert evil in html.fromstring(text).xpath("//ul[@class='credits']/li")[0].text_content()


def test_what_is_free_for_non_commercial_use_only_says_so(made_up, tmp_path: Path) -> None:
    sources = {
        "weather": SourceEntry(via="portal", reader="open_meteo"),
        "rain": SourceEntry(via="portal", reader="thaiwater_rain"),
    }
    city = made_up.city().model_copy(update={"sources": sources})
    tree = html.fromstring(page(tmp_path, made_up, made_up.few_tables(), of=city))
    flagged = {
        row[0].text_content(): "non-commercial" in "".join(row.xpath(".//span[contains(@class, 'badge')]//text()"))
        for row in tree.xpath("//section[@id='sources']//tbody/tr")
    }
    assert flagged == {"weather": True, "rain": False}


def test_the_page_stays_small_however_much_there_is(whole: str, made_up, tmp_path: Path) -> None:
    assert len(whole.encode()) < 350_000
    tables = made_up.around()

    def many(name: str, times: int, column: str) -> pl.DataFrame:
        copies = [tables[name].with_columns(pl.col(column) + f"_{n}") for n in range(times)]
        return pl.concat(copies)

    crowd = {
        "facilities": many("facilities", 100, "facility_id"),
        "water_levels": many("water_levels", 50, "station_id"),
        "citizen_reports": many("citizen_reports", 100, "kind"),
        "road_casualties": many("road_casualties", 50, "area"),
        "ev_chargers": many("ev_chargers", 100, "site_id"),
    }
    few = page(tmp_path / "few", made_up, {name: tables[name] for name in crowd})
    lot = page(tmp_path / "lot", made_up, crowd)
    assert len(lot) < len(few) + 20_000


def test_numbers_and_dates_read_well() -> None:
    assert [number(v) for v in (0.0, 410184.0, 999.94, 32.5, 9.0, 0.718, 0.0042, 100.0, -3.25)] == [
        "0", "410,184", "999.9", "32.5", "9", "0.72", "0.0042", "100", "-3.25",
    ]  # fmt: skip
    assert [number(v) for v in (-0.0, 0.00004, -0.05)] == ["0", "0.00004", "-0.05"]
    assert thai_date(date(2024, 2, 29)) == "29 กุมภาพันธ์ 2567"


def test_what_reads_aloud_is_told_where_thai_begins(whole: str, made_up, tmp_path: Path) -> None:
    tree = html.fromstring(whole)
    thai = "descendant-or-self::text()[not(ancestor::*[@lang='th'] or ancestor::*[name()='svg' or name()='style'])]"
    for part in tree.xpath("//main//*[self::h3 or self::p or self::td or self::th or self::div]"):
        left = [text for text in part.xpath(thai) if re.search("[\u0e00-\u0e7f]", text)]
        assert not left, left
    assert (
        marked("<b>ก ข</b> & 5 ต.ค.")
        == '&lt;b&gt;<span lang="th">ก ข</span>&lt;/b&gt; &amp; 5 <span lang="th">ต.ค</span>.'
    )


def test_nothing_of_a_table_is_cut_off_on_paper(whole: str, tmp_path: Path, browser) -> None:
    file = tmp_path / "index.html"
    file.write_text(whole)
    tab = browser.new_page(viewport={"width": 718, "height": 1000})  # A4 with margins of a centimetre, 96 to the inch
    tab.goto(file.as_uri())
    tab.emulate_media(media="print")
    cut = "[...document.querySelectorAll('.panel')].filter(panel => panel.scrollWidth > panel.clientWidth).length"
    assert tab.evaluate(cut) == 0
    # What is folded on a screen cannot be unfolded on paper: indicators are all there.
    shown = "[...document.querySelectorAll('.card')].every(card => card.checkVisibility({contentVisibilityAuto: true}))"
    assert tab.evaluate(shown)
    tab.close()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_a_browser_shows_it_without_a_request_or_sideways_scrolling(
    whole: str, tmp_path: Path, width: int, browser
) -> None:
    file = tmp_path / "index.html"
    file.write_text(whole)
    tab = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    sizes = tab.evaluate("[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect().width)")
    assert len(sizes) == whole.count("<figure>") == 10
    assert all(min(250, 0.8 * width) < size < width for size in sizes)
    # On a phone the cells of a row stand below each other: nothing in a table lies beyond the screen.
    tab.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    hidden = "[...document.querySelectorAll('.panel')].filter(panel => panel.scrollWidth > panel.clientWidth).length"
    assert tab.evaluate(hidden) == 0
    tab.close()
