"""What people write down in YAML, as they wrote it: thresholds, calendars, suites, advice, layouts, the registry."""

from pathlib import Path
from typing import Any, Final

import yaml

LOADER: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: about six times as fast."""


def document(path: Path) -> Any:
    """What a file holds. Raises ``yaml.YAMLError`` where it is none, and what reading raises."""
    return yaml.load(path.read_text(encoding="utf-8"), LOADER)  # noqa: S506 - a safe loader, as its type says
