"""The house: which way imports run, what a package promises, how long a module may be."""

import ast
import runpy
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
drawing = runpy.run_path(str(ROOT / "docs" / "draw_imports.py"))
WAY = drawing["WAY"]
PRODUCT = ("pipelines", "demo", "assets", "quality")
MODULES = sorted(path for package in PRODUCT for path in (ROOT / package).rglob("*.py"))
LONGEST = 400
"""Lines of a module: what one reader holds in mind."""


def imported(path: Path) -> set[str]:
    return set(drawing["_imported"](ast.parse(path.read_bytes())))


def test_imports_run_one_way_through_stages_and_top_folders() -> None:
    nodes = drawing["nodes"](ROOT)
    assert set(nodes) == set(WAY), "a folder or root module that has no place in the way"
    back = [
        f"{importer} imports {target}"
        for importer, target in drawing["arrows"](ROOT, nodes)
        if WAY.index(target) > WAY.index(importer)
    ]
    assert not back


def test_no_publisher_is_read_with_the_help_of_another() -> None:
    sources = {
        path: imported(path) for path in MODULES if path.parent.name == "sources" and " = Source(" in path.read_text()
    }
    names = {f"assets.sources.{path.stem}" for path in sources}
    assert len(names) > 15
    assert not [
        (path.stem, name)
        for path, found in sources.items()
        for name in names - {f"assets.sources.{path.stem}"}
        if any(each == name or each.startswith(f"{name}.") for each in found)
    ]


@pytest.mark.parametrize("banned", ["dagster", "s3fs", "requests"])
def test_quality_knows_no_orchestrator_and_no_storage(banned: str) -> None:
    assert not [
        path.name
        for path in MODULES
        if path.is_relative_to(ROOT / "quality") and any(name.split(".")[0] == banned for name in imported(path))
    ]


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=str)
def test_a_package_promises_in_one_line_what_is_in_it(path: Path) -> None:
    promise = (ast.get_docstring(ast.parse(path.read_bytes())) or "").splitlines()
    assert promise and promise[0].endswith((".", ":")), f"{path.parent} does not say what belongs there"


def test_no_module_is_longer_than_a_reader_holds_in_mind() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


KINDS = {".py", ".csv", ".yaml", ".md", ".toml", ".txt", ".sql", ".j2", ".css", ".service", ".timer", ".env"}
"""What the tree is made of, by suffix: all of it text."""
UNSUFFIXED = {".gitignore", ".ci/run", "LICENSE", "Makefile", "deploy/Dockerfile"}


def test_nothing_that_a_run_or_a_tool_leaves_behind_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = listed.strip("\0").split("\0")
    assert not [name for name in tracked if Path(name).suffix not in KINDS and name not in UNSUFFIXED]
    assert not [name for name in tracked if (ROOT / name).exists() and b"\0" in (ROOT / name).read_bytes()]
