"""Where the nights of this folder run."""

from collections.abc import Callable

import pytest

from tests.pipeline.deployment import Deployment


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Deployment]:
    return lambda: Deployment(tmp_path_factory.mktemp("muang") / "home")
