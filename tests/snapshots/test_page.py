"""The city's page: what a reader sees, with no network, no script, and hostile names."""

import os
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from lxml import html

from assets.snapshots.build import prefix
from assets.snapshots.charts import charts
from assets.snapshots.page import number, thai_date
from assets.store import LocalStore
from quality.tables import TABLES

DAY = date(2026, 11, 22)


def page(folder: Path, made_up, tables: dict[str, pl.DataFrame], **other: object) -> str:
    store = LocalStore(folder)
    entry = made_up.published(store, tables, **other)
    return store.read(f"{prefix('phuket', entry.snapshot_id)}/index.html").decode()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, made_up) -> str:
    return page(tmp_path_factory.mktemp("whole"), made_up, made_up.all_tables())


def test_it_asks_nothing_of_any_server(whole: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<iframe|<img|javascript:|\son\w+=", whole)
    assert set(re.findall(r"url\(([^)]*)\)", whole)) <= set(re.findall(r"url\((#chart\d+-[^)]*)\)", whole))
    tree = html.fromstring(whole)
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
    assert "22 พฤศจิกายน 2569" in whole
    for thai in tree.xpath("//*[@lang='th']"):
        assert re.search("[฀-๿]", thai.text_content())


def test_every_smart_and_verdict_is_there(whole: str) -> None:
    tree = html.fromstring(whole)
    smarts = [section.get("id") for section in tree.xpath("//main/section")][:7]
    assert sorted(smarts) == ["economy", "energy", "environment", "governance", "living", "mobility", "people"]
    assert len(tree.xpath("//section[@id='energy']//article")) == 4
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
    drawn = charts(tables, DAY)
    assert [chart.smart for chart in drawn] == ["energy", "environment", "environment", "economy", "people"]
    assert [chart.svg for chart in drawn] == [chart.svg for chart in charts(tables, DAY)]
    tree = html.fromstring(whole)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    for svg in tree.xpath("//figure//*[local-name()='svg']"):
        (label,) = tree.xpath(f"//*[@id='{svg.get('aria-labelledby')}']")
        assert label.text_content().strip()
    assert "Sarabun" in drawn[0].svg
    assert "บ้านอยู่อาศัย" in drawn[0].svg


def test_a_chart_is_drawn_only_of_data(made_up) -> None:
    assert charts({}, DAY) == []
    assert charts({name: TABLES[name].empty() for name in made_up.all_tables()}, DAY) == []
    nothing = made_up.air_quality().with_columns(pm25_ug_m3=pl.lit(None, pl.Float64))
    assert charts({"air_quality": nothing, "visitors": made_up.visitors().clear()}, DAY) == []


def test_tables_have_headers_and_files_their_digests(whole: str) -> None:
    tree = html.fromstring(whole)
    for table in tree.xpath("//table"):
        assert table.xpath(".//thead//th[@scope='col']")
    digests = [code for code in tree.xpath("//section[@id='files']//code/text()") if re.fullmatch("[0-9a-f]{64}", code)]
    assert len(digests) == len(tree.xpath("//section[@id='files']//tbody/tr"))
    assert "load_profile" in tree.xpath("//section[@id='data']")[0].text_content()
    assert "CC BY 4.0" in tree.xpath("//section[@id='sources']")[0].text_content()


def test_numbers_and_dates_read_well() -> None:
    assert [number(v) for v in (0.0, 410184.0, 999.94, 32.5, 9.0, 0.718, 0.0042, 100.0, -3.25)] == [
        "0", "410,184", "999.9", "32.5", "9", "0.72", "0.0042", "100", "-3.25",
    ]  # fmt: skip
    assert thai_date(date(2024, 2, 29)) == "29 กุมภาพันธ์ 2567"


@pytest.mark.parametrize("width", [1280, 390])
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
    assert len(sizes) == 5
    assert all(250 < size < width for size in sizes)
    tab.close()


@pytest.fixture(scope="module")
def browser():
    import shutil

    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium: apt-get install chromium")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=[*quiet, "--disable-sync"])
        yield found
        found.close()
