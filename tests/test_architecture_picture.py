"""The picture of the packages in docs/architecture.md is what the code imports."""

import runpy
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "docs" / "draw_imports.py"


def test_the_picture_is_current() -> None:
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_arrows_are_the_imports_that_no_others_imply(tmp_path: Path) -> None:
    modules = {
        "quality/__init__.py": "",
        "assets/__init__.py": "",
        "assets/graph.py": "from assets import lake\nimport quality.problems",
        "assets/lake/__init__.py": "",
        "assets/lake/files.py": "import os\nfrom quality import problems\nfrom assets.lake import other",
        "assets/snapshots/__init__.py": "def late():\n    from assets.lake.files import read",
        "pipelines/__init__.py": "import assets.graph, quality",
        "tests/test_x.py": "import pipelines",
    }
    for name, text in modules.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lines = runpy.run_path(str(SCRIPT))["picture"](tmp_path).splitlines()
    assert [line.strip() for line in lines if "->" in line] == [
        "assets_lake --> quality",
        "assets_snapshots --> assets_lake",
        "assets_graph --> assets_lake",
        "pipelines --> assets_graph",
    ]


def test_an_import_against_the_way_is_dotted_and_never_left_out(tmp_path: Path) -> None:
    for package, text in {"quality": "import demo", "demo": "import quality", "pipelines": "import demo"}.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(text)
    drawn = runpy.run_path(str(SCRIPT))["picture"](tmp_path)
    assert "quality -.-> demo" in drawn
    assert "demo --> quality" in drawn
