"""The small city and its deployment."""

from pathlib import Path

import pytest

from assets.cities.registry import City
from assets.landing.deployment import Deployment
from tests.lake.small_city import deployment_at, small_city


@pytest.fixture
def city() -> City:
    return small_city()


@pytest.fixture
def deployment(tmp_path: Path, city: City) -> Deployment:
    return deployment_at(tmp_path, city)
