"""Addresses that stay: they lead to what is current, whatever became of the pages themselves."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assets.landing.s3 import S3Store
from assets.landing.store import LocalStore, Store
from assets.snapshots import latest
from assets.snapshots.build import prefix
from assets.snapshots.collect import collect
from assets.snapshots.commit import roll_back

pytestmark = pytest.mark.usefixtures("without_suites")

CITIES = ("phuket", "samyan", "khon_kaen", "korat")


def leads_to(store: Store, city: str) -> str:
    """Key that a browser ends at which opens a city's address, told by the refresh and by the link alike."""
    page = store.read(latest.city_key(city)).decode()
    (refresh,), (link,) = (re.findall(told, page) for told in ('content="0; url=([^"]+)"', '<a href="([^"]+)"'))
    assert refresh == link
    return f"cdp/city={city}/{link}"


def listed(store: Store) -> dict[str, str]:
    """City → row, of the page that lists them."""
    return dict(re.findall(r'<tr data-city="(.+?)">(.*)</tr>', store.read(latest.CITIES).decode()))


def test_the_address_of_a_city_leads_to_its_current_page(store: Store, made_up) -> None:
    for _ in range(2):
        entry = made_up.published(store)
        latest.show(store, "phuket")
        assert leads_to(store, "phuket") == f"{prefix('phuket', entry.snapshot_id)}/index.html"
        assert store.exists(leads_to(store, "phuket"))
    latest.show(store, "samyan")
    assert not store.exists(latest.city_key("samyan")), "it has published nothing"
    assert [*listed(store)] == ["phuket"]


def test_a_rollback_is_followed_and_nothing_leads_to_what_was_removed(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    first, second = made_up.published(store), made_up.published(store)
    latest.show(store, "phuket")
    assert second.snapshot_id in leads_to(store, "phuket")
    roll_back(store, "phuket", "wrong", made_up.NOW)
    latest.show(store, "phuket")
    assert first.snapshot_id in leads_to(store, "phuket")
    collect(store, "phuket", made_up.NOW.replace(year=2027), keep=1)
    assert store.exists(leads_to(store, "phuket"))


def test_what_is_lost_or_spoilt_is_made_again_and_what_is_right_is_left(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    for city in CITIES[:2]:
        made_up.published(store, of=made_up.city(city))
        latest.show(store, city)
    pages = {key: store.read(key) for key in (latest.CITIES, *map(latest.city_key, CITIES[:2]))}
    for spoilt in (b"", b"\xff\x00" * 99, pages[latest.CITIES][:700], None):
        for key in pages:
            store.delete(key) if spoilt is None else store.write(key, spoilt)
        for city in CITIES[:2]:
            latest.show(store, city)
        assert {key: store.read(key) for key in pages} == pages
    tags = [store.tag(key) for key in pages]
    for city in CITIES[:2]:
        latest.show(store, city)
    assert [store.tag(key) for key in pages] == tags


def test_of_cities_that_publish_at_once_each_is_listed(store: Store, made_up) -> None:
    for city in CITIES:
        made_up.published(store, of=made_up.city(city))
    with ThreadPoolExecutor(len(CITIES)) as pool:
        list(pool.map(lambda city: latest.show(store, city), CITIES * 2))
    found = listed(store)
    assert [*found] == sorted(CITIES)
    assert all("23 พฤศจิกายน 2569" in row and "2026-11-23" in row and "synthetic" in row for row in found.values())


def test_a_hostile_name_is_text_and_takes_no_row_from_others(tmp_path: Path, made_up) -> None:
    store = LocalStore(tmp_path)
    made_up.published(store, of=made_up.city("samyan"))
    latest.show(store, "samyan")
    name = '</tr>\n<tr data-city="samyan"><script>alert(1)</script></tr>\n'
    made_up.published(store, of=made_up.city("korat").model_copy(update={"name_en": name, "province_th": name}))
    for city in ("korat", "samyan", "korat"):
        latest.show(store, city)
        found = listed(store)
        assert [*found] == ["korat", "samyan"]
        assert "สามย่าน" in found["samyan"]
        assert "<script>" not in store.read(latest.CITIES).decode() + store.read(latest.city_key("korat")).decode()


def test_a_browser_comes_from_the_list_to_the_newest_edition_without_a_script(tmp_path: Path, made_up, browser) -> None:
    store = LocalStore(tmp_path)
    for city in CITIES:
        made_up.published(store, of=made_up.city(city))
        latest.show(store, city)
    for width in (1280, 390):
        tab = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800}).new_page()
        tab.goto((tmp_path / latest.CITIES).as_uri())
        assert tab.locator("tbody tr").count() == len(CITIES)
        tab.get_by_role("link", name="Khon Kaen").click()
        tab.wait_for_url("**/snapshots/*/index.html")
        assert "Khon Kaen" in tab.title() and "2026-11-23" in tab.title()
        tab.context.close()


def test_a_browser_is_told_what_is_a_page(s3_store: S3Store, made_up) -> None:
    made_up.published(s3_store)
    latest.show(s3_store, "phuket")
    types = {
        key.rsplit(".", 1)[1]: s3_store.filesystem.info(s3_store.path(key), refresh=True)["ContentType"]
        for key in s3_store.list("cdp")
    }
    assert types == {
        "html": "text/html; charset=utf-8",
        "json": "application/json",
        "parquet": "application/vnd.apache.parquet",
    }
