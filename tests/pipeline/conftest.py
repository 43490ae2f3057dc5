"""One small demo night, run as a scheduler would run it, that the tests of this folder look at."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.pipeline.deployment import CITIES, Deployment


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Deployment]:
    return lambda: Deployment(tmp_path_factory.mktemp("muang") / "home")


@pytest.fixture(scope="session")
def night(fresh_home: Callable[[], Deployment]) -> tuple[Deployment, dict[str, Any]]:
    """The deployment after one demo night, and the summary the command printed."""
    deployment = fresh_home()
    cities = [word for city in CITIES for word in ("--city", city)]
    return deployment, deployment.json("nightly", "--profile", "demo", *cities)
