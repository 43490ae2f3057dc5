"""A home folder and the way its user runs ``muang`` on it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CITIES = ("phuket", "khon_kaen", "mae_moh", "samyan")


@dataclass(frozen=True)
class Deployment:
    """A home folder and the way to run ``muang`` on it."""

    home: Path

    def muang(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"MUANG_HOME": str(self.home), "MUANG_DEMO_METERS": "120", "COLUMNS": "200"}
        return subprocess.run(
            [str(Path(sys.executable).with_name("muang")), *arguments],
            env={**os.environ, **settings, **environment},
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=240,
        )

    def json(self, *arguments: str, **environment: str) -> Any:
        result = self.muang(*arguments, "--json", **environment)
        assert result.stdout, result.stderr
        return json.loads(result.stdout)

    def sql(self, query: str) -> list[dict[str, Any]]:
        return self.json("sql", query)
