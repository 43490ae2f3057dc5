"""docs/sources.md tells of every source, option and portal what it declares."""

import re
import runpy
from pathlib import Path

import pytest

from assets.lake.feeds import SOURCES
from assets.landing.portals import PORTALS, portal

SCRIPT = Path(__file__).parents[2] / "docs" / "write_sources.py"
PAGE = SCRIPT.with_name("sources.md").read_text(encoding="utf-8")


def row(start: str) -> str:
    [line] = [line for line in PAGE.splitlines() if line.startswith(start)]
    return line


def test_the_page_is_what_the_script_writes() -> None:
    assert runpy.run_path(str(SCRIPT))["written"](PAGE) == PAGE, "python docs/write_sources.py writes it anew"


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_there_with_its_options_and_what_they_mean(name: str) -> None:
    source = SOURCES[name]
    assert f"| {source.zone}, {source.label} |" in row(f"| `{name}` |")
    section = PAGE.partition("## Options")[2].partition("## Portals")[0]
    options = [line.strip("| ").split(" | ") for line in section.splitlines() if f"`{name}`" in line]
    assert {option.strip("`") for option, *_ in options} == set(source.options.model_fields)
    assert all(len(cells) == 5 and cells[-1] for cells in options), "name, sources, type, default and meaning"


@pytest.mark.parametrize("name", PORTALS)
def test_every_portal_is_there_with_its_licence_and_keys(name: str) -> None:
    line, there = row(f"| `{name}` http"), portal(name)
    assert there.base_url in line and there.licence in line
    assert ("non-commercial**" in line) == (not there.commercial)
    assert all(f"`{key}`" in line for key in there.keys)


def test_the_page_of_shapes_names_tests_that_there_are() -> None:
    page = SCRIPT.with_name("open-data.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/0-9]+\.py)::(\w+)`", page)
    tests = Path(__file__).parents[1]
    assert len(named) > 30
    assert [(path, name) for path, name in named if f"def {name}(" not in (tests / path).read_text("utf-8")] == []
