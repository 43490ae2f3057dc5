"""docs/sources.md tells of every source and portal what it declares."""

from pathlib import Path

import pytest

from assets.lake.feeds import SOURCES
from assets.landing.portals import PORTALS, portal

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_told_with_zone_label_and_tables(name: str) -> None:
    source = SOURCES[name]
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert f"| {source.zone}, {source.label} |" in line
    assert all(f"`{table}`" in line for table in source.tables)
    assert source.portal is None or f"| {source.portal}" in line
    assert f"| {'yes' if source.past else 'no'} |" in line
    assert source.units.replace("|", "/") in line and source.personal.replace("|", "/") in line


@pytest.mark.parametrize("name", PORTALS)
def test_every_portal_is_told_with_its_licence_and_keys(name: str) -> None:
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` http")]
    there = portal(name)
    assert there.base_url in line and there.licence in line
    assert ("non-commercial**" in line) == (not there.commercial)
    assert all(f"`{key}`" in line for key in there.keys)
